"""What is remembered of the values seen, and its bound."""

from __future__ import annotations

from collections.abc import Callable

from soc.core.event import Value
from soc.sigma.index import FieldIndex, Met

MOST_ENTRIES = 20_000
LONGEST = 4096
MOST_BYTES = 48 << 20
_ENTRY_BYTES = 200


class Budget:
    """Bounds what all memos hold together: when it is used up, they all start afresh."""

    def __init__(self, most: int = MOST_BYTES) -> None:
        self._most = most
        self._used = 0
        self._clear: list[Callable[[], None]] = []

    def watch(self, clear: Callable[[], None]) -> None:
        """clear is called when the budget is used up."""
        self._clear.append(clear)

    def spend(self, size: int) -> None:
        """Something of so many bytes is going to be remembered."""
        self._used += size
        if self._used > self._most:
            self._used = size
            for clear in self._clear:
                clear()


class FieldMemo(dict[Value, Met]):
    """Value of one field -> the tests of one route's rules that it may meet. A value seen before costs one look-up."""

    __slots__ = ("_budget", "_find", "_relevant")

    def __init__(self, index: FieldIndex, relevant: Met, budget: Budget) -> None:
        super().__init__()
        self._find = index.find
        self._relevant = relevant
        self._budget = budget
        budget.watch(self.clear)

    def __missing__(self, value: Value) -> Met:
        met = self._find(value) & self._relevant
        size = len(value) if isinstance(value, str | tuple) else 8
        if size <= LONGEST:
            if len(self) >= MOST_ENTRIES:
                self.clear()
            self._budget.spend(size + _ENTRY_BYTES)
            self[value] = met
        return met
