"""When hits happened within a sliding window, and how many: times only, no events."""

from __future__ import annotations


class Slots:
    """Weights by time, oldest first; equal times share a slot.

    Exact while the window holds at most ``limit`` different times. Beyond that neighbouring slots are merged in
    pairs, each kept under its later time: totals stay exact, and what falls out at the window's edge is late by
    at most the distance of a pair.
    """

    __slots__ = ("_head", "_limit", "_times", "_weights", "total")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._times: list[int] = []
        self._weights: list[int] = []
        self._head = 0
        self.total = 0

    def slide(self, time: int, horizon: int, weight: int = 1) -> int:
        """Drops what is older than the horizon, adds weight at time (never before the last); the new total."""
        times, weights = self._times, self._weights
        if times:
            if times[self._head] < horizon:
                self._expire(horizon)
            if times and times[-1] == time:
                weights[-1] += weight
                self.total += weight
                return self.total
        times.append(time)
        weights.append(weight)
        self.total += weight
        if len(times) - self._head > self._limit:
            self._merge()
        return self.total

    @property
    def first(self) -> int:
        """The oldest time in the window; IndexError when it is empty."""
        return self._times[self._head]

    @property
    def last(self) -> int:
        """The latest time; IndexError when it is empty."""
        return self._times[-1]

    def __len__(self) -> int:
        return len(self._times) - self._head

    def _expire(self, horizon: int) -> None:
        times, weights, head = self._times, self._weights, self._head
        end = len(times)
        gone = 0
        while head < end and times[head] < horizon:
            gone += weights[head]
            head += 1
        self.total -= gone
        if head == end or head > 256 + end // 2:
            del times[:head], weights[:head]
            head = 0
        self._head = head

    def _merge(self) -> None:
        times, weights = self._times[self._head :], self._weights[self._head :]
        odd = len(times) % 2
        self._times = times[:odd] + times[odd + 1 :: 2]
        self._weights = weights[:odd] + [a + b for a, b in zip(weights[odd::2], weights[odd + 1 :: 2], strict=True)]
        self._head = 0

    def dump(self) -> list[list[int]]:
        """Times and weights, to be put back with ``load``."""
        return [self._times[self._head :], self._weights[self._head :]]

    def load(self, saved: list[list[int]]) -> None:
        """The inverse of dump."""
        self._times, self._weights = list(saved[0]), list(saved[1])
        self._head = 0
        self.total = sum(self._weights)
