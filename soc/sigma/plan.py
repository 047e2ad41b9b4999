"""The rules of one route, compiled together: what an event costs here does not grow with their number.

1. Each field that some rule needs: a memo gives the tests that its value meets, nearly always none.
2. The tuple of those answers: a second memo gives the rules that can still fire, nearly always none.
3. Those rules alone are evaluated on the event.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from operator import getitem

from soc.core.event import Event
from soc.core.finding import RuleInfo
from soc.sigma.evaluate import haystacks, holds
from soc.sigma.load import Rule
from soc.sigma.memo import NOTHING, Budget, FieldMemo, Met
from soc.sigma.predicate import ValueTest
from soc.sigma.program import Program, Several, Texts, program
from soc.sigma.tree import KEYWORDS
from soc.sigma.witness import Frequency, Key, Witness, witnesses

NONE: tuple[RuleInfo, ...] = ()
_MOST_VERDICTS = 50_000


class Candidate:
    """A rule that an event may meet. Its function is made when it is first asked for."""

    __slots__ = ("_check", "_met", "failed", "rule")

    def __init__(self, rule: Rule, met: frozenset[Key]) -> None:
        self.rule = rule
        self.failed = 0
        self._met = met
        self._check: Program = self._compile

    def _compile(self, texts: Texts) -> bool:
        self._check = program(self.rule.condition, self._met)
        return self._check(texts)

    def holds(self, texts: Texts) -> bool:
        try:
            return self._check(texts)
        except Several:
            return holds(self.rule.condition, texts.event)


class _Verdicts(dict[tuple[Met, ...], tuple[Candidate, ...]]):
    """Tests met in each field -> rules that can still fire."""

    __slots__ = ("_always", "_by_test", "_filters")

    def __init__(
        self,
        always: Sequence[Candidate],
        by_test: Mapping[int, Sequence[int]],
        filters: Sequence[tuple[Candidate, list[Met]]],
    ) -> None:
        super().__init__()
        self._always = tuple(always)
        self._by_test = by_test
        self._filters = filters

    def __missing__(self, met: tuple[Met, ...]) -> tuple[Candidate, ...]:
        every = NOTHING.union(*met)
        reached = sorted({number for test in every for number in self._by_test.get(test, ())})
        chosen = [
            candidate
            for candidate, sets in (self._filters[number] for number in reached)
            if all(not every.isdisjoint(one) for one in sets)
        ]
        if len(self) >= _MOST_VERDICTS:
            self.clear()
        found = self[met] = self._always + tuple(chosen)
        return found


class Plan:
    """Rules of one route. Gives the infos of those that an event meets."""

    def __init__(self, rules: Sequence[Rule], frequency: Frequency, budget: Budget) -> None:
        numbers: dict[Key, int] = {}
        always: list[Candidate] = []
        filters: list[tuple[Candidate, list[Met]]] = []
        by_test: dict[int, list[int]] = defaultdict(list)
        for rule in rules:
            chosen = witnesses(rule.condition, frequency)
            if not chosen:
                always.append(Candidate(rule, frozenset()))
                continue
            sets = [frozenset(numbers.setdefault(key, len(numbers)) for key in one.keys) for one in chosen]
            for number in sets[0]:
                by_test[number].append(len(filters))
            filters.append((Candidate(rule, _keys(chosen)), sets))
        tests: dict[str, list[tuple[int, ValueTest]]] = defaultdict(list)
        for (field, test), number in numbers.items():
            tests[field].append((number, test))
        keywords = tests.pop(KEYWORDS, None)
        self._keywords = FieldMemo(keywords, budget) if keywords else None
        self._fields = tuple(sorted(tests))
        self._memos = tuple(FieldMemo(tests[field], budget) for field in self._fields)
        self._verdicts = _Verdicts(always, by_test, filters)
        budget.watch(self._verdicts.clear)

    def match(self, event: Event) -> Sequence[RuleInfo]:
        """The rules that the event meets; the shared empty tuple for none."""
        met = tuple(map(getitem, self._memos, map(event.get, self._fields)))
        if self._keywords is not None:
            met = (*met, self._keywords.find(haystacks(event)))
        candidates = self._verdicts[met]
        if not candidates:
            return NONE
        texts = Texts(event)
        hits = [candidate.rule.info for candidate in candidates if candidate.holds(texts)]
        return hits or NONE


def _keys(chosen: Sequence[Witness]) -> frozenset[Key]:
    return frozenset().union(*(one.keys for one in chosen))
