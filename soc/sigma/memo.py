"""The bound of what is remembered of the values seen."""

from __future__ import annotations

from collections.abc import Callable

MOST_BYTES = 48 << 20


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
