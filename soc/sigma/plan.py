"""The rules of one route, compiled together: what an event costs here does not grow with their number.

1. Each field that some rule needs: a memo gives the tests that its value meets, nearly always none.
2. The tuple of those answers: a second memo gives the rules that can still fire, nearly always none.
3. Those rules alone are evaluated on the event.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import getitem

from soc.core.event import Event
from soc.core.finding import RuleInfo
from soc.sigma.evaluate import holds
from soc.sigma.index import NOTHING, FieldIndex, KeywordIndex, Met
from soc.sigma.memo import Budget, FieldMemo
from soc.sigma.program import Program, Several, Texts, program
from soc.sigma.tree import KEYWORDS, Node
from soc.sigma.witness import Key, Witness

NONE: tuple[RuleInfo, ...] = ()
_MOST_VERDICTS = 50_000
_VERDICT_BYTES = 300


@dataclass(frozen=True, slots=True)
class Offer:
    """A rule as one route is offered it: its condition less what the route decides, and its necessary tests."""

    info: RuleInfo
    condition: Node
    witnesses: Sequence[Witness]


class Candidate:
    """A rule that an event may meet. Its function is made when it is first asked for."""

    __slots__ = ("_check", "_offer", "info")

    def __init__(self, offer: Offer) -> None:
        self.info = offer.info
        self._offer = offer
        self._check: Program = self._compile

    def _compile(self, texts: Texts) -> bool:
        met: frozenset[Key] = frozenset().union(*(one.keys for one in self._offer.witnesses))
        self._check = program(self._offer.condition, met)
        return self._check(texts)

    def holds(self, texts: Texts) -> bool:
        """Whether the rule fires."""
        try:
            return self._check(texts)
        except Several:
            return holds(self._offer.condition, texts.event)


class _Verdicts(dict[tuple[Met, ...], tuple[Candidate, ...]]):
    """Tests met in each field -> rules that can still fire."""

    __slots__ = ("_always", "_budget", "_by_test", "_needs")

    def __init__(self, offers: Sequence[Offer], numbers: Mapping[Key, int], budget: Budget) -> None:
        super().__init__()
        self._always = tuple(Candidate(offer) for offer in offers if not offer.witnesses)
        self._needs: list[tuple[Candidate, list[Met]]] = []
        self._by_test: dict[int, list[int]] = defaultdict(list)
        self._budget = budget
        for offer in offers:
            if offer.witnesses:
                sets = [frozenset(numbers[key] for key in one.keys) for one in offer.witnesses]
                for test in sets[0]:
                    self._by_test[test].append(len(self._needs))
                self._needs.append((Candidate(offer), sets))
        budget.watch(self.clear)

    def __missing__(self, met: tuple[Met, ...]) -> tuple[Candidate, ...]:
        every = NOTHING.union(*met)
        by_test, needs = self._by_test, self._needs
        reached = sorted({number for test in every if test in by_test for number in by_test[test]})
        chosen = tuple(
            needs[number][0] for number in reached if all(not every.isdisjoint(one) for one in needs[number][1])
        )
        if len(self) >= _MOST_VERDICTS:
            self.clear()
        self._budget.spend(_VERDICT_BYTES)
        found = self[met] = self._always + chosen
        return found


class Plan:
    """Gives the infos of those rules of its route that an event meets."""

    def __init__(
        self,
        offers: Sequence[Offer],
        numbers: Mapping[Key, int],
        fields: Mapping[str, FieldIndex],
        keywords: KeywordIndex,
        budget: Budget,
    ) -> None:
        relevant: dict[str, set[int]] = defaultdict(set)
        for offer in offers:
            for one in offer.witnesses:
                for key in one.keys:
                    relevant[key[0]].add(numbers[key])
        searched = relevant.pop(KEYWORDS, None)
        self._keywords = keywords if searched else None
        self._searched = frozenset(searched or ())
        self._fields = tuple(sorted(relevant))
        self._memos = tuple(FieldMemo(fields[name], frozenset(relevant[name]), budget) for name in self._fields)
        self._verdicts = _Verdicts(offers, numbers, budget)

    def match(self, event: Event) -> Sequence[RuleInfo]:
        """The rules that the event meets; the shared empty tuple for none. JSON's lists are arrays too."""
        try:
            met = tuple(map(getitem, self._memos, map(event.get, self._fields)))
        except TypeError:
            event = {name: tuple(value) if isinstance(value, list) else value for name, value in event.items()}
            met = tuple(map(getitem, self._memos, map(event.get, self._fields)))
        if self._keywords is not None:
            met = (*met, self._keywords.find(event) & self._searched)
        candidates = self._verdicts[met]
        if not candidates:
            return NONE
        texts = Texts(event)
        return [candidate.info for candidate in candidates if candidate.holds(texts)] or NONE
