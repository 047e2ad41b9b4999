"""``soc ship``: log files to Kafka as a collector sends lines, read side by side in event time."""

from __future__ import annotations

import asyncio
import heapq
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field

from collectors.kafka_producer import KafkaFailed, abandon, connect, failures, forget, told
from collectors.parcels import parcels
from soc.core.event import RawBatch
from soc.core.settings import KafkaSettings
from soc.core.wire import RAW, encode_raw, topic
from soc.engines.reader import PEEK, Reader, readers
from soc.engines.source import Source, UnusableInput
from soc.pipeline.normalise import first_time

WINDOW = 16
"""Records that are sent and not yet acknowledged."""
ANSWER_SECONDS = 60.0


@dataclass(slots=True)
class Shipped:
    """What a run has done so far: lines that Kafka acknowledged, in so many records; bytes read of all bytes."""

    lines: int = 0
    records: int = 0
    consumed: int = 0
    size: int = 0
    unusable: list[str] = field(default_factory=list)


def ship(
    settings: KafkaSettings,
    sources: Iterable[Source],
    device: str,
    *,
    zone: int,
    reference: int = 0,
    key: str = "",
    progress: Callable[[Shipped], None] = lambda shipped: None,
) -> Shipped:
    """Sends every file to its end; when it returns, Kafka has acknowledged everything.

    At last it says of each file that it ended, so nobody waits for more of it.

    Origins, numbers and times of receipt are those that ``soc analyze`` gives the same files, so the events' ids
    are the same. key: that of the records, which decides on the partition; "" for each file its own name.
    zone, reference as in analyze(). A file that cannot be read is listed in unusable and the rest goes on.
    KafkaFailed: Kafka is away or refuses; sending everything again is harmless.
    """
    return asyncio.run(_ship(settings, sources, device, zone, reference, key, progress))


async def _ship(
    settings: KafkaSettings,
    sources: Iterable[Source],
    device: str,
    zone: int,
    reference: int,
    key: str,
    progress: Callable[[Shipped], None],
) -> Shipped:
    shipped = Shipped()
    raw = topic(settings.prefix, RAW)
    producer = await connect(settings, [raw], "soc-ship")
    flying: deque[tuple[asyncio.Future[object], int]] = deque()

    ends: dict[str, RawBatch] = {}

    async def send(name: str, batch: RawBatch) -> asyncio.Future[object]:
        future: asyncio.Future[object] = await producer.send(
            raw, encode_raw(batch), key=(key or name).encode("utf-8", "replace")
        )
        return future

    async def land() -> None:
        future, lines = flying.popleft()
        async with asyncio.timeout(ANSWER_SECONDS):
            await future
        shipped.lines += lines
        shipped.records += 1

    try:
        for name, batch in _side_by_side(sources, device, zone, reference, shipped):
            for parcel in parcels([batch]):
                if len(flying) >= WINDOW:
                    await land()
                flying.append((await send(name, parcel), len(parcel.lines)))
            ends[name] = RawBatch(batch.origin, batch.device, batch.received, batch.position + len(batch.lines), ())
            progress(shipped)
        while flying:
            await land()
        async with asyncio.timeout(ANSWER_SECONDS):
            await asyncio.gather(*[await send(name, end) for name, end in ends.items()])
        progress(shipped)
    except failures() as error:
        raise KafkaFailed(", ".join(settings.servers), told(error)) from error
    finally:
        forget(future for future, _ in flying)
        await abandon(producer)
    return shipped


def _side_by_side(
    sources: Iterable[Source], device: str, zone: int, reference: int, shipped: Shipped
) -> Iterator[tuple[str, RawBatch]]:
    """The batches of all files with the file's name: always of the file furthest behind in event time."""
    waiting = readers(sources, device, zone, reference, shipped)
    with ExitStack() as opened:
        for reader in waiting:
            opened.callback(reader.close)
        while waiting:
            reader = heapq.heappop(waiting)
            batch = _read(reader, shipped)
            shipped.consumed += reader.consumed_since()
            if batch is None:
                continue
            if waiting:  # of one file alone, nobody asks how far it is
                reader.reached = max(reader.reached, first_time(batch.lines[-PEEK:], device, batch.received, zone))
            heapq.heappush(waiting, reader)
            yield reader.source.name, batch


def _read(reader: Reader, shipped: Shipped) -> RawBatch | None:
    try:
        return reader.read()
    except UnusableInput as error:
        shipped.unusable.append(str(error))
        return None
