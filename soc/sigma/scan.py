"""One look at many values for all patterns of a field at once: two engines behind one contract."""

from __future__ import annotations

import os
from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from itertools import accumulate
from typing import Protocol

from soc.sigma.needle import Place, needles
from soc.sigma.predicate import Regex, Text

Searched = Text | Regex
Found = dict[int, set[int]]
"""Number of a text -> marks: what was found in it, as the scanner's own numbers; a text without any may be missing."""

_SEPARATOR = 1


class Scanner(Protocol):
    """Finds which of its tests some texts may meet: never too few; one too many is caught by the evaluation.

    Texts of one field have few sets of marks among them, so who asks remembers what tests a set stands for.
    """

    def find(self, texts: Sequence[str]) -> Found:
        """The marks of these texts, which have their case."""

    def find_encoded(self, texts: Sequence[bytes]) -> Found:
        """The same for texts in UTF-8."""

    def tests(self, marks: Iterable[int]) -> set[int]:
        """The numbers of the tests that a text with these marks may meet."""


MakeScanner = Callable[[Sequence[Searched], str], Scanner]


class Needles:
    """The needles of a field's tests, each once, and what tests the finding of one stands for.

    Marks: a needle's number, for tests that ask no more; the same plus their number, where it begins the text; plus
    twice their number, where it ends it; and from direct on, tests by their number that have no needle.
    """

    def __init__(self, tests: Sequence[Searched], seen: str) -> None:
        """seen: values of the field, folded: what is rare in them is searched for."""
        self.without: list[tuple[int, Searched]] = []
        owners: dict[str, dict[Place, list[int]]] = {}
        for number, test in enumerate(tests):
            found = needles(test, seen)
            if not found:
                self.without.append((number, test))
            for one in found:
                owners.setdefault(one.text, {}).setdefault(one.place, []).append(number)
        self.texts = list(owners)
        self.direct = len(Place) * len(self.texts)
        self._owners = [places.get(place, ()) for place in Place for places in owners.values()]
        self._anywhere = {n for n, places in enumerate(owners.values()) if Place.ANYWHERE in places}
        self._placed = {n for n, places in enumerate(owners.values()) if places.keys() != {Place.ANYWHERE}}

    def placed(self, hits: Iterable[tuple[int, int]], lengths: Iterable[int]) -> Found:
        """The marks of texts that were searched as one, with one separator after each.

        hits: (number of the needle, where it ends). lengths: of each text, in the same unit.
        """
        ends, count, anywhere, placed = ends_of(lengths), len(self.texts), self._anywhere, self._placed
        found: Found = {}
        marks: set[int] = set()
        first = last = 0
        for number, end in hits:
            if not first < end <= last:  # in another text than the hit before
                text = bisect_left(ends, end)
                first, last = (ends[text - 1] + _SEPARATOR if text else 0), ends[text]
                marks = found.setdefault(text, set())
            if number in anywhere:
                marks.add(number)
            if number in placed:
                if end - len(self.texts[number]) == first:
                    marks.add(number + Place.START * count)
                if end == last:
                    marks.add(number + Place.END * count)
        return found

    def tests(self, marks: Iterable[int]) -> set[int]:
        """The numbers of the tests that these stand for."""
        owners, direct = self._owners, self.direct
        return {n for mark in marks for n in (owners[mark] if mark < direct else (mark - direct,))}


def put(found: Found, mark: int, texts: Iterable[int]) -> None:
    """Adds a mark to these texts."""
    for text in texts:
        found.setdefault(text, set()).add(mark)


def ends_of(lengths: Iterable[int]) -> list[int]:
    """Where each of these texts ends when they are one, with one separator after each."""
    return [end - _SEPARATOR for end in accumulate(length + _SEPARATOR for length in lengths)]


def make_scanner(tests: Sequence[Searched], seen: str = "", *, few: bool = False) -> Scanner:
    """Hyperscan where its wheel exists (x86-64), else Aho-Corasick and RE2: slower, with the same verdicts.

    seen: values of the field, folded. few values will be searched: then what is made soonest is best.
    SOC_SCANNER=portable takes that everywhere.
    """
    from soc.sigma.scan_portable import PortableScanner

    return PortableScanner(tests, seen) if few else _chosen()(tests, seen)


def _chosen() -> MakeScanner:
    if os.environ.get("SOC_SCANNER") != "portable":
        try:
            from soc.sigma.scan_hyperscan import HyperscanScanner

            return HyperscanScanner
        except ImportError:
            pass
    from soc.sigma.scan_portable import PortableScanner

    return PortableScanner


def scanner_name() -> str:
    """Hyperscan or portable, for soc doctor and benchmarks."""
    return type(make_scanner(())).__name__.removesuffix("Scanner").lower()
