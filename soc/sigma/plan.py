"""The rules of one route, compiled together: what an event costs here does not grow with their number.

1. Each field that some rule needs: a memo gives the tests that its value meets, nearly always none; new values
   of a whole batch are searched at once.
2. The tuple of those answers: a second memo gives the rules that can still fire, nearly always none.
3. Those rules alone are evaluated on the event.

Which of a rule's tests are searched for is decided by how rare they are among the events that come.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence

from soc.core.event import Event
from soc.core.finding import RuleInfo
from soc.sigma.candidate import Candidate
from soc.sigma.field import Field
from soc.sigma.keywords import Keywords
from soc.sigma.memo import Answers, Budget
from soc.sigma.part import Part, parts
from soc.sigma.predicate import ValueTest
from soc.sigma.program import Texts
from soc.sigma.sample import measure, measure_part
from soc.sigma.tree import KEYWORDS
from soc.sigma.witness import Chooser, Key, Witness, guess

SAMPLE = 512
FEW = 400
"""Up to so many events a route is compiled in haste: most routes of a mixed stream never see more."""
_MOST_VERDICTS = 50_000
_VERDICT_BYTES = 300
_WASTE = 1000
"""Tests made in vain that cost as much as compiling one test: when so many were, another choice pays."""
_DOUBTFUL = 0.15
"""A rule that more events reach is worth a closer look at what finds it."""
_LOOK = 0.2
"""To look at one more field of every event costs as much as to look at a rule on this share of them."""

Hits = tuple[int, list[RuleInfo]]
"""The place of an event in its batch, and the rules that it meets: at least one."""


class _Verdicts(dict[tuple[int, ...], tuple[Candidate, ...]]):
    """Answers of all fields -> rules that can still fire."""

    __slots__ = ("_always", "_answers", "_budget", "_by_test", "_candidates", "_further")

    def __init__(
        self,
        candidates: Sequence[Candidate],
        numbers: Mapping[Key, int],
        answers: Sequence[Answers],
        budget: Budget,
    ) -> None:
        super().__init__()
        self._answers = answers
        self._budget = budget
        self._candidates = candidates
        self._always = [place for place, one in enumerate(candidates) if not one.witnesses]
        self._further: list[list[frozenset[int]]] = []
        self._by_test: dict[int, list[int]] = defaultdict(list)
        for place, one in enumerate(candidates):
            sets = [frozenset(numbers[key] for key in witness.keys) for witness in one.witnesses]
            self._further.append(sets[1:])
            for test in sets[0] if sets else ():
                self._by_test[test].append(place)

    def __missing__(self, given: tuple[int, ...]) -> tuple[Candidate, ...]:
        every = frozenset().union(*(one.sets[number] for one, number in zip(self._answers, given, strict=True)))
        by_test, further = self._by_test, self._further
        reached = {place for test in every if test in by_test for place in by_test[test]}
        chosen = [place for place in reached if not any(every.isdisjoint(one) for one in further[place])]
        self._budget.spend(_VERDICT_BYTES)
        # in the order of the rules, whatever finds them
        found = self[given] = tuple(self._candidates[place] for place in sorted([*self._always, *chosen]))
        return found


class Plan:
    """Gives the infos of those rules of its route that events meet. Made for the events that it sees first."""

    def __init__(self, candidates: Sequence[Candidate], budget: Budget) -> None:
        self._candidates = candidates
        self._budget = budget
        self._fields: list[tuple[str, Field]] = []
        self._keywords: Keywords | None = None
        self._answers: list[Answers] = []
        self._verdicts: _Verdicts | None = None
        self._few = False
        self._seen = self._vain = self._patience = 0
        readers = Counter(field for one in candidates for field in one.read)
        self._dear = {field: _LOOK / count for field, count in readers.items()}
        budget.watch(self._forget)

    def match(self, events: Sequence[Event], lines: Sequence[bytes] | None) -> Iterator[Hits]:
        """The events of a batch that meet a rule. lines: the JSON that they were read from, where there is some."""
        verdicts = self._ready(events)
        answers = [found.met([event.get(name) for event in events]) for name, found in self._fields]
        if self._keywords is not None:
            answers.append(self._keywords.met(events, lines))
        vain = 0
        columns = zip(*answers, strict=True) if answers else iter([()] * len(events))
        # all at once: who reads on lazily may have other events matched in between, which forgets what is known
        for place, candidates in enumerate(list(map(verdicts.__getitem__, columns))):
            if candidates:
                texts = Texts(events[place])
                found = []
                for candidate in candidates:
                    if candidate.holds(texts):
                        found.append(candidate.info)
                    else:
                        vain += candidate.tests
                if found:
                    yield place, found
        self._vain += vain

    def _ready(self, events: Sequence[Event]) -> _Verdicts:
        """Compiled, and compiled anew when too many rules were looked at in vain."""
        self._seen += len(events)
        more = self._few and self._seen >= FEW
        if self._verdicts is None or more or self._vain > self._patience:
            self._verdicts = self._compiled(events)
            self._vain = 0
        if len(self._verdicts) > _MOST_VERDICTS or any(one.full for one in self._answers):
            self._forget()
        return self._verdicts

    def _forget(self) -> None:
        for _, found in self._fields:
            found.clear()
        if self._keywords is not None:
            self._keywords.clear()
        if self._verdicts is not None:
            self._verdicts.clear()

    def _compiled(self, events: Sequence[Event]) -> _Verdicts:
        few = self._few = self._seen < FEW
        sample = () if few else events[:SAMPLE]
        shares = {} if few else measure((one.condition for one in self._candidates), sample)
        chooser = Chooser(guess if few else shares.__getitem__, self._dear)
        numbers: dict[Key, int] = {}
        tests: dict[str, list[tuple[int, ValueTest]]] = defaultdict(list)
        decided: dict[str, list[tuple[int, Part]]] = defaultdict(list)
        for candidate in self._candidates:
            if not candidate.decided:
                candidate.witnesses = _chosen(candidate, chooser, sample)
            for key in (key for one in candidate.witnesses for key in one.keys if key not in numbers):
                number = numbers[key] = len(numbers)
                field, test = key
                if isinstance(test, Part):
                    decided[field].append((number, test))
                else:
                    tests[field].append((number, test))
        self._patience = max(2 * self._patience, _WASTE * sum(one.tests for one in self._candidates))
        searched = tests.pop(KEYWORDS, ())
        names = sorted({*tests, *decided})
        self._fields = [(name, Field(tests[name], decided[name], self._budget, few=few)) for name in names]
        self._keywords = Keywords(searched, few=few) if searched else None
        self._answers = [found.answers for _, found in self._fields]
        if self._keywords is not None:
            self._answers.append(self._keywords.answers)
        return _Verdicts(self._candidates, numbers, self._answers, self._budget)


def _chosen(candidate: Candidate, chooser: Chooser, events: Sequence[Event]) -> list[Witness]:
    """What finds the rule: tests that are searched for, and where these are common, parts of its condition."""
    found = chooser.found(candidate.condition)
    if events and (not found or found[0].cost > _DOUBTFUL):
        found += [
            Witness(frozenset(((one.field, one),)), measure_part(one, events), frozenset((one.field,)))
            for one in parts(candidate.condition)
        ]
    return chooser.enough(found)
