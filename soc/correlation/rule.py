"""A Sigma correlation as it was loaded: what it counts, whom it groups by, and when it holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from soc.core.finding import RuleInfo
from soc.correlation.condition import Condition
from soc.correlation.expression import Absent, Expression, roles_of


class Type(StrEnum):
    """Sigma's correlation types (specification 2.1.0; value_median is pySigma's addition)."""

    EVENT_COUNT = "event_count"
    VALUE_COUNT = "value_count"
    TEMPORAL = "temporal"
    TEMPORAL_ORDERED = "temporal_ordered"
    VALUE_SUM = "value_sum"
    VALUE_AVG = "value_avg"
    VALUE_PERCENTILE = "value_percentile"
    VALUE_MEDIAN = "value_median"

    @property
    def temporal(self) -> bool:
        return self in (Type.TEMPORAL, Type.TEMPORAL_ORDERED)

    @property
    def numeric(self) -> bool:
        """Whether it calculates with the field's values, so that they must be numbers."""
        return self in (Type.VALUE_SUM, Type.VALUE_AVG, Type.VALUE_PERCENTILE, Type.VALUE_MEDIAN)


class Decided(StrEnum):
    """When it is known whether a correlation holds.

    HIT      at a hit, looking back: more only makes it truer
    END      when the window that the first hit opened is over: more can undo it (lt, lte, eq, neq, ranges)
    ABSENCE  when no window that holds what was seen can still get a hit of what must be absent (``not``)
    SILENCE  when a group that was heard of has had no hit for the timespan (event_count with lt: 1)
    """

    HIT = "hit"
    END = "end"
    ABSENCE = "absence"
    SILENCE = "silence"


@dataclass(frozen=True, slots=True)
class Role:
    """One of the rules that a correlation refers to.

    rule     the rule, or the lower correlation (its kind tells)
    aliases  field names of this correlation -> the field that means it in this rule's events
    """

    rule: RuleInfo
    aliases: tuple[tuple[str, str], ...] = ()

    def field(self, name: str) -> str:
        """What a field of the correlation is called in this rule's events; the name itself unless aliased."""
        return dict(self.aliases).get(name, name)


@dataclass(frozen=True, slots=True)
class Correlation:
    """One loaded correlation.

    info        what an alert says about it
    roles       the rules it refers to, in the order of the file (the order that temporal_ordered asks for)
    group_by    field names or aliases; () puts every hit into one group
    span        the timespan in µs
    condition   compared with the count, number of rules, or value; for a boolean condition it is "= 1"
    fields      the field (or several) that value_* look at; () for the other types
    percentile  0-100 for a value_percentile of numbers; None for the share of a value (see SEMANTICS.md)
    expression  a boolean condition over the rules, or None
    generate    True: the rules it refers to also make alerts of their own; None: the file does not say
    """

    info: RuleInfo
    type: Type
    roles: tuple[Role, ...]
    group_by: tuple[str, ...]
    span: int
    condition: Condition
    fields: tuple[str, ...] = ()
    percentile: int | None = None
    expression: Expression | None = None
    generate: bool | None = None

    @property
    def rarity(self) -> bool:
        """A value_percentile without a percentile: how rare is this value among those of the window?"""
        return self.type is Type.VALUE_PERCENTILE and self.percentile is None

    @property
    def decided(self) -> Decided:
        """When it is known whether it holds (see SEMANTICS.md)."""
        if self.expression is not None:
            return Decided.ABSENCE if roles_of(self.expression, Absent) else Decided.HIT
        if self.rarity or not self.condition.looks_down:
            return Decided.HIT
        if self.type.temporal:
            met = [self.condition.holds(number) for number in range(1, len(self.roles) + 1)]
            return Decided.HIT if met == sorted(met) else Decided.END
        if self.type is Type.EVENT_COUNT and not self.condition.countable:
            return Decided.SILENCE
        return Decided.END


def silenced(correlations: Sequence[Correlation]) -> frozenset[str]:
    """Ids of the rules (and lower correlations) that make no alerts of their own.

    Sigma's default for a rule that a correlation refers to; ``generate: true`` in any of the correlations that
    refer to it is a wish that overrides the others' default.
    """
    quiet = {role.rule.id for item in correlations if not item.generate for role in item.roles}
    wanted = {role.rule.id for item in correlations if item.generate for role in item.roles}
    return frozenset(quiet - wanted)
