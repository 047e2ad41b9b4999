"""``soc demo --month``: the made-up month through triage into a store, so that the report can be tried on it."""

from __future__ import annotations

from collections.abc import Iterable
from random import Random

from soc.core.alert import Alert
from soc.core.event import Event
from soc.core.finding import Finding, RuleInfo
from soc.core.store import Store
from soc.core.triage import VERDICTS, Act
from soc.correlation import Correlation
from soc.enrich import Inventory
from soc.pipeline.content import Content
from soc.respond.sample import time_of
from soc.respond.triage import DAY, VIETNAM, Triage
from soc.story.month import Happening, background, happenings

MINUTE = 60_000_000
_TEAM = ("lan", "minh", "hoa")
_PACE = {"critical": 0.5, "high": 1.0}
BATCH = 200
"""Hours of events in one write."""


def write_month(store: Store, content: Content, inventory: Inventory, seed: int = 7) -> int:
    """Stores the month's events and alerts; the number of alerts. KeyError if a rule that it tells of is not there.

    Rules' titles, levels and techniques are those of the content; folding and scores those of the pipeline.
    """
    known: dict[str, RuleInfo] = {rule.info.name: rule.info for rule in content.rules}
    by_name = {correlation.info.name: correlation for correlation in content.correlations}
    triage = Triage(inventory, DAY, VIETNAM)
    alerts = {}
    for told in happenings(seed):
        store.put_events(told.events)
        if told.rule in by_name:
            made = [_concluded(by_name[told.rule], told)]
        else:
            made = [_found(known[told.rule], event, told) for event in told.events]
        for alert in triage.take(made):
            alerts[alert.id] = alert
    held = []
    for number, hour in enumerate(background(seed), start=1):
        held += hour
        if number % BATCH == 0:
            store.put_events(held)
            held = []
    store.put_events(held)
    store.put_alerts(alerts.values())
    store.commit()
    _handle(store, list(alerts.values()), Random(seed))  # noqa: S311 - nothing secret
    return len(alerts)


def _handle(store: Store, alerts: Iterable[Alert], chance: Random) -> None:
    """What the team did about them: the worse, the sooner; a few are still open, and nobody has looked at some."""
    for alert in alerts:
        if chance.random() < 0.08:
            continue
        who = chance.choice(_TEAM)
        taken = alert.first_seen + round(chance.lognormvariate(3.2, 0.8) * MINUTE * _PACE.get(alert.severity, 3.0))
        life = store.act(alert.id, Act("acknowledge", who, taken), 0)
        if chance.random() < 0.88:
            done = taken + round(chance.lognormvariate(5.0, 0.9) * MINUTE)
            verdict = chance.choices(VERDICTS, (5, 3, 2))[0]
            store.act(alert.id, Act("close", who, done, "đã xem xét", verdict), life.version)


def _found(rule: RuleInfo, event: Event, told: Happening) -> Finding:
    time = time_of(event)
    return Finding(rule, (), time_of(told.events[0]), time, time, 1, (event,))


def _concluded(correlation: Correlation, told: Happening) -> Finding:
    first, last = told.events[0], told.events[-1]
    names = [name for name in correlation.group_by if name in first] or ["source.ip"]
    group = tuple((name, str(first.get(name, ""))) for name in names)
    times = time_of(first), time_of(first), time_of(last)
    return Finding(correlation.info, group, *times, len(told.events), told.events, about=first)
