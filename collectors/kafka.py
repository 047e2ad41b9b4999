"""From the spool to Kafka: what the inputs took is sent in order, and stays in the spool until it is acknowledged.

Where sending got to is stored four times a second, so a crash sends the last lines again, under the same numbers: an
event's id is made from them, and is the same.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from collectors.kafka_producer import KafkaFailed, abandon, check_installed, connect, failures, forget, told
from collectors.kafka_state import Sent, SentFile
from collectors.parcels import LINES, parcels
from collectors.spool import Spool
from collectors.tally import Tally
from soc.core.errors import SettingsError, SocError
from soc.core.event import RawBatch
from soc.core.servers import kafka_options
from soc.core.settings import Settings
from soc.core.wire import COUNTS, RAW, encode_count, encode_raw, topic

if TYPE_CHECKING:
    from aiokafka import AIOKafkaProducer
    from aiokafka.structs import RecordMetadata

READ_LINES = 5000
WAIT_SECONDS = 0.3
GATHER_SECONDS = 0.03
"""After fewer lines than a record holds: how long more may gather, while those are under way."""
WINDOW_BYTES = 8 * 1024 * 1024
"""Lines that are sent and not yet acknowledged."""
SAVE_SECONDS = 0.25
COUNT_SECONDS = 10.0
SILENT_SECONDS = 5.0
STUCK_SECONDS = 60.0
RETRY_SECONDS = (0.5, 1.0, 2.0, 5.0)


@dataclass(slots=True)
class Sending:
    """Counts since the start.

    sent       lines that Kafka acknowledged, in so many records
    lag        lines on disk that it did not acknowledge yet
    errors     attempts that failed; error: why the last one did
    connected  whether Kafka answers
    """

    sent: int = 0
    records: int = 0
    lag: int = 0
    errors: int = 0
    error: str = ""
    connected: bool = False

    def as_dict(self) -> dict[str, object]:
        return asdict(self)


@dataclass(slots=True, eq=False)
class _Flying:
    batch: RawBatch
    size: int
    since: float
    future: asyncio.Future[RecordMetadata]


def check(settings: Settings) -> None:
    """What sending needs. SettingsError names the key."""
    kafka_options(settings.kafka)
    if not settings.name:
        raise SettingsError("name", "this collector needs one, since kafka.servers is given")
    check_installed()


def sent_file(settings: Settings) -> SentFile:
    """Beside the spool, in the data folder."""
    return SentFile(Path(settings.data_dir) / "kafka-sent.json")


class KafkaOutput:
    """Sends what is durable in the spool, for good; ``run`` in a task, ``stop`` to end it.

    sent    what SentFile gave; the spool must have been opened with its position as floor
    report  receives one line of English when something deserves a look
    """

    def __init__(
        self, settings: Settings, spool: Spool, file: SentFile, sent: Sent, report: Callable[[str], None]
    ) -> None:
        check(settings)
        self._kafka = settings.kafka
        self._name = settings.name
        self._raw = topic(settings.kafka.prefix, RAW)
        self._counts = topic(settings.kafka.prefix, COUNTS)
        self._spool = spool
        self._file = file
        self._report = report
        self._tally = Tally(settings.name, sent.counts)
        self._acknowledged = self._saved = sent.position
        self._flying: deque[_Flying] = deque()
        self._bytes = 0
        self._moved = asyncio.Event()
        self._stopping = asyncio.Event()
        # The spool wants one reader at a time; a thread of its own is that.
        self._thread = ThreadPoolExecutor(1, "kafka")
        self._sending = Sending()

    def counters(self) -> Sending:
        """Counts up to now."""
        self._sending.lag = max(0, self._spool.durable - self._acknowledged)
        return self._sending

    async def stop(self, seconds: float) -> None:
        """Send what is durable while there is time, and end; the rest stays in the spool for the next start."""
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        while self._sending.connected and self.counters().lag and loop.time() < until:
            await asyncio.sleep(0.01)
        self._stopping.set()
        self._moved.set()

    async def run(self) -> None:
        """Connect, send, and after a failure connect again, until stopped. SpoolUnreadable ends it."""
        attempt = 0
        try:
            while not self._stopping.is_set():
                before = self._sending.sent
                try:
                    await self._session()
                except SocError as error:
                    self._failed(str(error))
                if self._stopping.is_set():
                    break
                attempt = 0 if self._sending.sent > before else attempt + 1
                await self._pause(RETRY_SECONDS[min(attempt, len(RETRY_SECONDS) - 1)])
            await self._save()
        finally:
            self._thread.shutdown(wait=True)

    async def _session(self) -> None:
        """One connection, until it fails or stop is asked for. KafkaFailed: everything not acknowledged goes again."""
        producer = await connect(self._kafka, (self._raw, self._counts), f"soc-collector-{self._name}")
        self._flying.clear()
        self._bytes = 0
        self._answers()
        tasks = [
            asyncio.create_task(work)
            for work in (self._send(producer), self._acknowledge(), self._keep(producer), self._stopping.wait())
        ]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
            tasks[2].cancel()
            await asyncio.gather(tasks[2], return_exceptions=True)
            await self._save()
            await self._tell(producer)
        except failures() as error:
            raise KafkaFailed(told(error)) from error
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._sending.connected = False
            await abandon(producer)
            forget(flying.future for flying in self._flying)

    async def _send(self, producer: AIOKafkaProducer) -> None:
        """Spool to producer, as fast as acknowledgements come back."""
        loop = asyncio.get_running_loop()
        position = self._acknowledged
        key = self._name.encode()
        while True:
            ready = await loop.run_in_executor(self._thread, self._next, position)
            for batch, value in ready:
                while self._bytes > WINDOW_BYTES:
                    self._moved.clear()
                    await self._moved.wait()
                future = await producer.send(self._raw, value, key=key)
                self._flying.append(_Flying(batch, len(value), loop.time(), future))
                self._bytes += len(value)
                self._moved.set()
                position = batch.position + len(batch.lines)
            if sum(len(batch.lines) for batch, _ in ready) < LINES:
                await asyncio.sleep(GATHER_SECONDS)

    def _next(self, position: int) -> list[tuple[RawBatch, bytes]]:
        """The next records, after waiting for lines a little; [] when there are none. Runs in the thread."""
        if not self._spool.wait(position, WAIT_SECONDS):
            return []
        try:
            found = self._spool.read(position, READ_LINES)
        except OSError as error:
            raise SpoolUnreadable(f"{self._spool.folder}: {error}") from error
        named = [
            RawBatch(f"{self._name}/{batch.origin}", batch.device, batch.received, batch.position, batch.lines)
            for batch in found
        ]
        return [(batch, encode_raw(batch)) for batch in parcels(named)]

    async def _acknowledge(self) -> None:
        """Follow the acknowledgements in the order of sending; a missing one holds back all behind it."""
        loop = asyncio.get_running_loop()
        silent = False
        while True:
            while not self._flying:
                self._moved.clear()
                await self._moved.wait()
            first = self._flying[0]
            await asyncio.wait({first.future}, timeout=1)
            if not first.future.done():
                waited = loop.time() - first.since
                if waited > STUCK_SECONDS:
                    raise KafkaFailed("no answer for {seconds} s", seconds=f"{STUCK_SECONDS:.0f}")
                if waited > SILENT_SECONDS and not silent:
                    silent = True
                    self._failed("no answer; lines wait in the spool")
                continue
            first.future.result()
            if silent:
                silent = False
                self._answers()
            self._flying.popleft()
            self._bytes -= first.size
            lines = len(first.batch.lines)
            self._acknowledged = first.batch.position + lines
            self._sending.sent += lines
            self._sending.records += 1
            self._tally.add(first.batch.origin, first.batch.received, lines)
            self._moved.set()

    async def _keep(self, producer: AIOKafkaProducer) -> None:
        """Store how far it is, and then tell the counts, which so are never ahead of what is stored."""
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            await asyncio.sleep(SAVE_SECONDS)
            await self._save()
            if loop.time() >= due:
                due = loop.time() + COUNT_SECONDS
                await self._tell(producer)

    async def _save(self) -> None:
        position = self._acknowledged
        if position == self._saved:
            return
        sent = Sent(position, self._tally.state())
        try:
            await asyncio.get_running_loop().run_in_executor(self._thread, self._store, sent)
        except OSError as error:
            self._failed(f"{error}; how far sending got is not stored, and the spool keeps everything")
            return
        self._saved = position

    def _store(self, sent: Sent) -> None:
        """Runs in the thread."""
        self._file.write(sent)
        self._spool.release(sent.position)

    async def _tell(self, producer: AIOKafkaProducer) -> None:
        counts = self._tally.changed()
        futures = [await producer.send(self._counts, encode_count(count), key=count.key) for count in counts]
        await asyncio.gather(*futures)
        self._tally.told(counts)

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
        except TimeoutError:
            return

    def _failed(self, why: str) -> None:
        """Counted each time, told when it is another reason than before."""
        self._sending.errors += 1
        self._sending.connected = False
        if why != self._sending.error:
            self._report(f"kafka: {why}")
        self._sending.error = why

    def _answers(self) -> None:
        if self._sending.error:
            self._report("kafka: answers again")
        self._sending.error = ""
        self._sending.connected = True


class SpoolUnreadable(Exception):
    """The disk does not give back what was written to the spool; sending cannot go on."""
