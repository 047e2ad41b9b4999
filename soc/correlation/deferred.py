"""Correlations that a later hit can undo: what they conclude is known when a window is over, not at a hit."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator

from soc.core.event import Event
from soc.correlation.absence import Absence
from soc.correlation.episode import FIRST_SAMPLES, MAX_SAMPLES, Episode
from soc.correlation.grouping import Counted, Key
from soc.correlation.lane import ORDERLY, Group, Lane, Setup
from soc.correlation.whole import Whole


class Deferred(Lane, ABC):
    """What the three have in common: groups that wait for a moment."""

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        self._timers = setup.timers
        self._order = setup.timers.join(self)

    @abstractmethod
    def due(self, group: Group) -> int | None:
        """µs at which the group is looked at next; None: it waits for nothing."""

    def dues(self) -> Iterator[tuple[int, Key]]:
        """As in Timed.dues."""
        for key, group in self.groups.items():
            if (due := self.due(group)) is not None:
                yield due, key

    def fire(self, key: Key, end: int, number: int) -> bool:
        """As in Timed.fire."""
        group = self.groups.get(key)
        due = self.due(group) if group is not None else None
        if group is None or due is None:
            return False
        if due > end:  # it has been put off, or it is another window of the same group
            self._timers.at(due, self._order, key)
            return False
        self._conclude(key, group, end, number)
        return True

    @abstractmethod
    def _conclude(self, key: Key, group: Group, end: int, number: int) -> None:
        """The moment that the group waited for has come."""

    def _close(self, key: Key) -> None:
        self._forget(self.groups.pop(key))

    def _raise(self, episode: Episode, end: int, number: int) -> None:
        """Tells the episode, here and to the correlations above, to which it happens at the end of the window."""
        for _, sample in episode.samples:
            episode.involve(sample)
        self._changed(episode)
        for lane, place in self.above:
            lane.take(place, end, number, self._as_event(episode.key, episode.samples[-1][1]))


class AtEnd(Deferred):
    """lt, lte, eq, neq and ranges: the window opens with a group's first hit, and counts as it is when it is over."""

    def _enter(self, key: Key, role: int, time: int, number: int, event: Event, values: tuple[Counted, ...]) -> None:
        group = self._arrive(key, time, values)
        whole = _whole(group)
        if whole.start is None:
            whole.start = time
            self._timers.at(time + self._span, self._order, key)
        count = group.hits.slide(time, whole.start)
        if whole.inner is None:
            whole.so_far = count
        else:
            whole.add(time, whole.start, role, number, values)
        self._sample(group, time, whole.start, event)

    def due(self, group: Group) -> int | None:
        start = _whole(group).start
        return None if start is None else start + self._span

    def _conclude(self, key: Key, group: Group, end: int, number: int) -> None:
        self._close(key)
        whole = _whole(group)
        if whole.start is None or not self._holds(whole.so_far):
            return
        seen = whole.inner.seen(whole.start) if isinstance(whole.inner, ORDERLY) else ()
        hits = group.hits
        episode = Episode(key, whole.start, hits.last, hits.total, whole.so_far, group.samples, seen)
        self._raise(episode, end, number)


class Silence(Deferred):
    """A group that was heard of has had no hit for the timespan; its last hit is what there is to show."""

    def _enter(self, key: Key, role: int, time: int, number: int, event: Event, values: tuple[Counted, ...]) -> None:
        group = self._arrive(key, time, values)
        first = not len(group.hits)
        group.hits.slide(time, time)
        if first:
            self._timers.at(time + self._span, self._order, key)
        self._sample(group, time, time, event)

    def due(self, group: Group) -> int | None:
        return group.hits.last + self._span if len(group.hits) else None

    def _conclude(self, key: Key, group: Group, end: int, number: int) -> None:
        self._close(key)
        last = group.hits.last
        self._raise(Episode(key, last, last, 1, 0, group.samples[-1:]), end, number)


class Unless(Deferred):
    """A boolean condition with ``not``; soc.correlation.absence says when it holds."""

    def _enter(self, key: Key, role: int, time: int, number: int, event: Event, values: tuple[Counted, ...]) -> None:
        horizon = time - self._span
        group = self._arrive(key, time, values)
        absence = _absence(group)
        before = self.due(group)
        asked = absence.counts(role)
        group.hits.slide(time, horizon, int(asked))
        absence.add(time, horizon, role, number, values)
        due = self.due(group)
        if due is None and before is not None:
            self._end(group)
        if asked:
            self._sample(group, time, horizon, event)
        if due is not None and due != before:
            self._timers.at(due, self._order, key)

    def due(self, group: Group) -> int | None:
        pending = _absence(group).pending
        return pending[0][0] if pending else None

    def _conclude(self, key: Key, group: Group, end: int, number: int) -> None:
        absence = _absence(group)
        first = absence.decide(end)
        if absence.pending:
            self._timers.at(absence.pending[0][0], self._order, key)
        if first is None:
            return
        episode = group.episode
        if episode is not None and first - episode.last <= self._span:
            episode.count += group.hits.since(max(first, absence.until + 1))
            episode.last = absence.latest
        else:
            self._end(group)
            episode = group.episode = Episode(key, first, absence.latest, group.hits.since(first), 1, [])
        self._hand_over(group, episode, first)
        absence.until = end
        episode.seen = tuple(
            moment if absence.counts(role) else None for role, moment in enumerate(absence.seen(first))
        )
        self._raise(episode, end, number)

    def _end(self, group: Group) -> None:
        if group.episode is not None:
            self.sampled -= len(group.episode.samples)
            group.episode = None

    def _hand_over(self, group: Group, episode: Episode, first: int) -> None:
        """Examples wait with the group until they are decided upon; only then are they the episode's."""
        self.sampled -= group.sampled
        own = episode.samples + [sample for sample in group.samples if sample[0] >= first]
        del own[FIRST_SAMPLES : max(len(own) - (MAX_SAMPLES - FIRST_SAMPLES), FIRST_SAMPLES)]
        episode.samples, group.samples = own, []
        self.sampled += group.sampled


def _whole(group: Group) -> Whole:
    assert isinstance(group.measure, Whole)
    return group.measure


def _absence(group: Group) -> Absence:
    assert isinstance(group.measure, Absence)
    return group.measure
