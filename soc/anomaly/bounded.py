"""Sets with a bound that merge in any order: of more members than fit, those with the smallest hashes are kept.

Keeping the k smallest hashes is associative, commutative and idempotent, and tells how many there were (k-minimum
values: Bar-Yossef et al., "Counting distinct elements in a data stream", 2002, algorithm 2).
"""

from __future__ import annotations

from collections.abc import Iterable
from heapq import nsmallest
from zlib import crc32

SPACE = 2**32


def rank(text: str) -> tuple[int, str]:
    """The place of a member: the same in every process, unlike hash(). Forged values can steer it, not exceed k."""
    return crc32(text.encode("utf-8", "surrogatepass")), text


def kept(members: Iterable[str], size: int) -> list[str]:
    """The members that stay, ordered: all of them up to ``size``."""
    distinct = set(members)
    return sorted(distinct) if len(distinct) <= size else sorted(nsmallest(size, distinct, key=rank))


def number(members: Iterable[str], size: int) -> int:
    """How many distinct members there were: exact below ``size``, (k - 1) / (largest hash / 2^32) from there on."""
    held = list(members)
    if len(held) < size:
        return len(held)
    largest = max(crc32(text.encode("utf-8", "surrogatepass")) for text in held)
    return max(size, round((size - 1) * SPACE / (largest + 1)))
