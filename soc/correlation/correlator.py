"""The correlations together: hits in, findings out, in event time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from soc.core.event import Event
from soc.core.finding import Finding, Hit, Kind
from soc.core.ids import content_id
from soc.correlation.budget import Budget
from soc.correlation.deferred import AtEnd, Silence, Unless
from soc.correlation.episode import Episode
from soc.correlation.lane import Bounds, Lane, Setup
from soc.correlation.pressure import Pressure, alarm
from soc.correlation.progress import Progress, progress
from soc.correlation.reorder import ReorderBuffer
from soc.correlation.rule import Correlation, Decided, silenced
from soc.correlation.state import (
    EventTable,
    Restored,
    Saved,
    decode,
    dump_episode,
    dump_lane,
    encode,
    load_episode,
    load_lane,
)
from soc.correlation.timers import Timers

# A source name comes from the log, so how many are told apart is bounded.
MAX_SOURCES = 10_000
OTHER_SOURCES = "(others)"

_LANES: dict[Decided, type[Lane]] = {
    Decided.HIT: Lane,
    Decided.END: AtEnd,
    Decided.ABSENCE: Unless,
    Decided.SILENCE: Silence,
}


class Correlator:
    """Keyed windows over event time; SEMANTICS.md says what each choice means.

    Feed hits in any order; ``advance`` decides everything earlier than the watermark, in the order of event time,
    origin and offset, so input shuffled within the lateness gives the same findings as sorted input. Time comes
    from events and from ``advance`` only.
    """

    def __init__(
        self,
        correlations: Sequence[Correlation],
        lateness: int,
        max_keys_per_rule: int = 50_000,
        *,
        max_waiting: int = 40_000,
        field: Callable[[str, str], str] = lambda rule, name: name,
        bounds: Bounds | None = None,
        budget: Budget | None = None,
    ) -> None:
        """Sets up a lane for each correlation.

        lateness           µs: by how much events may be out of order; lays out the waiting hits
        max_keys_per_rule  groups that one correlation may hold at once
        max_waiting        hits that may wait for the watermark; above, the oldest are decided early (``early``
                           counts them), which loses nothing unless hits are more out of order than what waits
        field              (rule id, field name of the rule) -> the field's name in events
        bounds             all memory bounds of one correlation, instead of max_keys_per_rule
        budget             those of all correlations together
        """
        self._width = max(lateness // 64, 65_536)
        self._waiting = ReorderBuffer(self._width)
        self._max_waiting = max_waiting
        self._horizon = 0
        self._number = 0
        self._arrival = 0
        self._position: tuple[int, str, int, str] = (0, "", 0, "")
        self._changed: list[tuple[Lane, Episode]] = []
        self.late: dict[str, int] = {}
        self.early = 0
        bounds = bounds or Bounds(keys=max_keys_per_rule)
        self._budget = budget or Budget()
        bounds = replace(bounds, samples=min(bounds.samples, self._budget.samples // max(len(correlations), 1)))
        self._timers = Timers()
        self.lanes = _lanes(correlations, field, bounds, self._tell, self._timers)
        self._all = tuple(self.lanes.values())
        self._taking: dict[str, tuple[tuple[Lane, int], ...]] = _wiring(self.lanes)
        self.wants = frozenset(self._taking)
        self._nothing = self.state()

    def feed(self, hits: Iterable[Hit]) -> None:
        """Takes hits of the rules in ``wants``; others are passed over. Those older than the watermark are counted."""
        taking, add, horizon, arrival = self._taking, self._waiting.add, self._horizon, self._arrival
        for hit in hits:
            rule = hit.rule.id
            if rule not in taking:
                continue
            event = hit.event
            time = event["@timestamp"]
            assert isinstance(time, int)
            if time < horizon:
                self._count_late(event)
                continue
            origin, offset = event.get("soc.origin"), event.get("log.offset")
            arrival += 1
            if type(origin) is str and type(offset) is int:
                add((time, origin, offset, "", rule, arrival, event))
            else:
                add((time, str(origin or ""), -1, _tie(event), rule, arrival, event))
        self._arrival = arrival
        while len(self._waiting) > self._max_waiting:
            self.early += self._decide(self._waiting.oldest_bucket_end())

    def advance(self, watermark: int) -> list[Finding]:
        """Decides every hit earlier than the watermark (µs); one finding for each episode that began or changed.

        A watermark that is not later than the last one changes nothing. To decide all that waits at the end of
        the input, advance past its last event.
        """
        self._decide(watermark)
        findings = [lane.teller.finding(episode) for lane, episode in self._changed]
        findings.sort(key=lambda found: (found.anchor, found.rule.id, found.group, found.last))
        for _, episode in self._changed:
            episode.changed = False
        self._changed.clear()
        for lane in self.lanes.values():
            lane.expire(self._horizon - lane.correlation.span)
        return findings

    def _decide(self, before: int) -> int:
        """Hands what is earlier to the lanes, in order; how many hits that were."""
        if before <= self._horizon:
            return 0
        self._horizon = before
        due = self._waiting.take(before)
        taking, number, last, timers = self._taking, self._number, self._position, self._timers
        for time, origin, offset, tie, rule, _, event in due:
            if time != last[0] or offset != last[2] or origin != last[1] or tie != last[3]:
                if timers.next < time:
                    number = timers.fire(time, number)
                number += 1
                last = (time, origin, offset, tie)
            for lane, role in taking[rule]:
                lane.take(role, time, number, event)
        self._number, self._position = timers.fire(before, number), last
        self._budget.settle(self._all, before)
        return len(due)

    def _tell(self, lane: Lane, episode: Episode) -> None:
        self._changed.append((lane, episode))

    def _count_late(self, event: Event) -> None:
        source = event.get("soc.origin") or event.get("host.name") or ""
        name = str(source)[:256]
        if name not in self.late and len(self.late) >= MAX_SOURCES:
            name = OTHER_SOURCES
        self.late[name] = self.late.get(name, 0) + 1

    @property
    def pressure(self) -> dict[str, Pressure]:
        """Correlation id -> what its bounds cost it. Only those that gave up groups."""
        return {
            id: Pressure(len(lane.groups), lane.entries, lane.evicted, lane.since)
            for id, lane in self.lanes.items()
            if lane.evicted
        }

    def alarms(self) -> list[Finding]:
        """A finding for each correlation that gave up groups and has not said so, or not of so many by half."""
        return [found for lane in self._all if (found := alarm(lane, self._horizon))]

    def progress(self, rule: str, limit: int = 20) -> list[Progress]:
        """How far the windows of a correlation (its id) are, those first that are furthest; KeyError if unknown."""
        return progress(self.lanes[rule], self._horizon, limit)

    @property
    def ungrouped(self) -> dict[str, int]:
        """Correlation id -> hits without a group-by field or without the field whose values count."""
        return {id: lane.ungrouped for id, lane in self.lanes.items() if lane.ungrouped}

    @property
    def unusable(self) -> dict[str, int]:
        """Correlation id -> hits whose value was no number."""
        return {id: lane.unusable for id, lane in self.lanes.items() if lane.unusable}

    def state(self) -> bytes:
        """Everything remembered, so that a restored correlator goes on exactly here."""
        events = EventTable()
        waiting = [(*entry[:-1], events.add(entry[-1])) for entry in self._waiting.dump()]
        lanes = {id: dump_lane(lane, events) for id, lane in self.lanes.items()}
        changed = [
            (lane.correlation.info.id, dump_episode(episode, events))
            for lane, episode in self._changed
            if not lane.has(episode)
        ]
        return encode(
            Saved(
                horizon=self._horizon,
                number=self._number,
                arrival=self._arrival,
                position=self._position,
                late=self.late,
                early=self.early,
                waiting=waiting,
                lanes=lanes,
                ended=changed,
                events=events.rows,
            )
        )

    def restore(self, state: bytes) -> Restored:
        """Takes the place of whatever it remembers now, as far as it can be read.

        Correlations are told apart by id and content: one that is new or has changed starts afresh, one that is gone
        is dropped, one whose part cannot be read starts afresh too, and all others go on where the state was taken.
        """
        saved = decode(state)
        if saved is None:
            self.restore(self._nothing)
            return Restored(unreadable=sorted(self.lanes))
        events = saved.restored_events()
        self._waiting = ReorderBuffer(self._width)
        self._changed.clear()
        for lane in self._all:
            lane.clear()
        self._horizon, self._number, self._arrival = saved.horizon, saved.number, saved.arrival
        self._position, self.late, self.early = saved.position, saved.late, saved.early
        for time, origin, offset, tie, rule, arrival, row in saved.waiting:
            if rule in self._taking:
                self._waiting.add((time, origin, offset, tie, rule, arrival, events[row]))
        restored = Restored(dropped=sorted(saved.lanes.keys() - self.lanes.keys()))
        for id, lane in self.lanes.items():
            into = restored.fresh
            if id in saved.lanes:
                into = restored.outcome(load_lane(lane, saved.lanes[id], events))
            into.append(id)
            episodes = [group.episode for group in lane.groups.values() if group.episode]
            self._changed += [(lane, episode) for episode in episodes if episode.changed]
        for id, ended in saved.ended:
            if id in restored.kept:
                self._changed.append((self.lanes[id], load_episode(ended, events)))
        self._timers.collect()
        return restored


def _tie(event: Event) -> str:
    """What orders events of one time that do not say where they come from (joined ones): their content."""
    return content_id(f"{name}={event[name]!r}" for name in sorted(event))


def _lanes(
    correlations: Sequence[Correlation],
    field: Callable[[str, str], str],
    bounds: Bounds,
    tell: Callable[[Lane, Episode], None],
    timers: Timers,
) -> dict[str, Lane]:
    """A lane for each correlation, by id, and the lanes above each. Correlations come lower ones first."""
    quiet = silenced(correlations)
    lanes: dict[str, Lane] = {}
    base: dict[str, str] = {}
    for correlation in correlations:
        info = correlation.info
        asked = [base.get(role.rule.id, role.rule.id) for role in correlation.roles]
        # A lower correlation's hit is the event that brought it about, which names its fields as that rule does.
        base[info.id] = asked[0]
        heard = None if info.silent or info.id in quiet else tell
        lanes[info.id] = _LANES[correlation.decided](Setup(correlation, asked, field, bounds, heard, timers))
        for place, role in enumerate(correlation.roles):
            if role.rule.kind is Kind.CORRELATION:
                lanes[role.rule.id].above.append((lanes[info.id], place))
    return lanes


def _wiring(lanes: dict[str, Lane]) -> dict[str, tuple[tuple[Lane, int], ...]]:
    """Rule id -> the lanes that take its hits, and its role there; lower correlations come through ``above``."""
    taking: dict[str, list[tuple[Lane, int]]] = {}
    for lane in lanes.values():
        for place, role in enumerate(lane.correlation.roles):
            if role.rule.kind is not Kind.CORRELATION:
                taking.setdefault(role.rule.id, []).append((lane, place))
    return {rule: tuple(places) for rule, places in taking.items()}
