"""One look at many values for all patterns of a field at once: two engines behind one contract."""

from __future__ import annotations

import os
from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from itertools import accumulate, count
from operator import add
from typing import Protocol

from soc.sigma.needle import SEPARATOR, needles
from soc.sigma.predicate import Regex, Text

Searched = Text | Regex
Found = dict[int, set[int]]
"""Number of a text -> marks: what was found in it, as the scanner's own numbers; a text without any may be missing."""


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


class Marks:
    """What tests the marks of a field's scanner stand for.

    A mark is a needle's number; from direct on, tests by their number that have no needle: those in without.
    """

    def __init__(self, owners: Sequence[Sequence[int]], without: Sequence[tuple[int, Searched]]) -> None:
        """owners: of each needle the numbers of its tests."""
        self.without = without
        self.direct = len(owners)
        self._owners = owners

    def tests(self, marks: Iterable[int]) -> set[int]:
        """The numbers of the tests that these stand for."""
        owners, direct = self._owners, self.direct
        return {n for mark in marks for n in (owners[mark] if mark < direct else (mark - direct,))}


def sought(tests: Sequence[Searched], seen: str) -> tuple[Sequence[str], Marks]:
    """The needles of a field's tests, each once, and what finding them means.

    seen: values of the field, folded and framed: what is rare in them is searched for.
    """
    without: list[tuple[int, Searched]] = []
    owners: dict[str, list[int]] = {}
    for number, test in enumerate(tests):
        found = needles(test, seen)
        if not found:
            without.append((number, test))
        for one in found:
            owners.setdefault(one, []).append(number)
    return list(owners), Marks(list(owners.values()), without)


def framed(texts: Iterable[str]) -> str:
    """The texts as one, with a separator before each and after the last."""
    return SEPARATOR.join(("", *texts, ""))


def ends_of(lengths: Iterable[int]) -> list[int]:
    """Where each of these texts ends when they are framed, its separator included."""
    return list(map(add, accumulate(lengths), count(2)))


def marked(hits: Iterable[tuple[int, int]], lengths: Iterable[int]) -> Found:
    """The marks of texts that were framed. hits: (mark, where it ends); lengths: of each text, in the same unit."""
    ends = ends_of(lengths)
    found: Found = {}
    marks: set[int] = set()
    first = last = 0
    for mark, end in hits:
        if not first < end <= last:  # in another text than the hit before
            text = bisect_left(ends, end)
            first, last = (ends[text - 1] if text else 0), ends[text]
            marks = found.setdefault(text, set())
        marks.add(mark)
    return found


def put(found: Found, mark: int, texts: Iterable[int]) -> None:
    """Adds a mark to these texts."""
    for text in texts:
        found.setdefault(text, set()).add(mark)


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
