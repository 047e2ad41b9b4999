"""All literals, wildcards and regular expressions of a field in one Hyperscan database.

Hyperscan manual: https://intel.github.io/hyperscan/dev-reference/compilation.html
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import hyperscan

from soc.sigma.predicate import Regex, Text
from soc.sigma.regex import counted, encode, split_lookaheads
from soc.sigma.text import Wildcard, variants

Expression = tuple[bytes, int, int]
"""Pattern, number, flags."""

_ALWAYS = hyperscan.HS_FLAG_SINGLEMATCH | hyperscan.HS_FLAG_ALLOWEMPTY
_REGEX_FLAGS = {"i": hyperscan.HS_FLAG_CASELESS, "m": hyperscan.HS_FLAG_MULTILINE, "s": hyperscan.HS_FLAG_DOTALL}


_ANYWHERE = 0
MAX_COUNTED = 64
"""Above so many places of counted repeats RE2 is the faster way: Hyperscan would compile for seconds."""
_AT_END = -1


class HyperscanScanner:
    """Patterns that Hyperscan refuses are searched one by one by RE2.

    A literal for the start or the end is compiled without its anchor, which would make it part of a slow
    graph (30 times the compile time); where the match ended tells whether it was in the right place.
    """

    def __init__(self, tests: Sequence[Text | Regex]) -> None:
        expressions: list[Expression] = []
        self._ends = [_ANYWHERE] * len(tests)
        self._others: list[tuple[int, Text | Regex]] = []
        for number, test in enumerate(tests):
            end = self._ends[number] = _place(test)
            made = _expression(test, anchored=end == _ANYWHERE)
            if made is None:
                self._others.append((number, test))
            else:
                expressions.append((made[0], number, made[1]))
        database = _compiled(expressions)
        if database is None:
            refused = {one[1] for one in expressions if _compiled([one]) is None}
            self._others += [(number, test) for number, test in enumerate(tests) if number in refused]
            expressions = [one for one in expressions if one[1] not in refused]
            database = _compiled(expressions)
        self._scan = database.scan if database is not None and expressions else None

    def scan(self, text: str) -> list[int]:
        found: list[int] = []
        if self._scan is not None:
            data = encode(text)
            length, ends, add = len(data), self._ends, found.append

            def hit(number: int, _start: int, end: int, *_: object) -> None:
                place = ends[number]
                if place == _ANYWHERE or end == (length if place == _AT_END else place):
                    add(number)

            self._scan(data, hit)
        if self._others:
            found += [number for number, test in self._others if test.holds(text)]
        return found


def _place(test: Text | Regex) -> int:
    """Where a match of a literal has to end: after its length for startswith. Beyond ASCII there is no fixed length."""
    if isinstance(test, Text) and test.literal and test.literal.isascii():
        if test.shape == "endswith":
            return _AT_END
        if test.shape == "startswith":
            return len(test.literal)
    return _ANYWHERE


def _compiled(expressions: list[Expression]) -> hyperscan.Database | None:
    """The database, None when Hyperscan refuses one of the patterns."""
    if not expressions:
        return None
    patterns, numbers, flags = zip(*expressions, strict=True)
    database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    try:
        database.compile(expressions=patterns, ids=numbers, elements=len(patterns), flags=flags)
    except hyperscan.error:
        return None
    return database


def _expression(test: Text | Regex, anchored: bool) -> tuple[bytes, int] | None:
    """(pattern, flags) for Hyperscan; None for what it cannot express. Not anchored: every match is reported."""
    if isinstance(test, Regex):
        if counted(test.source) > MAX_COUNTED or ("m" not in test.flags and split_lookaheads(test.source) is not None):
            return None
        flags = _ALWAYS | hyperscan.HS_FLAG_UTF8
        for flag in test.flags:
            flags |= _REGEX_FLAGS[flag]
        return encode(test.source), flags
    parts = test.parts
    if not any(isinstance(part, str) for part in parts):
        return None
    flags = _ALWAYS | (0 if test.cased else hyperscan.HS_FLAG_CASELESS)
    if Wildcard.ONE in parts:
        flags |= hyperscan.HS_FLAG_UTF8
    if test.literal is None:
        flags |= hyperscan.HS_FLAG_DOTALL
    if not anchored:
        flags &= ~hyperscan.HS_FLAG_SINGLEMATCH
    head = b"" if parts[0] is Wildcard.MANY or not anchored else b"^"
    tail = b"" if parts[-1] is Wildcard.MANY or not anchored else rb"\z"
    inner = parts[parts[0] is Wildcard.MANY : len(parts) - (parts[-1] is Wildcard.MANY)]
    write = _code_point if Wildcard.ONE in parts else _bytes
    return head + b"".join(_part(part, test.cased, write) for part in inner) + tail, flags


def _part(part: str | Wildcard, cased: bool, write: Callable[[str], bytes]) -> bytes:
    if isinstance(part, Wildcard):
        return b".*" if part is Wildcard.MANY else b"."
    return b"".join(_letter(letter, cased, write) for letter in part)


def _letter(letter: str, cased: bool, write: Callable[[str], bytes]) -> bytes:
    """A letter; one beyond ASCII in each of its cases, since Hyperscan folds by other rules than we do."""
    if letter.isascii() or cased:
        return write(letter)
    return b"(?:" + b"|".join(write(variant) for variant in variants(letter)) + b")"


def _bytes(letter: str) -> bytes:
    if letter.isascii() and letter.isalnum():
        return letter.encode()
    return b"".join(b"\\x%02x" % byte for byte in letter.encode())


def _code_point(letter: str) -> bytes:
    """In UTF-8 mode \\x{...} is a code point, not a byte."""
    return letter.encode() if letter.isascii() and letter.isalnum() else b"\\x{%x}" % ord(letter)
