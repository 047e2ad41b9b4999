"""What is remembered of the values seen: their answers as small numbers, and a bound."""

from __future__ import annotations

from collections.abc import Callable, Iterable

MOST_BYTES = 48 << 20
MOST_SETS = 20_000


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
        """Something of so many bytes is remembered."""
        self._used += size

    def settle(self) -> None:
        """Between batches: forgets everything when too much is remembered."""
        if self._used > self._most:
            self._used = 0
            for clear in self._clear:
                clear()


class Answers:
    """Sets of tests as small numbers: 0 for none, and the same number for the same set."""

    def __init__(self) -> None:
        self.sets: list[frozenset[int]] = []
        self._numbers: dict[frozenset[int], int] = {}
        self.clear()

    def clear(self) -> None:
        """The numbers that were given become void."""
        self.sets = [frozenset()]
        self._numbers = {self.sets[0]: 0}

    @property
    def full(self) -> bool:
        """Whether so many different answers were given that it is time to start afresh."""
        return len(self.sets) > MOST_SETS

    def number(self, tests: Iterable[int]) -> int:
        """The number that stands for these tests."""
        wanted = frozenset(tests)
        number = self._numbers.get(wanted)
        if number is None:
            number = self._numbers[wanted] = len(self.sets)
            self.sets.append(wanted)
        return number
