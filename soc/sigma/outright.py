"""Rules that nothing leads to, since every event meets what they need: decided for all events of a batch at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from soc.core.batch import Batch
from soc.core.event import Value
from soc.core.finding import RuleInfo
from soc.sigma.candidate import Candidate
from soc.sigma.program import Texts


class Certain:
    """Such a rule as an event is offered it that meets it."""

    __slots__ = ("info",)
    whole = False

    def __init__(self, info: RuleInfo) -> None:
        self.info = info

    def holds(self, texts: Texts) -> bool:
        """It was decided before."""
        return True


class Outright:
    """Of some rules those that each event meets, as one number: a bit for each."""

    def __init__(self, rules: Mapping[int, Candidate]) -> None:
        """rules: each with the number by which it is known."""
        self._numbers = list(rules)
        self._rules = list(rules.values())
        self.vain = 0

    def __len__(self) -> int:
        return len(self._rules)

    def met(self, events: Batch, columns: Mapping[str, Sequence[Value]]) -> list[int]:
        """The answer for each event. vain counts the looks at rules that do not fire.

        columns: those of the events' fields that are at hand
        """
        answers = [0] * len(events)
        for bit, rule in enumerate(self._rules):
            places = rule.among(events, columns)
            self.vain += len(events) - len(places)
            for place in places:
                answers[place] |= 1 << bit
        return answers

    def set_of(self, answer: int) -> frozenset[int]:
        """The numbers of the rules that an answer stands for."""
        return frozenset(number for bit, number in enumerate(self._numbers) if answer >> bit & 1)
