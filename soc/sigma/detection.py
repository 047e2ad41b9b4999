"""A rule's detection section as a condition tree over our fields.

pySigma reads the condition's grammar; this gives it the detections' names and puts our nodes in the
places where it found them. Maps are "and", lists are "or", a value list is "or" unless ``|all``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from msgspec.structs import replace
from sigma.conditions import ConditionAND, ConditionItem, ConditionNOT, ConditionOR, ConditionValueExpression
from sigma.exceptions import SigmaError
from sigma.rule.detection import SigmaDetections
from sigma.types import SigmaString

from soc.sigma.modifiers import LIST_MODIFIERS, ModifierError, Placeholders, tests
from soc.sigma.predicate import Exists, FieldRef, Null, Test
from soc.sigma.tree import KEYWORDS, AtLeast, Leaf, Node, Not, all_of, any_of

MAX_DEPTH = 12
MAX_LEAVES = 50_000
MAX_CONDITION = 4096
MAX_BRACKETS = 24

Fields = Callable[[str], tuple[str, ...]]
"""The rule's spelling of a field -> our fields that may hold it."""


class DetectionError(ValueError):
    """The detection section is not accepted; the text says where and why."""


@dataclass
class _Budget:
    leaves: int = MAX_LEAVES

    def spend(self, count: int) -> None:
        self.leaves -= count
        if self.leaves < 0:
            raise DetectionError(f"more than {MAX_LEAVES} values after expansion")


@dataclass(frozen=True)
class Reader:
    """What reading a detection needs to know."""

    fields: Fields
    placeholders: Placeholders

    def read(self, section: object) -> Node:
        """The whole detection section -> the tree. DetectionError names the detection."""
        if not isinstance(section, Mapping):
            raise DetectionError("detection is no map")
        budget = _Budget()
        found: dict[str, Node] = {}
        for name, definition in section.items():
            if name in {"condition", "timeframe"}:
                continue
            try:
                found[str(name)] = self._definition(definition, 0, budget)
            except (ModifierError, ValueError) as error:
                raise DetectionError(f"{name}: {error}") from error
        conditions = section.get("condition")
        if conditions is None:
            raise DetectionError("no condition")
        listed = conditions if isinstance(conditions, list) else [conditions]
        if not listed or not found:
            raise DetectionError("no condition" if found else "no detection")
        return any_of([_condition(str(text), found) for text in listed])

    def _definition(self, definition: object, depth: int, budget: _Budget) -> Node:
        if depth > MAX_DEPTH:
            raise DetectionError(f"nested deeper than {MAX_DEPTH}")
        if isinstance(definition, Mapping):
            if not definition:
                raise DetectionError("an empty map")
            return all_of([self._item(str(key or ""), value, budget) for key, value in definition.items()])
        if isinstance(definition, list):
            if any(isinstance(value, list | Mapping) for value in definition):
                return any_of([self._definition(value, depth + 1, budget) for value in definition])
            return self._item("", definition, budget)
        return self._item("", [definition], budget)

    def _item(self, key: str, value: object, budget: _Budget) -> Node:
        """``field|modifiers: value or list of values``; without a field, a search of the whole event."""
        written, *modifiers = key.split("|")
        values = value if isinstance(value, list) else [value]
        if not values:
            raise DetectionError(f"{key or 'keywords'}: an empty list")
        fields = self.fields(written) if written else (KEYWORDS,)
        nodes: list[Node] = []
        for one in values:
            if not isinstance(one, str | int | float | bool | None):
                raise DetectionError(f"{key or 'keywords'}: {type(one).__name__} is no value")
            made = tests(one, modifiers, self.placeholders, keyword=not written)
            budget.spend(len(made) * len(fields))
            nodes.append(any_of([self._over_fields(fields, test, written) for test in made]))
        linked = all_of(nodes) if "all" in modifiers else any_of(nodes)
        return Not(linked) if "neq" in modifiers else linked

    def _over_fields(self, fields: tuple[str, ...], test: Test, written: str) -> Node:
        """A Sigma field that is any of several of ours: absent only when all of them are."""
        if isinstance(test, FieldRef):
            pairs = [replace(test, other=other) for other in self.fields(test.other)]
            return any_of([Leaf(field, pair, written) for field in fields for pair in pairs])
        over: list[Node] = [Leaf(field, test, written) for field in fields]
        absent = isinstance(test, Null) or (isinstance(test, Exists) and not test.exists)
        return all_of(over) if absent else any_of(over)


_N_OF = re.compile(r"\b([2-9]|[1-9]\d+)\s+of\s+([\w*-]+)")


def _condition(text: str, found: dict[str, Node]) -> Node:
    if len(text) > MAX_CONDITION or text.count("(") > MAX_BRACKETS or text.count("not ") > MAX_BRACKETS:
        raise DetectionError(f"condition longer than {MAX_CONDITION} characters or with over {MAX_BRACKETS} brackets")
    named = dict(found)

    def at_least(match: re.Match[str]) -> str:
        chosen = _matching(match[2], found)
        if len(chosen) < int(match[1]):
            raise DetectionError(f"condition: {match[0]!r}, but there are {len(chosen)} of them")
        name = f"_at_least_{len(named)}"
        named[name] = AtLeast(int(match[1]), tuple(_labelled(found[one], one) for one in chosen), match[0])
        return name

    text = _N_OF.sub(at_least, text)
    try:
        names = SigmaDetections.from_dict({**{name: name for name in named}, "condition": text})
        tree = names.parsed_condition[0].parsed
    except (SigmaError, RecursionError, TypeError) as error:
        raise DetectionError(f"condition: {str(error).splitlines()[0]}") from error
    return _placed(tree, named)


def _matching(pattern: str, found: dict[str, Node]) -> list[str]:
    """Names that a selector means; those that begin with _ only when it says so."""
    wanted = re.compile(".*" if pattern == "them" else re.escape(pattern).replace(r"\*", ".*"))
    return [name for name in found if wanted.fullmatch(name) and (pattern[0] == "_" or name[0] != "_")]


def _labelled(node: Node, name: str) -> Node:
    return all_of([node], name) if isinstance(node, Leaf) else replace(node, label=name)


def _placed(tree: object, named: dict[str, Node]) -> Node:
    """pySigma's condition tree, whose leaves are the detections' names, with our nodes in their places."""
    if isinstance(tree, ConditionValueExpression) and isinstance(tree.value, SigmaString):
        name = tree.value.original
        node = named[name]
        return node if isinstance(node, AtLeast) else _labelled(node, name)
    if isinstance(tree, ConditionItem):
        below = [_placed(child, named) for child in tree.args]
        if isinstance(tree, ConditionNOT):
            return Not(below[0])
        if isinstance(tree, ConditionAND | ConditionOR):
            return all_of(below) if isinstance(tree, ConditionAND) else any_of(below)
    raise DetectionError("condition: it selects no detection")


__all__ = ["LIST_MODIFIERS", "DetectionError", "Fields", "Reader"]
