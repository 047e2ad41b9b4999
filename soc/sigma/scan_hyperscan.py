"""All fixed texts of a field in one Hyperscan database, all its regular expressions in another.

Hyperscan manual: https://intel.github.io/hyperscan/dev-reference/compilation.html
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence

import hyperscan

from soc.sigma.needle import SEPARATOR, spellings
from soc.sigma.predicate import Regex
from soc.sigma.regex import counted, encode, needs_backtracking
from soc.sigma.scan import Found, Searched, ends_of, framed, marked, put, sought

# by lines, so that an anchor holds at the ends of each of the texts that are searched as one
_REGEX = hyperscan.HS_FLAG_MULTILINE | hyperscan.HS_FLAG_ALLOWEMPTY | hyperscan.HS_FLAG_UTF8
_SEPARATOR = SEPARATOR.encode()
_REGEX_FLAGS = {"i": hyperscan.HS_FLAG_CASELESS, "s": hyperscan.HS_FLAG_DOTALL}

MAX_COUNTED = 64
"""Above so many places of counted repeats RE2 is the faster way: Hyperscan would compile for seconds."""

MOST_ENDS = 64
"""Matches in one text, of which every end counts: one that has more is said to meet all expressions."""

_WHOLE_TEXT = re.compile(r"\\[AzZ]").search
"""Anchors that hold at the ends of the whole alone."""
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
    """All values are searched at once, as lines of one text. Expressions that Hyperscan refuses are tried one by one.

    An expression may match beyond a value's end: one found too many.
    """

    def __init__(self, tests: Sequence[Searched], seen: str = "") -> None:
        texts, self._marks = sought(tests, seen)
        spelled = [(one, n) for n, text in enumerate(texts) for one in spellings(text)]
        self._texts = _compiled([(one.encode(), n, hyperscan.HS_FLAG_CASELESS) for one, n in spelled], literal=True)
        expressions = [made for n, test in self._marks.without if (made := _expression(n, test)) is not None]
        try:
            self._expressions = _compiled(expressions)
        except hyperscan.error:
            expressions = list(filter(_is_accepted, expressions))
            self._expressions = _compiled(expressions)
        self._numbers = {one[1] for one in expressions}
        self._others = [(number, test) for number, test in self._marks.without if number not in self._numbers]

    def find(self, texts: Sequence[str]) -> Found:
        joined = framed(texts)
        encoded = encode(joined)
        size = len if len(encoded) == len(joined) else _size
        found = self._find_texts(encoded, map(size, texts))
        direct = self._marks.direct
        if self._expressions is not None:
            for place, number in self._find_expressions(self._expressions, encoded, list(map(size, texts))):
                put(found, direct + number, (place,))
            if any(letter in joined for letter in _ODD):
                odd = [(place, text) for place, text in enumerate(texts) if not set(_ODD).isdisjoint(text)]
                for number, test in self._marks.without:
                    put(found, direct + number, (place for place, text in odd if test.holds(text)))
        for number, test in self._others:
            put(found, direct + number, (place for place, text in enumerate(texts) if test.holds(text)))
        return found

    def find_encoded(self, texts: Sequence[bytes]) -> Found:
        if self._expressions is not None or self._others:
            return self.find([text.decode("utf-8", "replace") for text in texts])
        return self._find_texts(_SEPARATOR.join((b"", *texts, b"")), map(len, texts))

    def tests(self, marks: Iterable[int]) -> set[int]:
        return self._marks.tests(marks)

    def _find_expressions(self, expressions: Database, joined: bytes, lengths: Sequence[int]) -> list[tuple[int, int]]:
        """(number of the text, number of the expression), repeats allowed."""
        hits: list[tuple[int, int]] = []
        most = MOST_ENDS * len(lengths)

        def hit(number: int, _start: int, end: int, *_: object) -> bool:
            hits.append((end, number))
            return len(hits) > most

        try:
            expressions.scan(joined, hit)
        except hyperscan.ScanTerminated:
            if len(lengths) == 1:
                return [(0, number) for number in self._numbers]
            alone = [joined[end - length - 2 : end] for length, end in zip(lengths, ends_of(lengths), strict=True)]
            each = [self._find_expressions(expressions, text, [len(text)]) for text in alone]
            return [(place, number) for place, found in enumerate(each) for _, number in found]
        if not hits:
            return []
        ends = ends_of(lengths)
        return [(bisect_left(ends, end + 1), number) for end, number in hits if end < ends[-1]]

    def _find_texts(self, joined: bytes, lengths: Iterable[int]) -> Found:
        if self._texts is None:
            return {}
        hits: list[tuple[int, int]] = []
        add = hits.append

        def hit(number: int, _start: int, end: int, _flags: int, _context: object) -> None:
            add((number, end))

        self._texts.scan(joined, hit)
        return marked(hits, lengths) if hits else {}


def _size(text: str) -> int:
    return len(text) if text.isascii() else len(encode(text))


def _compiled(expressions: list[Expression], literal: bool = False) -> Database | None:
    """None without expressions. hyperscan.error when it refuses one of them: never a text, see soc.sigma.needle."""
    if not expressions:
        return None
    patterns, numbers, flags = zip(*expressions, strict=True)
    database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    database.compile(expressions=patterns, ids=numbers, elements=len(patterns), flags=flags, literal=literal)
    return Database(database)


def _is_accepted(expression: Expression) -> bool:
    try:
        return _compiled([expression]) is not None
    except hyperscan.error:
        return False


def _expression(number: int, test: Searched) -> Expression | None:
    """None for what Hyperscan cannot express, or only slowly."""
    if not isinstance(test, Regex) or counted(test.source) > MAX_COUNTED:
        return None
    if needs_backtracking(test.source, test.flags) or _UNLIKE_RE2(test.source) or _WHOLE_TEXT(test.source):
        return None
    if "m" in test.flags or not (test.source.isascii() or ("i" not in test.flags and "(?" not in test.source)):
        return None
    flags = _REGEX
    for flag in test.flags:
        flags |= _REGEX_FLAGS[flag]
    return encode(test.source), number, flags
