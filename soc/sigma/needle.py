"""What is searched for in place of a test: a fixed piece of text that every value which meets it must hold.

One search of a value finds the needles of thousands of tests. Where the needle is missing the test cannot
hold; where it is there, the rule is looked at more closely.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import product

from soc.sigma.predicate import Regex, Text
from soc.sigma.required import required
from soc.sigma.text import fold, merge, variants

_MOST_SPELLINGS = 16

SEPARATOR = "\n"
"""Before each value and after it when many are searched as one: with it a needle says where a value begins or ends."""

LONGEST = 1000
"""Letters of a needle: Hyperscan refuses a text of more than 16,000."""

_END = "\0"
"""In a needle there is none: Hyperscan takes it for the needle's end."""


def needles(test: Text | Regex, seen: str = "") -> tuple[str, ...]:
    """What of the test to search for: a value that meets it holds one of these. () where nothing is known.

    Folded, and with separators. seen: values of the field, the same, of which as few as possible should hold one.
    """
    found = _choices(test)
    if len(found) > 1 and seen:
        return min(found, key=lambda one: sum(map(seen.count, one)))
    return found[0] if found else ()


def is_certain(test: object) -> bool:
    """Whether just those values meet the test in which its one needle is found: of text without a separator.

    What has no UTF-8 form is searched as "?".
    """
    if not isinstance(test, Text) or test.cased or not test.fixed or test.literal is None:
        return False
    return (
        test.literal.isascii() and {SEPARATOR, _END, "?"}.isdisjoint(test.literal) and len(test.literal) < LONGEST - 1
    )


@lru_cache(maxsize=65536)
def _choices(test: Text | Regex) -> Sequence[tuple[str, ...]]:
    """Of each of these sets a value that meets the test holds one; the longest first."""
    if isinstance(test, Regex):
        every = [{_longest(piece) for piece in one} for one in required(test.source, test.flags)]
        return [tuple(sorted(one)) for one in every if "" not in one]
    parts = merge((SEPARATOR, *test.parts, SEPARATOR))
    pieces = {piece for part in parts if isinstance(part, str) for piece in _pieces(fold(part))}
    return [(piece,) for piece in sorted(pieces - {"", SEPARATOR}, key=lambda one: (-len(one), one))]


def _longest(text: str) -> str:
    return max(text.split(_END), key=len)[:LONGEST]


def _pieces(text: str) -> Iterator[str]:
    """The text cut where a piece would get too long, or too many spellings: engines fold letters unlike us."""
    for one in text.split(_END):
        start, ways = 0, 1
        for place, letter in enumerate(one):
            more = 1 if letter.isascii() else len(variants(letter))
            ways *= more
            if ways > _MOST_SPELLINGS or place - start == LONGEST:
                yield one[start:place]
                start, ways = place, more
        yield one[start:]


def spellings(text: str) -> Iterator[str]:
    """Every way to write a needle's letters beyond ASCII; those of ASCII stay small."""
    if text.isascii():
        return iter((text,))
    return map("".join, product(*(letter if letter.isascii() else variants(letter) for letter in text)))
