"""The scanner for machines without Hyperscan: Aho-Corasick for fixed texts, RE2 for expressions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property

from ahocorasick_rs import AhoCorasick

from soc.sigma.scan import Found, Needles, Searched, put
from soc.sigma.text import fold


class PortableScanner:
    """Tests without a fixed text are tried on every value."""

    def __init__(self, tests: Sequence[Searched], seen: str = "") -> None:
        self._needles = Needles(tests, seen)

    @cached_property
    def _automaton(self) -> AhoCorasick | None:
        """Made when a value is first searched: most fields of a route of few events never have one."""
        texts = self._needles.texts
        return AhoCorasick(texts, store_patterns=False) if texts else None

    def __getstate__(self) -> dict[str, Needles]:
        return {"_needles": self._needles}

    def find(self, texts: Sequence[str]) -> Found:
        found: Found = {}
        automaton = self._automaton
        if automaton is not None:
            joined = fold("\n".join(texts)).encode("utf-8", "replace").decode()
            hits = automaton.find_matches_as_indexes(joined, overlapping=True)
            if hits:
                found = self._needles.placed(((hit[0], hit[2]) for hit in hits), map(len, texts))
        for number, test in self._needles.without:
            put(found, self._needles.direct + number, (n for n, text in enumerate(texts) if test.holds(text)))
        return found

    def find_encoded(self, texts: Sequence[bytes]) -> Found:
        return self.find([text.decode("utf-8", "replace") for text in texts])

    def tests(self, marks: Iterable[int]) -> set[int]:
        return self._needles.tests(marks)
