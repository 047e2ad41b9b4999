"""What is remembered between events, and its bound: value -> tests it meets, tests met -> rules to look at."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from soc.core.event import Scalar, Value
from soc.sigma.predicate import Cidr, Compare, Regex, Text, ValueTest
from soc.sigma.scan import make_scanner
from soc.sigma.text import as_text, fold

Met = frozenset[int]
"""Numbers of tests that a value meets."""

NOTHING: Met = frozenset()
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
        self._clear.append(clear)

    def spend(self, size: int) -> None:
        self._used += size
        if self._used > self._most:
            self._used = 0
            for clear in self._clear:
                clear()


class FieldMemo(dict[Value, Met]):
    """Value of one field -> the tests that it may meet. A value seen before costs one look-up.

    True, 1 and 1.0 are one key to a dict, so each stands for all of them: too many tests, never too few.
    """

    __slots__ = ("_budget", "_exact", "_numbers", "_others", "_scanner")

    def __init__(self, tests: Sequence[tuple[int, ValueTest]], budget: Budget) -> None:
        super().__init__()
        self._budget = budget
        self._exact: dict[str, list[int]] = {}
        self._others: list[tuple[int, ValueTest]] = []
        searched: list[tuple[int, Text | Regex]] = []
        for number, test in tests:
            if isinstance(test, Cidr | Compare):
                self._others.append((number, test))
            elif isinstance(test, Text) and test.shape == "exact":
                self._exact.setdefault(fold(test.literal or ""), []).append(number)
            else:
                searched.append((number, test))
        self._numbers = [number for number, _ in searched]
        self._scanner = make_scanner([test for _, test in searched]) if searched else None
        budget.watch(self.clear)

    def __missing__(self, value: Value) -> Met:
        met = self.find(value)
        size = len(value) if isinstance(value, str | tuple) else 8
        if size <= LONGEST:
            if len(self) >= MOST_ENTRIES:
                self.clear()
            self._budget.spend(size + _ENTRY_BYTES)
            self[value] = met
        return met

    def find(self, value: Value) -> Met:
        """The tests that a value may meet, computed."""
        if value is None:
            return NOTHING
        if isinstance(value, tuple):
            return NOTHING.union(*map(self.find, value))
        if isinstance(value, str):
            return self._find_one(value)
        if value in (0, 1):
            return self._find_one(bool(value)) | self._find_one(int(value))
        return self._find_one(value)

    def _find_one(self, value: Scalar) -> Met:
        text = as_text(value)
        found = self._exact.get(fold(text))
        met = list(found) if found else []
        if self._scanner is not None:
            numbers = self._numbers
            met += [numbers[found] for found in self._scanner.scan(text)]
        if self._others:
            met += [number for number, test in self._others if test.holds(value)]
        return frozenset(met) if met else NOTHING
