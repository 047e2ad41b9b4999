"""A condition under what a route already says: events of one dataset, channel or event id share some values.

A rule that asks for another value of such a field is not offered to the route at all; what is left of
the others no longer asks for it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import chain
from typing import Final

from soc.core.event import Event
from soc.sigma.evaluate import leaf_holds
from soc.sigma.predicate import FieldRef, Text
from soc.sigma.text import fold
from soc.sigma.tree import KEYWORDS, And, AtLeast, Leaf, Node, Not, Or, all_of, any_of

_ENDING: Final[dict[type, bool]] = {And: False, Or: True}
"""What one child can decide alone."""


Demands = dict[str, frozenset[str]]
"""Field -> folded texts, of which its value must be one for a condition to hold."""


def demanded(node: Node) -> Demands:
    """What the condition demands outright, which is quick to ask of each route; there may be more that it needs."""
    if isinstance(node, Leaf):
        test = node.test
        if isinstance(test, Text) and test.shape == "exact" and not test.cased and node.field != KEYWORDS:
            return {node.field: frozenset((fold(test.literal or ""),))}
        return {}
    found: Demands = {}
    if isinstance(node, And):
        for child in node.children:
            for field, texts in demanded(child).items():
                found[field] = found[field] & texts if field in found else texts
    elif isinstance(node, Or) and (first := demanded(node.children[0])):
        others = [demanded(child) for child in node.children[1:]]
        for field, texts in first.items():
            if all(field in other for other in others):
                found[field] = texts.union(*(other[field] for other in others))
    return found


def settled(node: Node, fields: Collection[str]) -> Sequence[Node]:
    """The parts that are decided when these fields are fixed: where they come out alike, so does what is left."""
    if isinstance(node, Leaf):
        return (node,) if _is_settled(node, fields) else ()
    children = (node.child,) if isinstance(node, Not) else node.children
    found = [settled(child, fields) for child in children]
    if all(part and part[0] is child for part, child in zip(found, children, strict=True)):
        return (node,)
    return tuple(chain.from_iterable(found))


def _is_settled(leaf: Leaf, fields: Collection[str]) -> bool:
    return leaf.field in fields and leaf.field != KEYWORDS and not isinstance(leaf.test, FieldRef)


def simplified(node: Node, fixed: Event) -> Node | bool:
    """The condition with the tests on fixed fields decided; True or False when nothing else decides it."""
    if isinstance(node, Leaf):
        return leaf_holds(node, fixed) if _is_settled(node, fixed) else node
    if isinstance(node, Not):
        below = simplified(node.child, fixed)
        return (not below) if isinstance(below, bool) else Not(below, node.label)
    ending = _ENDING.get(type(node))
    decided: list[Node | bool] = []
    for child in node.children:
        found = simplified(child, fixed)
        if found is ending:
            return found
        decided.append(found)
    open_ones = [one for one in decided if not isinstance(one, bool)]
    held = sum(one is True for one in decided)
    if isinstance(node, And):
        return all_of(open_ones, node.label) if open_ones else True
    if isinstance(node, Or):
        return any_of(open_ones, node.label) if open_ones else False
    needed = node.count - held
    if needed <= 0 or needed > len(open_ones):
        return needed <= 0
    return AtLeast(needed, tuple(open_ones), node.label)
