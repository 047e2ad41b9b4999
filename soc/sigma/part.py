"""The part of a condition that reads one field alone, "not" included: decided once for each of the field's values."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from functools import cached_property

from soc.core.event import Event, Value
from soc.sigma.evaluate import holds
from soc.sigma.predicate import Exists, FieldRef, Null, Regex, Text
from soc.sigma.program import Picker, Program, Several, Texts, picker, program
from soc.sigma.tree import KEYWORDS, And, Leaf, Node, Or, all_of, leaves

MOST_DEAR = 8
"""Tests in a part that take a search of the value each."""


class Part:
    """One such part, told apart by identity."""

    def __init__(self, field: str, node: Node) -> None:
        self.field = field
        self._node = node

    @cached_property
    def _check(self) -> Program:
        return program(self._node, frozenset())

    @cached_property
    def _pick(self) -> Picker | None:
        return picker(self._node)

    def __reduce__(self) -> tuple[type[Part], tuple[str, Node]]:
        """Its functions are made anew where it is read."""
        return Part, (self.field, self._node)

    def holds(self, value: Value) -> bool:
        """Whether an event with this value in the field can meet the condition; None for an event without it."""
        event: Event = {} if value is None else {self.field: value}
        try:
            return self._check(Texts(event))
        except Several:
            return holds(self._node, event)

    def among(self, texts: Sequence[str]) -> Iterable[int]:
        """The places of those texts that it holds for."""
        with suppress(Several):
            if self._pick is not None:
                return self._pick(texts)
        return [place for place, text in enumerate(texts) if self.holds(text)]


def parts(condition: Node) -> Iterator[Part]:
    """The parts that an index of texts cannot find, with a "not" in them mostly, and that are quick to decide."""
    by_field: dict[str, list[Node]] = defaultdict(list)
    for child in condition.children if isinstance(condition, And) else (condition,):
        if field := _only_field(child):
            by_field[field].append(child)
    for field, found in by_field.items():
        node = all_of(found)
        if not _is_searched(node) and sum(map(_is_dear, leaves(node))) <= MOST_DEAR:
            yield Part(field, node)


def _only_field(node: Node) -> str:
    """The one field that the node reads, "" where there are more, or where null and missing differ."""
    fields = set()
    for leaf in leaves(node):
        if leaf.field == KEYWORDS or isinstance(leaf.test, Exists | FieldRef):
            return ""
        fields.add(leaf.field)
    return fields.pop() if len(fields) == 1 else ""


def _is_searched(node: Node) -> bool:
    if isinstance(node, Leaf):
        return isinstance(node.test, Text | Regex)
    return isinstance(node, And | Or) and all(map(_is_searched, node.children))


def _is_dear(leaf: Leaf) -> int:
    test = leaf.test
    return (
        1 if isinstance(test, Text) and test.shape == "contains" else 0 if isinstance(test, Text | Null) else MOST_DEAR
    )
