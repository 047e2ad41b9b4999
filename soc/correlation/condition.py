"""When a correlation holds: a number compared with one bound or two, such as ``gte: 10`` or ``gt: 100, lte: 200``.

Source: Sigma correlation rules specification 2.1.0, "Condition". pySigma accepts one operator only; the
specification allows a range, so the mapping is read here.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from math import floor, isfinite

Number = int | float

SIGNS: dict[str, str] = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<=", "eq": "=", "neq": "!="}
_COMPARE: dict[str, Callable[[Number, Number], bool]] = {
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
    "eq": operator.eq,
    "neq": operator.ne,
}


@dataclass(frozen=True, slots=True)
class Condition:
    """Bounds that must all hold, as (operator, number) in the order of the file, e.g. (("gt", 100), ("lte", 200))."""

    bounds: tuple[tuple[str, Number], ...]

    def holds(self, value: Number) -> bool:
        """Whether every bound holds for the value."""
        return all(_COMPARE[name](value, bound) for name, bound in self.bounds)

    def compiled(self) -> Callable[[Number], bool]:
        """The same test, quicker for the usual single lower bound."""
        if len(self.bounds) == 1:
            name, bound = self.bounds[0]
            if name == "gte":
                return lambda value: value >= bound
            if name == "gt":
                return lambda value: value > bound
        return self.holds

    @property
    def rising(self) -> bool:
        """True when more makes it truer, so the highest value is the one worth telling."""
        return any(name in ("gt", "gte") for name, _ in self.bounds)

    @property
    def looks_down(self) -> bool:
        """True when a value that is too high can make it fail, so a hit alone cannot settle it."""
        return any(name not in ("gt", "gte") for name, _ in self.bounds)

    @property
    def countable(self) -> bool:
        """Whether some number of hits from 1 up meets it."""
        near = (floor(bound) + step for _, bound in self.bounds for step in (-1, 0, 1, 2))
        return any(self.holds(number) for number in (1, *near) if number >= 1)

    @property
    def largest(self) -> Number:
        """The largest number that a value is compared with."""
        return max(bound for _, bound in self.bounds)


def read_condition(raw: Mapping[object, object]) -> Condition:
    """The operators of a ``condition`` mapping (``field`` and ``percentile`` are others' business).

    ValueError says what is wrong: no operator, something that is no number, or bounds that exclude each other.
    """
    bounds: list[tuple[str, Number]] = []
    for name, bound in raw.items():
        if name in ("field", "percentile"):
            continue
        if not isinstance(name, str) or name not in SIGNS:
            raise ValueError(f"condition has no operator {str(name)[:40]!r}; there are {', '.join(SIGNS)}")
        if isinstance(bound, bool) or not isinstance(bound, int | float) or not isfinite(bound):
            raise ValueError(f"condition {name}: {str(bound)[:40]!r} is no number")
        bounds.append((name, bound))
    if not bounds:
        raise ValueError(f"condition needs one of {', '.join(SIGNS)}")
    if not _satisfiable(bounds):
        raise ValueError("condition can never hold: its bounds exclude each other")
    return Condition(tuple(bounds))


def _satisfiable(bounds: list[tuple[str, Number]]) -> bool:
    """Whether some number meets all bounds: tried at the bounds themselves, between and beside them."""
    edges = sorted({bound for _, bound in bounds})
    tries = [
        edges[0] - 1,
        *edges,
        edges[-1] + 1,
        *((low + high) / 2 for low, high in pairwise(edges)),
    ]
    return any(Condition(tuple(bounds)).holds(value) for value in tries)
