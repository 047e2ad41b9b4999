"""All tests that any rule makes on one field, answered together for a value."""

from __future__ import annotations

from collections.abc import Sequence
from string import whitespace

from soc.core.event import Event, Scalar, Value
from soc.sigma.evaluate import haystacks
from soc.sigma.predicate import Cidr, Compare, Regex, Text, ValueTest
from soc.sigma.scan import make_scanner
from soc.sigma.text import as_text, fold

Met = frozenset[int]
"""Numbers of tests that a value may meet."""

NOTHING: Met = frozenset()
_JSON = frozenset(("{", "", *whitespace))
Numbered = Sequence[tuple[int, ValueTest]]


class FieldIndex:
    """Exact texts in one dict, every other text and expression in one scanner, networks and numbers one by one."""

    def __init__(self, tests: Numbered) -> None:
        self._exact: dict[str, tuple[int, ...]] = {}
        self._others: list[tuple[int, ValueTest]] = []
        searched: list[tuple[int, Text | Regex]] = []
        for number, test in tests:
            if isinstance(test, Cidr | Compare):
                self._others.append((number, test))
            elif isinstance(test, Text) and test.shape == "exact":
                folded = fold(test.literal or "")
                self._exact[folded] = (*self._exact.get(folded, ()), number)
            else:
                searched.append((number, test))
        self._numbers = [number for number, _ in searched]
        self._scan = make_scanner([test for _, test in searched]).scan if searched else None

    def find(self, value: Value) -> Met:
        """The tests that a value may meet: never too few.

        True, 1 and 1.0 are one key in a memo, so each is taken for all of them.
        """
        if isinstance(value, str):
            return self._find_one(value)
        if value is None:
            return NOTHING
        if isinstance(value, tuple):
            return NOTHING.union(*map(self.find, value))
        if value in (0, 1):
            return self._find_one(bool(value)) | self._find_one(int(value))
        return self._find_one(value)

    def _find_one(self, value: Scalar) -> Met:
        text = as_text(value)
        met: list[int] = []
        if self._exact:
            met += self._exact.get(fold(text), ())
        if self._scan is not None:
            numbers = self._numbers
            met += [numbers[found] for found in self._scan(text)]
        if self._others:
            met += [number for number, test in self._others if test.holds(value)]
        return frozenset(met) if met else NOTHING


class KeywordIndex:
    """The tests that search a whole event. Its texts are joined for one scan; expressions, with anchors, are not."""

    def __init__(self, tests: Numbered) -> None:
        self._texts = FieldIndex([(number, test) for number, test in tests if isinstance(test, Text)])
        self._expressions = [(number, test) for number, test in tests if isinstance(test, Regex)]

    def find(self, event: Event) -> Met:
        """The tests that one of the event's texts may meet."""
        met = self._texts.find(_joined(event))
        if not self._expressions:
            return met
        texts = haystacks(event)
        return met.union(number for number, test in self._expressions if any(map(test.holds, texts)))


def _joined(event: Event) -> str:
    """Every text of the event's haystacks, and perhaps more ("None", "True"), in one: quick, and never too little."""
    raw = event.get("event.original")
    if isinstance(raw, str) and raw[:1] not in _JSON:
        message = event.get("message")
        return f"{raw}\n{message}" if isinstance(message, str) else raw
    values = event.values()
    return "\n".join(haystacks(event) if tuple in map(type, values) else map(str, values))
