"""Moments of event time at which a window is over, of all correlations together."""

from __future__ import annotations

from collections.abc import Iterable
from heapq import heapify, heappop, heappush
from typing import Protocol

from soc.correlation.grouping import Key

NEVER = 1 << 62


class Timed(Protocol):
    """A correlation some of whose groups wait for a moment."""

    def fire(self, key: Key, end: int, number: int) -> bool:
        """Event time has passed ``end``; whether that was what the group waited for. number: as in Measure.add."""

    def dues(self) -> Iterable[tuple[int, Key]]:
        """(moment in µs, group) of all that waits."""


class Timers:
    """Fires in the order of time, then of the correlations (lower ones first), then of the groups.

    Groups may be forgotten or wait longer without telling, so a moment that is here says only: look again. When
    most of them are of that kind, they are collected anew, which keeps memory in proportion to the groups.
    """

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, Key]] = []
        self._lanes: list[Timed] = []
        self._collect_at = 1_024
        self.next = NEVER
        """µs: the earliest moment; NEVER when nothing waits."""

    def join(self, lane: Timed) -> int:
        """A correlation's number here."""
        self._lanes.append(lane)
        return len(self._lanes) - 1

    def at(self, end: int, order: int, key: Key) -> None:
        """Asks for ``fire`` of this group of correlation ``order`` when event time has passed ``end``."""
        heappush(self._heap, (end, order, key))
        self.next = self._heap[0][0]
        if len(self._heap) > self._collect_at:
            self.collect()

    def collect(self) -> None:
        """Takes the moments anew from those who wait."""
        self._heap = [(end, order, key) for order, lane in enumerate(self._lanes) for end, key in lane.dues()]
        heapify(self._heap)
        self._collect_at = 2 * len(self._heap) + 1_024
        self.next = self._heap[0][0] if self._heap else NEVER

    def fire(self, before: int, number: int) -> int:
        """Fires what is earlier than ``before`` (µs). What was waited for has an event number; the last one given."""
        while self.next < before:
            end, order, key = heappop(self._heap)
            self.next = self._heap[0][0] if self._heap else NEVER
            number += self._lanes[order].fire(key, end, number + 1)
        return number
