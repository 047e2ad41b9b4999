"""Rules over stored events: what a rule of today would have found in the past."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import islice
from typing import NamedTuple

import msgspec

from soc.core.alert import Alert
from soc.core.store import Store
from soc.pipeline.pipeline import Outcome, Pipeline

BATCH = 500
DAY = 86_400_000_000


@dataclass(slots=True)
class Hunted:
    """What was looked at and found. Alerts by id; began, reached: times (µs) of the first and last event."""

    events: int = 0
    hits: int = 0
    began: int = 0
    reached: int = 0
    alerts: dict[str, Alert] = field(default_factory=dict)

    def add(self, outcome: Outcome) -> None:
        self.hits += outcome.hits
        for alert in outcome.alerts:
            self.alerts[alert.id] = msgspec.structs.replace(alert, late=True)


def hunt(
    store: Store, pipeline: Pipeline, since: int, until: int, progress: Callable[[Hunted], None] = lambda found: None
) -> Hunted:
    """Runs a fresh pipeline over the stored events with since <= time < until (µs), in order of event time."""
    found = Hunted(began=until, reached=since)
    stored = store.events(since, until)
    while events := list(islice(stored, BATCH)):
        found.add(pipeline.replay(events))
        first, last = events[0]["@timestamp"], events[-1]["@timestamp"]
        assert isinstance(first, int)
        assert isinstance(last, int)
        found.began, found.reached = min(found.began, first), last
        found.add(pipeline.advance(found.reached))
        found.events += len(events)
        progress(found)
    # not further: what is absent after it may yet have come
    found.add(pipeline.advance(until))
    return found


def record(store: Store, alerts: Iterable[Alert]) -> list[str]:
    """Stores the alerts that are not there yet; their ids. What was found in time keeps its word."""
    fresh = [alert for alert in alerts if store.alert(alert.id) is None]
    store.put_alerts(fresh)
    store.commit()
    return [alert.id for alert in fresh]


class Would(NamedTuple):
    """What one rule would have raised: events that fired it, alerts, and the alerts with the most events first."""

    hits: int
    first: int
    last: int
    alerts_a_day: float
    examples: tuple[Alert, ...]


def by_rule(found: Hunted) -> dict[str, Would]:
    """Rule id -> what it would have raised; only rules that would have raised something.

    Alerts a day are over the time that the events cover, and at least a day, since alerts fold by day.
    """
    days = max(1.0, (found.reached - found.began) / DAY)
    alerts: dict[str, list[Alert]] = {}
    for alert in found.alerts.values():
        alerts.setdefault(alert.rule_id, []).append(alert)
    return {
        rule: Would(
            hits=sum(alert.count for alert in raised),
            first=min(alert.first_seen for alert in raised),
            last=max(alert.last_seen for alert in raised),
            alerts_a_day=len(raised) / days,
            examples=tuple(sorted(raised, key=lambda alert: (-alert.count, alert.id))[:3]),
        )
        for rule, raised in sorted(alerts.items())
    }
