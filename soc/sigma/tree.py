"""A rule's condition as a tree: and, or, not, "n of", and at the leaves one test on one field."""

from __future__ import annotations

import msgspec

from soc.sigma.predicate import Test

KEYWORDS = ""
"""The field of a leaf that searches the whole event."""


class Leaf(msgspec.Struct, frozen=True, cache_hash=True, gc=False):
    """One test on one event field. written is the field as the rule spells it ("c-uri")."""

    field: str
    test: Test
    written: str


class And(msgspec.Struct, frozen=True, eq=False, gc=False):
    """All of the children; label is the detection's name, or "" within one."""

    children: tuple[Node, ...]
    label: str = ""


class Or(msgspec.Struct, frozen=True, eq=False, gc=False):
    """At least one of the children."""

    children: tuple[Node, ...]
    label: str = ""


class AtLeast(msgspec.Struct, frozen=True, eq=False, gc=False):
    """ "2 of selection*": at least count of the children."""

    count: int
    children: tuple[Node, ...]
    label: str = ""


class Not(msgspec.Struct, frozen=True, eq=False, gc=False):
    """The child does not hold."""

    child: Node
    label: str = ""


Node = Leaf | And | Or | AtLeast | Not


def all_of(children: list[Node], label: str = "") -> Node:
    """And, without a level for a single child."""
    return children[0] if len(children) == 1 and not label else And(tuple(children), label)


def any_of(children: list[Node], label: str = "") -> Node:
    """Or, without a level for a single child."""
    return children[0] if len(children) == 1 and not label else Or(tuple(children), label)


def leaves(node: Node) -> list[Leaf]:
    """Every leaf, in the rule's order."""
    found: list[Leaf] = []
    _collect(node, found)
    return found


def _collect(node: Node, into: list[Leaf]) -> None:
    if isinstance(node, Leaf):
        into.append(node)
    elif isinstance(node, Not):
        _collect(node.child, into)
    else:
        for child in node.children:
            _collect(child, into)
