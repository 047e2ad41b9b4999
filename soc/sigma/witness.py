"""Which tests a rule cannot do without: sets of leaves of which at least one must hold for the rule to fire.

A rule is looked at only when an event meets one leaf of each of its chosen sets, so the sets that are
met least often make the cheapest rule. Nothing is multiplied out: the work is linear in the condition.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from soc.sigma.part import Part
from soc.sigma.predicate import Cidr, Compare, Regex, Test, Text, ValueTest
from soc.sigma.tree import KEYWORDS, And, Leaf, Node, Not, Or

MOST = 4
"""Sets kept for a rule: the first finds it, the others filter."""

COMMON = 0.7
"""A set that more events meet is not worth its search; one of keywords always is: a look for these reads all values."""
FILTERING = 0.3
"""Nor is it as a further set, when more meet it than this."""
RARE = 0.001
"""A rule that fewer events reach needs no further set."""
_SEARCH = 1e-4
"""What it costs to make one more test searchable, as the share of events on which a rule would be looked at."""

_FOUND = 0.5
"""What it costs to find a test in a value, likewise. To decide a part of a condition costs as much as a look."""

Key = tuple[str, ValueTest | Part]
"""A leaf as the engine sees it: our field, and the test; or a part of the condition that reads this field alone."""

Frequency = Callable[[tuple[str, ValueTest]], float]
"""How often a test holds, 0 to 1: a guess before events were seen, a measure after."""


@dataclass(frozen=True, slots=True)
class Witness:
    """One necessary set, the share of events that are expected to meet it, and the fields that it reads."""

    keys: frozenset[Key]
    cost: float
    fields: frozenset[str]


class Chooser:
    """Finds a condition's best necessary sets.

    dear: field -> what it costs to look at it in every event, shared by the rules that read it, as the share of events
    on which one of them could be looked at instead. new: field -> the share of events with a value that none had
    before, of which every test that is found costs anew.
    """

    def __init__(self, frequency: Frequency, dear: Mapping[str, float], new: Mapping[str, float]) -> None:
        self._frequency = frequency
        self._dear = dear
        self._new = new

    def enough(self, found: Iterable[Witness]) -> list[Witness]:
        """Of these sets as many as make the rule rare together; [] when all of them are common."""
        chosen: list[Witness] = []
        together = 1.0
        for one in self._best(found):
            if together < RARE:
                break
            common = 1.0 if KEYWORDS in one.fields else COMMON
            if one.cost <= common if not chosen else self._filters(one, together):
                chosen.append(one)
                together *= one.cost
        return chosen

    def _filters(self, one: Witness, reached: float) -> bool:
        """Whether this spares more looks, at a rule that is reached by this share of events, than to find it costs."""
        return one.cost + self._dearness(one) <= FILTERING and self._finding(one) <= reached * (1 - one.cost)

    def _finding(self, one: Witness) -> float:
        new = max((self._new.get(field, 0.0) for field in one.fields), default=0.0)
        return new * (_FOUND * one.cost + sum(isinstance(test, Part) for _, test in one.keys))

    def telling(self, tests: Iterable[tuple[str, Test]]) -> float:
        """What it costs to find these tests too, as the share of events on which a rule could be looked at instead."""
        return sum(
            _SEARCH + self._new.get(field, 0.0) * self._frequency((field, test))
            for field, test in tests
            if isinstance(test, ValueTest)
        )

    def found(self, node: Node) -> list[Witness]:
        """Necessary for the node to hold, the best sets first; [] when it can hold without any test holding."""
        if isinstance(node, Leaf):
            if isinstance(node.test, Text | Regex | Cidr | Compare):
                cost = self._frequency((node.field, node.test))
                return [Witness(frozenset(((node.field, node.test),)), cost, frozenset((node.field,)))]
            return []
        if isinstance(node, And):
            return self._best(one for child in node.children for one in self.found(child))
        if isinstance(node, Not):
            return self._failing(node.child)
        return self._union([self.found(child) for child in node.children])

    def _failing(self, node: Node) -> list[Witness]:
        """Necessary for the node not to hold."""
        if isinstance(node, Not):
            return self.found(node.child)
        if isinstance(node, Or):
            return self._best(one for child in node.children for one in self._failing(child))
        if isinstance(node, And):
            return self._union([self._failing(child) for child in node.children])
        return []

    def _union(self, children: list[list[Witness]]) -> list[Witness]:
        """For "or": any child may be the one that holds, so a set must have a part of each."""
        if not all(children):
            return []
        made = []
        for rank in range(max(len(child) for child in children)):
            chosen = [child[min(rank, len(child) - 1)] for child in children]
            keys = frozenset().union(*(one.keys for one in chosen))
            fields = frozenset().union(*(one.fields for one in chosen))
            made.append(Witness(keys, min(1.0, sum(one.cost for one in chosen)), fields))
        return self._best(made)

    def _best(self, found: Iterable[Witness]) -> list[Witness]:
        unique = list({one.keys: one for one in found}.values())
        if len(unique) > 1:
            unique.sort(key=lambda one: one.cost + self._finding(one) + _SEARCH * len(one.keys) + self._dearness(one))
        return unique[:MOST]

    def _dearness(self, one: Witness) -> float:
        return sum(self._dear.get(field, 0.0) for field in one.fields)


@lru_cache(maxsize=65536)
def guess(key: tuple[str, ValueTest]) -> float:
    """Before any event was seen: the longer the text, the rarer."""
    test = key[1]
    if isinstance(test, Compare):
        return 0.5
    if isinstance(test, Cidr):
        return max(0.01, 0.5 - test.network.prefixlen / (2 * test.network.max_prefixlen))
    if isinstance(test, Regex):
        return 0.02
    if test.shape == "any":
        return 1.0
    letters = sum(_rarity(part) for part in test.parts if isinstance(part, str))
    return max(0.00002, (0.3 if test.shape == "exact" else 0.5) * 0.6**letters)


def _rarity(text: str) -> int:
    """Its length in letters of ASCII: those of another script, and signs yet more, stand for several."""
    if text.isascii():
        return len(text)
    return sum(1 if letter < "\x80" else 4 if letter < "\u2000" else 16 for letter in text)
