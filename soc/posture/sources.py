"""Which source was silent, and when: what nobody could have detected."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from soc.core.store import HOUR, HourCount

STEADY = 0.8
"""A source with events in so large a part of its hours is one whose silence means something."""


class Source(msgspec.Struct, frozen=True):
    """One kind of device behind one origin.

    events   in the month
    expected hours in which it should have been heard: from its first event (from the start of the month if it was
             there in the month before) to the last hour of the month that any source has events in
    blind    expected hours without an event of that hour, by the events' own time: what arrives late fills its hour
    longest  the longest stretch of blind hours; longest_from is its start (µs; 0 if there is none)
    steady   it had events in at least STEADY of its expected hours, in this month or the one before. The hours of
             one that is not are shown, but count as blind in no sum: a rare source is quiet by nature
    hours    events of each hour of the month in order; -1 where it was not expected
    """

    origin: str
    module: str
    events: int
    expected: int
    blind: int
    longest: int
    longest_from: int
    steady: bool
    hours: tuple[int, ...]

    @property
    def name(self) -> str:
        return f"{self.module} · {self.origin}" if self.module else self.origin


def sources(counts: Iterable[HourCount], before: Iterable[HourCount], start: int, end: int) -> tuple[Source, ...]:
    """Of a month from start to end (µs) and the month before: the blindest first, then by name."""
    first = -(-start // HOUR) * HOUR
    size = -(-(end - first) // HOUR)
    now: dict[tuple[str, str], dict[int, int]] = {}
    for count in counts:
        place = (count.hour - first) // HOUR
        if 0 <= place < size:
            held = now.setdefault((count.origin, count.module), {})
            held[place] = held.get(place, 0) + count.events
    earlier: dict[tuple[str, str], set[int]] = {}
    for count in before:
        if count.hour < first:
            earlier.setdefault((count.origin, count.module), set()).add(count.hour)
    stop = max((max(held) for held in now.values()), default=-1) + 1
    made = [
        _source(key, now.get(key, {}), earlier.get(key, set()), first, stop, size)
        for key in now.keys() | earlier.keys()
    ]
    return tuple(sorted(made, key=lambda source: (not source.steady, -source.blind, source.name)))


def _source(key: tuple[str, str], held: dict[int, int], earlier: set[int], first: int, stop: int, size: int) -> Source:
    begin = 0 if earlier else min(held)
    silent = [place for place in range(begin, stop) if place not in held]
    longest, at = _longest(silent)
    expected = max(stop - begin, 0)
    past = (first - min(earlier)) // HOUR if earlier else 0
    steady = len(held) >= STEADY * expected > 0 or len(earlier) >= STEADY * past > 0
    hours = tuple(held.get(place, 0) if begin <= place < stop else -1 for place in range(size))
    since = first + at * HOUR if longest else 0
    return Source(*key, sum(held.values()), expected, len(silent), longest, since, steady, hours)


def _longest(silent: Sequence[int]) -> tuple[int, int]:
    """(length, first) of the longest run of numbers that follow one another; the earliest of equals."""
    best, at, begin = 0, 0, 0
    for index, place in enumerate(silent):
        if index == 0 or silent[index - 1] != place - 1:
            begin = place
        if place - begin + 1 > best:
            best, at = place - begin + 1, begin
    return best, at
