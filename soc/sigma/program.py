"""A rule's condition as one Python function that stops at the first test that decides.

The function is generated: names and operators only. Everything that comes from a rule (texts, field
names) is a constant in its namespace, never source text. It is made when a rule is first looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from types import CodeType
from typing import Any

from soc.core.event import Event, Scalar
from soc.sigma.evaluate import haystacks, leaf_holds, several
from soc.sigma.predicate import Cidr, Null, Text, within
from soc.sigma.regex import glob
from soc.sigma.text import as_text, fold
from soc.sigma.tree import KEYWORDS, And, Leaf, Node, Not, Or, leaves

_MOST_CODES = 2000
_MISSING = "\ud800"
"""Stands for a missing field: no rule's text has a lone surrogate, so nothing equals or contains it."""


class Several(Exception):
    """A field that the condition reads holds an array, or the very text that stands for a missing one."""


class Texts(dict[str, str]):
    """An event's values as folded text, made when a rule first asks for one."""

    __slots__ = ("event",)

    def __init__(self, event: Event) -> None:
        self.event = event

    def __missing__(self, field: str) -> str:
        value = self.event.get(field)
        if type(value) is str and value.isascii() and field != KEYWORDS:  # nearly always
            text = value.lower()
        elif field == KEYWORDS:
            text = _MISSING.join(map(fold, haystacks(self.event)))
        elif value is None:
            text = _MISSING
        elif isinstance(value, tuple | list):
            raise Several
        else:
            text = fold(as_text(value))
            if text == _MISSING:
                raise Several
        self[field] = text
        return text


Program = Callable[[Texts], bool]
Picker = Callable[[Sequence[str]], list[int]]
"""The places of the texts that meet a condition; Several where one of them stands for a missing one."""


def program(condition: Node, met: frozenset[tuple[str, object]]) -> Program:
    """The condition as a function. met are tests that are known to hold nearly always when it is called."""
    writer = _Writer(met, {})
    made: Program = eval(CODES[f"lambda t: {writer.write(condition)}"], writer.names)  # noqa: S307 - see above
    return made


def picker(condition: Node) -> Picker | None:
    """A condition that reads one field, for many values at once; None where it asks for more than folded text."""
    every = leaves(condition)
    if not all(_is_plain(leaf) or isinstance(leaf.test, Null) for leaf in every):
        return None
    writer = _Writer(frozenset(), {every[0].field: "v"})
    source = f"lambda texts: [n for n, v in enumerate(texts) if {writer.write(condition)}]"
    pick = eval(CODES[source], {**writer.names, "enumerate": enumerate})  # noqa: S307 - see above

    def found(texts: Sequence[str]) -> list[int]:
        folded = list(map(fold, texts))
        if _MISSING in folded:
            raise Several
        places: list[int] = pick(folded)
        return places

    return found


class Codes(dict[str, CodeType]):
    """Source -> code: conditions that differ in their constants alone share it, and making it is most of the work."""

    def __missing__(self, source: str) -> CodeType:
        if len(self) >= _MOST_CODES:
            self.clear()
        made = self[source] = compile(source, "<rule>", "eval")
        return made


CODES = Codes()
"""Of all rules: soc.sigma.compiled keeps them for the next start."""


def _any_of(literals: Sequence[str]) -> Callable[[str], bool]:
    """As quick as a chain of "or", which takes much longer to make."""

    def found(text: str) -> bool:
        for literal in literals:  # noqa: SIM110 - any() takes half as long again, 2.4 times with a generator
            if literal in text:
                return True
        return False

    return found


def _any_holds(field: str, test: Callable[[Scalar], bool], event: Event) -> bool:
    return any(map(test, several(event.get(field))))


class _Writer:
    def __init__(self, met: frozenset[tuple[str, object]], texts: dict[str, str]) -> None:
        """texts: what the text of a field is called that is at hand."""
        self.names: dict[str, Any] = {"__builtins__": {}, "sum": sum, "M": _MISSING}
        self._known: dict[object, str] = {}
        self._met = met
        self._texts = texts
        self._begun = False

    def _name(self, constant: object) -> str:
        key = (type(constant), constant)
        name = self._known.get(key)
        if name is None:
            name = self._known[key] = f"c{len(self._known)}"
            self.names[name] = constant
        return name

    def _text(self, field: str) -> str:
        """The field's text; what is asked for first is asked for in any case, and then at hand."""
        if field in self._texts:
            return self._texts[field]
        text = f"t[{self._name(field)}]"
        if self._begun:
            return text
        self._begun = True
        self._texts[field] = "v"
        return f"(v := {text})"

    def _called(self, test: Callable[[Event], bool]) -> str:
        self._begun = True
        return f"{self._name(test)}(t.event)"

    def write(self, node: Node) -> str:
        if isinstance(node, Leaf):
            return self._leaf(node)
        if isinstance(node, Not):
            return f"(not {self.write(node.child)})"
        if isinstance(node, And):
            ordered = sorted(node.children, key=self._late)
            return "(" + " and ".join(self.write(child) for child in ordered) + ")"
        if isinstance(node, Or):
            return "(" + " or ".join(self._alternatives(node)) + ")"
        return "(sum((" + ", ".join(self.write(child) for child in node.children) + f",)) >= {node.count:d})"

    def _late(self, node: Node) -> int:
        """What will hold anyway is asked last, dear tests before that, cheap ones first."""
        if isinstance(node, Leaf):
            if (node.field, node.test) in self._met:
                return 3
            return 0 if _is_plain(node) or isinstance(node.test, Null) else 2
        if isinstance(node, Or) and all(isinstance(c, Leaf) and (c.field, c.test) in self._met for c in node.children):
            return 3
        return 1

    def _alternatives(self, node: Or) -> list[str]:
        """Equal shapes on one field become one operation: a set for exact texts, one call for many ends or networks."""
        grouped: dict[tuple[str, str], list[str]] = {}
        networks: dict[str, list[Cidr]] = {}
        rest: list[Node] = []
        for child in node.children:
            if isinstance(child, Leaf) and isinstance(child.test, Text) and _is_plain(child) and child.test.fixed:
                grouped.setdefault((child.field, child.test.shape), []).append(child.test.literal or "")
            elif isinstance(child, Leaf) and isinstance(child.test, Cidr) and child.field != KEYWORDS:
                networks.setdefault(child.field, []).append(child.test)
            else:
                rest.append(child)
        written = []
        for (field, shape), literals in grouped.items():
            text = self._text(field)
            if shape == "contains":
                name = self._name(_any_of(literals) if len(literals) > 1 else literals[0])
                written.append(f"{name}({text})" if len(literals) > 1 else f"{name} in {text}")
            elif shape == "exact":
                written.append(f"{text} in {self._name(frozenset(literals))}")
            else:
                written.append(f"{text}.{shape}({self._name(tuple(literals))})")
        for field, tests in networks.items():
            written.append(self._called(partial(_any_holds, field, within(tests))))
        return written + [self.write(child) for child in rest]

    def _leaf(self, leaf: Leaf) -> str:
        test = leaf.test
        if isinstance(test, Null) and leaf.field != KEYWORDS:  # of arrays, Texts says that there are several
            return f"({self._text(leaf.field)} == M)"
        if not _is_plain(leaf) or not isinstance(test, Text):
            return self._called(partial(leaf_holds, leaf))
        text = self._text(leaf.field)
        if test.literal is None:
            return f"({text} != M and {self._name(glob(test.parts))}({self._text(leaf.field)}))"
        literal = self._name(test.literal)
        if test.shape == "any":
            return f"({text} != M)"
        if test.shape == "contains":
            return f"({literal} in {text})"
        return f"({text} == {literal})" if test.shape == "exact" else f"{text}.{test.shape}({literal})"


def _is_plain(leaf: Leaf) -> bool:
    if not isinstance(leaf.test, Text) or leaf.test.cased:
        return False
    return leaf.field != KEYWORDS or leaf.test.shape == "contains"
