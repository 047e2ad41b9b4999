"""All rules against one event. The route (by default the dataset) says which rules an event is offered to."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence

from soc.core.event import Event
from soc.core.finding import RuleInfo
from soc.core.logsource import Dataset, LogSource
from soc.sigma.fixed import simplified
from soc.sigma.index import FieldIndex, KeywordIndex
from soc.sigma.load import Rule
from soc.sigma.memo import Budget
from soc.sigma.plan import NONE, Offer, Plan
from soc.sigma.predicate import ValueTest
from soc.sigma.tree import KEYWORDS
from soc.sigma.witness import Frequency, Key, guess, witnesses

Route = Callable[[Event], str]
Routes = Mapping[str, tuple[LogSource, ...]]
Fixed = Mapping[str, Event]
"""Route -> the values that all of its events share."""


def by_dataset(event: Event) -> str:
    """The route of an event that one of our parsers made."""
    name = event.get("event.dataset")
    return name if isinstance(name, str) else ""


def offered(rule: Rule, sources: Sequence[LogSource]) -> bool:
    """Whether events of these log sources are offered to the rule."""
    return any(rule.logsource.covers(source) for source in sources)


class Matcher:
    """Rules compiled for a table of routes. fixed is optional: what it says must hold for every event of the route."""

    def __init__(
        self,
        rules: Sequence[Rule],
        routes: Routes,
        route: Route = by_dataset,
        fixed: Fixed | None = None,
        frequency: Frequency = guess,
    ) -> None:
        self._route = route
        offers = _offers(rules, routes, fixed or {}, frequency)
        numbers: dict[Key, int] = {}
        tests: dict[str, list[tuple[int, ValueTest]]] = defaultdict(list)
        for one in (one for made in offers.values() for offer in made for one in offer.witnesses):
            for key in one.keys:
                if key not in numbers:
                    numbers[key] = len(numbers)
                    tests[key[0]].append((numbers[key], key[1]))
        keywords = KeywordIndex(tests.pop(KEYWORDS, ()))
        fields = {name: FieldIndex(found) for name, found in tests.items()}
        budget = Budget()
        plans: dict[tuple[int, ...], Plan] = {}
        self._plans: dict[str, Plan] = {}
        for name, made in offers.items():
            same = tuple(map(id, made))
            if same not in plans:
                plans[same] = Plan(made, numbers, fields, keywords, budget)
            self._plans[name] = plans[same]

    def match(self, event: Event) -> Sequence[RuleInfo]:
        """The rules that the event meets, in no particular order; the shared empty tuple for none."""
        plan = self._plans.get(self._route(event))
        return NONE if plan is None else plan.match(event)


def _offers(rules: Sequence[Rule], routes: Routes, fixed: Fixed, frequency: Frequency) -> dict[str, list[Offer]]:
    """For each route the rules that its events can meet; one object on all routes that decide nothing of a rule."""
    found: dict[Key, float] = {}

    def known(key: Key) -> float:
        share = found.get(key)
        if share is None:
            share = found[key] = frequency(key)
        return share

    by_source: dict[LogSource, list[Rule]] = defaultdict(list)
    for rule in rules:
        by_source[rule.logsource].append(rule)
    whole: dict[int, Offer] = {}

    def offer(rule: Rule, values: Event) -> Offer | None:
        if values.keys().isdisjoint(rule.fields):
            made = whole.get(id(rule))
            if made is None:
                made = whole[id(rule)] = Offer(rule.info, rule.condition, witnesses(rule.condition, known))
            return made
        condition = simplified(rule.condition, values)
        if condition is False:
            return None
        left = rule.condition if condition is True else condition
        return Offer(rule.info, left, [] if condition is True else witnesses(left, known))

    offers: dict[str, list[Offer]] = {}
    for name, sources in routes.items():
        chosen = [one for source, one in by_source.items() if any(source.covers(of) for of in sources)]
        made = [offer(rule, fixed.get(name, {})) for rules in chosen for rule in rules]
        offers[name] = [one for one in made if one is not None]
    return offers


def compile(rules: Sequence[Rule], datasets: Mapping[str, Dataset], route: Route = by_dataset) -> Matcher:
    """A matcher for events of these datasets."""
    fixed: dict[str, Event] = {name: {"event.dataset": name} for name in datasets} if route is by_dataset else {}
    return Matcher(rules, {name: dataset.sources for name, dataset in datasets.items()}, route, fixed)
