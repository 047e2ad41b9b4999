"""A level that a few wild values cannot move: where the middle is and how far values usually are from it."""

from __future__ import annotations

import math

import msgspec

CLIP = 3.0
SLOWEST = 0.02
NORMAL = 1.2533
"""Standard deviation of a normal distribution over its mean absolute deviation: sqrt(pi / 2)."""


class Level(msgspec.Struct, array_like=True):
    """Location and spread, updated value by value: Huber's M-estimator (Annals of Mathematical Statistics 35, 1964)
    with each step clipped at CLIP spreads, so one value of any size counts as three usual ones.

    number  values seen; middle, spread: of the values, spread as mean absolute deviation
    """

    number: int = 0
    middle: float = 0.0
    spread: float = 0.0

    def add(self, value: float, floor: float = 0.1) -> None:
        """floor: the least spread that is believed, in units of the values."""
        self.number += 1
        if self.number == 1:
            self.middle = value
            return
        step = max(1 / self.number, SLOWEST)
        reach = CLIP * max(self.spread, floor)
        error = min(max(value - self.middle, -reach), reach)
        self.middle += step * error
        self.spread += step * (abs(error) - self.spread)

    def distance(self, value: float, floor: float) -> float:
        """How many standard deviations a value is above the middle (below: negative); floor as the least deviation."""
        return (value - self.middle) / math.hypot(NORMAL * self.spread, floor)
