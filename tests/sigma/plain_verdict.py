"""Whether an event meets a rule as tests.sigma.plain reads it: every test tried, one after the other."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from ipaddress import ip_address
from typing import Any

import regex
from sigma.types import SigmaCIDRExpression

from tests.sigma.plain import (
    NO_QUIRKS,
    PARTS_OF_TIME,
    Cidr,
    Compare,
    Exists,
    Leaf,
    Null,
    Pieces,
    Quirks,
    Reference,
    Regex,
    Test,
    Text,
    Tree,
    Wild,
    as_text,
    pieces,
)

Event = Mapping[str, Any]


@lru_cache(maxsize=1 << 16)
def fold(text: str) -> str:
    """Without case, letter by letter; a letter beyond ASCII does not become an ASCII one."""
    return text.lower() if text.isascii() else "".join(map(_fold_letter, text))


def _fold_letter(letter: str) -> str:
    lower = letter.lower()
    if len(lower) != 1 or (lower.isascii() and not letter.isascii()):
        return letter
    return "σ" if lower == "ς" else lower


@lru_cache(maxsize=1 << 16)
def fold_ascii(text: str) -> str:
    return "".join(letter.lower() if letter.isascii() else letter for letter in text)


def holds(tree: Tree, event: Event, quirks: Quirks = NO_QUIRKS) -> bool:
    """Whether the event meets the rule."""
    if isinstance(tree, Leaf):
        return leaf_holds(tree, event, quirks)
    if tree.count == 0:
        return not holds(tree.parts[0], event, quirks)
    met = 0
    left = len(tree.parts)
    for part in tree.parts:
        met += holds(part, event, quirks)
        left -= 1
        if met >= tree.count or met + left < tree.count:
            break
    return met >= tree.count


def leaf_holds(leaf: Leaf, event: Event, quirks: Quirks = NO_QUIRKS) -> bool:
    test = leaf.test
    if leaf.field is None:
        assert isinstance(test, Text | Regex)
        if isinstance(test, Text):
            test = Text((Wild.MANY, *test.pieces, Wild.MANY), test.cased)
        return any(value_holds(test, text, quirks) for text in haystacks(event))
    if "a column's name has no case" in quirks:
        event = {name.lower(): value for name, value in event.items()}
        leaf = Leaf(leaf.field.lower(), test)
    assert leaf.field is not None
    found = event.get(leaf.field)
    listed = found if isinstance(found, tuple | list) else (found,)
    if isinstance(test, Exists):
        there = found is not None if "null does not exist" in quirks else leaf.field in event
        return there is test.wanted
    if isinstance(test, Null):
        return not listed or any(one is None for one in listed)
    values = [one for one in listed if one is not None]
    if isinstance(test, Reference):
        other = event.get(test.other.lower() if "a column's name has no case" in quirks else test.other)
        others = [one for one in (other if isinstance(other, tuple | list) else (other,)) if one is not None]
        return any(_refers(test, as_text(one), as_text(two), quirks) for one in values for two in others)
    return any(value_holds(test, one, quirks) for one in values)


def haystacks(event: Event) -> list[str]:
    raw = event.get("event.original")
    if isinstance(raw, str) and not raw.lstrip().startswith("{"):
        return [raw, *(event[name] for name in ("message",) if isinstance(event.get(name), str))]
    listed = [one for value in event.values() for one in (value if isinstance(value, tuple | list) else (value,))]
    return [as_text(one) for one in listed if one is not None]


def _folding(quirks: Quirks) -> Callable[[str], str]:
    return fold_ascii if "ASCII alone has case" in quirks else fold


def _refers(test: Reference, one: str, two: str, quirks: Quirks) -> bool:
    folded = _folding(quirks)
    one, two = folded(one), folded(two)
    if test.shape == "contains":
        return two in one
    if test.shape:
        return one.startswith(two) if test.shape == "startswith" else one.endswith(two)
    return one == two


def value_holds(test: Test, value: Any, quirks: Quirks = NO_QUIRKS) -> bool:
    """Whether one value, not null, meets a test on values."""
    if isinstance(test, Text):
        folded = str if test.cased else _folding(quirks)
        form = tuple(one if isinstance(one, Wild) else folded(one) for one in test.pieces)
        if test.truth is not None and "true is 1" in quirks and as_text(value) == str(int(test.truth)):
            return True
        return glob(form, folded(as_text(value)))
    if isinstance(test, Regex):
        source = test.bare if "expressions have no ends" in quirks else test.source
        return _regex(source, test.flags, "letters beyond ASCII" in quirks).search(as_text(value)) is not None
    if isinstance(test, Cidr):
        return _like_network(test, value) if "a network is a wildcard" in quirks else _within(test, value)
    assert isinstance(test, Compare)
    left: Any
    right: Any = test.number
    if not test.part and "numbers compare as text" in quirks:
        left, right = fold_ascii(as_text(value)), as_text(right)
    else:
        left = _part(test.part, value, quirks) if test.part else _number(value)
    if left is None:
        return False
    return bool({
        "=": left == right, "lt": left < right, "lte": left <= right, "gt": left > right, "gte": left >= right
    }[test.operator])  # fmt: skip


def _like_network(test: Cidr, value: Any) -> bool:
    """Its whole groups as text, and a star: pySigma's way for those that have no networks."""
    texts = SigmaCIDRExpression(str(test.network)).expand()
    return any(glob(pieces(fold_ascii(text)), fold_ascii(as_text(value))) for text in texts)


def glob(form: Pieces, text: str) -> bool:
    """The pattern over the whole text: every way to cut it is tried, the first star that fits taken back last."""
    if form == ():
        return text == ""
    first, rest = form[0], form[1:]
    if isinstance(first, str):
        return text.startswith(first) and glob(rest, text[len(first) :])
    if first is Wild.ONE:
        return text != "" and glob(rest, text[1:])
    if not rest:
        return True
    if isinstance(rest[0], str):
        last = rest[1:] in {(), (Wild.MANY,)}
        if last:
            return rest[0] in text if rest[1:] else text.endswith(rest[0])
        at = text.find(rest[0])
        while at >= 0:
            if glob(rest[1:], text[at + len(rest[0]) :]):
                return True
            at = text.find(rest[0], at + 1)
        return False
    return any(glob(rest, text[at:]) for at in range(len(text) + 1))


_WORD, _SPACE = "A-Za-z0-9_", r" \t\n\f\r"
_ASCII = {r"\d": "0-9", r"\w": _WORD, r"\s": _SPACE}
_TOKENS = regex.compile(r"\\.|\[\^?\]?(?:\\.|\[:\w+:\]|[^\]\\])*\]|.", regex.DOTALL)


@lru_cache(maxsize=8192)
def _regex(source: str, flags: str, unicode: bool) -> regex.Pattern[str]:
    r"""With \d, \w, \s and \b of ASCII letters only, as RE2 has them; case beyond ASCII stays."""
    return regex.compile(
        f"(?{flags})" * bool(flags) + (source if unicode else "".join(map(_ascii, _TOKENS.findall(source))))
    )


def _ascii(token: str) -> str:
    if token[0] == "[":
        return regex.sub(r"\\.", lambda found: _ASCII.get(found[0], found[0]), token)
    if token in _ASCII:
        return f"[{_ASCII[token]}]"
    if token in {r"\D", r"\W", r"\S"}:
        return f"[^{_ASCII[token.lower()]}]"
    if token == r"\b":
        return f"(?:(?<=[{_WORD}])(?![{_WORD}])|(?<![{_WORD}])(?=[{_WORD}]))"
    return token


def _within(test: Cidr, value: Any) -> bool:
    try:
        address = ip_address(value) if isinstance(value, str) else None
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return address is not None and (mapped or address) in test.network


def _number(value: Any) -> float | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return value
    return float(value) if regex.fullmatch(r"[+-]?[0-9]+(\.[0-9]+)?", value) else None


def _part(part: str, value: Any, quirks: Quirks) -> int | None:
    if "SQLite's calendar" in quirks:
        return _sqlite_part(part, as_text(value))
    if isinstance(value, bool) or (isinstance(value, float) and not value.is_integer()):
        return None
    if isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            return None
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    else:
        moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=int(value))
    return moment.isocalendar().week if part == "week" else int(getattr(moment, part))


def _sqlite_part(part: str, text: str) -> int | None:
    """A number is a Julian day, and the days before the first Monday are week 0."""
    letter = dict(zip(PARTS_OF_TIME, "MHdWmY", strict=True))[part]
    with closing(sqlite3.connect(":memory:")) as connection:
        row = connection.execute("SELECT CAST(strftime(?, ?) AS INTEGER)", (f"%{letter}", text)).fetchone()
    return None if row[0] is None else int(row[0])
