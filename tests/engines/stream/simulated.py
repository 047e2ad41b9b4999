"""Kafka and its workers in memory, under the tests' control: what is put but not durable is lost with a worker."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import msgspec
import orjson

from soc.core.alert import Alert, decode
from soc.core.clock import FixedClock
from soc.core.event import RawBatch, to_wire
from soc.core.ids import id_of
from soc.core.wire import ALERTS, EVENTS, RAW, REJECTED, SIGNALS, encode_raw
from soc.engines.stream.archive import Events, RejectedLines, StoredAlert
from soc.engines.stream.kafka import End, Kept
from soc.engines.stream.snapshots import Snapshot
from soc.engines.stream.worker import Worker
from soc.pipeline.conclude import families
from soc.pipeline.content import Content
from soc.pipeline.halves import Conclusion, Detection, Timing

SECOND = 1_000_000


@dataclass
class Log:
    """Topics as lists of values, and the snapshots of both stages."""

    lines: int
    signals: int
    records: dict[tuple[str, int], list[bytes]] = field(default_factory=lambda: defaultdict(list))
    times: dict[tuple[str, int], list[int]] = field(default_factory=lambda: defaultdict(list))
    kept: dict[tuple[str, int], Snapshot] = field(default_factory=dict)

    def produce(self, partition: int, batches: Iterable[RawBatch]) -> None:
        self.records[RAW, partition] += map(encode_raw, batches)

    def alerts(self) -> dict[str, Alert]:
        """The alerts as the store has them: an older one replaces no newer one."""
        latest: dict[str, tuple[int, bytes]] = {}
        for value in self.records[ALERTS, 0]:
            stored = msgspec.msgpack.decode(value, type=StoredAlert)
            alert = decode(stored.alert)
            if alert.id not in latest or latest[alert.id][0] <= stored.as_of:
                if alert.id in latest and latest[alert.id][0] == stored.as_of:
                    assert latest[alert.id][1] == stored.alert, "one position, two states"
                latest[alert.id] = stored.as_of, stored.alert
        return {id: decode(raw) for id, (_, raw) in latest.items()}

    def events(self) -> dict[str, dict[str, object]]:
        found: dict[str, dict[str, object]] = {}
        for partition in range(self.lines):
            for value in self.records[EVENTS, partition]:
                for _, id, document in msgspec.msgpack.decode(value, type=Events).rows:
                    event = orjson.loads(document)  # fields may be in another order
                    assert found.setdefault(id, event) == event, "one id, two events"
        return found

    def rejected_lines(self) -> set[tuple[str, int, bytes, str]]:
        records = (msgspec.msgpack.decode(value, type=RejectedLines) for value in self.records[REJECTED, 0])
        return {(line.origin, line.position, line.raw, line.reason) for record in records for line in record.lines}

    def rejected(self) -> set[tuple[str, int, bytes]]:
        return {line[:3] for line in self.rejected_lines()}


def rows(partition, offset, batch, detected):
    events = (*detected.events, *detected.joined)
    return [(str(event["event.dataset"]), id_of(event), orjson.dumps(to_wire(event))) for event in events]


class Outbox:
    """What is put becomes a record when somebody waits for it, or when chance lets it."""

    def __init__(self, log: Log, clock: FixedClock) -> None:
        self._log, self._clock = log, clock
        self.waiting: list[tuple[str, int, bytes]] = []

    def put(self, topic: str, value: bytes | None, *, key: bytes | None = None, partition: int | None = None) -> None:
        self.waiting.append((topic, partition or 0, value or b""))

    async def room(self) -> None: ...

    async def settled(self) -> None:
        self.flush(len(self.waiting))

    def flush(self, number: int) -> None:
        for topic, partition, value in self.waiting[:number]:
            self._log.records[topic, partition].append(value)
            self._log.times[topic, partition].append(self._clock.now())
        del self.waiting[:number]


class KeptHere:
    def __init__(self, log: Log, stage: str) -> None:
        self._log, self._stage = log, stage
        self.unreadable = 0

    async def load(self, partitions: Sequence[int]) -> dict[int, Snapshot]:
        return {n: self._log.kept[self._stage, n] for n in partitions if (self._stage, n) in self._log.kept}

    async def store(self, partition: int, snapshot: Snapshot) -> None:
        self._log.kept[self._stage, partition] = snapshot


class Process:
    """A worker process: it reads its partitions one record at a time."""

    def __init__(
        self, log: Log, content: Content, inventory: object, clock: FixedClock, lateness: int, models=None
    ) -> None:
        """models() makes the anomaly models."""
        self.log, self.clock = log, clock
        self.models = models or (lambda: None)
        self.outbox = Outbox(log, clock)
        timing = Timing(7 * 3600, lateness, idle=60 * SECOND, hold=86_400 * SECOND, fold=86_400 * SECOND)
        self.worker = Worker(
            self.outbox,
            KeptHere(log, RAW),
            KeptHere(log, SIGNALS),
            clock,
            detection=lambda: Detection(content, inventory, timing, features=models is not None),
            conclusion=lambda models: Conclusion(content, inventory, timing, self.models() if models else None),
            families=families(content),
            rows=rows,
            topic=lambda name: name,
            partitions=log.lines,
            signal_partitions=log.signals,
            idle=60 * SECOND,
        )
        self.at: dict[tuple[str, int], int] = {}

    async def take(self, lines: Sequence[int], signals: Sequence[int]) -> None:
        lines_at, signals_at = await self.worker.take(
            {n: Kept(0, len(self.log.records[RAW, n])) for n in lines},
            {n: Kept(0, len(self.log.records[SIGNALS, n])) for n in signals},
        )
        self.at = {(RAW, n): at for n, at in lines_at.items()} | {(SIGNALS, n): at for n, at in signals_at.items()}

    def step(self, chance: random.Random) -> bool:
        """One record of one partition; False when all is read."""
        ready = [tp for tp, at in self.at.items() if at < len(self.log.records[tp])]
        if not ready:
            return False
        topic, partition = chance.choice(ready)
        offset = self.at[topic, partition]
        value = self.log.records[topic, partition][offset]
        if topic == RAW:
            self.worker.on_lines(partition, offset, self.clock.now(), value)
        else:
            self.worker.on_signal(partition, offset, self.log.times[topic, partition][offset], value)
        self.at[topic, partition] = offset + 1
        return True

    def tick(self) -> None:
        now = self.clock.now()
        self.worker.tell_reach({n: End(len(self.log.records[RAW, n]), now) for n in range(self.log.lines)})
        self.worker.send_alerts()
