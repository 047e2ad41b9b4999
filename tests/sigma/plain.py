"""A second reading of Sigma: the YAML of a rule walked over an event, as the specification and SEMANTICS.md say.

It shares no code with soc.sigma nor with pySigma, has no memo and no index, and is slow. What it says is what the
engine and other evaluators are compared with. Quirks make it read some things as another evaluator does: a
disagreement is explained when the reading with one named quirk gives the other's verdict.
"""

from __future__ import annotations

import base64
import itertools
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import Enum
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Any

import regex
from sigma.types import SigmaCIDRExpression

Event = Mapping[str, Any]
Quirks = frozenset[str]
NO_QUIRKS: Quirks = frozenset()


class Wild(Enum):
    MANY = "*"
    ONE = "?"


Pieces = tuple[str | Wild, ...]


@dataclass(frozen=True)
class Text:
    """``*`` and ``?`` between texts, as written (case kept). truth: the boolean that the rule has."""

    pieces: Pieces
    cased: bool = False
    truth: bool | None = None


@dataclass(frozen=True)
class Regex:
    """bare: as the rule has it, without the anchors of startswith and endswith."""

    source: str
    flags: str
    bare: str


@dataclass(frozen=True)
class Cidr:
    network: IPv4Network | IPv6Network


@dataclass(frozen=True)
class Compare:
    operator: str
    number: float
    part: str = ""


@dataclass(frozen=True)
class Reference:
    other: str
    shape: str = ""


@dataclass(frozen=True)
class Null:
    pass


@dataclass(frozen=True)
class Exists:
    wanted: bool


Test = Text | Regex | Cidr | Compare | Reference | Null | Exists


@dataclass(frozen=True)
class Leaf:
    """One test on one field; a keyword has no field."""

    field: str | None
    test: Test


@dataclass(frozen=True)
class Node:
    """At least count of the parts; count 0 means that the one part does not hold."""

    count: int
    parts: tuple[Tree, ...]


Tree = Leaf | Node


def every(parts: list[Tree]) -> Tree:
    return Node(len(parts), tuple(parts))


def some(parts: list[Tree]) -> Tree:
    return Node(1, tuple(parts))


def negation(part: Tree) -> Tree:
    return Node(0, (part,))


# --- reading -----------------------------------------------------------------------------------------------------


@dataclass
class Plain:
    """One rule, read. placeholders: name -> values for ``|expand``."""

    document: Mapping[str, Any]
    placeholders: Mapping[str, list[str]] = field(default_factory=dict)
    quirks: Quirks = NO_QUIRKS

    def tree(self) -> Tree:
        section = self.document["detection"]
        named = {
            name: self._definition(part) for name, part in section.items() if name not in {"condition", "timeframe"}
        }
        conditions = section["condition"]
        listed = conditions if isinstance(conditions, list) else [conditions]
        return some([_Condition(text, named).tree() for text in listed])

    def _definition(self, part: Any) -> Tree:
        if isinstance(part, Mapping):
            return every([self._item(str(key or ""), value) for key, value in part.items()])
        if isinstance(part, list) and any(isinstance(one, list | Mapping) for one in part):
            return some([self._definition(one) for one in part])
        return self._item("", part)

    def _item(self, key: str, value: Any) -> Tree:
        name, *modifiers = key.split("|")
        values = value if isinstance(value, list) else [value]
        linked: list[Tree] = []
        for one in values:
            forms = list(_tests(one, modifiers, self.placeholders, self.quirks))
            linked.append(some([Leaf(name or None, test) for test in forms]))
        made = every(linked) if "all" in modifiers else some(linked)
        return negation(made) if "neq" in modifiers else made


class _Condition:
    """or < and < not < (brackets, names, "n of")."""

    def __init__(self, text: str, named: Mapping[str, Tree]) -> None:
        self._tokens = regex.findall(r"[()]|[^\s()]+", text)
        self._named = named

    def tree(self) -> Tree:
        made = self._or()
        assert not self._tokens, self._tokens
        return made

    def _or(self) -> Tree:
        parts = [self._and()]
        while self._took("or"):
            parts.append(self._and())
        return some(parts)

    def _and(self) -> Tree:
        parts = [self._not()]
        while self._took("and"):
            parts.append(self._not())
        return every(parts)

    def _not(self) -> Tree:
        if self._took("not"):
            return negation(self._not())
        token = self._tokens.pop(0)
        if token == "(":
            made = self._or()
            assert self._tokens.pop(0) == ")"
            return made
        if self._tokens and self._tokens[0].lower() == "of" and (token.isdigit() or token.lower() in {"all", "any"}):
            del self._tokens[0]
            return self._of(token.lower(), self._tokens.pop(0))
        return self._named[token]

    def _of(self, count: str, pattern: str) -> Tree:
        wanted = regex.compile(".*" if pattern == "them" else regex.escape(pattern).replace(r"\*", ".*"))
        hidden = pattern.startswith("_")
        chosen = [part for name, part in self._named.items() if wanted.fullmatch(name) and (hidden or name[0] != "_")]
        assert chosen, pattern
        return every(chosen) if count == "all" else Node(1 if count == "any" else int(count), tuple(chosen))

    def _took(self, word: str) -> bool:
        if self._tokens and self._tokens[0].lower() == word:
            del self._tokens[0]
            return True
        return False


def pieces(text: str) -> Pieces:
    """``\\`` takes the special meaning from a following ``*``, ``?`` or ``\\``; before anything else it is itself."""
    found = regex.finditer(r"\\([*?\\])|([*?])|(.)", text, regex.DOTALL)
    return _joined([Wild(one[2]) if one[2] else one[1] or one[3] for one in found])


def _joined(made: list[str | Wild]) -> Pieces:
    groups = itertools.groupby(made, key=lambda piece: isinstance(piece, str))
    return tuple(one for texts, group in groups for one in (["".join(map(str, group))] if texts else group))


FLAGS = {"i": "i", "ignorecase": "i", "m": "m", "multiline": "m", "s": "s", "dotall": "s"}
PARTS_OF_TIME = ("minute", "hour", "day", "week", "month", "year")
UTF16 = {"wide": "utf-16-le", "utf16le": "utf-16-le", "utf16be": "utf-16-be", "utf16": "utf-16-le"}
DASHES = "-/\u2013\u2014\u2015"


def _tests(value: Any, modifiers: list[str], placeholders: Mapping[str, list[str]], quirks: Quirks) -> Iterator[Test]:
    """Every test that may stand for a value; linked by or."""
    cased = "cased" in modifiers
    ends = next((one for one in modifiers if one in {"contains", "startswith", "endswith"}), "")
    part = next((one for one in modifiers if one in PARTS_OF_TIME), "")
    operator = next((one for one in modifiers if one in {"lt", "lte", "gt", "gte"}), "=")
    if "exists" in modifiers:
        yield Exists(value)
    elif value is None:
        yield Null()
    elif part or operator != "=":
        yield Compare(operator, float(value), part)
    elif "cidr" in modifiers:
        yield Cidr(ip_network(value))
    elif "fieldref" in modifiers:
        yield Reference("".join(map(str, pieces(value))), ends)
    elif "re" in modifiers:
        body = {"": "{}", "contains": "{}", "startswith": "^(?:{})", "endswith": "(?:{})$"}[ends].format(value)
        yield Regex(body, "".join(sorted({FLAGS[one] for one in modifiers if one in FLAGS})), value)
    else:
        forms = [pieces(value) if isinstance(value, str) else (as_text(value),)]
        for modifier in modifiers:
            forms = [made for form in forms for made in _changed(form, modifier, placeholders, quirks)]
        truth = value if isinstance(value, bool) else None
        for form in forms:
            yield Text(form, cased, truth)


def _changed(form: Pieces, modifier: str, placeholders: Mapping[str, list[str]], quirks: Quirks) -> Iterator[Pieces]:
    if modifier == "contains":
        yield (Wild.MANY, *form, Wild.MANY)
    elif modifier == "startswith":
        yield (*form, Wild.MANY)
    elif modifier == "endswith":
        yield (Wild.MANY, *form)
    elif modifier in UTF16:
        # a character for each byte, until base64 takes them
        mark = "\u00ff\u00fe" if modifier == "utf16" else ""
        if mark and "the mark is UTF-8" in quirks:
            mark = "\u00ef\u00bb\u00bf"
        yield (mark + _text(form).encode(UTF16[modifier]).decode("latin-1"),)
    elif modifier == "base64":
        yield (base64.b64encode(_raw(form)).decode(),)
    elif modifier == "base64offset":
        data = _raw(form)
        for before in range(3):
            coded = base64.b64encode(bytes(before) + data + bytes(2)).decode()
            end = 8 * (before + len(data)) // 6  # the letters made of its bits alone
            if "base64offset counts letters" in quirks:
                coded = base64.b64encode(bytes(before) + data).decode()
                end = len(coded) + (0, -3, -2)[(len(_text(form)) + before) % 3]
            yield (coded[-(-8 * before // 6) : end],)
    elif modifier == "windash":
        yield from _dashes(form)
    elif modifier == "expand":
        found = [
            (at, m) for at, one in enumerate(form) if isinstance(one, str) for m in [regex.search("%(.+?)%", one)] if m
        ]
        for at, match in found[:1]:
            for value in placeholders[match[1]]:
                one = str(form[at])
                made = [*form[:at], one[: match.start()], *pieces(value), one[match.end() :], *form[at + 1 :]]
                yield from _changed(_joined(made), modifier, placeholders, quirks)
        if not found:
            yield form
    else:
        assert modifier in {"all", "neq", "cased"}, modifier
        yield form


def _text(form: Pieces) -> str:
    assert all(isinstance(one, str) for one in form), form
    return "".join(map(str, form))


def _raw(form: Pieces) -> bytes:
    """UTF-8; after wide or utf16 the bytes are there already, a character each (0 tells)."""
    text = _text(form)
    return text.encode("latin-1") if "\0" in text else text.encode()


def _dashes(form: Pieces) -> Iterator[Pieces]:
    """A dash or slash at the start of a word, in each form; a word does not begin right after another."""
    choices: list[tuple[str | Wild, ...]] = []
    for one in form:
        if isinstance(one, Wild):
            choices.append((one,))
            continue
        for at, letter in enumerate(one):
            before = one[at - 1] if at else " "
            after = one[at + 1] if at + 1 < len(one) else " "
            starts = letter in "-/" and not (before.isalnum() or before == "_") and (after.isalnum() or after == "_")
            choices.append(tuple(DASHES) if starts else (letter,))
    for made in itertools.product(*choices):
        yield _joined(list(made))


# --- evaluating --------------------------------------------------------------------------------------------------


def as_text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


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
    if isinstance(value, bool | float):
        return None
    if isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            return None
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    else:
        moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=value)
    return moment.isocalendar().week if part == "week" else int(getattr(moment, part))


def _sqlite_part(part: str, text: str) -> int | None:
    """A number is a Julian day, and the days before the first Monday are week 0."""
    letter = dict(zip(PARTS_OF_TIME, "MHdWmY", strict=True))[part]
    with closing(sqlite3.connect(":memory:")) as connection:
        row = connection.execute("SELECT CAST(strftime(?, ?) AS INTEGER)", (f"%{letter}", text)).fetchone()
    return None if row[0] is None else int(row[0])
