"""Chance that repeats: the same seed tells the same story on every Python.

Only ``Random.random()`` is used, whose sequence Python promises to keep; choice, shuffle and the distributions
have changed between versions. No logarithms either, since maths libraries differ in the last digit.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import TypeVar

Item = TypeVar("Item")


class Dice:
    """One purpose's own stream of numbers, so that a change in one part of the story leaves the others alone."""

    def __init__(self, seed: int, purpose: str) -> None:
        self.random = Random(f"{seed} {purpose}").random  # noqa: S311 - a story needs no secrets

    def chance(self, probability: float) -> bool:
        """True in that share of throws."""
        return self.random() < probability

    def whole(self, low: int, high: int) -> int:
        """A whole number from low to high, both included."""
        return low + int(self.random() * (high - low + 1))

    def skewed(self, low: int, high: int) -> int:
        """Like whole, but mostly near low with a long tail, as sizes and durations are."""
        return low + int(self.random() ** 4 * (high - low))

    def pick(self, items: Sequence[Item]) -> Item:
        """One of the items, each as likely."""
        return items[int(self.random() * len(items))]

    def some(self, items: Sequence[Item], count: int) -> list[Item]:
        """That many different items, in random order."""
        left = list(items)
        return [left.pop(int(self.random() * len(left))) for _ in range(min(count, len(left)))]

    def digits(self, alphabet: str, length: int) -> str:
        """A text of that length over the alphabet, for ids."""
        return "".join([alphabet[int(self.random() * len(alphabet))] for _ in range(length)])

    def hexadecimal(self, length: int) -> str:
        """That many hex digits."""
        return self.digits("0123456789abcdef", length)
