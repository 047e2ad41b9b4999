"""A rule's detection section as a condition tree over our fields.

Maps are "and", lists are "or", a value list is "or" unless ``|all``; the condition links them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, TypeVar

from msgspec.structs import replace

from soc.sigma.condition import Budget, ConditionError, Detections, parse_condition
from soc.sigma.modifiers import Placeholders, Raw, tests
from soc.sigma.predicate import Exists, FieldRef, Null, Test
from soc.sigma.tree import KEYWORDS, Leaf, Node, Not, all_of, any_of

MAX_DEPTH = 12

Fields = Callable[[str], tuple[str, ...]]
"""The rule's spelling of a field -> our fields that may hold it."""

_Shared = TypeVar("_Shared", Leaf, Test)


class DetectionError(ValueError):
    """The detection section is not accepted; the text says where and why."""


@dataclass(frozen=True)
class Reader:
    """What reading a detection needs to know. shared: equal tests of many rules become one object."""

    fields: Fields
    placeholders: Placeholders
    shared: dict[Any, Any] = field(default_factory=dict)

    def read(self, section: object) -> Node:
        """The whole detection section -> the tree. DetectionError names the detection."""
        if not isinstance(section, Mapping):
            raise DetectionError("detection is no map")
        budget = Budget()
        found: dict[str, Node] = {}
        for name, definition in section.items():
            if name in {"condition", "timeframe"}:
                continue
            if not isinstance(name, str):
                raise DetectionError(f"detection: the name {name!r} is no text; put it in quotes")
            try:
                found[name] = self._definition(definition, 0, budget)
            except ValueError as error:
                raise DetectionError(f"{name}: {error}") from error
        listed = section.get("condition")
        conditions = listed if isinstance(listed, list) else [listed]
        if not conditions or not found or listed is None:
            raise DetectionError("no condition" if found else "no detection")
        named = Detections(found, budget)
        try:
            return any_of([parse_condition(text, named) for text in conditions])
        except ConditionError as error:
            raise DetectionError(str(error)) from error

    def _definition(self, definition: object, depth: int, budget: Budget) -> Node:
        if depth > MAX_DEPTH:
            raise DetectionError(f"nested deeper than {MAX_DEPTH}")
        if isinstance(definition, Mapping):
            if not definition:
                raise DetectionError("an empty map")
            return all_of([self._item(key, value, budget) for key, value in definition.items()])
        if isinstance(definition, list):
            if any(isinstance(value, list | Mapping) for value in definition):
                return any_of([self._definition(value, depth + 1, budget) for value in definition])
            return self._item("", definition, budget)
        return self._item("", [definition], budget)

    def _item(self, key: object, value: object, budget: Budget) -> Node:
        """``field|modifiers: value or list of values``; without a field, a search of the whole event."""
        if not isinstance(key, str):
            raise DetectionError(f"the field {key!r} is no text; put it in quotes")
        written, *modifiers = key.split("|")
        values = value if isinstance(value, list) else [value]
        if not values:
            raise DetectionError(f"{key or 'keywords'}: an empty list")
        fields = self.fields(written) if written else (KEYWORDS,)
        nodes: list[Node] = []
        for one in values:
            made = tests(_scalar(key, one), modifiers, self.placeholders, keyword=not written)
            budget.spend(len(made) * len(fields))
            nodes.append(any_of([self._over_fields(fields, test, written) for test in made]))
        linked = all_of(nodes) if "all" in modifiers else any_of(nodes)
        return Not(linked) if "neq" in modifiers else linked

    def _over_fields(self, fields: tuple[str, ...], test: Test, written: str) -> Node:
        """A Sigma field that is any of several of ours: absent only when all of them are."""
        if isinstance(test, FieldRef):
            pairs = [replace(test, other=other) for other in self.fields(test.other)]
            return any_of([self._one(Leaf(name, pair, written)) for name in fields for pair in pairs])
        shared = self._one(test)
        over: list[Node] = [self._one(Leaf(name, shared, written)) for name in fields]
        absent = isinstance(test, Null) or (isinstance(test, Exists) and not test.exists)
        return all_of(over) if absent else any_of(over)

    def _one(self, made: _Shared) -> _Shared:
        found: _Shared = self.shared.setdefault(made, made)
        return found


def _scalar(key: str, value: object) -> Raw:
    where = key or "keywords"
    if isinstance(value, date):
        raise DetectionError(f"{where}: {value} is a date to YAML; put it in quotes")
    if isinstance(value, float) and not math.isfinite(value):
        raise DetectionError(f"{where}: {value} is no value")
    if not isinstance(value, str | int | float | bool | None):
        raise DetectionError(f"{where}: {type(value).__name__} is no value")
    return value
