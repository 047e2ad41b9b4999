"""What is searched for in place of a test: a fixed piece of text that every value which meets it must hold.

One search of a value finds the needles of thousands of tests. Where the needle is missing the test cannot
hold; where it is there, the rule is looked at more closely.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from itertools import product

from soc.sigma.predicate import Regex, Text
from soc.sigma.required import required
from soc.sigma.text import fold, variants

_MOST_SPELLINGS = 16


class Place(IntEnum):
    """Where in the value the needle has to be."""

    ANYWHERE = 0
    START = 1
    END = 2


@dataclass(frozen=True, slots=True)
class Needle:
    """text is folded and never empty; only where it is ASCII does it have a place."""

    text: str
    place: Place


_PLACES = {"startswith": Place.START, "endswith": Place.END}


def needles(test: Text | Regex, seen: str = "") -> tuple[Needle, ...]:
    """What of the test to search for: a value that meets it holds one of these. () where nothing is known.

    seen: values of the field, folded, of which as few as possible should hold one
    """
    found = _choices(test)
    if len(found) > 1 and seen:
        return min(found, key=lambda one: sum(seen.count(needle.text) for needle in one))
    return found[0] if found else ()


@lru_cache(maxsize=65536)
def _choices(test: Text | Regex) -> Sequence[tuple[Needle, ...]]:
    """Of each of these sets a value that meets the test holds one; the longest first."""
    if isinstance(test, Regex):
        return [
            tuple(Needle(piece, Place.ANYWHERE) for piece in sorted(one)) for one in required(test.source, test.flags)
        ]
    literal = test.literal
    if literal and literal.isascii():
        return [(Needle(fold(literal), _PLACES.get(test.shape, Place.ANYWHERE)),)]
    pieces = {piece for part in test.parts if isinstance(part, str) for piece in _pieces(fold(part)) if piece}
    return [(Needle(piece, Place.ANYWHERE),) for piece in sorted(pieces, key=lambda one: (-len(one), one))]


def _pieces(text: str) -> Iterator[str]:
    """The text cut where a piece would get too many spellings: engines fold letters beyond ASCII unlike us."""
    start, ways = 0, 1
    for place, letter in enumerate(text):
        if not letter.isascii():
            ways *= len(variants(letter))
            if ways > _MOST_SPELLINGS:
                yield text[start:place]
                start, ways = place, len(variants(letter))
    yield text[start:]


def spellings(text: str) -> Iterator[str]:
    """Every way to write a needle's letters beyond ASCII; those of ASCII stay small."""
    if text.isascii():
        return iter((text,))
    return map("".join, product(*(letter if letter.isascii() else variants(letter) for letter in text)))
