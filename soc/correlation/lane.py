"""One correlation at work: its groups, their windows, and what they conclude. No lane sees another's state."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from soc.core.event import Event
from soc.correlation.condition import Number
from soc.correlation.episode import FIRST_SAMPLES, MAX_SAMPLES, Episode, Sample, Teller
from soc.correlation.grouping import Counted, Key, all_keys, distinct_values, numbers, quick_key
from soc.correlation.measures import Measure, Together, measure_for
from soc.correlation.rule import Correlation, Decided, Type
from soc.correlation.sequence import Ordered
from soc.correlation.slots import Slots
from soc.correlation.timers import Timers

# A window is exact up to this many different times or values, or twice its threshold if that is more.
MIN_EXACT = 4_096
MAX_EXACT = 65_536

# Measures that know when each rule was seen.
ORDERLY = (Together, Ordered)

FieldName = Callable[[str, str], str]


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much one correlation may remember.

    keys      groups
    entries   times and values over all groups
    samples   whole events kept as examples, over all groups
    """

    keys: int = 50_000
    entries: int = 500_000
    samples: int = 2_000


class Group:
    """The window of one group, and its episode while the condition holds."""

    __slots__ = ("episode", "hits", "measure", "samples")

    def __init__(self, hits: Slots, measure: Measure | None) -> None:
        self.hits = hits
        self.measure = measure
        self.samples: list[Sample] = []
        self.episode: Episode | None = None

    @property
    def sampled(self) -> int:
        """Whole events that it keeps; an episode usually shares them."""
        own = self.episode is not None and self.episode.samples is not self.samples
        return len(self.samples) + (len(self.episode.samples) if self.episode is not None and own else 0)


@dataclass(frozen=True, slots=True)
class Setup:
    """What a lane is made of.

    asked   for each role, the rule whose field names its events have
    field   (rule id, field name of the rule) -> the field's name in events
    tell    called when an episode changes; None: it is nobody's business but the correlations above
    timers  moments at which windows are over
    """

    correlation: Correlation
    asked: Sequence[str]
    field: FieldName
    bounds: Bounds
    tell: Callable[[Lane, Episode], None] | None
    timers: Timers


class Lane:
    """Takes the hits of a correlation's rules in event-time order and keeps the episodes that come of them.

    above      lanes of correlations that refer to this one, with the role that it has there
    evicted    groups given up because the correlation reached its bounds, or its share of all
    since      µs: when it first had to; 0: never
    alarmed    how many of them have been reported
    entries    times and values kept, at most: expired ones are taken off when it reaches the bound
    sampled    whole events kept as examples
    ungrouped  hits that lacked a group-by field, or the field whose values count
    unusable   hits whose value was no number where one is needed
    """

    def __init__(self, setup: Setup) -> None:
        correlation, asked, field = setup.correlation, setup.asked, setup.field
        self.correlation = correlation
        self.above: list[tuple[Lane, int]] = []
        self.groups: OrderedDict[Key, Group] = OrderedDict()
        self.evicted = self.since = self.alarmed = self.ungrouped = self.unusable = 0
        self.entries = self.sampled = 0
        self._bounds = setup.bounds
        self._tell = setup.tell
        # What is concluded at the end of a window has no event of its own to show.
        self._keeps_one = correlation.decided is not Decided.HIT
        self._span = correlation.span
        self._holds = correlation.condition.compiled()
        self._rising = correlation.condition.rising
        self._limit = min(max(MIN_EXACT, 2 * int(correlation.condition.largest)), MAX_EXACT)
        # A lower correlation that goes on holding is one thing to count, and one that is still there to a temporal.
        self._once = correlation.type not in (Type.VALUE_COUNT, Type.TEMPORAL, Type.TEMPORAL_ORDERED)

        def names_in(place: int, names: Sequence[str]) -> tuple[str, ...]:
            role = correlation.roles[place]
            return tuple(field(asked[place], role.field(name)) for name in names)

        places = range(len(correlation.roles))
        self._fields = [names_in(place, correlation.group_by) for place in places]
        self._quick = [quick_key(fields) for fields in self._fields]
        self._values = [_values(correlation, names_in(place, correlation.fields)) for place in places]
        by_name = [{fields[column] for fields in self._fields} for column in range(len(correlation.group_by))]
        names = tuple(
            min(fields) if len(fields) == 1 else name
            for fields, name in zip(by_name, correlation.group_by, strict=True)
        )
        self.teller = Teller(correlation, names)
        self._own_names = [
            (column, name) for column, name in enumerate(correlation.group_by) if name not in by_name[column]
        ]

    def take(self, role: int, time: int, number: int, event: Event, started: bool = True) -> None:
        """A hit of the rule at position ``role``; started False: a lower correlation that was already holding."""
        if not started and self._once:
            return
        values: tuple[Counted, ...] = ()
        read = self._values[role]
        if read is not None:
            try:
                values = read(event)
            except ValueError:
                self.unusable += 1
                return
            if not values:
                self.ungrouped += 1
                return
        key = self._quick[role](event)
        if key is not None:
            self._enter(key, role, time, number, event, values)
            return
        keys = all_keys(self._fields[role], event)
        if not keys:
            self.ungrouped += 1
        for key in keys:
            self._enter(key, role, time, number, event, values)

    def _arrive(self, key: Key, time: int, values: tuple[Counted, ...]) -> Group:
        """The group of a hit at this time, made if it is new, with room for the hit."""
        horizon = time - self._span
        group = self.groups.get(key)
        if group is None:
            self._make_room(horizon)
            group = self.open(key)
        else:
            self.groups.move_to_end(key)
        self.entries += 1 + 2 * len(values) if values else 1
        if self.entries > self._bounds.entries:
            self.audit(horizon, self._bounds.entries)
        return group

    def _enter(self, key: Key, role: int, time: int, number: int, event: Event, values: tuple[Counted, ...]) -> None:
        horizon = time - self._span
        group = self._arrive(key, time, values)
        count = group.hits.slide(time, horizon)
        measure = group.measure
        value = count if measure is None else measure.add(time, horizon, role, number, values)
        held = self._holds(value)
        episode = group.episode
        if episode is not None and (not held or count == 1):
            # count == 1: the window had emptied before this hit, so what held then is over
            group.episode = episode = None
            group.samples = list(group.samples)  # the episode keeps its own
        self._sample(group, time, horizon, event)
        if not held:
            return
        started = episode is None
        if episode is None:
            episode = self._start(group, key, time, event, value)
            for _, sample in episode.samples:
                episode.involve(sample)
        else:
            episode.involve(event)
            episode.count += 1
            episode.last = time
            if value > episode.value or not self._rising:
                episode.value = value
        if isinstance(measure, ORDERLY):
            episode.seen = measure.seen(horizon)
        self._changed(episode)
        for lane, place in self.above:
            lane.take(place, time, number, self._as_event(key, event), started)

    def _changed(self, episode: Episode) -> None:
        if self._tell is not None and not episode.changed:
            episode.changed = True
            self._tell(self, episode)

    def _start(self, group: Group, key: Key, time: int, event: Event, value: Number) -> Episode:
        """What is in the window has contributed; to a rare value, only the hit that has it."""
        if self.correlation.rarity or not group.samples:
            self.sampled += 1 - len(group.samples)
            group.samples = [(time, event)]
        if self.correlation.rarity:
            group.episode = Episode(key, time, time, 1, value, group.samples)
        else:
            group.episode = Episode(key, group.hits.first, time, group.hits.total, value, group.samples)
        return group.episode

    def _sample(self, group: Group, time: int, horizon: int, event: Event) -> None:
        """Keeps the event as an example. At the bound, only episodes get one, and only their latest."""
        samples = group.samples
        if group.episode is None or group.episode.samples is not samples:
            while samples and samples[0][0] < horizon:
                del samples[0]
                self.sampled -= 1
        if full := self.sampled >= self._bounds.samples:
            self.expire(time - self._span)
            full = self.sampled >= self._bounds.samples
        if full and group.episode is None and not self._keeps_one:
            return
        if len(samples) >= (1 if full else MAX_SAMPLES):
            del samples[0 if full else FIRST_SAMPLES]
            self.sampled -= 1
        samples.append((time, event))
        self.sampled += 1

    def _as_event(self, key: Key, event: Event) -> Event:
        """The hit as a higher correlation sees it: the event that brought it about, and our aliases' values."""
        if not self._own_names:
            return event
        return {**event, **{name: key[column] for column, name in self._own_names}}

    def open(self, key: Key) -> Group:
        """A fresh group, the latest of all."""
        group = Group(Slots(self._limit), measure_for(self.correlation, self._limit))
        self.groups[key] = group
        self.entries += _entries(group)
        return group

    @property
    def latest(self) -> int:
        """µs: the latest hit that it remembers; 0 without any."""
        return self.groups[next(reversed(self.groups))].hits.last if self.groups else 0

    def clear(self) -> None:
        """Forgets everything, as if it were new."""
        self.groups.clear()
        self.entries = self.sampled = self.ungrouped = self.unusable = 0
        self.evicted = self.since = self.alarmed = 0

    def has(self, episode: Episode) -> bool:
        """Whether the episode still goes on."""
        group = self.groups.get(episode.key)
        return group is not None and group.episode is episode

    def expire(self, horizon: int) -> None:
        """Forgets groups whose last hit is older than the horizon (µs): their windows are empty."""
        groups = self.groups
        while groups:
            key = next(iter(groups))
            if groups[key].hits.last >= horizon:
                return
            self._forget(groups.pop(key))

    def _make_room(self, horizon: int) -> None:
        if len(self.groups) >= self._bounds.keys:
            self.expire(horizon)
            self.shrink(self._bounds.keys - 1, horizon + self._span)

    def shrink(self, size: int, time: int) -> None:
        """Gives up the stalest groups until so many are left. time: now, in event time (µs)."""
        while len(self.groups) > max(size, 0):
            self._evict(time)

    def _forget(self, group: Group) -> None:
        self.sampled -= group.sampled
        self.entries -= _entries(group)

    def _evict(self, time: int) -> None:
        self._forget(self.groups.popitem(last=False)[1])
        self.evicted += 1
        self.since = self.since or time

    def audit(self, horizon: int, bound: int) -> None:
        """Counts what is remembered when it may be more than the bound; then the stalest groups give way."""
        self.expire(horizon)
        groups = self.groups
        entries = sum(map(_entries, groups.values()))
        if entries > bound * 3 // 4:
            while entries > bound // 2 and len(groups) > 1:
                entries -= _entries(next(iter(groups.values())))
                self._evict(horizon + self._span)
        self.entries = entries


def _entries(group: Group) -> int:
    return len(group.hits) + (len(group.measure) if group.measure is not None else 0)


def _values(correlation: Correlation, fields: tuple[str, ...]) -> Callable[[Event], tuple[Counted, ...]] | None:
    """How the field's values are read from an event; None for types that look at none."""
    if not fields:
        return None
    if correlation.type.numeric and not correlation.rarity:
        return lambda event: numbers(fields[0], event)
    return distinct_values(fields)
