"""A set of numbers as the stretches that they form: millions of lines in a row take the room of one."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right

_MASK = 2**62 - 1


class Intervals:
    """Whole numbers, each once. 16 bytes a stretch; numbers beyond 62 bits, which only forgers send, are cut."""

    __slots__ = ("_ends", "_starts")

    def __init__(self) -> None:
        self._starts = array("q")
        self._ends = array("q")

    def add(self, first: int, number: int = 1) -> None:
        """first, first + 1, ...: so many; any of them may be there already."""
        if number <= 0:
            return
        first &= _MASK
        end = first + number
        starts, ends = self._starts, self._ends
        if not starts or first > ends[-1]:
            starts.append(first)
            ends.append(end)
        elif first == ends[-1]:
            ends[-1] = end
        else:
            low = bisect_left(ends, first)  # the first stretch that this one touches
            high = bisect_right(starts, end)  # the one after the last
            if low < high:
                first, end = min(first, starts[low]), max(end, ends[high - 1])
            starts[low:high] = array("q", [first])
            ends[low:high] = array("q", [end])

    def __len__(self) -> int:
        return sum(self._ends) - sum(self._starts)

    def stretches(self) -> list[tuple[int, int]]:
        """[(first, one after the last), ...] in order, with room between any two."""
        return list(zip(self._starts, self._ends, strict=True))
