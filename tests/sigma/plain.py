"""A second reading of Sigma: the YAML of a rule as a tree of tests, as the specification and SEMANTICS.md say.

It shares no code with soc.sigma nor with pySigma, has no memo and no index, and is slow. What it says of an event
(tests.sigma.plain_verdict) is what the engine and other evaluators are compared with. Quirks make it read some things
as another evaluator does: a disagreement is explained when the reading with one named quirk gives the other's verdict.
"""

from __future__ import annotations

import base64
import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any

import regex

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
        yield from _dashes(form, "-/" if "windash from hyphens alone" in quirks else DASHES)
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


def _dashes(form: Pieces, taken: str) -> Iterator[Pieces]:
    """A dash or slash at the start of a word, in each form; a word does not begin right after another."""
    choices: list[tuple[str | Wild, ...]] = []
    for one in form:
        if isinstance(one, Wild):
            choices.append((one,))
            continue
        for at, letter in enumerate(one):
            before = one[at - 1] if at else " "
            after = one[at + 1] if at + 1 < len(one) else " "
            starts = letter in taken and not (before.isalnum() or before == "_") and (after.isalnum() or after == "_")
            choices.append(tuple(DASHES) if starts else (letter,))
    for made in itertools.product(*choices):
        yield _joined(list(made))


def as_text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
