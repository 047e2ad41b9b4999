"""How Sigma compares text: every value as text, letters without case, ``*`` and ``?`` as wildcards.

Case is folded letter by letter (Đ and đ are equal), so ``?`` stays exactly one character. A letter
beyond ASCII never folds to an ASCII one: the Kelvin sign is no k.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import Enum
from functools import lru_cache

from soc.core.event import Scalar


class Wildcard(Enum):
    """``*`` stands for any run of characters, also none; ``?`` for exactly one."""

    MANY = "*"
    ONE = "?"


Parts = tuple[str | Wildcard, ...]


class _Folding(dict[int, int]):
    """Code point -> code point without case, filled as letters are met; str.translate reads it."""

    def __missing__(self, code: int) -> int:
        lower = chr(code).lower()
        folded = ord(lower) if len(lower) == 1 and (code < 128 or not lower.isascii()) else code
        if folded == 0x3C2:  # final sigma is a sigma
            folded = 0x3C3
        self[code] = folded
        return folded


_FOLDING = _Folding()


def fold(text: str) -> str:
    """The text without case, of the same length. "ĐĂNG Nhập" -> "đăng nhập"."""
    lowered = text.lower()
    if text.isascii():
        return lowered
    if len(lowered) == len(text) and "\u212a" not in text:  # as letter by letter, but for a sigma at a word's end
        return lowered.replace("ς", "σ")
    return text.translate(_FOLDING)


_FURTHER = {"å": "\u212b", "ß": "\u1e9e", "θ": "\u03f4", "σ": "ς", "ω": "\u2126"}
"""Letters that fold to one whose capital is another: the signs of Ångström and Ohm, and the like."""


@lru_cache(maxsize=4096)
def variants(letter: str) -> str:
    """Every letter that folds to this folded one, itself included. "đ" -> "Đđ"."""
    capitals = {one for one in (letter.upper(), letter.title()) if len(one) == 1 and fold(one) == letter}
    return "".join(sorted({letter, *capitals})) + _FURTHER.get(letter, "")


def as_text(value: Scalar) -> str:
    """An event's value as Sigma sees it: True is "true", 5.0 is "5". None is no text: callers ask before."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def parse(text: str) -> Parts:
    """A Sigma value with its escapes and wildcards. ``a\\*b*`` -> ("a*b", MANY)."""
    if "*" not in text and "?" not in text and "\\" not in text:
        return (text,) if text else ()
    return merge(_sigma_parts(text))


def _sigma_parts(text: str) -> Iterator[str | Wildcard]:
    from sigma.types import SigmaString, SpecialChars  # not above: rules from the cache do without it

    for part in SigmaString(text).s:
        if part is SpecialChars.WILDCARD_MULTI:
            yield Wildcard.MANY
        elif part is SpecialChars.WILDCARD_SINGLE:
            yield Wildcard.ONE
        elif isinstance(part, str):
            yield part


def merge(parts: Iterable[str | Wildcard]) -> Parts:
    """The same pattern with neighbouring texts joined and ``**`` made ``*``."""
    merged: list[str | Wildcard] = []
    for part in parts:
        if part == "":
            continue
        if merged and isinstance(part, str) and isinstance(merged[-1], str):
            merged[-1] += part
        elif not (merged and part is Wildcard.MANY and merged[-1] is Wildcard.MANY):
            merged.append(part)
    return tuple(merged)


def show(parts: Parts) -> str:
    """The pattern as a rule would write it."""
    escaped = (
        part.value if isinstance(part, Wildcard) else part.replace("*", "\\*").replace("?", "\\?") for part in parts
    )
    return "".join(escaped)
