"""What a correlation compares with its condition, kept up to date hit by hit: one small class for each type.

A plain count of hits needs no measure: the window's slots have it.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import Counter, OrderedDict, deque
from typing import Any, Protocol

from soc.correlation.absence import Absence
from soc.correlation.condition import Number
from soc.correlation.expression import Expression, holds
from soc.correlation.grouping import Counted
from soc.correlation.rule import Correlation, Decided, Type
from soc.correlation.sequence import Ordered
from soc.correlation.slots import Slots
from soc.correlation.whole import Whole

# Sums are kept in millionths, as whole numbers, so that adding and taking away leaves no trace.
SCALE = 1_000_000


class Measure(Protocol):
    """A value over one group's window."""

    def add(self, time: int, horizon: int, role: int, number: int, values: tuple[Any, ...]) -> Number:
        """Takes a hit, drops what is older than the horizon, and gives the value as it now is.

        time, horizon   µs; time never falls
        role            position of the rule that hit
        number          rises from one event to the next; rules that hit the same event share it
        values          the values of the correlation's field in this event; () when it has no field
        """

    def value(self, horizon: int) -> Number:
        """The value of what is not older than the horizon, for those who ask how far a window is; 0 for nothing."""

    def __len__(self) -> int:
        """How many entries it keeps, for the memory bound."""

    def dump(self) -> list[Any]:
        """Its state as lists, numbers and text."""

    def load(self, saved: list[Any]) -> None:
        """The inverse of dump."""


def measure_for(correlation: Correlation, limit: int) -> Measure | None:
    """A fresh measure for a group of this correlation; None where the number of hits is the measure."""
    match correlation.decided:
        case Decided.SILENCE:
            return None
        case Decided.ABSENCE:
            assert correlation.expression is not None
            return Absence(len(correlation.roles), correlation.expression, correlation.span)
        case Decided.END:
            return Whole(_sliding(correlation, limit))
        case Decided.HIT:
            return _sliding(correlation, limit)


def _sliding(correlation: Correlation, limit: int) -> Measure | None:
    match correlation.type:
        case Type.EVENT_COUNT:
            return None
        case Type.VALUE_COUNT:
            return Distinct(limit)
        case Type.TEMPORAL:
            return Together(len(correlation.roles), correlation.expression)
        case Type.TEMPORAL_ORDERED:
            return Ordered(len(correlation.roles))
        case Type.VALUE_SUM:
            return Sum(limit)
        case Type.VALUE_AVG:
            return Average(limit)
        case Type.VALUE_MEDIAN:
            return Percentile(50, limit)
        case Type.VALUE_PERCENTILE:
            return Rarity(limit) if correlation.percentile is None else Percentile(correlation.percentile, limit)


class Distinct:
    """value_count: how many different values; exact up to ``limit``, which it then keeps to."""

    __slots__ = ("_last", "_limit", "_oldest")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._last: OrderedDict[Counted, int] = OrderedDict()
        self._oldest = 0  # no value is older than this; spares a look at the front for most hits

    def add(self, time: int, horizon: int, role: int, number: int, values: tuple[Any, ...]) -> Number:
        last = self._last
        for value in values:
            if value in last:
                last.move_to_end(value)
            last[value] = time
        if self._oldest < horizon:
            self._expire(horizon)
        while len(last) > self._limit:
            last.popitem(last=False)
        return len(last)

    def value(self, horizon: int) -> Number:
        return sum(time >= horizon for time in self._last.values())

    def _expire(self, horizon: int) -> None:
        last = self._last
        while last:
            value, time = last.popitem(last=False)
            if time >= horizon:
                last[value] = time
                last.move_to_end(value, last=False)
                self._oldest = time
                return

    def __len__(self) -> int:
        return len(self._last)

    def dump(self) -> list[Any]:
        return [[list(value) if isinstance(value, tuple) else value, time] for value, time in self._last.items()]

    def load(self, saved: list[Any]) -> None:
        self._last = OrderedDict((tuple(value) if isinstance(value, list) else value, time) for value, time in saved)
        self._oldest = 0


class Together:
    """temporal: how many of the rules have a hit in the window, or whether the boolean condition holds (1 or 0)."""

    __slots__ = ("_expression", "_last")

    def __init__(self, roles: int, expression: Expression | None) -> None:
        self._last: list[int | None] = [None] * roles
        self._expression = expression

    def add(self, time: int, horizon: int, role: int, number: int, values: tuple[Any, ...]) -> Number:
        self._last[role] = time
        return self.value(horizon)

    def value(self, horizon: int) -> Number:
        if self._expression is None:
            return sum([moment is not None and moment >= horizon for moment in self._last])
        seen = sum([1 << role for role, moment in enumerate(self._last) if moment is not None and moment >= horizon])
        return int(holds(self._expression, seen))

    def seen(self, horizon: int) -> tuple[int | None, ...]:
        """When each rule last hit; None: not in the window."""
        return tuple(moment if moment is not None and moment >= horizon else None for moment in self._last)

    def __len__(self) -> int:
        return len(self._last)

    def dump(self) -> list[Any]:
        return list(self._last)

    def load(self, saved: list[Any]) -> None:
        self._last = list(saved)


class Sum:
    """value_sum: the sum of the field's numbers over the window."""

    __slots__ = ("_sums",)

    def __init__(self, limit: int) -> None:
        self._sums = Slots(limit)

    def add(self, time: int, horizon: int, role: int, number: int, values: tuple[Any, ...]) -> Number:
        return unscaled(self._sums.slide(time, horizon, scaled(values)))

    def value(self, horizon: int) -> Number:
        return unscaled(self._sums.since(horizon))

    def __len__(self) -> int:
        return len(self._sums)

    def dump(self) -> list[Any]:
        return [[str(weight) for weight in part] for part in self._sums.dump()]

    def load(self, saved: list[Any]) -> None:
        self._sums.load([[int(weight) for weight in part] for part in saved])


class Average:
    """value_avg: the mean of the field's numbers over the window."""

    __slots__ = ("_counts", "_sums")

    def __init__(self, limit: int) -> None:
        self._sums = Sum(limit)
        self._counts = Slots(limit)

    def add(self, time: int, horizon: int, role: int, number: int, values: tuple[Any, ...]) -> Number:
        return self._sums.add(time, horizon, role, number, values) / self._counts.slide(time, horizon, len(values))

    def value(self, horizon: int) -> Number:
        count = self._counts.since(horizon)
        return self._sums.value(horizon) / count if count else 0

    def __len__(self) -> int:
        return len(self._sums) + len(self._counts)

    def dump(self) -> list[Any]:
        return [self._sums.dump(), self._counts.dump()]

    def load(self, saved: list[Any]) -> None:
        self._sums.load(saved[0])
        self._counts.load(saved[1])


class Percentile:
    """value_percentile and value_median of numbers, between neighbours linearly (Hyndman and Fan's type 7).

    Over the latest ``limit`` numbers of the window.
    """

    __slots__ = ("_limit", "_part", "_sorted", "_when")

    def __init__(self, percentile: int, limit: int) -> None:
        self._part = percentile
        self._limit = limit
        self._when: deque[tuple[int, Number]] = deque()
        self._sorted: list[Number] = []

    def add(self, time: int, horizon: int, role: int, number: int, values: tuple[Any, ...]) -> Number:
        when, ranked = self._when, self._sorted
        for value in values:
            when.append((time, value))
            insort(ranked, value)
        while when[0][0] < horizon or len(when) > self._limit:
            del ranked[bisect_left(ranked, when.popleft()[1])]
        return self._between(ranked)

    def value(self, horizon: int) -> Number:
        ranked = sorted(value for time, value in self._when if time >= horizon)
        return self._between(ranked) if ranked else 0

    def _between(self, ranked: list[Number]) -> Number:
        place, rest = divmod(self._part * (len(ranked) - 1), 100)
        low = ranked[place]
        return low + (ranked[place + 1] - low) * rest / 100 if rest else low

    def __len__(self) -> int:
        return len(self._sorted)

    def dump(self) -> list[Any]:
        return [list(entry) for entry in self._when]

    def load(self, saved: list[Any]) -> None:
        self._when = deque((time, value) for time, value in saved)
        self._sorted = sorted(value for _, value in self._when)


class Rarity:
    """value_percentile without a percentile: the share, in percent, that this hit's value has in the window.

    Of several values in one event the rarest counts. Over the latest ``limit`` values of the window.
    """

    __slots__ = ("_counts", "_limit", "_when")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._when: deque[tuple[int, Counted]] = deque()
        self._counts: Counter[Counted] = Counter()

    def add(self, time: int, horizon: int, role: int, number: int, values: tuple[Any, ...]) -> Number:
        when, counts = self._when, self._counts
        for value in values:
            when.append((time, value))
            counts[value] += 1
        while when[0][0] < horizon or len(when) > self._limit:
            _, gone = when.popleft()
            counts[gone] -= 1
            if not counts[gone]:
                del counts[gone]
        return 100 * min(counts[value] for value in values) / len(when)

    def value(self, horizon: int) -> Number:
        counts = Counter(value for time, value in self._when if time >= horizon)
        return 100 * min(counts.values()) / counts.total() if counts else 0

    def __len__(self) -> int:
        return len(self._when)

    def dump(self) -> list[Any]:
        return [[time, list(value) if isinstance(value, tuple) else value] for time, value in self._when]

    def load(self, saved: list[Any]) -> None:
        self._when = deque((time, tuple(value) if isinstance(value, list) else value) for time, value in saved)
        self._counts = Counter(value for _, value in self._when)


def scaled(values: tuple[Number, ...]) -> int:
    """The sum of numbers in millionths, rounded number by number so that the same number always weighs the same."""
    return sum(value * SCALE if isinstance(value, int) else round(value * SCALE) for value in values)


def unscaled(total: int) -> Number:
    """Millionths as a number; whole where it is whole."""
    whole, rest = divmod(total, SCALE)
    return whole if not rest else total / SCALE
