"""One look at a value for all patterns of a field at once: two engines behind one contract."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Protocol

from soc.sigma.predicate import Regex, Text

Searched = Text | Regex


class Scanner(Protocol):
    """Finds which of its patterns a value may meet: never too few; one too many is caught by the evaluation."""

    def scan(self, text: str) -> Sequence[int]:
        """Numbers of the patterns that the text (case kept) may meet, in any order, repeats allowed."""


MakeScanner = Callable[[Sequence[Searched]], Scanner]


def make_scanner(tests: Sequence[Searched]) -> Scanner:
    """Hyperscan where its wheel exists (x86-64), else Aho-Corasick and RE2: slower, with the same verdicts.

    SOC_SCANNER=portable takes the latter everywhere.
    """
    return _chosen()(tests)


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
