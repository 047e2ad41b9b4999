"""How often each test holds, measured on some events: the rare ones are worth searching for."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from itertools import chain

from soc.core.event import Event, Scalar
from soc.sigma.field import hashable
from soc.sigma.needle import needles
from soc.sigma.part import Part
from soc.sigma.predicate import Regex, Text, ValueTest
from soc.sigma.scan import Searched, framed, make_scanner
from soc.sigma.text import as_text, fold
from soc.sigma.tree import KEYWORDS, Leaf
from soc.sigma.witness import Key, guess

_PRIOR = 12
"""So many events the guess counts for."""
_SOME = 100
_DEAR = 40
"""Values on which expressions, networks and numbers are tried."""


def measure(conditions: Iterable[Iterable[Leaf]], events: Sequence[Event]) -> dict[Key, float]:
    """The share of events (0 to 1) that meet each test of the conditions: a guess, corrected by the events."""
    tests: dict[str, dict[ValueTest, None]] = defaultdict(dict)
    for leaf in chain.from_iterable(conditions):
        if isinstance(leaf.test, ValueTest):
            tests[leaf.field][leaf.test] = None
    shares: dict[Key, float] = {}
    for field, found in tests.items():
        counts = _values(events, field) if field != KEYWORDS else Counter()
        held = _held(found, counts)
        for test in found:
            key = (field, test)
            shares[key] = (held.get(test, 0) + _PRIOR * guess(key)) / (len(events) + _PRIOR)
    return shares


def measure_part(part: Part, events: Sequence[Event]) -> float:
    """The share of events that can meet this part of a condition."""
    counts = Counter(hashable(event.get(part.field)) for event in events)
    few = counts.most_common(_SOME)
    held = sum(count for value, count in few if part.holds(value))
    return (held + 1) / (sum(count for _, count in few) + 2)


def news(fields: Iterable[str], events: Sequence[Event]) -> dict[str, float]:
    """The share of events with a value that no event before had, of each field; of a few events a small one."""
    asked = len(events) + _PRIOR
    return {field: len({hashable(event.get(field)) for event in events}) / asked for field in fields}


def texts_of(field: str, events: Sequence[Event]) -> str:
    """The field's values, each once, folded and framed."""
    return framed({fold(as_text(value)) for value in _values(events, field)})


def _values(events: Sequence[Event], field: str) -> Counter[Scalar]:
    counts: Counter[Scalar] = Counter()
    for event in events:
        value = hashable(event.get(field))
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
    scanner = make_scanner(searched, framed(texts), few=True)
    for place, marks in scanner.find(list(texts)).items():
        for number in scanner.tests(marks):
            held[searched[number]] = held.get(searched[number], 0) + often[place]
    return held
