"""A condition under what a route already says: events of one dataset, channel or event id share some values.

A rule that asks for another value of such a field is not offered to the route at all; what is left of
the others no longer asks for it.
"""

from __future__ import annotations

from typing import Final

from soc.core.event import Event
from soc.sigma.evaluate import leaf_holds
from soc.sigma.predicate import FieldRef
from soc.sigma.tree import KEYWORDS, And, AtLeast, Leaf, Node, Not, Or, all_of, any_of

_ENDING: Final[dict[type, bool]] = {And: False, Or: True}
"""What one child can decide alone."""


def simplified(node: Node, fixed: Event) -> Node | bool:
    """The condition with the tests on fixed fields decided; True or False when nothing else decides it."""
    if isinstance(node, Leaf):
        if node.field not in fixed or node.field == KEYWORDS or isinstance(node.test, FieldRef):
            return node
        return leaf_holds(node, fixed)
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
