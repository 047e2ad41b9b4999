"""When hits happened within a sliding window, and how many: times only, no events."""

from __future__ import annotations

from bisect import bisect_left


class Slots:
    """Weights by time, oldest first; equal times share a slot.

    Exact while the window holds at most ``limit`` different times. Beyond that, times share a slot in steps of
    timespan / (limit / 2), each kept under its latest time: the total is exact but for what falls out at the
    window's edge, which is late by at most one step.
    """

    __slots__ = ("_head", "_limit", "_step", "_times", "_weights", "total")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._times: list[int] = []
        self._weights: list[int] = []
        self._head = 0
        self._step = 0  # µs; 0 while exact
        self.total = 0

    def slide(self, time: int, horizon: int, weight: int = 1) -> int:
        """Drops what is older than the horizon, adds weight at time (never before the last); the new total."""
        times, weights = self._times, self._weights
        if times:
            if times[self._head] < horizon:
                self._expire(horizon)
            if times and (times[-1] == time or (self._step and times[-1] // self._step == time // self._step)):
                times[-1] = time
                weights[-1] += weight
                self.total += weight
                return self.total
        times.append(time)
        weights.append(weight)
        self.total += weight
        if len(times) - self._head > self._limit:
            self._merge(max(2 * (time - horizon) // self._limit, 1))
        return self.total

    def since(self, horizon: int) -> int:
        """The weights from the horizon on (µs); nothing is dropped."""
        start = bisect_left(self._times, horizon, self._head)
        return sum(self._weights[start:])

    def first_from(self, horizon: int) -> int:
        """The oldest time that is not older than the horizon; the latest of all when there is none."""
        place = bisect_left(self._times, horizon, self._head)
        return self._times[min(place, len(self._times) - 1)]

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
            if not times:
                self._step = 0
        self._head = head

    def _merge(self, step: int) -> None:
        times, weights = self._times[self._head :], self._weights[self._head :]
        self._times, self._weights, self._head, self._step = [], [], 0, step
        for time, weight in zip(times, weights, strict=True):
            if self._times and self._times[-1] // step == time // step:
                self._times[-1] = time
                self._weights[-1] += weight
            else:
                self._times.append(time)
                self._weights.append(weight)

    def dump(self) -> list[list[int]]:
        """Times, weights and step, to be put back with ``load``."""
        return [self._times[self._head :], self._weights[self._head :], [self._step]]

    def load(self, saved: list[list[int]]) -> None:
        """The inverse of dump."""
        self._times, self._weights, (self._step,) = list(saved[0]), list(saved[1]), saved[2]
        self._head = 0
        self.total = sum(self._weights)
