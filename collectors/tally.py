"""Counts for reconciliation: the lines of each origin that were received in each minute and are in Kafka."""

from __future__ import annotations

from collections.abc import Iterable

from collectors.counters import MAX_ORIGINS, OTHERS
from soc.core.wire import Count

KEPT = 5
"""Minutes that are remembered after their counts were sent; lines of one minute do not wait so long for each other."""


class Tally:
    """Totals by origin and minute, which outlive a restart together with the position up to which they count.

    collector  its name; kept: what state() gave before
    """

    def __init__(self, collector: str, kept: Iterable[tuple[str, int, int]] = ()) -> None:
        self._collector = collector
        self._totals = {(origin, minute): lines for origin, minute, lines in kept}
        self._origins = {origin for origin, _ in self._totals}
        self._minutes = dict.fromkeys(sorted({minute for _, minute in self._totals}))
        self._changed = set(self._totals)

    def add(self, origin: str, received: int, lines: int) -> None:
        """So many lines of an origin, received then (µs), are in Kafka."""
        if origin not in self._origins:
            if len(self._origins) >= MAX_ORIGINS:
                origin = OTHERS
            self._origins.add(origin)
        minute = received // 60_000_000 * 60
        key = origin, minute
        self._totals[key] = self._totals.get(key, 0) + lines
        self._changed.add(key)
        self._minutes.pop(minute, None)
        self._minutes[minute] = None

    def changed(self) -> list[Count]:
        """The totals that were not told yet as they are now."""
        return [Count("collector", self._collector, *key, self._totals[key]) for key in sorted(self._changed)]

    def told(self, counts: Iterable[Count]) -> None:
        """These are known to others now; what is of minutes long past is forgotten."""
        for count in counts:
            key = count.origin, count.minute
            if self._totals.get(key) == count.lines:
                self._changed.discard(key)
        recent = set(list(self._minutes)[-KEPT:])
        for key in [key for key in self._totals if key[1] not in recent and key not in self._changed]:
            del self._totals[key]
        self._origins = {origin for origin, _ in self._totals}
        self._minutes = {minute: None for minute in self._minutes if minute in recent}

    def state(self) -> list[tuple[str, int, int]]:
        """Everything that is remembered: origin, minute (s), lines."""
        return [(*key, lines) for key, lines in self._totals.items()]
