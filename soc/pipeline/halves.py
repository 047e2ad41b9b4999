"""The pipeline cut in two where Kafka re-keys: one Detection for each partition of lines, one Conclusion for each of
signals. Each is a function of its partition's records, so what is read twice gives the same twice.

    lines ─ Detection (normalise, detect) ─> events, rejected, hits ─ by family of rules ─> Conclusion ─> alerts

A Conclusion waits for the slowest partition of lines, and passes over what it has had before.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from soc.anomaly.features import Features, Partial
from soc.anomaly.watch import Watch
from soc.core.alert import Alert
from soc.core.batch import Batch
from soc.core.event import Event, RawBatch, Rejected, with_tuples
from soc.core.finding import RuleInfo
from soc.enrich import Enricher, Inventory
from soc.pipeline.conclude import Concluder
from soc.pipeline.content import Content
from soc.pipeline.digest import middle, times
from soc.pipeline.normalise import Normaliser
from soc.pipeline.signal import Reach, Signal
from soc.pipeline.watermark import SILENCE, Watermark

ENDED: Final = 10_000_000
"""µs for which all lines have been read, and some sources have ended, until nothing more is expected."""
SETTLE: Final = 2_000_000
"""µs for which a watermark must have stood before anything is decided by it."""
MOMENT: Final = SETTLE // 8
"""µs between two watermarks that are remembered until they have stood long enough."""
MOST_MOMENTS: Final = 1000
MAX_WAITING: Final = 400_000
"""Hits that may wait for a partition of lines that is behind."""


@dataclass(frozen=True, slots=True)
class Timing:
    """zone in seconds east of UTC, all else in µs; lateness, idle and hold are those of Watermark."""

    zone: int
    lateness: int
    idle: int
    hold: int
    fold: int


Hit = tuple[tuple[str, ...], Event]
Hits = list[Hit]


@dataclass(frozen=True, slots=True)
class Detected:
    """What came of a batch.

    joined    the events that stand for several lines, which come on top of one for each line
    partials  what anomaly models are given of it
    """

    events: Sequence[Event]
    joined: Sequence[Event]
    rejected: Sequence[Rejected]
    hits: Hits
    partials: Sequence[Partial] = ()


class Detection:
    """normalise and detect for one partition of lines. Remembers open joins, and how far event time has come.

    Its clock, by which sources become idle, runs with what Kafka heard. A long pause between two batches was an outage,
    in which nobody could be heard, and counts as half of what makes a source idle; silence is a batch without lines.
    """

    def __init__(self, content: Content, inventory: Inventory, timing: Timing, *, features: bool = False) -> None:
        """features: whether there are anomaly models, which want partials."""
        self._features = Features() if features else None
        self._normalise = Normaliser(Enricher(inventory), timing.zone)
        self._matcher = content.matcher
        self._watermark = Watermark(timing.lateness, timing.idle, timing.hold)
        self._most = timing.idle // 2
        self._heard = self._clock = 0

    @property
    def watermark(self) -> int:
        """µs: no event older than that is still expected here."""
        return self._watermark.value

    @property
    def idle(self) -> bool:
        """Whether no source was heard of lately."""
        return not self._watermark.sources

    @property
    def ended(self) -> bool:
        """Whether all its sources have said that they ended."""
        return self._watermark.ended

    def feed(self, batch: RawBatch, heard: int) -> Detected:
        """The next batch. heard (µs): when Kafka took it, by its own clock.

        One without lines says what time it is, and that its origin, if it has one, has ended: a file that was read.
        """
        passed = max(0, heard - self._heard)
        self._clock += passed if not batch.lines or not self._heard else min(passed, self._most)
        self._heard += passed
        if not batch.lines:
            self._watermark.tick(self._clock)
            self._watermark.close(batch.origin)
            overdue = self._normalise.expire(self.watermark)
            return Detected((), overdue, (), self._hits(overdue))
        normal = self._normalise.read(batch)
        events = normal.events
        joined = [whole for _, whole in self._normalise.join((place, events[place]) for place in normal.offered)]
        if reached := middle(times(events)):
            self._watermark.observe(batch.origin, reached, heard, self._clock, max(times(events)))
        joined += self._normalise.expire(self.watermark)
        hits = self._hits([*events, *joined])
        # last: what fails before is fed again, and evidence is given once
        made = self._features.of(events) if self._features is not None else ()
        return Detected(events, joined, normal.rejected, hits, made)

    def _hits(self, events: Sequence[Event]) -> Hits:
        found = self._matcher.hits(Batch(events))
        return [(tuple([rule.id for rule in rules]), events[place]) for place, rules in found]

    def state(self) -> bytes:
        """Everything remembered between batches."""
        return msgspec.msgpack.encode((self._normalise.state(), self._watermark.state(), self._heard, self._clock))

    def restore(self, state: bytes) -> None:
        """The inverse of state; msgspec.DecodeError if it is not ours."""
        kind = tuple[bytes, bytes, int, int]
        joins, watermark, self._heard, self._clock = msgspec.msgpack.decode(state, type=kind)
        self._normalise.restore(joins)
        self._watermark.restore(watermark)


class Heard(msgspec.Struct, array_like=True):
    """How far a partition of lines is, as its signals said; said: µs, when they last did, by Kafka's clock."""

    offset: int
    part: int
    watermark: int
    reach: Reach
    said: int = 0


class Conclusion:
    """conclude and triage for one partition of signals: the families of rules that are sent here, and in one of the
    partitions the anomaly models, which share one budget.
    """

    def __init__(self, content: Content, inventory: Inventory, timing: Timing, anomaly: Watch | None = None) -> None:
        self._anomaly = anomaly
        self._hold = timing.hold
        self._silence = SILENCE * timing.idle
        self._spoken = 0  # when a partition last was more than idle, by Kafka's clock; not kept: it is waited anew
        self.concluder = Concluder(
            content,
            inventory,
            zone=timing.zone,
            lateness=timing.lateness,
            fold=timing.fold,
            max_waiting=MAX_WAITING,
        )
        self._heard: dict[int, Heard] = {}
        self._lately: deque[tuple[int, int]] = deque()
        self.repeated = 0
        """Signals that came again, and were passed over."""
        self.unknown = 0
        """Hits of rules that are not here: another worker has other rules."""
        self.defects = 0
        """How often something broke a stage."""

    def feed(self, signal: Signal, at: int, partitions: int) -> list[Alert]:
        """The alerts that a signal makes or changes. at (µs): when Kafka took it, by its own clock. partitions: how
        many of lines there are, all of which are waited for, also those that have not been heard of.
        """
        before = self._heard.setdefault(signal.partition, Heard(-1, -1, 0, Reach.BEHIND))
        alerts: list[Alert] = []
        if signal.bears:
            if (signal.offset, signal.part) <= (before.offset, before.part):
                self.repeated += 1
                return alerts
            alerts = self._taken(list(self._known(signal)))
            if self._anomaly is not None:
                self._anomaly.take(signal.partials, f"{signal.partition}/{signal.offset}")
        elif signal.offset < before.offset:  # its lines are read again, from a stored state on, and more may wait
            before.reach = signal.reach
            return alerts
        part = signal.part if signal.bears or signal.offset > before.offset else before.part
        self._heard[signal.partition] = Heard(signal.offset, part, signal.watermark, signal.reach, at)
        sure = self._sure(at)
        silent = self._silent(signal, at, sure, partitions)
        return alerts + self._advanced(self._settled(self.watermark(partitions), at, sure), silent)

    def _sure(self, at: int) -> int:
        """The time (µs) up to which it is known that partitions that nobody waits for had nothing to read.

        Each says so again and again. If one does not, its worker may be dead, and lines of it may wait for another.
        """
        return min([at, *(one.said for one in self._heard.values() if one.reach in (Reach.IDLE, Reach.ENDED))])

    def _silent(self, signal: Signal, at: int, sure: int, partitions: int) -> bool:
        """Whether all partitions have been idle for so long, or have ended, that nothing is expected."""
        heard = self._heard.values()
        reaches = {one.reach for one in heard}
        if signal.bears or len(heard) < partitions or reaches & {Reach.BEHIND, Reach.LIVE} or not self._spoken:
            self._spoken = at
        return sure - self._spoken >= (ENDED if Reach.ENDED in reaches else self._silence)

    @property
    def late(self) -> int:
        """Hits, and partials of anomaly models, that came after their time had been decided."""
        return sum(self.concluder.late.values()) + (self._anomaly.late if self._anomaly is not None else 0)

    def _taken(self, hits: Sequence[tuple[RuleInfo, Event]]) -> list[Alert]:
        try:
            return self.concluder.take(hits)[1]
        except Exception:  # noqa: BLE001 - a defect must cost one hit, not the partition
            self.defects += 1
            return [alert for hit in hits for alert in self._taken([hit])] if len(hits) > 1 else []

    def _advanced(self, watermark: int, silent: bool) -> list[Alert]:
        try:
            unusual = self._anomaly.advance(watermark, silent=silent) if self._anomaly is not None else ()
            return self.concluder.advance(watermark, unusual)
        except Exception:  # noqa: BLE001 - as above; what is left in the windows is tried again
            self.defects += 1
            return []

    def _known(self, signal: Signal) -> Iterable[tuple[RuleInfo, Event]]:
        for ids, row in signal.hits:
            event = with_tuples(row)
            for id in ids:
                try:
                    rule = self.concluder.rule(id)
                except KeyError:  # another worker has rules that this one has not, or no longer
                    self.unknown += 1
                else:
                    yield rule, event

    def _settled(self, watermark: int, at: int, sure: int) -> int:
        """The least that the watermark was during the last moments before ``sure``.

        Lines come to several partitions at a time, of which nobody waited for some: all must have had their say before
        time moves on.
        """
        lately = self._lately
        while lately and lately[-1][1] > watermark:
            lately.pop()
        last, stood = lately[-1] if lately else (0, -1)
        if stood < watermark and last + MOMENT <= at and len(lately) < MOST_MOMENTS:
            lately.append((at, watermark))
        while len(lately) > 1 and lately[1][0] <= sure - SETTLE:
            lately.popleft()
        return lately[0][1]

    def watermark(self, partitions: int) -> int:
        """The time (µs) that all partitions of lines have reached, but those that nobody waits for."""
        if len(self._heard) < partitions:
            return 0
        heard = self._heard.values()
        furthest = max(one.watermark for one in heard)
        waited = [
            one.watermark
            for one in heard
            if one.reach is Reach.BEHIND or (one.reach is Reach.LIVE and one.watermark >= furthest - self._hold)
        ]
        return min(waited, default=furthest)

    def state(self) -> bytes:
        """Everything remembered between signals."""
        models = b"" if self._anomaly is None else self._anomaly.state()
        return msgspec.msgpack.encode((self._heard, list(self._lately), *self.concluder.state(), models))

    def restore(self, state: bytes) -> None:
        """The inverse of state; msgspec.DecodeError if it is not ours."""
        kind = tuple[dict[int, Heard], list[tuple[int, int]], bytes, bytes, bytes]
        self._heard, lately, windows, folds, models = msgspec.msgpack.decode(state, type=kind)
        self._lately = deque(lately)
        self.concluder.restore(windows, folds)
        if self._anomaly is not None and models:  # a state from before there were models leaves them as trained
            self._anomaly.restore(models)
