"""Why a rule fires on an event, or why not: its condition as a tree with what was found."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from soc.core.event import Event, Value
from soc.core.finding import Reason
from soc.sigma.evaluate import haystacks, leaf_holds
from soc.sigma.load import Rule
from soc.sigma.text import as_text
from soc.sigma.tree import KEYWORDS, And, AtLeast, Leaf, Or
from soc.sigma.tree import Node as Condition

LONGEST_VALUE = 2048
MOST_REASONS = 64


@dataclass(frozen=True, slots=True)
class Node:
    """One node of an explained condition.

    label     "and", "or", "not", "2 of selection*", with the detection's name in front where it is one
    matched   whether it held
    field     our field for a leaf, "" for the others; operator, pattern and value likewise
    """

    label: str
    matched: bool
    field: str = ""
    operator: str = ""
    pattern: str = ""
    value: str = ""
    children: tuple[Node, ...] = ()


def explain(rule: Rule, event: Event) -> Node:
    """The whole condition, matched or not."""
    return _explained(rule.condition, event)


def reasons(rule: Rule, event: Event) -> tuple[Reason, ...]:
    """The tests that held and let the rule fire, for its alert; tests below a "not" that did not hold are left out."""
    found = dict.fromkeys(_matched(explain(rule, event)))
    return tuple(found)[:MOST_REASONS]


def _explained(node: Condition, event: Event) -> Node:
    if isinstance(node, Leaf):
        test = node.test
        field = "keyword" if node.field == KEYWORDS else node.field
        return Node(
            label=node.written or "keyword",
            matched=leaf_holds(node, event),
            field=field,
            operator=test.operator,
            pattern=test.pattern,
            value=_shown(node, event),
        )
    if isinstance(node, And | Or | AtLeast):
        below = tuple(_explained(child, event) for child in node.children)
        held = sum(child.matched for child in below)
        needed = len(below) if isinstance(node, And) else node.count if isinstance(node, AtLeast) else 1
        word = "and" if isinstance(node, And) else "or"
        return Node(node.label or word, held >= needed, children=below)
    child = _explained(node.child, event)
    return Node("not", not child.matched, children=(child,))


def _matched(node: Node) -> Iterator[Reason]:
    if not node.matched or node.label == "not":
        return
    if node.operator:
        yield Reason(node.field, node.operator, node.pattern, node.value)
    for child in node.children:
        yield from _matched(child)


def _shown(leaf: Leaf, event: Event) -> str:
    """The value that the test looked at."""
    if leaf.field == KEYWORDS:
        if not leaf_holds(leaf, event):
            return "(not found)"
        texts = haystacks(event)
        found = [text for text in texts if leaf_holds(leaf, {"event.original": text})]
        return (found or list(texts) or [""])[0][:LONGEST_VALUE]
    if leaf.field not in event:
        return "(missing)"
    return _value(event[leaf.field])[:LONGEST_VALUE]


def _value(value: Value) -> str:
    if isinstance(value, tuple):
        return ", ".join(_value(one) for one in value)
    return "null" if value is None else as_text(value)
