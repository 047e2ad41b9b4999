"""The rules of one route, compiled together: what an event costs here does not grow with their number.

1. Each field that some rule needs: a memo gives the tests that its value meets, nearly always none; new values
   of a whole batch are searched at once.
2. The tuple of those answers: a second memo gives the rules that can still fire, nearly always none.
3. Those rules alone are evaluated on the event, unless the answers tell for certain whether they fire.

Which of a rule's tests are searched for is decided by how rare they are among the events that come.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import NamedTuple

from soc.core.batch import Batch
from soc.core.finding import RuleInfo
from soc.sigma.candidate import Candidate, Certain
from soc.sigma.compiled import Compiled, Told, compiled
from soc.sigma.evaluate import holds_when
from soc.sigma.field import Field
from soc.sigma.keywords import Engines, Keywords
from soc.sigma.memo import Answers, Budget
from soc.sigma.program import Texts

FEW = 400
"""Up to so many events a route is compiled in haste: most routes of a mixed stream never see more."""
_MOST_VERDICTS = 50_000
_VERDICT_BYTES = 300
_WASTE = 500
"""Looks in vain that cost as much as compiling one rule: when so many were, another choice pays."""

Hits = tuple[int, Sequence[RuleInfo]]
"""The place of an event in its batch, and the rules that it meets: at least one."""


class _Verdict(NamedTuple):
    """What the answers of all fields come to.

    looks    rules that can still fire; none where it is certain which do
    whole    whether one of them reads whole events
    certain  the rules that fire then
    """

    looks: Sequence[Candidate | Certain]
    whole: bool
    certain: Sequence[RuleInfo]


class _Decided:
    """A rule that is decided by what is found in values."""

    __slots__ = ("_condition", "_numbers", "certain", "unsure")

    def __init__(self, candidate: Candidate, how: Told) -> None:
        self.unsure = how.unsure
        self.certain = Certain(candidate.info)
        self._condition = candidate.condition
        self._numbers = dict(zip(candidate.leaves, how.tests, strict=True))

    def holds(self, met: Collection[int]) -> bool:
        """Whether it fires on events that meet these tests."""
        return holds_when(self._condition, lambda leaf: self._numbers[leaf] in met)


class _Verdicts(dict[tuple[int, ...], _Verdict]):
    """Answers of all fields -> what they come to."""

    __slots__ = ("_always", "_answers", "_budget", "_by_test", "_candidates", "_further", "_told")

    def __init__(
        self,
        candidates: Sequence[Candidate],
        witnesses: Sequence[Sequence[frozenset[int]]],
        told: Mapping[int, Told],
        answers: Sequence[Answers],
        budget: Budget,
    ) -> None:
        super().__init__()
        self._answers = answers
        self._budget = budget
        self._candidates = candidates
        self._always = [place for place, sets in enumerate(witnesses) if not sets]
        self._told = {place: _Decided(candidates[place], how) for place, how in told.items()}
        self._further: list[Sequence[frozenset[int]]] = []
        self._by_test: dict[int, list[int]] = defaultdict(list)
        for place, sets in enumerate(witnesses):
            self._further.append(sets[1:])
            for test in sets[0] if sets else ():
                self._by_test[test].append(place)

    def __missing__(self, given: tuple[int, ...]) -> _Verdict:
        every = frozenset().union(*(one.sets[number] for one, number in zip(self._answers, given, strict=True)))
        by_test, further = self._by_test, self._further
        reached = {place for test in every if test in by_test for place in by_test[test]}
        chosen = [place for place in reached if not any(every.isdisjoint(one) for one in further[place])]
        self._budget.spend(_VERDICT_BYTES)
        found: list[Candidate | Certain] = []
        for place in sorted([*self._always, *chosen]):  # in the order of the rules, whatever finds them
            told = self._told.get(place)
            if told is None or not every.isdisjoint(told.unsure):
                found.append(self._candidates[place])
            elif told.holds(every):
                found.append(told.certain)
        if all(isinstance(one, Certain) for one in found):
            verdict = _Verdict((), False, [one.info for one in found])
        else:
            verdict = _Verdict(found, any(one.whole for one in found), ())
        self[given] = verdict
        return verdict


class Plan:
    """Gives the infos of those rules of its route that events meet. Made for the events that it sees first."""

    def __init__(
        self, candidates: Sequence[Candidate], budget: Budget, engines: Engines, kept: Compiled | None
    ) -> None:
        self._candidates = candidates
        self._engines = engines
        self._budget = budget
        self._fields: list[tuple[str, Field]] = []
        self._keywords: Keywords | None = None
        self._answers: list[Answers] = []
        self._verdicts = _Verdicts((), (), {}, (), budget)
        self._kept = kept
        self._compiled: Compiled | None = None
        self._is_new = False
        self._seen = self._vain = self._patience = 0
        budget.watch(self._forget)

    def match(self, events: Batch, lines: Sequence[bytes] | None) -> Iterator[Hits]:
        """The events of a batch that meet a rule. lines: the JSON that they were read from, where there is some."""
        verdicts = self._ready(events)
        answers = [field.met(events.column(name)) for name, field in self._fields]
        if self._keywords is not None:
            answers.append(self._keywords.met(events, lines))
        vain = 0
        columns = zip(*answers, strict=True) if answers else iter([()] * len(events))
        for place, (looks, whole, certain) in enumerate(map(verdicts.__getitem__, columns)):
            if looks:
                texts = Texts(events[place] if whole else events.own(place))
                found = [one.info for one in looks if one.holds(texts)]
                vain += len(looks) - len(found)
                if found:
                    yield place, found
            elif certain:
                yield place, certain
        self._vain += vain

    def _ready(self, events: Batch) -> _Verdicts:
        """Compiled, and compiled anew when too many rules were looked at in vain."""
        self._seen += len(events)
        few = self._seen < FEW
        made = self._compiled or self._kept
        if made is None or (made.few and not few) or self._vain > self._patience:
            made = compiled(self._candidates, events, few=few)
            self._is_new = True
        if made is not self._compiled:
            self._use(made)
        if len(self._verdicts) > _MOST_VERDICTS or any(one.full for one in self._answers):
            self._forget()
        return self._verdicts

    def new(self) -> tuple[Sequence[Candidate], Compiled] | None:
        """What the rules were compiled to, unless it was kept already."""
        if self._compiled is None or not self._is_new or not self._candidates:
            return None
        return self._candidates, self._compiled

    def _forget(self) -> None:
        for _, found in self._fields:
            found.clear()
        if self._keywords is not None:
            self._keywords.clear()
        self._verdicts.clear()

    def _use(self, made: Compiled) -> None:
        self._compiled = made
        self._vain = 0
        for candidate, found_by in zip(self._candidates, made.found_by, strict=True):
            candidate.found_by = found_by
        self._patience = max(2 * self._patience, _WASTE * len(self._candidates))
        self._fields = [(name, Field(asked, self._budget)) for name, asked in made.fields]
        self._keywords = Keywords(made.keywords, self._engines) if made.keywords else None
        self._answers = [found.answers for _, found in self._fields]
        if self._keywords is not None:
            self._answers.append(self._keywords.answers)
        self._verdicts = _Verdicts(self._candidates, made.witnesses, made.told, self._answers, self._budget)
