"""All tests that a route's rules need on one field, answered for many values at once and remembered.

The answer for a value is a small number that stands for the set of tests that it may meet, 0 for none.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar, cast

from soc.core.event import Scalar, Value
from soc.sigma.memo import Answers, Budget
from soc.sigma.part import Part
from soc.sigma.predicate import Cidr, Compare, Text, ValueTest
from soc.sigma.scan import Searched, make_scanner
from soc.sigma.text import as_text, fold

Numbered = Sequence[tuple[int, ValueTest]]
NumberedParts = Sequence[tuple[int, Part]]
MOST_VALUES = 20_000
LONGEST = 4096
_ENTRY_BYTES = 160
_AnyValue = TypeVar("_AnyValue", Value, Scalar)
_FEW = 2000
_TEXT = {str}


class Tests:
    """Exact texts in one dict, other texts and expressions in one scanner, networks and numbers one by one."""

    def __init__(self, tests: Numbered, *, few: bool = False) -> None:
        self._exact: dict[str, tuple[int, ...]] = {}
        self._others: list[tuple[int, ValueTest]] = []
        searched: list[Searched] = []
        self._numbers: list[int] = []
        for number, test in tests:
            if isinstance(test, Cidr | Compare):
                self._others.append((number, test))
            elif isinstance(test, Text) and test.shape == "exact":
                folded = fold(test.literal or "")
                self._exact[folded] = (*self._exact.get(folded, ()), number)
            else:
                self._numbers.append(number)
                searched.append(test)
        self._scanner = make_scanner(searched, few=few) if searched else None

    def find(self, values: Sequence[Scalar], texts: Sequence[str]) -> Iterator[tuple[int, int]]:
        """(place of the value, number of a test that it may meet): never too few, repeats allowed."""
        if self._exact:
            folded = map(str.lower, texts) if all(map(str.isascii, texts)) else map(fold, texts)
            for place, numbers in enumerate(map(self._exact.get, folded)):
                if numbers:
                    for number in numbers:
                        yield place, number
        if self._scanner is not None:
            numbered = self._numbers
            for place, searched in self._scanner.find(texts):
                yield place, numbered[searched]
        for number, test in self._others:
            for place, value in enumerate(values):
                if test.holds(value):
                    yield place, number


class Field:
    """The memo of one field on one route."""

    def __init__(self, tests: Tests, parts: NumberedParts, budget: Budget) -> None:
        self._tests = tests
        self._parts = parts
        self._budget = budget
        self._known: dict[Value, int] = {}
        self._none = 0
        self.answers = Answers()
        self.clear()

    def clear(self) -> None:
        """Forgets everything; the numbers that were given become void."""
        self.answers.clear()
        self._none = self.answers.number(number for number, part in self._parts if part.holds(None))
        self._known = {None: self._none}

    def met(self, values: list[Value]) -> list[int]:
        """For each value the number of the set of tests that it may meet. Lists are read as arrays."""
        try:
            found = cast("list[int]", list(map(self._known.get, values)))
        except TypeError:
            values = [hashable(value) for value in values]
            found = cast("list[int]", list(map(self._known.get, values)))
        if None in found:
            new = {value for value, number in zip(values, found, strict=True) if number is None}
            fresh = self._learn(new, len(values))
            found = [fresh[value] if number is None else number for value, number in zip(values, found, strict=True)]
        return found

    def _learn(self, values: set[Value], asked: int) -> dict[Value, int]:
        """The answers for new values, which are remembered unless nearly all of those asked for are new."""
        owners: Sequence[Value]
        alike: Sequence[Scalar]
        plain = set(map(type, values)) == _TEXT
        if plain:
            owners = alike = texts = cast("list[str]", list(values))
        else:
            owners, alike = _scalars(values)
            texts = [as_text(value) for value in alike]
        met: dict[Value, set[int]] = {}
        for place, number in self._tests.find(alike, texts):
            met.setdefault(owners[place], set()).add(number)
        for number, part in self._parts:
            for value in values:
                if _is_ambiguous(value) or any(map(part.holds, _same(value))):
                    met.setdefault(value, set()).add(number)
        fresh: dict[Value, int] = dict.fromkeys(values, 0)
        for value, numbers in met.items():
            fresh[value] = self.answers.number(numbers)
        if 2 * len(values) < asked or len(self._known) < _FEW:
            self._remember(fresh, texts if plain else [str(value) for value in values])
        return fresh

    def _remember(self, fresh: dict[Value, int], texts: Sequence[str]) -> None:
        if len(self._known) + len(fresh) > MOST_VALUES:
            self._known = {None: self._none}
        sizes = list(map(len, texts))
        self._budget.spend(sum(sizes) + len(sizes) * _ENTRY_BYTES)
        if max(sizes) <= LONGEST:
            self._known.update(fresh)
        else:
            self._known.update((one, fresh[one]) for one, size in zip(fresh, sizes, strict=True) if size <= LONGEST)


def _scalars(values: Iterable[Value]) -> tuple[Sequence[Value], Sequence[Scalar]]:
    """Whose they are, and every single value to be tested: an array's elements, and what equals a value as a key."""
    owners: list[Value] = []
    alike: list[Scalar] = []
    for value in values:
        if isinstance(value, str):
            owners.append(value)
            alike.append(value)
            continue
        for one in value if isinstance(value, tuple) else (value,):
            for scalar in _same(one):
                if scalar is not None:
                    owners.append(value)
                    alike.append(scalar)
    return owners, alike


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
