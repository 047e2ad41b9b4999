"""``a and b and not c``: what was seen, and until when c may still come.

A set of hits that meets the condition, c aside, lasts from its first hit f to its last hit t. It holds when no window
of the timespan that contains the set contains a hit of c: none from t - timespan to f + timespan, both included. That
is known when event time has passed f + timespan.
"""

from __future__ import annotations

from bisect import insort
from typing import Any

from soc.correlation.condition import Number
from soc.correlation.expression import Absent, Expression, Seen, holds, roles_of
from soc.correlation.sequence import NEVER

# Sets of one group that wait at once; only conditions with `not` under `or` ever have more than one.
MAX_PENDING = 64

# (µs at which it is decided, what was seen, what has come that should be absent): rules as bits.
Pending = tuple[int, int, int]


class Absence:
    """The sets of one group that no absent rule has spoilt yet.

    pending  soonest decided first
    latest   µs: the latest hit of a rule that must be seen
    until    µs: up to where the running episode has been decided
    """

    __slots__ = ("_absent", "_expression", "_last", "_present", "_simple", "_span", "latest", "pending", "until")

    def __init__(self, roles: int, expression: Expression, span: int) -> None:
        self._expression = expression
        self._span = span
        present, absent = roles_of(expression, Seen), roles_of(expression, Absent)
        self._present, self._absent = sorted(present), sorted(absent)
        every = sum(1 << role for role in present)
        # When each absent rule alone spoils everything, all that waits is spoilt together: the first set is enough.
        self._simple = all(not holds(expression, every, 1 << role) for role in absent)
        self._last = [NEVER] * roles
        self.pending: list[Pending] = []
        self.latest = self.until = NEVER

    def add(self, time: int, horizon: int, role: int, number: int, values: tuple[Any, ...]) -> Number:
        """As in Measure.add: 1 while something waits for its decision."""
        self._last[role] = time
        if role in self._absent:
            self._spoil(1 << role)
        if role in self._present:
            self.latest = time
            if not (self._simple and self.pending):
                self._open(horizon)
        return len(self.pending) and 1

    def counts(self, role: int) -> bool:
        """Whether the rule at this position is one that must be seen."""
        return role in self._present

    def _spoil(self, bit: int) -> None:
        still = [(end, seen, spoilt | bit) for end, seen, spoilt in self.pending]
        self.pending = [item for item in still if holds(self._expression, item[1], item[2])]

    def _open(self, horizon: int) -> None:
        """What the window that ends now has seen, if that is enough; it began with the latest hits that suffice."""
        last = self._last
        spoilt = sum([1 << role for role in self._absent if last[role] >= horizon])
        seen = 0
        there = sorted([(last[role], role) for role in self._present if last[role] >= horizon], reverse=True)
        for first, role in there:
            seen |= 1 << role
            if holds(self._expression, seen, spoilt):
                if len(self.pending) >= MAX_PENDING:
                    self.pending.pop()
                insort(self.pending, (first + self._span, seen, spoilt))
                return

    def decide(self, end: int) -> int | None:
        """The latest beginning (µs) of the sets that are decided by ``end``, all of which hold; None: there is none."""
        decided = None
        while self.pending and self.pending[0][0] <= end:
            decided = self.pending.pop(0)[0] - self._span
        return decided

    def value(self, horizon: int) -> Number:
        """As in Measure.value: 1 when the condition holds so far."""
        return int(bool(self.pending))

    def seen(self, horizon: int) -> tuple[int | None, ...]:
        """When each rule last hit; None: not in the window."""
        return tuple(moment if moment >= horizon else None for moment in self._last)

    def __len__(self) -> int:
        return len(self._last) + len(self.pending)

    def dump(self) -> list[Any]:
        return [self._last, [list(item) for item in self.pending], self.latest, self.until]

    def load(self, saved: list[Any]) -> None:
        last, pending, self.latest, self.until = saved
        self._last = list(last)
        self.pending = [(end, seen, spoilt) for end, seen, spoilt in pending]
