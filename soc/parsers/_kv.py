"""key=value text as FortiGate and others write it: ``a=1 b="c d"``, quotes within a value escaped with a backslash.

Reading any such line costs about 0.2 µs a pair. A device writes the same few orders of keys over and over,
so ``Layouts`` learns them: a line in a known order is read by one match, some four times as fast.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

Plan = TypeVar("Plan")

_LONGEST_LINE: Final = 65_536


# A quoted value that a truncated line leaves open goes to the line's end: pairs within it are its sender's.
def _pair(separator: str) -> re.Pattern[str]:
    return re.compile(
        rf"(?<![^{separator}])([A-Za-z0-9_.-]{{1,64}}+)="
        rf'(?:"([^"\\]*+(?:\\.[^"\\]*+)*+)(?:"|\\?\Z)|([^{separator}"]*+))(?![^{separator}])',
        re.DOTALL,
    )


_PAIR = _pair(" ")
_COMMA_PAIR = _pair(",")
_ESCAPE = re.compile(r'\\(["\\])')
# Compiling an order costs what reading 60 lines without it does.
_LEARN_AFTER: Final = 40
_MOST_LAYOUTS: Final = 256
_MOST_PER_HEAD: Final = 12
_MOST_CANDIDATES: Final = 1024
_MOST_KEYS: Final = 128

ANY: Final = ""
WHOLE: Final = "[0-9]{1,18}+"


def pairs(text: str, commas: bool = False) -> list[tuple[str, str]]:
    """Every key=value of the line, in order, unescaped; pairs are apart by spaces, or commas.

    What is no pair is passed over.
    """
    found = (_COMMA_PAIR if commas else _PAIR).findall(text, 0, _LONGEST_LINE)
    if "\\" in text:
        return [(key, _ESCAPE.sub(r"\1", quoted) if "\\" in quoted else quoted or bare) for key, quoted, bare in found]
    return [(key, quoted or bare) for key, quoted, bare in found]


@dataclass(frozen=True, slots=True)
class Order(Generic[Plan]):
    """What a device makes of one order of keys.

    captured  keys whose values are wanted -> pattern without groups that they must match: ANY, WHOLE or its own
    fixed     keys that must have the value that they have in the line learned from
    plan      the device's own; handed back with the captured values, which are in the order of the line
    """

    captured: Mapping[str, str]
    fixed: frozenset[str]
    plan: Plan


class Layouts(Generic[Plan]):
    """The orders of keys that a device has been seen to write often enough. Bounded; nothing is forgotten.

    order_of  says what to make of the order of a line, given as its pairs; None: better read the slow way
    """

    def __init__(self, order_of: Callable[[dict[str, str]], Order[Plan] | None]) -> None:
        self._order_of = order_of
        self._known: dict[tuple[str, int], list[tuple[re.Pattern[str], Plan]]] = {}
        self._seen: Counter[tuple[str, ...]] = Counter()
        self._count = 0

    def read(self, head: str, text: str) -> tuple[Plan, tuple[str, ...]] | None:
        """The plan and the captured values; None if the order is not known, which says nothing of the line.

        head names the kind of message, e.g. its number: only the orders learned under it are tried.
        """
        known = self._known.get((head, text.count('"')))
        if known is None or "\\" in text:
            return None
        for place, (pattern, plan) in enumerate(known):
            found = pattern.fullmatch(text)
            if found is not None:
                if place:
                    known.insert(0, known.pop(place))
                return plan, found.groups()
        return None

    def learn(self, head: str, text: str, keys: tuple[str, ...]) -> None:
        """Counts a line that ``read`` did not know, given its keys; after the 40th of an order it is known."""
        if self._count >= _MOST_LAYOUTS or len(keys) > _MOST_KEYS or "\\" in text:
            return
        if len(self._seen) >= _MOST_CANDIDATES and keys not in self._seen:
            self._seen.clear()
        self._seen[keys] += 1
        if self._seen[keys] != _LEARN_AFTER:
            return
        found = list(_PAIR.finditer(text, 0, _LONGEST_LINE))
        if len({pair[1] for pair in found}) != len(found):
            return
        known = self._known.setdefault((head, text.count('"')), [])
        order = self._order_of({pair[1]: pair[pair.lastindex or 0] for pair in found})
        if order is None:
            return
        parts = [
            f'{re.escape(pair[1])}="{_value_pattern(order, pair[1], pair[2], _QUOTE)}"'
            if pair.lastindex == 2
            else f"{re.escape(pair[1])}={_value_pattern(order, pair[1], pair[3], _BLANK)}"
            for pair in found
        ]
        pattern = re.compile(" ".join(parts))
        if len(known) < _MOST_PER_HEAD and pattern.fullmatch(text):
            known.append((pattern, order.plan))
            self._count += 1


_QUOTE: Final = '"'
_BLANK: Final = ' "'


def _value_pattern(order: Order[Plan], key: str, value: str, ends: str) -> str:
    if key in order.fixed:
        return re.escape(value)
    if key in order.captured:
        return f"({order.captured[key] or f'[^{ends}]++'})"
    return f"[^{ends}]*+"
