"""What a condition means, in the plainest form: the tree walked over the event. For explaining, and for arrays.

An array meets a test when one of its values does. Null and exists ask about the field, not its values.
"""

from __future__ import annotations

from collections.abc import Callable

from soc.core.event import Event, Scalar, Value
from soc.sigma.predicate import Exists, FieldRef, Null
from soc.sigma.text import as_text
from soc.sigma.tree import KEYWORDS, And, Leaf, Node, Not, Or


def holds(node: Node, event: Event) -> bool:
    """Whether the event meets the condition."""
    return holds_when(node, lambda leaf: leaf_holds(leaf, event))


def holds_when(node: Node, holding: Callable[[Leaf], bool]) -> bool:
    """Whether the condition holds when these of its tests do."""
    if isinstance(node, Leaf):
        return holding(node)
    if isinstance(node, And):
        return all(holds_when(child, holding) for child in node.children)
    if isinstance(node, Or):
        return any(holds_when(child, holding) for child in node.children)
    if isinstance(node, Not):
        return not holds_when(node.child, holding)
    return sum(holds_when(child, holding) for child in node.children) >= node.count


def leaf_holds(leaf: Leaf, event: Event) -> bool:
    """Whether the event meets one test."""
    test = leaf.test
    value = event.get(leaf.field)
    if isinstance(test, Exists):
        return (leaf.field in event) is test.exists
    if isinstance(test, Null):
        return value is None or (isinstance(value, tuple | list) and (not value or None in value))
    if isinstance(test, FieldRef):
        others = several(event.get(test.other))
        return any(test.holds(one, other) for one in several(value) for other in others)
    values = haystacks(event) if leaf.field == KEYWORDS else several(value)
    return any(test.holds(one) for one in values)


def several(value: Value) -> tuple[Scalar, ...]:
    """A field's values that are not null. JSON's lists are arrays too."""
    if isinstance(value, tuple | list):
        return tuple(one for one in value if one is not None)
    return () if value is None else (value,)


def haystacks(event: Event) -> tuple[str, ...]:
    """The texts that keywords are searched in: the raw line and the message.

    Every value instead where there is no raw line, and as well where it is JSON, whose escapes hide
    backslashes, quotes and letters beyond ASCII.
    """
    raw = event.get("event.original")
    if isinstance(raw, str) and not raw.lstrip().startswith("{"):
        message = event.get("message")
        return (raw, message) if isinstance(message, str) else (raw,)
    texts: list[str] = []
    for value in event.values():
        if isinstance(value, str):
            texts.append(value)
        elif value is not None:
            texts += map(as_text, several(value))
    return tuple(texts)
