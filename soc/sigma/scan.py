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
Found = tuple[int, int]
"""(number of the text, number of the test): this text may meet this test."""

_SEPARATOR = 1


class Scanner(Protocol):
    """Finds which of its tests some texts may meet: never too few; one too many is caught by the evaluation."""

    def find(self, texts: Sequence[str]) -> list[Found]:
        """Pairs of text and test, in any order, repeats allowed. The texts have their case."""

    def find_encoded(self, texts: Sequence[bytes]) -> list[Found]:
        """The same for texts in UTF-8."""


MakeScanner = Callable[[Sequence[Searched]], Scanner]


class Needles:
    """The needles of a field's tests, each once, with the tests that it stands for."""

    def __init__(self, tests: Sequence[Searched]) -> None:
        self.without: list[tuple[int, Searched]] = []
        owners: dict[str, list[tuple[int, Place]]] = {}
        for number, test in enumerate(tests):
            found = needles(test)
            if not found:
                self.without.append((number, test))
            for one in found:
                owners.setdefault(one.text, []).append((number, one.place))
        self.texts = list(owners)
        self._owners = list(owners.values())

    def placed(self, hits: Iterable[tuple[int, int]], lengths: Iterable[int]) -> list[Found]:
        """Hits in the texts as one, with one separator after each, as texts and tests.

        hits: (number of the needle, where it ends). lengths: of each text, in the same unit.
        """
        ends = ends_of(lengths)
        found: list[Found] = []
        for number, end in hits:
            text = bisect_left(ends, end)
            for test, place in self._owners[number]:
                if place is Place.ANYWHERE:
                    found.append((text, test))
                elif place is Place.END:
                    if end == ends[text]:
                        found.append((text, test))
                elif end - len(self.texts[number]) == (ends[text - 1] + _SEPARATOR if text else 0):
                    found.append((text, test))
        return found


def ends_of(lengths: Iterable[int]) -> list[int]:
    """Where each of these texts ends when they are one, with one separator after each."""
    return [end - _SEPARATOR for end in accumulate(length + _SEPARATOR for length in lengths)]


def make_scanner(tests: Sequence[Searched], *, few: bool = False) -> Scanner:
    """Hyperscan where its wheel exists (x86-64), else Aho-Corasick and RE2: slower, with the same verdicts.

    few values will be searched: then what is made soonest is best. SOC_SCANNER=portable takes that everywhere.
    """
    from soc.sigma.scan_portable import PortableScanner

    return PortableScanner(tests) if few else _chosen()(tests)


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
