"""Hits wait here until the watermark passes them, and leave in the order of event time."""

from __future__ import annotations

from heapq import heappop, heappush

from soc.core.event import Event

# (event time, origin, offset, tie, rule id, arrival, event): sorts as it stands, the event never being compared.
Waiting = tuple[int, str, int, str, str, int, Event]


class ReorderBuffer:
    """A coarse bucket for each stretch of event time, sorted only when its turn comes."""

    def __init__(self, width: int) -> None:
        self._width = max(width, 1)
        self._buckets: dict[int, list[Waiting]] = {}
        self._order: list[int] = []
        self._length = 0

    def add(self, waiting: Waiting) -> None:
        """Takes a hit, in any order."""
        number = waiting[0] // self._width
        bucket = self._buckets.get(number)
        if bucket is None:
            self._buckets[number] = bucket = []
            heappush(self._order, number)
        bucket.append(waiting)
        self._length += 1

    def take(self, before: int) -> list[Waiting]:
        """Removes every hit whose time is earlier than ``before`` (µs), in order."""
        taken: list[Waiting] = []
        order, width = self._order, self._width
        while order and order[0] * width < before:
            bucket = self._buckets[order[0]]
            bucket.sort()
            if bucket[-1][0] < before:
                del self._buckets[heappop(order)]
                taken += bucket
                continue
            cut = next(place for place, waiting in enumerate(bucket) if waiting[0] >= before)
            taken += bucket[:cut]
            del bucket[:cut]
            break
        self._length -= len(taken)
        return taken

    def oldest_bucket_end(self) -> int:
        """µs: everything in the oldest bucket is earlier than this; IndexError when the buffer is empty."""
        return (self._order[0] + 1) * self._width

    def __len__(self) -> int:
        return self._length

    def dump(self) -> list[Waiting]:
        """Everything that waits, in order."""
        return sorted(waiting for bucket in self._buckets.values() for waiting in bucket)
