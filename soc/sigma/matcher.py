"""All rules against one event. The route (by default the dataset) says which rules an event is offered to."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from soc.core.event import Event
from soc.core.finding import RuleInfo
from soc.core.logsource import Dataset, LogSource
from soc.sigma.load import Rule
from soc.sigma.memo import Budget
from soc.sigma.plan import NONE, Plan
from soc.sigma.witness import Frequency, guess

Route = Callable[[Event], str]
Routes = Mapping[str, tuple[LogSource, ...]]


def by_dataset(event: Event) -> str:
    """The route of an event that one of our parsers made."""
    name = event.get("event.dataset")
    return name if isinstance(name, str) else ""


def offered(rule: Rule, sources: Sequence[LogSource]) -> bool:
    """Whether events of these log sources are offered to the rule."""
    return any(rule.logsource.covers(source) for source in sources)


class Matcher:
    """Rules compiled for a table of routes."""

    def __init__(
        self, rules: Sequence[Rule], routes: Routes, route: Route = by_dataset, frequency: Frequency = guess
    ) -> None:
        budget = Budget()
        plans: dict[tuple[int, ...], Plan] = {}
        self._route = route
        self._plans: dict[str, Plan] = {}
        for name, sources in routes.items():
            chosen = tuple(number for number, rule in enumerate(rules) if offered(rule, sources))
            if chosen:
                if chosen not in plans:
                    plans[chosen] = Plan([rules[number] for number in chosen], frequency, budget)
                self._plans[name] = plans[chosen]

    def match(self, event: Event) -> Sequence[RuleInfo]:
        """The rules that the event meets, in the order they were given; the shared empty tuple for none."""
        plan = self._plans.get(self._route(event))
        return NONE if plan is None else plan.match(event)


def compile(rules: Sequence[Rule], datasets: Mapping[str, Dataset], route: Route = by_dataset) -> Matcher:
    """A matcher for events of these datasets."""
    return Matcher(rules, {name: dataset.sources for name, dataset in datasets.items()}, route)
