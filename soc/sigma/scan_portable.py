"""The scanner for machines without Hyperscan: Aho-Corasick for fixed texts, RE2 for expressions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property

from ahocorasick_rs import AhoCorasick

from soc.sigma.scan import Found, Searched, framed, marked, put, sought
from soc.sigma.text import fold


class PortableScanner:
    """Tests without a fixed text are tried on every value."""

    def __init__(self, tests: Sequence[Searched], seen: str = "") -> None:
        self._texts, self._marks = sought(tests, seen)

    @cached_property
    def _automaton(self) -> AhoCorasick | None:
        """Made when a value is first searched: most fields of a route of few events never have one."""
        return AhoCorasick(self._texts, store_patterns=False) if self._texts else None

    def __getstate__(self) -> dict[str, object]:
        return {"_texts": self._texts, "_marks": self._marks}

    def find(self, texts: Sequence[str]) -> Found:
        found: Found = {}
        automaton = self._automaton
        if automaton is not None:
            joined = fold(framed(texts)).encode("utf-8", "replace").decode()
            hits = automaton.find_matches_as_indexes(joined, overlapping=True)
            if hits:
                found = marked(((hit[0], hit[2]) for hit in hits), map(len, texts))
        for number, test in self._marks.without:
            put(found, self._marks.direct + number, (n for n, text in enumerate(texts) if test.holds(text)))
        return found

    def find_encoded(self, texts: Sequence[bytes]) -> Found:
        return self.find([text.decode("utf-8", "replace") for text in texts])

    def tests(self, marks: Iterable[int]) -> set[int]:
        return self._marks.tests(marks)
