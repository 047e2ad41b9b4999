"""A window that is judged as a whole: from the first hit of a group, for the timespan."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from soc.correlation.condition import Number

if TYPE_CHECKING:
    from soc.correlation.measures import Measure


class Whole:
    """The value so far of a window that is open. inner None: the number of hits, which the lane has.

    start  µs: the hit that opened the window; None before there is one
    so_far what will be compared with the condition when the window is over, unless more comes
    """

    __slots__ = ("inner", "so_far", "start")

    def __init__(self, inner: Measure | None) -> None:
        self.inner = inner
        self.start: int | None = None
        self.so_far: Number = 0

    def add(self, time: int, horizon: int, role: int, number: int, values: tuple[Any, ...]) -> Number:
        """As in Measure.add; the horizon is the window's start."""
        if self.inner is not None:
            self.so_far = self.inner.add(time, horizon, role, number, values)
        return self.so_far

    def value(self, horizon: int) -> Number:
        """As in Measure.value: always that of the whole window."""
        return self.so_far

    def __len__(self) -> int:
        return len(self.inner) if self.inner is not None else 0

    def dump(self) -> list[Any]:
        return [self.start, repr(self.so_far), self.inner.dump() if self.inner is not None else None]

    def load(self, saved: list[Any]) -> None:
        self.start, so_far, inner = saved
        self.so_far = int(so_far) if so_far.lstrip("-").isdigit() else float(so_far)
        if self.inner is not None:
            self.inner.load(inner)
