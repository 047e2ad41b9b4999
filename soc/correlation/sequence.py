"""temporal_ordered: did the rules hit one after the other, in the order of the list, within the window?"""

from __future__ import annotations

from typing import Any

NEVER = -(1 << 62)


class Ordered:
    """For each step, the latest moment at which a chain of hits up to that step can have begun.

    A chain of hits 1..k lies in the window exactly when the latest possible beginning of one does, so one number
    a step is enough, however many hits there are. A chain takes each next hit from a later event (in event order:
    time, then origin, then offset), so a step also keeps the number it had before the event at hand.
    """

    __slots__ = ("_at", "_before", "_began", "_last")

    def __init__(self, steps: int) -> None:
        self._began = [NEVER] * steps
        self._before = [NEVER] * steps
        self._at = [-1] * steps
        self._last = [NEVER] * steps

    def add(self, time: int, horizon: int, role: int, number: int, values: tuple[Any, ...]) -> int:
        """How many of the steps, from the first on, the window holds in order. Arguments as in Measure.add."""
        began = self._began
        self._last[role] = time
        ready = self._before if role and self._at[role - 1] == number else began
        start = ready[role - 1] if role else time
        if self._at[role] != number:
            self._before[role] = began[role]
            self._at[role] = number
        if start > began[role]:
            began[role] = start
        return self.value(horizon)

    def value(self, horizon: int) -> int:
        """As in Measure.value."""
        steps = 0
        for moment in self._began:
            if moment < horizon:
                break
            steps += 1
        return steps

    def seen(self, horizon: int) -> tuple[int | None, ...]:
        """When each rule last hit; None: not in the window."""
        return tuple(moment if moment >= horizon else None for moment in self._last)

    def __len__(self) -> int:
        return len(self._began)

    def dump(self) -> list[Any]:
        return [self._began, self._before, self._at, self._last]

    def load(self, saved: list[Any]) -> None:
        self._began, self._before, self._at, self._last = (list(part) for part in saved)
