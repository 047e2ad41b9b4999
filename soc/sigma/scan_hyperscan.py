"""All fixed texts of a field in one Hyperscan database, all its regular expressions in another.

Hyperscan manual: https://intel.github.io/hyperscan/dev-reference/compilation.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from functools import partial

import hyperscan

from soc.sigma.needle import spellings
from soc.sigma.predicate import Regex
from soc.sigma.regex import counted, encode, needs_backtracking
from soc.sigma.scan import Found, Needles, Searched

_REGEX = hyperscan.HS_FLAG_SINGLEMATCH | hyperscan.HS_FLAG_ALLOWEMPTY | hyperscan.HS_FLAG_UTF8
_REGEX_FLAGS = {"i": hyperscan.HS_FLAG_CASELESS, "m": hyperscan.HS_FLAG_MULTILINE, "s": hyperscan.HS_FLAG_DOTALL}

MAX_COUNTED = 64
"""Above so many places of counted repeats RE2 is the faster way: Hyperscan would compile for seconds."""

_UNLIKE_RE2 = re.compile(r"\\[pP]|\[:|\\x(?:\{|[89a-fA-F])|\(\?[a-zA-Z]*[-mU]").search
"""Hyperscan finds fewer: (?i)\\p{Lu} has no small letters, (?m)^ is not at the end, newer scripts have their case."""
_ODD = "\v\u017f\u212a"
"""To RE2 alone the first meets \\S and, without case, the others \\w: as s and k."""

Expression = tuple[bytes, int, int]
"""Pattern, number, flags."""


class Database:
    """Compiled expressions. As a pickle they are those of this kind of processor: ValueError on another."""

    def __init__(self, database: hyperscan.Database) -> None:
        self._database = database
        self.scan = database.scan

    def __reduce__(self) -> tuple[Callable[[bytes], Database], tuple[bytes]]:
        return _read, (hyperscan.dumpb(self._database),)


def _read(content: bytes) -> Database:
    try:
        database = hyperscan.loadb(content, hyperscan.HS_MODE_BLOCK)
        database.scratch = hyperscan.Scratch(database)
    except hyperscan.error as error:
        raise ValueError(f"Hyperscan cannot read its database: {error}") from error
    return Database(database)


class HyperscanScanner:
    """Fixed texts are searched in all values at once, expressions (with anchors) value by value.

    Expressions that Hyperscan refuses are searched one by one.
    """

    def __init__(self, tests: Sequence[Searched]) -> None:
        self._needles = Needles(tests)
        spelled = [(one, n) for n, text in enumerate(self._needles.texts) for one in spellings(text)]
        self._texts = _compiled([(one.encode(), n, hyperscan.HS_FLAG_CASELESS) for one, n in spelled], literal=True)
        expressions = [made for n, test in self._needles.without if (made := _expression(n, test)) is not None]
        self._expressions = _compiled(expressions)
        if self._expressions is None:
            expressions = [one for one in expressions if _compiled([one]) is not None]
            self._expressions = _compiled(expressions)
        compiled = {one[1] for one in expressions}
        self._others = [(number, test) for number, test in self._needles.without if number not in compiled]

    def find(self, texts: Sequence[str]) -> list[Found]:
        joined = "\n".join(texts)
        if joined.isascii():
            found = self._find_texts(joined.encode(), map(len, texts))
        else:
            encoded = [encode(text) for text in texts]
            found = self._find_texts(b"\n".join(encoded), map(len, encoded))
        if self._expressions is not None:
            for place, text in enumerate(texts):
                self._expressions.scan(encode(text), partial(_note, found, place))
            if any(letter in joined for letter in _ODD):
                odd = [(place, text) for place, text in enumerate(texts) if not set(_ODD).isdisjoint(text)]
                found += [(place, n) for n, test in self._needles.without for place, text in odd if test.holds(text)]
        for number, test in self._others:
            found += [(place, number) for place, text in enumerate(texts) if test.holds(text)]
        return found

    def find_encoded(self, texts: Sequence[bytes]) -> list[Found]:
        if self._expressions is not None or self._others:
            return self.find([text.decode("utf-8", "replace") for text in texts])
        return self._find_texts(b"\n".join(texts), map(len, texts))

    def _find_texts(self, joined: bytes, lengths: Iterable[int]) -> list[Found]:
        if self._texts is None:
            return []
        hits: list[tuple[int, int]] = []
        add = hits.append

        def hit(number: int, _start: int, end: int, *_: object) -> None:
            add((number, end))

        self._texts.scan(joined, hit)
        return self._needles.placed(hits, lengths) if hits else []


def _note(found: list[Found], place: int, number: int, *_: object) -> None:
    found.append((place, number))


def _compiled(expressions: list[Expression], literal: bool = False) -> Database | None:
    """None without expressions or when Hyperscan refuses one of them."""
    if not expressions:
        return None
    patterns, numbers, flags = zip(*expressions, strict=True)
    database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    try:
        database.compile(expressions=patterns, ids=numbers, elements=len(patterns), flags=flags, literal=literal)
    except hyperscan.error:
        return None
    return Database(database)


def _expression(number: int, test: Searched) -> Expression | None:
    """None for what Hyperscan cannot express, or only slowly."""
    if not isinstance(test, Regex) or counted(test.source) > MAX_COUNTED:
        return None
    if needs_backtracking(test.source, test.flags) or _UNLIKE_RE2(test.source):
        return None
    if "m" in test.flags or not (test.source.isascii() or ("i" not in test.flags and "(?" not in test.source)):
        return None
    flags = _REGEX
    for flag in test.flags:
        flags |= _REGEX_FLAGS[flag]
    return encode(test.source), number, flags
