"""A boolean condition over rules (Sigma SEP 198): ``recon_a and (recon_b or recon_c)``.

pySigma parses the text; here it becomes a small tree over the positions of the rules.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sigma.correlations import (
    CorrelationConditionAND,
    CorrelationConditionItem,
    CorrelationConditionNOT,
    CorrelationConditionOR,
    SigmaRuleReference,
)

MAX_DEPTH = 20


@dataclass(frozen=True, slots=True)
class Seen:
    """True when the rule at this position has a hit in the window."""

    role: int


@dataclass(frozen=True, slots=True)
class Both:
    """True when all parts are."""

    parts: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Either:
    """True when any part is."""

    parts: tuple[Expression, ...]


Expression = Seen | Both | Either


def holds(expression: Expression, seen: Sequence[bool]) -> bool:
    """Whether it holds, given for each rule whether the window has a hit of it."""
    match expression:
        case Seen(role):
            return seen[role]
        case Both(parts):
            return all(holds(part, seen) for part in parts)
        case Either(parts):
            return any(holds(part, seen) for part in parts)


def build(node: CorrelationConditionItem | SigmaRuleReference, roles: Mapping[str, int], depth: int = 0) -> Expression:
    """pySigma's tree as ours; ValueError for ``not`` (absence needs a clock, see SEMANTICS.md) and for depth."""
    if depth > MAX_DEPTH:
        raise ValueError(f"condition is nested deeper than {MAX_DEPTH}")
    if isinstance(node, SigmaRuleReference):
        return Seen(roles[node.reference])
    if isinstance(node, CorrelationConditionNOT):
        raise ValueError("condition: 'not' (absence of a rule) is not supported yet")
    parts = tuple(build(part, roles, depth + 1) for part in node.args)
    if isinstance(node, CorrelationConditionAND):
        return Both(parts)
    if isinstance(node, CorrelationConditionOR):
        return Either(parts)
    raise ValueError(f"condition: {type(node).__name__} is not supported")
