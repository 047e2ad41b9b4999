"""Whether a rule can fire at all: active, or blind because nothing fills the fields that it needs."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from soc.core.logsource import Dataset, LogSource
from soc.sigma.load import Rule
from soc.sigma.matcher import offered
from soc.sigma.predicate import Exists, FieldRef, Null
from soc.sigma.tree import KEYWORDS, And, AtLeast, Leaf, Node, Not, leaves


@dataclass(frozen=True, slots=True)
class RuleState:
    """word is "active" or "blind"; rejected rules are load problems.

    missing  fields that no parser fills on the rule's route, also of an active rule (it is partly blind)
    reason   for people, "" when nothing is missing
    """

    word: str
    reason: str = ""
    missing: tuple[str, ...] = ()


def states(rules: Iterable[Rule], datasets: Mapping[str, Dataset]) -> dict[str, RuleState]:
    """Rule id -> its state. Rules of one log source look only at its datasets, a few of hundreds."""
    near: dict[LogSource, dict[str, Dataset]] = {}
    made = {}
    for rule in rules:
        if rule.logsource not in near:
            near[rule.logsource] = {name: one for name, one in datasets.items() if offered(rule, one.sources)}
        made[rule.info.id] = state(rule, near[rule.logsource])
    return made


def state(rule: Rule, datasets: Mapping[str, Dataset]) -> RuleState:
    """Judges by what the parsers say they fill: blind only when the rule can never fire on any dataset.

    A dataset that passes its records' own fields through may have any field: no rule on it is blind.
    """
    offering = [dataset for dataset in datasets.values() if offered(rule, dataset.sources)]
    if not offering:
        return RuleState("blind", f"no source: nothing here makes events of {rule.logsource}")
    if any(dataset.open for dataset in offering):
        return RuleState("active")
    filled = frozenset().union(*(dataset.fills for dataset in offering))
    missing = tuple(sorted(_missing(rule, filled)))
    if not any(_can(rule.condition, True, dataset.fills) for dataset in offering):
        return RuleState("blind", f"no parser fills {', '.join(missing) or 'its fields together'}", missing)
    return RuleState("active", f"partly blind: no parser fills {', '.join(missing)}" if missing else "", missing)


def _missing(rule: Rule, filled: frozenset[str]) -> set[str]:
    """Fields, as the rule spells them (its author knows those), of which no form is filled."""
    found = list(leaves(rule.condition))
    known = {leaf.written for leaf in found if leaf.field in filled}
    others = {leaf.test.other for leaf in found if isinstance(leaf.test, FieldRef)}
    return ({leaf.written for leaf in found if leaf.field != KEYWORDS} - known) | (others - filled)


def _can(node: Node, wanted: bool, fills: Collection[str]) -> bool:
    """Whether the node can come out as wanted, when fields that are not filled are always missing."""
    if isinstance(node, Leaf):
        return _leaf_can(node, wanted, fills)
    if isinstance(node, Not):
        return _can(node.child, not wanted, fills)
    every = [_can(child, wanted, fills) for child in node.children]
    if isinstance(node, AtLeast):
        needed = node.count if wanted else len(every) - node.count + 1
        return sum(every) >= needed
    return all(every) if isinstance(node, And) is wanted else any(every)


def _leaf_can(leaf: Leaf, wanted: bool, fills: Collection[str]) -> bool:
    test = leaf.test
    if leaf.field == KEYWORDS:
        return True
    if leaf.field in fills and not (isinstance(test, FieldRef) and test.other not in fills):
        return True
    absent = isinstance(test, Null) or (isinstance(test, Exists) and not test.exists)
    return absent is wanted
