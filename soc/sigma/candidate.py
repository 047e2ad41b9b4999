"""A rule as one route is offered it, and whether it fires on an event that may meet it."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from soc.core.event import Value
from soc.core.finding import RuleInfo
from soc.core.windows.usual import SYSTEM
from soc.sigma.evaluate import holds
from soc.sigma.memo import Budget
from soc.sigma.predicate import Exists, FieldRef
from soc.sigma.program import Program, Several, Texts, program
from soc.sigma.rule import Rule
from soc.sigma.tree import KEYWORDS, Leaf, Node, leaves

_MOST_FIELDS = 6
_MOST_VERDICTS = 500
_LONGEST = 1000
_ENTRY_BYTES = 250
_APART = SYSTEM | {KEYWORDS}


class Candidate:
    """A rule with what is left of its condition where a route decides the rest. What a look needs is made at the first.

    decided: nothing is left, since the route decides all of it: the rule always fires there.
    found_by: the places, among the condition's leaves, of the tests that lead to the rule; what it is asked for is
    known to hold then.
    key tells the condition apart: the rule's content, what the route decides (fixed), and where its names are found.
    Verdicts are remembered by the values that the condition reads, as long as these come again.
    """

    __slots__ = (
        "_asked",
        "_budget",
        "_check",
        "_fields",
        "_known",
        "_leaves",
        "_whole",
        "condition",
        "decided",
        "found_by",
        "info",
        "key",
    )

    def __init__(self, rule: Rule, left: Node | bool, budget: Budget, fixed: str) -> None:
        self.info = rule.info
        self.decided = left is True
        self.condition = rule.condition if isinstance(left, bool) else left
        self.found_by: Collection[int] = ()
        self.key = f"{rule.info.id} {rule.info.hash} {rule.naming} {fixed}"
        self._budget = budget
        self._leaves: Sequence[Leaf] = ()
        self._whole: bool | None = None
        self._check: Program | None = None
        self._fields: tuple[str, ...] | None = None
        self._known: dict[tuple[Value, ...], bool] = {}
        self._asked = 0

    @property
    def leaves(self) -> Sequence[Leaf]:
        """The condition's tests, in the rule's order."""
        if not self._leaves:
            self._leaves = leaves(self.condition)
        return self._leaves

    @property
    def whole(self) -> bool:
        """Whether it reads more than fields that an event has of its own (soc.core.batch)."""
        if self._whole is None:
            self._whole = any(map(_reads_more, self.leaves))
        return self._whole

    def holds(self, texts: Texts) -> bool:
        """Whether the rule fires."""
        fields = self._fields
        if not fields:
            if fields is None:
                self._fields = _read(self.leaves)
                self._budget.watch(self._known.clear)
                return self.holds(texts)
            return self._holds(texts)
        values = tuple(map(texts.event.get, fields))
        self._asked += 1
        try:
            verdict = self._known.get(values)
        except TypeError:  # JSON's lists
            return self._holds(texts)
        if verdict is None:
            verdict = self._holds(texts)
            self._remember(values, verdict)
        return verdict

    def _holds(self, texts: Texts) -> bool:
        if self._check is None:
            met = [self.leaves[place] for place in self.found_by]
            self._check = program(self.condition, frozenset((leaf.field, leaf.test) for leaf in met))
        try:
            return self._check(texts)
        except Several:
            return holds(self.condition, texts.event)

    def _remember(self, values: tuple[Value, ...], verdict: bool) -> None:
        """Only texts: True, 1 and 1.0 are one key."""
        size = _ENTRY_BYTES
        for value in values:
            if isinstance(value, str):
                size += len(value)
            elif value is not None:
                return
        if size > _LONGEST:
            return
        if len(self._known) >= _MOST_VERDICTS:
            self._known.clear()
            if self._asked < 2 * _MOST_VERDICTS:
                self._fields = ()
                return
            self._asked = 0
        self._known[values] = verdict
        self._budget.spend(size)


class Certain:
    """A rule as an event is offered it of which is known that it meets the rule."""

    __slots__ = ("info",)
    whole = False

    def __init__(self, info: RuleInfo) -> None:
        self.info = info

    def holds(self, texts: Texts) -> bool:
        """Whether the rule fires."""
        return True


def _reads_more(leaf: Leaf) -> bool:
    return leaf.field in _APART or (isinstance(leaf.test, FieldRef) and leaf.test.other in _APART)


def _read(every: Sequence[Leaf]) -> tuple[str, ...]:
    """The fields that decide a condition of these leaves; () where their values do not, or too many do."""
    fields: dict[str, None] = {}
    for leaf in every:
        if leaf.field == KEYWORDS or isinstance(leaf.test, Exists):
            return ()
        fields[leaf.field] = None
        if isinstance(leaf.test, FieldRef):
            fields[leaf.test.other] = None
    return tuple(fields) if len(fields) <= _MOST_FIELDS else ()
