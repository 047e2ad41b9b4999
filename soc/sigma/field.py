"""All tests that a route's rules need on one field, answered for many values at once and remembered.

The answer for a value is a small number that stands for the set of tests that it may meet, 0 for none.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import compress
from typing import NamedTuple, TypeVar, cast

from soc.core.event import Scalar, Value
from soc.sigma.memo import Answers, Budget
from soc.sigma.needle import SEPARATOR
from soc.sigma.part import Part
from soc.sigma.predicate import Cidr, Compare, ValueTest
from soc.sigma.scan import Found, Searched, make_scanner, put
from soc.sigma.text import as_text

Numbered = Sequence[tuple[int, ValueTest]]
NumberedParts = Sequence[tuple[int, Part]]
MOST_VALUES = 20_000
LONGEST = 4096
_ENTRY_BYTES = 160
_MARK_BYTES = 60
_AnyValue = TypeVar("_AnyValue", Value, Scalar)
_FEW = 2000
_TEXT = {str}


class Tests:
    """Texts and expressions in one scanner, networks and numbers one by one.

    What is found of a value are the scanner's marks, and below 0 tests themselves (~number).
    """

    def __init__(self, tests: Numbered, seen: str = "", *, few: bool = False) -> None:
        """seen: values of the field, folded and framed, for the choice of needles; few: for few values."""
        self._others: list[tuple[int, ValueTest]] = []
        searched: list[Searched] = []
        self._numbers: list[int] = []
        for number, test in tests:
            if isinstance(test, Cidr | Compare):
                self._others.append((number, test))
            else:
                self._numbers.append(number)
                searched.append(test)
        self._scanner = make_scanner(searched, seen, few=few) if searched else None

    def find(self, values: Sequence[Scalar], texts: Sequence[str]) -> Found:
        """Place of the value -> marks of the tests that it may meet, never too few."""
        found = {} if self._scanner is None else self._scanner.find(texts)
        for number, test in self._others:
            put(found, ~number, (place for place, value in enumerate(values) if test.holds(value)))
        return found

    def met(self, marks: Iterable[int]) -> set[int]:
        """The numbers of the tests that a value with these marks may meet."""
        met = {~mark for mark in marks if mark < 0}
        if self._scanner is not None:
            met.update(self._numbers[test] for test in self._scanner.tests(mark for mark in marks if mark >= 0))
        return met


class Asked(NamedTuple):
    """What is asked of one field, each by its number.

    tests    searched for
    parts    of conditions, decided for each value
    missing  tests that a missing value alone meets
    unsure   what a value meets of which is not certain that it meets no other test than was found: [] or one
    """

    tests: Tests
    parts: NumberedParts
    missing: Sequence[int]
    unsure: Sequence[int]


class Field:
    """The memo of one field on one route."""

    def __init__(self, asked: Asked, budget: Budget) -> None:
        self._tests, self._parts, self._missing, self._unsure = asked
        self._budget = budget
        self._known: dict[Value, int] = {}
        self._by_marks: dict[frozenset[int], int] = {}
        self._none = 0
        self.answers = Answers()
        self.clear()

    def clear(self) -> None:
        """Forgets everything; the numbers that were given become void."""
        self.answers.clear()
        self._by_marks = {}
        self._none = self.answers.number(
            [*self._missing, *(number for number, part in self._parts if part.holds(None))]
        )
        self._known = {None: self._none}

    def met(self, values: Sequence[Value]) -> list[int]:
        """For each value the number of the set of tests that it may meet. Lists are read as arrays."""
        found: list[int | None]
        try:
            found = list(map(self._known.get, values))
        except TypeError:
            values = [hashable(value) for value in values]
            found = list(map(self._known.get, values))
        unknown = found.count(None)
        if not unknown:
            return cast("list[int]", found)
        if unknown == len(values):
            new = set(values)
        else:
            new = {value for value, number in zip(values, found, strict=True) if number is None}
        if len(new) == len(values):
            return self._learn(values, len(values))
        fresh = dict(zip(new, self._learn(list(new), len(values)), strict=True))
        return [fresh[value] if number is None else number for value, number in zip(values, found, strict=True)]

    def _learn(self, values: Sequence[Value], asked: int) -> list[int]:
        """The answers for new values, which are remembered unless nearly all of those asked for are new."""
        texts: Sequence[str]
        if set(map(type, values)) == _TEXT:
            texts = cast("Sequence[str]", values)
            found = self._tests.find(texts, texts)
            for number, part in self._parts:
                put(found, ~number, part.among(texts))
        else:
            texts = [str(value) for value in values]
            found = self._find(values)
            for number, part in self._parts:
                put(found, ~number, (place for place, value in enumerate(values) if _may_hold(part, value)))
        for number in self._unsure:
            if texts is not values or SEPARATOR in "".join(texts):
                odd = (place for place, value in enumerate(values) if type(value) is not str or SEPARATOR in value)
                put(found, ~number, odd)
        numbers = [0] * len(values)
        for place, marks in found.items():
            numbers[place] = self._number(frozenset(marks))
        if 2 * len(values) < asked or len(self._known) < _FEW:
            self._remember(values, numbers, list(map(len, texts)))
        return numbers

    def _find(self, values: Sequence[Value]) -> Found:
        """Values of any kind; of an array what is found of any element."""
        owners, alike = _scalars(values)
        found: Found = {}
        for at, marks in self._tests.find(alike, [as_text(value) for value in alike]).items():
            found.setdefault(owners[at], set()).update(marks)
        return found

    def _number(self, marks: frozenset[int]) -> int:
        """The answer for a value with these marks."""
        number = self._by_marks.get(marks)
        if number is None:
            number = self._by_marks[marks] = self.answers.number(self._tests.met(marks))
            self._budget.spend(_ENTRY_BYTES + _MARK_BYTES * len(marks))
        return number

    def _remember(self, values: Sequence[Value], numbers: Sequence[int], sizes: Sequence[int]) -> None:
        if len(self._known) + len(values) > MOST_VALUES:
            self._known = {None: self._none}
        self._budget.spend(sum(sizes) + len(sizes) * _ENTRY_BYTES)
        if max(sizes) <= LONGEST:
            self._known.update(zip(values, numbers, strict=True))
        else:
            short = (size <= LONGEST for size in sizes)
            self._known.update(compress(zip(values, numbers, strict=True), short))


def _scalars(values: Iterable[Value]) -> tuple[Sequence[int], Sequence[Scalar]]:
    """Whose they are, and every single value to be tested: an array's elements, and what equals a value as a key."""
    owners: list[int] = []
    alike: list[Scalar] = []
    for place, value in enumerate(values):
        for one in value if isinstance(value, tuple) else (value,):
            for scalar in _same(one):
                if scalar is not None:
                    owners.append(place)
                    alike.append(scalar)
    return owners, alike


def _may_hold(part: Part, value: Value) -> bool:
    return _is_ambiguous(value) or any(map(part.holds, _same(value)))


def _same(value: _AnyValue) -> tuple[_AnyValue, ...]:
    """True, 1 and 1.0 are one key in a memo, so each is taken for all of them."""
    return (bool(value), int(value)) if isinstance(value, int | float) and value in (0, 1) else (value,)


def _is_ambiguous(value: Value) -> bool:
    """Whether it is an array that equals others as a key: (True,) and (1,)."""
    return isinstance(value, tuple) and any(isinstance(one, int | float) and one in (0, 1) for one in value)


def hashable(value: object) -> Value:
    """JSON's lists as arrays; what is nested deeper as its text."""
    if isinstance(value, list | tuple):
        return tuple(one if isinstance(one, str | int | float | bool | None) else str(one) for one in value)
    return value if isinstance(value, str | int | float | bool | None) else str(value)
