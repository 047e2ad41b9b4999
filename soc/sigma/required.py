"""Pieces of text that whatever meets a regular expression must hold: one of them at least.

Thousands of rules are searched for by such pieces at once; the expression itself runs only where one was found.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

Pieces = frozenset[str]
"""Alternatives in small letters of ASCII."""

SHORTEST = 4
MOST = 64
DEEPEST = 50
"""Of groups in groups deeper than this nothing is known."""
_TOKEN = re.compile(
    r"\\.|\[\^?\]?(?:\\.|\[:\^?\w+:\]|[^\]\\])*\]|\{\d*,?\d*\}|\(\?P?<\w+>|\(\?:|\(\?[is]+\)|\(\?|.", re.DOTALL
)
"""An escaped character, a class, a counted repeat, what opens a group, or one character."""
_OPTIONAL = re.compile(r"[*?]|\{0*(?:,\d*)?\}").fullmatch
_REPEAT = re.compile(r"[*?+]|\{\d*,?\d*\}").fullmatch
_CASELESS = re.compile(r"\(\?[a-zA-Z-]*i").search
_KNOWN_ESCAPES = frozenset("dDwWsSbBAzZtnrfv")
_OTHERS = frozenset(".^$[]{}*+?")


class _UnknownForm(Exception):
    pass


def required(source: str, flags: str) -> list[Pieces]:
    """``a.*(foo|bars?).*quux`` -> [{"quux"}, {"foo", "bar"}]: of each one must be there; the longest first.

    flags: "i", "m", "s". [] when nothing is known.
    """
    try:
        found = _Reader(source, "i" in flags or _CASELESS(source) is not None).alternatives()
    except _UnknownForm:
        return []
    useful = {one for one in found if _shortest(one) >= SHORTEST and len(one) <= MOST}
    return sorted(useful, key=lambda one: (-_shortest(one), sorted(one)))


def _shortest(pieces: Pieces) -> int:
    return min(map(len, pieces))


class _Reader:
    def __init__(self, source: str, caseless: bool) -> None:
        self._tokens = _TOKEN.findall(source)
        self._at = 0
        self._depth = 0
        self._caseless = caseless

    def alternatives(self) -> list[Pieces]:
        """To the end of the group, or of the expression."""
        found = [self._sequence()]
        while self._peek() == "|":
            self._at += 1
            found.append(self._sequence())
        if self._at < len(self._tokens) and self._peek() != ")":
            raise _UnknownForm
        if len(found) == 1:
            return found[0]
        return [frozenset().union(*(max(one, key=_shortest) for one in found))] if all(found) else []

    def _peek(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def _sequence(self) -> list[Pieces]:
        found: list[Pieces] = []
        run = ""
        while (token := self._peek()) and token not in {"|", ")"}:
            self._at += 1
            if _REPEAT(token):  # of nothing, or of a repeat: verbs like (*PRUNE)
                raise _UnknownForm
            if token.startswith("(") and not token.endswith(")"):
                found += [*self._pieces(run), *self._group(token)]
                run = ""
                continue
            letter = _letter(token)
            repeat = self._repeat()
            if letter and not repeat:
                run += letter
            else:
                kept = letter if repeat and not _OPTIONAL(repeat) else ""
                found += self._pieces(run + kept)
                run = ""
        return found + self._pieces(run)

    def _group(self, opening: str) -> list[Pieces]:
        self._depth += 1
        if opening == "(?" or self._depth > DEEPEST:  # a look-around, an atomic group, a condition
            raise _UnknownForm
        inner = self.alternatives()
        self._depth -= 1
        if self._peek() != ")":
            raise _UnknownForm
        self._at += 1
        repeat = self._repeat()
        return [] if repeat and _OPTIONAL(repeat) else inner

    def _repeat(self) -> str:
        """A repeat, and what makes it lazy or possessive."""
        repeat = self._peek()
        if not _REPEAT(repeat):
            return ""
        self._at += 1
        if self._peek() in {"?", "+"}:
            self._at += 1
        return repeat

    def _pieces(self, run: str) -> list[Pieces]:
        longest = max(_cut(run, self._caseless), key=len, default="")
        return [frozenset((longest.lower(),))] if longest else []


def _letter(token: str) -> str:
    """The character that a token stands for, "" for classes, anchors and letters beyond ASCII."""
    if len(token) == 2 and token[0] == "\\":
        if token[1].isalnum() and token[1] not in _KNOWN_ESCAPES:
            raise _UnknownForm
        return "" if token[1].isalnum() or not token[1].isascii() else token[1]
    return token if len(token) == 1 and token.isascii() and token not in _OTHERS else ""


def _cut(run: str, caseless: bool) -> Iterator[str]:
    """Without case, k and s have a third form beyond ASCII (the Kelvin sign, the long s)."""
    return iter(re.split("[kKsS]", run) if caseless else (run,))
