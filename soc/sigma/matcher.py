"""All rules against events. The route of an event (by default its dataset) says which rules it is offered to."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from operator import itemgetter
from pathlib import Path

from soc.core.batch import Batch
from soc.core.event import Event
from soc.core.finding import RuleInfo
from soc.core.logsource import Dataset, LogSource
from soc.sigma.candidate import Candidate
from soc.sigma.compiled import Shelf
from soc.sigma.evaluate import holds
from soc.sigma.fixed import demanded, settled, simplified
from soc.sigma.keywords import Engines
from soc.sigma.load import Rule
from soc.sigma.memo import Budget
from soc.sigma.plan import Hits, Plan
from soc.sigma.route import DatasetRouter, Route, Router
from soc.sigma.text import as_text, fold
from soc.sigma.tree import Node

NONE: tuple[RuleInfo, ...] = ()
_MOST_ROUTES = 10_000
_ANY: frozenset[str | None] = frozenset((None,))


def offered(rule: Rule, sources: Sequence[LogSource]) -> bool:
    """Whether events of these log sources are offered to the rule."""
    return any(rule.logsource.covers(source) for source in sources)


class Matcher:
    """Rules, compiled for each route when its first events come."""

    def __init__(self, rules: Sequence[Rule], router: Router, cache: Path | None = None) -> None:
        """cache: the folder where what routes were compiled to is kept for the next time; None for nowhere."""
        self._router = router
        self._by_source: dict[LogSource, list[Rule]] = defaultdict(list)
        for rule in rules:
            self._by_source[rule.logsource].append(rule)
        self._settled: dict[tuple[str, tuple[str, ...]], Sequence[Node]] = {}
        self._candidates: dict[tuple[str, tuple[str, ...], tuple[bool, ...]], Candidate | None] = {}
        self._covering: dict[tuple[LogSource, ...], Sequence[LogSource]] = {}
        self._by_text: dict[tuple[LogSource, str], dict[str | None, list[int]]] = {}
        self._budget = Budget()
        self._plans: dict[tuple[int, ...], Plan] = {}
        self._routes: dict[Route, Plan] = {}
        self._shelf = Shelf(cache, [rule.info for rule in rules])
        self._engines = Engines(self._shelf.pair)

    def match(self, event: Event) -> Sequence[RuleInfo]:
        """The rules that one event meets, in the order of its log sources. Many events cost less together."""
        hits = self.hits(Batch([event]))
        return hits[0][1] if hits else NONE

    def match_all(self, events: Sequence[Event]) -> list[Sequence[RuleInfo]]:
        """For each event the rules that it meets."""
        matched: list[Sequence[RuleInfo]] = [NONE] * len(events)
        for place, found in self.hits(Batch(events)):
            matched[place] = found
        return matched

    def hits(self, events: Batch, lines: Sequence[bytes] | None = None) -> list[Hits]:
        """(place, rules) of those events that meet a rule, in their order.

        lines: the JSON lines that the events were read from, whole and unchanged, which makes keywords cheaper.
        """
        self._budget.settle()
        if lines:
            self._engines.see(lines)
        routes = self._router.routes(events)
        known = self._routes.get
        if len(set(routes)) == 1:
            return list((known(routes[0]) or self._plan(routes[0])).match(events, lines))
        places: dict[Plan, list[int]] = defaultdict(list)
        for place, route in enumerate(routes):
            places[known(route) or self._plan(route)].append(place)
        hits: list[Hits] = []
        for plan, chosen in places.items():
            read = None if lines is None else [lines[place] for place in chosen]
            hits += [(chosen[at], found) for at, found in plan.match(events.at(chosen), read)]
        return sorted(hits, key=itemgetter(0))

    def keep(self) -> None:
        """Keeps what was compiled for the next start; some bytes on disk for each rule."""
        pairs = {tests: self._engines[tests] for tests in self._engines.new}
        self._shelf.keep((made for plan in self._plans.values() if (made := plan.new())), pairs)

    def _plan(self, route: Route) -> Plan:
        """Routes that are offered the same rules, and decide nothing of them, share a plan."""
        if len(self._routes) >= _MOST_ROUTES:
            self._routes.clear()
            self._plans.clear()
            self._covering.clear()
        fixed, sources = self._router.fixed(route), self._router.sources(route)
        if sources not in self._covering:
            self._covering[sources] = [one for one in self._by_source if any(one.covers(of) for of in sources)]
        rules = [rule for source in self._covering[sources] for rule in self._possible(source, fixed)]
        made = [candidate for rule in rules if (candidate := self._candidate(rule, fixed))]
        same = tuple(map(id, made))
        plan = self._plans.get(same)
        if plan is None:
            plan = self._plans[same] = Plan(made, self._budget, self._engines, self._shelf.find(made))
        self._routes[route] = plan
        return plan

    def _possible(self, source: LogSource, fixed: Event) -> Sequence[Rule]:
        """The rules of a log source, without those that ask for another event id, or whatever a route says first."""
        rules = self._by_source[source]
        field, value = next(iter(fixed.items()), ("", None))
        if isinstance(value, tuple | None):
            return rules
        by_text = self._by_text.get((source, field))
        if by_text is None:
            by_text = self._by_text[source, field] = defaultdict(list)
            for place, rule in enumerate(rules):
                for text in demanded(rule.condition).get(field, _ANY) if field in rule.fields else _ANY:
                    by_text[text].append(place)
        return [rules[place] for place in sorted({*by_text.get(None, ()), *by_text.get(fold(as_text(value)), ())})]

    def _candidate(self, rule: Rule, fixed: Event) -> Candidate | None:
        """The rule as events with these values are offered it; None when it cannot fire on them.

        Routes share it where what such values decide comes out alike, and so whole plans.
        """
        names = tuple(name for name in fixed if name in rule.fields)
        asked = self._settled.get((rule.info.id, names))
        if asked is None:
            asked = self._settled[rule.info.id, names] = settled(rule.condition, names) if names else ()
        outcome = tuple(holds(part, fixed) for part in asked)
        key = rule.info.id, names, outcome
        if key not in self._candidates:
            left = simplified(rule.condition, fixed) if asked else rule.condition
            made = None if left is False else Candidate(rule, left, self._budget, f"{names} {outcome}")
            self._candidates[key] = made
        return self._candidates[key]


def compile(rules: Sequence[Rule], datasets: Mapping[str, Dataset], cache: Path | None = None) -> Matcher:
    """A matcher for events of these datasets."""
    return Matcher(rules, DatasetRouter(datasets), cache)
