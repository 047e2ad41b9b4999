"""A worker's share of the pipeline: the partitions that it has, what they remember, and what comes of their records.

Faust carries records to it (app.py), and nothing here knows of Faust. Every partition's state is stored together with
the offset at which its input goes on, after what came of the records before is durable; whoever gets the partition goes
on exactly there. So nothing is lost, and what is read twice comes out the same: event ids are hashes, signals bear the
offset of their lines, alerts that of their signals.

A record that is not the next one of its partition ends the worker: going on would lose what is between.
"""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final, Protocol, TypeVar
from zlib import crc32

import msgspec

from soc.anomaly.features import Partial, merged
from soc.core.alert import Alert
from soc.core.clock import Clock
from soc.core.errors import SocError
from soc.core.event import RawBatch, Rejected
from soc.core.wire import ALERTS, EVENTS, RAW, REJECTED, SIGNALS, decode_raw, encode_raw
from soc.engines.stream.archive import VERSION, Events, Rows, StoredAlert, rejected_lines
from soc.engines.stream.kafka import End, Kept
from soc.engines.stream.snapshots import Snapshot, Snapshots
from soc.pipeline.halves import SETTLE, Conclusion, Detected, Detection, Hit, Hits
from soc.pipeline.signal import VERSION as SIGNAL_VERSION
from soc.pipeline.signal import Reach, Signal, decode_signal, encode_signal
from soc.stores.encoding import alert_json

MODELS_PART: Final = 1_000_000
"""The part of a record's signals that anomaly models get: after all others."""
MOST_HITS: Final = 500
"""Hits in one signal; events of some KB each have to fit into a record."""
STALE: Final = 5_000_000
"""µs after which it is not known any more how far a partition goes: a fetch that finds nothing ends in 1.5 s."""
REPEAT_REACH: Final = 5_000_000
"""µs after which it is said again how far a partition is, though nothing has changed."""
_pack: Final = msgspec.msgpack.Encoder().encode
Stage = TypeVar("Stage", Detection, Conclusion)


class Gap(SocError):
    """A record is missing: Kafka no longer has it, or the carrier has left it out."""


class Sending(Protocol):
    """Where a worker's records go."""

    def put(
        self, topic: str, value: bytes | None, *, key: bytes | None = None, partition: int | None = None
    ) -> None: ...
    async def settled(self) -> None: ...
    async def room(self) -> None: ...


@dataclass(slots=True)
class Counts:
    """What a worker has done since it started.

    hits        by rule
    repeated    records that came again and were passed over
    unreadable  records that are no batch or signal of ours; unreadable_states: snapshots likewise
    defects     batches that broke a stage
    """

    lines: int = 0
    events: int = 0
    joined: int = 0
    rejected: int = 0
    hits: Counter[str] = field(default_factory=Counter)
    signals: int = 0
    alerts: int = 0
    repeated: int = 0
    unreadable: int = 0
    unreadable_states: int = 0
    defects: int = 0
    snapshots: int = 0
    state_bytes: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class Lines:
    """A partition of lines at work.

    next     offset of its next record; stored: the same in the latest snapshot
    end      after its last record, as far as is known; behind: whether it was not read to there, or Kafka has not said
             lately how far it goes
    heard    µs: since when no lines have come, by what Kafka said all the time
    told     (offset, watermark, reach) as others were told last, at told_at (µs); settled: for the second time
    """

    detection: Detection
    next: int
    end: int
    heard: int
    stored: int = -1
    behind: bool = True
    told: tuple[int, int, Reach] | None = None
    told_at: int = 0
    settled: bool = False

    @property
    def reach(self) -> Reach:
        if self.behind:
            return Reach.BEHIND
        return Reach.ENDED if self.detection.ended else Reach.IDLE if self.detection.idle else Reach.LIVE


@dataclass(slots=True)
class Signals:
    """A partition of signals at work. changed: alert id -> (offset of the signal, the alert), not sent yet."""

    conclusion: Conclusion
    next: int
    stored: int = -1
    changed: dict[str, tuple[int, Alert]] = field(default_factory=dict)


class Worker:
    """The stages with all their partitions. Everything runs in one event loop."""

    def __init__(
        self,
        outbox: Sending,
        lines_kept: Snapshots,
        signals_kept: Snapshots,
        clock: Clock,
        *,
        detection: Callable[[], Detection],
        conclusion: Callable[[bool], Conclusion],
        families: Mapping[str, str],
        rows: Rows,
        topic: Callable[[str], str],
        partitions: int,
        signal_partitions: int,
        idle: int,
    ) -> None:
        """families and rows: see soc.pipeline.conclude and Rows; partitions: of lines; idle (µs): after how long
        without lines a partition is not waited for. conclusion(whether the anomaly models are in that partition).
        """
        self._outbox = outbox
        self._lines_kept, self._signals_kept = lines_kept, signals_kept
        self._clock = clock
        self._detection, self._conclusion = detection, conclusion
        self._rows = rows
        self._topic = topic
        self.partitions = partitions
        self._signal_partitions = signal_partitions
        self._to = {rule: crc32(family.encode()) % signal_partitions for rule, family in families.items()}
        self._models_at = crc32(b"anomaly") % signal_partitions
        self._idle = idle
        self._storing = asyncio.Lock()
        self.lines: dict[int, Lines] = {}
        self.signals: dict[int, Signals] = {}
        self.counts = Counts()

    async def take(
        self, lines: Mapping[int, Kept], signals: Mapping[int, Kept]
    ) -> tuple[dict[int, int], dict[int, int]]:
        """Partitions that are given to this worker. Returns where to read on. What it had of others is forgotten."""
        stored_lines, stored_signals = await asyncio.gather(
            self._lines_kept.load(list(lines)), self._signals_kept.load(list(signals))
        )
        self.lines, self.signals = {}, {}
        for partition, there in lines.items():
            detection, at = self._restored(self._detection, stored_lines.get(partition), there.first)
            self.lines[partition] = Lines(detection, at, there.end, self._clock.now())
        for partition, there in signals.items():
            make = partial(self._conclusion, partition == self._models_at)
            conclusion, at = self._restored(make, stored_signals.get(partition), there.first)
            self.signals[partition] = Signals(conclusion, at)
        return {n: one.next for n, one in self.lines.items()}, {n: one.next for n, one in self.signals.items()}

    def _restored(self, make: Callable[[], Stage], snapshot: Snapshot | None, first: int) -> tuple[Stage, int]:
        """A stage as it was stored, and where its input goes on; from the first record on if that cannot be read."""
        stage = make()
        if snapshot is None:
            return stage, first
        try:
            stage.restore(snapshot.state)
        except (msgspec.MsgspecError, LookupError, ValueError):
            self.counts.unreadable_states += 1
            return make(), first
        return stage, max(first, snapshot.offset)

    @property
    def unreadable_states(self) -> int:
        """Snapshots that could not be read; their partitions began with their first record."""
        return self.counts.unreadable_states + self._lines_kept.unreadable + self._signals_kept.unreadable

    async def give_up(self) -> None:
        """All partitions go to whoever gets them next: what they remember is stored for them."""
        lines, signals = self.lines, self.signals
        self.lines, self.signals = {}, {}
        await self._store(lines, signals)

    def on_lines(self, partition: int, offset: int, heard: int, value: bytes) -> None:
        """A record of lines; heard (µs): when Kafka took it. One of a partition that was given up is passed over."""
        own = self.lines.get(partition)
        if own is None or not self._is_next(RAW, partition, offset, own.next):
            return
        del self.lines[partition]  # until all of the record is done: half of it must never be stored
        reached = own.detection.watermark
        try:
            batch = decode_raw(value, f"kafka:{self._topic(RAW)}/{partition}", heard, offset)
        except ValueError as error:
            self.counts.unreadable += 1
            origin = f"kafka:{self._topic(RAW)}/{partition}"
            self._reject([Rejected(origin, offset, heard, "", str(error), value)], partition, offset)
        else:
            detected = self._detected(own.detection, batch, heard)
            for one in detected:
                self._send(partition, offset, batch, one)
            self._signal(own, reached, partition, offset, [hit for one in detected for hit in one.hits])
            parts = (
                detected[0].partials if len(detected) == 1 else merged([p for one in detected for p in one.partials])
            )
            if parts:
                self._tell(own, reached, self._models_at, partition, offset, MODELS_PART, partials=parts)
            if batch.lines:
                own.heard = self._clock.now()
        own.next = offset + 1
        self.lines[partition] = own

    def nothing_before(self, partition: int, offset: int, next: int) -> None:
        """Somebody has made sure that between these two a partition of lines has no record."""
        own = self.lines.get(partition)
        if own is not None and own.next == offset:
            own.next = next

    def _is_next(self, name: str, partition: int, offset: int, next: int) -> bool:
        if offset > next:
            place = f"{self._topic(name)}/{partition}"
            raise Gap(place, "record {wanted} should have come, and {offset} did", wanted=next, offset=offset)
        self.counts.repeated += offset < next
        return offset == next

    def _detected(self, detection: Detection, batch: RawBatch, heard: int) -> Sequence[Detected]:
        """What comes of a batch; if something in it breaks a stage, line by line, the culprit kept as rejected."""
        try:
            return [detection.feed(batch, heard)]
        except Exception as error:  # noqa: BLE001 - a defect must cost one line, not the partition
            self.counts.defects += 1
            if len(batch.lines) <= 1:
                raw = batch.lines[0] if batch.lines else b""
                reason = f"{type(error).__name__}: {error}"
                lost = Rejected(batch.origin, batch.position, batch.received, batch.device, reason, raw)
                return [Detected((), (), (lost,), [])]
            return [detected for one in batch.cut(1) for detected in self._detected(detection, one, heard)]

    def _send(self, partition: int, offset: int, batch: RawBatch, detected: Detected) -> None:
        counts = self.counts
        counts.lines += len(detected.events) + len(detected.rejected)
        counts.events += len(detected.events)
        counts.joined += len(detected.joined)
        for ids, _ in detected.hits:
            counts.hits.update(ids)
        if detected.events or detected.joined:
            rows = self._rows(partition, offset, batch, detected)
            events = Events(VERSION, partition, offset, batch.origin, batch.received, len(detected.joined), rows)
            self._outbox.put(self._topic(EVENTS), _pack(events), partition=partition)
        if detected.rejected:
            self._reject(detected.rejected, partition, offset)

    def _reject(self, rejected: Sequence[Rejected], partition: int = -1, offset: int = -1) -> None:
        self.counts.rejected += len(rejected)
        self._outbox.put(self._topic(REJECTED), _pack(rejected_lines(rejected, partition, offset)))

    def _signal(self, own: Lines, reached: int, partition: int, offset: int, hits: Hits) -> None:
        """Each hit goes where the families of its rules are concluded; what is too much for one record, in parts.

        reached: the watermark before the record. Time moves on with what is said next, when all parts are there.
        """
        to, sorted_out = self._to, defaultdict[int, Hits](list)
        for ids, event in hits:
            for target in {to[id] for id in ids}:
                sorted_out[target].append((tuple([id for id in ids if to[id] == target]), event))
        for target, some in sorted_out.items():
            for part, start in enumerate(range(0, len(some), MOST_HITS)):
                self._tell(own, reached, target, partition, offset, part, some[start : start + MOST_HITS])

    def _tell(
        self,
        own: Lines,
        reached: int,
        target: int,
        partition: int,
        offset: int,
        part: int = 0,
        hits: Sequence[Hit] = (),
        partials: Sequence[Partial] = (),
    ) -> None:
        signal = Signal(SIGNAL_VERSION, partition, offset, part, reached, own.reach, list(hits), list(partials))
        self._outbox.put(self._topic(SIGNALS), encode_signal(signal), partition=target)
        self.counts.signals += 1

    def tell_reach(self, ends: Mapping[int, End]) -> None:
        """Says how far each partition of lines is, to all who wait for it.

        Into one in which nothing comes, and that still waits for its sources, it writes that time passes, each quarter
        of the time after which it would not. No time passes while Kafka is away: what waits for it elsewhere is as old
        as the outage is long.
        """
        now = self._clock.now()
        for partition, own in self.lines.items():
            end, at = ends.get(partition, (0, 0))
            own.end = max(own.end, end)
            stale = now - at > STALE
            own.behind = own.next < own.end or stale
            if stale:
                own.heard = now
            if own.reach is Reach.LIVE and at - own.heard > self._idle // 4:
                own.heard = now
                self._outbox.put(self._topic(RAW), encode_raw(RawBatch("", "", now, 0, ())), partition=partition)
            found = own.next - 1, own.detection.watermark, own.reach
            again = REPEAT_REACH if own.settled else SETTLE
            if found == own.told and now - own.told_at < again:
                continue
            own.settled = found == own.told
            own.told, own.told_at = found, now
            for target in range(self._signal_partitions):
                self._tell(own, own.detection.watermark, target, partition, own.next - 1)

    def on_signal(self, partition: int, offset: int, heard: int, value: bytes) -> None:
        """A record of signals; heard (µs): when Kafka took it."""
        own = self.signals.get(partition)
        if own is None or not self._is_next(SIGNALS, partition, offset, own.next):
            return
        del self.signals[partition]  # as above
        try:
            signal = decode_signal(value)
            alerts = own.conclusion.feed(signal, heard, self.partitions)
        except ValueError as error:
            self.counts.unreadable += 1
            origin = f"kafka:{self._topic(SIGNALS)}/{partition}"
            self._reject([Rejected(origin, offset, self._clock.now(), "", str(error), value)])
        else:
            for alert in alerts:
                own.changed[alert.id] = (offset, alert)
        own.next = offset + 1
        self.signals[partition] = own

    def send_alerts(self) -> None:
        """What has changed since the last time; an alert that goes on and on is sent as it now is."""
        for own in self.signals.values():
            self._send_changed(own)

    def _send_changed(self, own: Signals) -> None:
        for id, (offset, alert) in own.changed.items():
            stored = StoredAlert(VERSION, offset, alert_json(alert))
            self._outbox.put(self._topic(ALERTS), _pack(stored), key=id.encode())
        self.counts.alerts += len(own.changed)
        own.changed = {}

    async def store(self) -> None:
        """Keeps what each partition remembers, where anything has changed."""
        await self._store(dict(self.lines), dict(self.signals))

    async def _store(self, lines: Mapping[int, Lines], signals: Mapping[int, Signals]) -> None:
        """The states are of one moment, what came of them is durable before they are, and only then do they count."""
        async with self._storing:
            taken: list[tuple[str, Snapshots, int, Lines | Signals, Snapshot]] = []
            for partition, line in lines.items():
                if line.next != line.stored:
                    snapshot = Snapshot(line.next, line.detection.state())
                    taken.append((RAW, self._lines_kept, partition, line, snapshot))
            for partition, signal in signals.items():
                if signal.next != signal.stored:
                    self._send_changed(signal)
                    snapshot = Snapshot(signal.next, signal.conclusion.state())
                    taken.append((SIGNALS, self._signals_kept, partition, signal, snapshot))
            await self._outbox.settled()
            await asyncio.gather(*(kept.store(partition, snapshot) for _, kept, partition, _, snapshot in taken))
            for name, _, partition, own, snapshot in taken:
                own.stored = snapshot.offset
                self.counts.snapshots += 1
                self.counts.state_bytes[f"{name}/{partition}"] = len(snapshot.state)
