"""The scanner for machines without Hyperscan: Aho-Corasick for literals, each candidate verified, and RE2."""

from __future__ import annotations

from collections.abc import Sequence

from ahocorasick_rs import AhoCorasick

from soc.sigma.predicate import Regex, Text
from soc.sigma.text import fold


class PortableScanner:
    """A pattern is looked for by its longest fixed text; one without any is tested on every value."""

    def __init__(self, tests: Sequence[Text | Regex]) -> None:
        self._tests = tests
        self._others: list[int] = []
        by_literal: dict[str, list[int]] = {}
        for number, test in enumerate(tests):
            literal = _longest(test)
            if literal:
                by_literal.setdefault(literal, []).append(number)
            else:
                self._others.append(number)
        self._numbers = list(by_literal.values())
        self._automaton = AhoCorasick(list(by_literal), store_patterns=False) if by_literal else None

    def scan(self, text: str) -> list[int]:
        tests = self._tests
        found = [number for number in self._others if tests[number].holds(text)]
        if self._automaton is not None:
            readable = fold(text).encode("utf-8", "replace").decode()
            literals = {match[0] for match in self._automaton.find_matches_as_indexes(readable, overlapping=True)}
            for literal in literals:
                found += [number for number in self._numbers[literal] if tests[number].holds(text)]
        return found


def _longest(test: Text | Regex) -> str:
    if isinstance(test, Regex):
        return ""
    return max((fold(part) for part in test.parts if isinstance(part, str)), key=len, default="")
