"""How often each test holds, measured on some events: the rare ones are worth searching for."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable

from soc.core.batch import Batch
from soc.core.event import Scalar, Value
from soc.sigma.field import hashable
from soc.sigma.needle import needles
from soc.sigma.part import Part
from soc.sigma.predicate import Regex, Text, ValueTest
from soc.sigma.scan import Searched, make_scanner
from soc.sigma.text import as_text, fold
from soc.sigma.tree import KEYWORDS, Leaf
from soc.sigma.witness import Key, guess

MOST = 512
"""Events of which the values are kept."""
_PRIOR = 12
"""So many events the guess counts for."""
_SOME = 100
_DEAR = 40
"""Values on which expressions, networks and numbers are tried."""


class Sample:
    """The values of a route's first events in the fields that its rules read: how often each test holds there."""

    def __init__(self, fields: Iterable[str]) -> None:
        self._columns: dict[str, list[Value]] = {field: [] for field in fields}
        self._size = 0

    def add(self, events: Batch) -> None:
        """Takes these events too, if there is room."""
        room = MOST - self._size
        if room > 0:
            for field, column in self._columns.items():
                column += events.column(field)[:room]
            self._size += min(room, len(events))

    def clear(self) -> None:
        """Forgets the events."""
        for column in self._columns.values():
            column.clear()
        self._size = 0

    def shares(self, tests: Iterable[Leaf]) -> dict[Key, float]:
        """The share of events (0 to 1) that meet each of these tests: a guess, corrected by the events."""
        by_field: dict[str, dict[ValueTest, None]] = defaultdict(dict)
        for leaf in tests:
            if isinstance(leaf.test, ValueTest):
                by_field[leaf.field][leaf.test] = None
        shares: dict[Key, float] = {}
        for field, found in by_field.items():
            held = _held(found, self._counts(field)) if field != KEYWORDS else {}
            for test in found:
                key = (field, test)
                shares[key] = (held.get(test, 0) + _PRIOR * guess(key)) / (self._size + _PRIOR)
        return shares

    def share(self, part: Part) -> float:
        """The share of events that can meet this part of a condition."""
        few = Counter(map(hashable, self._columns[part.field])).most_common(_SOME)
        held = sum(count for value, count in few if part.holds(value))
        return (held + 1) / (sum(count for _, count in few) + 2)

    def news(self) -> dict[str, float]:
        """The share of events with a value that no event before had, of each field; of a few events a small one."""
        asked = self._size + _PRIOR
        return {field: len(set(map(hashable, column))) / asked for field, column in self._columns.items()}

    def texts(self, field: str) -> str:
        """The field's values, each once, folded."""
        return "\n".join({fold(as_text(value)) for value in self._counts(field)})

    def _counts(self, field: str) -> Counter[Scalar]:
        counts: Counter[Scalar] = Counter()
        for value in map(hashable, self._columns[field]):
            if isinstance(value, tuple):
                counts.update(value)
            elif value is not None:
                counts[value] += 1
        return counts


def _held(tests: Iterable[ValueTest], counts: Counter[Scalar]) -> dict[ValueTest, int]:
    """How many events meet each test; those that none meets may be missing."""
    if not counts:
        return {}
    texts: Counter[str] = Counter()
    for value, count in counts.items():
        texts[fold(as_text(value))] += count
    few = list(counts.items())[:_DEAR]
    scale = sum(counts.values()) / sum(count for _, count in few)
    held: dict[ValueTest, int] = {}
    searched: list[Searched] = []
    for test in tests:
        if isinstance(test, Text) and test.shape == "exact":
            held[test] = texts.get(fold(test.literal or ""), 0)
        elif isinstance(test, Text | Regex) and needles(test):
            searched.append(test)
        else:
            held[test] = int(scale * sum(count for value, count in few if test.holds(value)))
    often = list(texts.values())
    scanner = make_scanner(searched, "\n".join(texts), few=True)
    for place, marks in scanner.find(list(texts)).items():
        for number in scanner.tests(marks):
            held[searched[number]] = held.get(searched[number], 0) + often[place]
    return held
