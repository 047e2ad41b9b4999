"""A month of facts: every figure of the monthly report, from alerts, counts by hour, rules and times of triage."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from soc.core.alert import Alert
from soc.core.event import micros
from soc.core.finding import Level
from soc.core.store import HourCount
from soc.posture.chains import Chain, chains
from soc.posture.month import Month
from soc.posture.sources import Source, sources

SEVERITIES = tuple(level.word for level in reversed(Level))
"""The worst first."""
NOISIEST = 10


class RuleUse(msgspec.Struct, frozen=True):
    """A rule that can fire, and the names of the tactics of ATT&CK that it looks for."""

    id: str
    tactics: tuple[str, ...]


class Moments(msgspec.Struct, frozen=True):
    """When an alert was taken up and done with, in µs; None: not recorded."""

    acknowledged: int | None = None
    resolved: int | None = None


class Shared(msgspec.Struct, frozen=True):
    """items: states of alerts that the national centre accepted in the month."""

    items: int


class Spread(msgspec.Struct, frozen=True):
    """Durations in seconds: how many, the median, and the 90th percentile (nearest rank); 0 where n is 0."""

    n: int
    median: float
    p90: float
    values: tuple[float, ...] = ()


class Noise(msgspec.Struct, frozen=True):
    """A rule's part in the month: alerts, the events in them, and alerts that nobody has looked at (status "new")."""

    rule_id: str
    title: str
    title_vi: str
    alerts: int
    events: int
    untouched: int


class Tactic(msgspec.Struct, frozen=True):
    """A tactic of ATT&CK: rules that look for it, and alerts of the month that show it."""

    name: str
    rules: int
    alerts: int


class Facts(msgspec.Struct, frozen=True):
    """The month in figures. An alert is of the month if it was seen in it, which is what ``soc alerts --since FIRST
    --until NEXT`` lists: last event on or after the first day, first event before the next month.

    start, end   µs; zone: seconds east of UTC. complete: there are events on the first and on the last day
    alerts       their number; late: those of them that "soc hunt" found afterwards; untouched: status still "new"
    severities   alerts by severity word, all five, the worst first; urgent: high and critical ones
    days         for each day, alerts by severity in the order of SEVERITIES, by the day of the alert's first event
                 (what began before the month counts on the first day)
    units        (unit id, security level of the system, alerts), "" and 0 where unknown; the most alerts first
    incidents    suspected ones, see Chain
    detect       from an alert's first event to the receipt of that event's line, which is when a rule on one event
                 fires; of alerts by such rules whose event has soc.received, and that were not found late
    acknowledge, resolve  from an alert's first event; of alerts for which the store has that time
    sources      see Source; blind: the blind hours of steady sources, added up; events: of all sources in the month
    tactics      every tactic, in the order of an attack; covered: those with at least one rule
    noise        the NOISIEST rules by alerts, then events; rules: those that can fire; fired: those that did
    shared       what was handed on; None: there is no record of it
    """

    month: str
    start: int
    end: int
    zone: int
    complete: bool
    alerts: int
    late: int
    untouched: int
    severities: tuple[tuple[str, int], ...]
    urgent: int
    days: tuple[tuple[int, ...], ...]
    units: tuple[tuple[str, int, int], ...]
    incidents: tuple[Chain, ...]
    detect: Spread
    acknowledge: Spread
    resolve: Spread
    sources: tuple[Source, ...]
    blind: int
    events: int
    tactics: tuple[Tactic, ...]
    covered: int
    noise: tuple[Noise, ...]
    rules: int
    fired: int
    shared: Shared | None


def facts(
    month: Month,
    alerts: Sequence[Alert],
    counts: Iterable[HourCount],
    *,
    before: Iterable[HourCount] = (),
    rules: Sequence[RuleUse] = (),
    tactics: Sequence[str] = (),
    moments: Mapping[str, Moments] | None = None,
    shared: Shared | None = None,
) -> Facts:
    """alerts: any; those not seen in the month are left out. counts, before: by hour, of the month and the one before
    it. tactics: all there are, in the order of an attack. moments: by alert id."""
    start, end = month.start, month.end
    own = sorted((a for a in alerts if a.last_seen >= start and a.first_seen < end), key=lambda a: (a.first_seen, a.id))
    heard = sources(counts, before, start, end)
    severity = Counter(alert.severity for alert in own)
    days = Counter((month.day(alert.first_seen), alert.severity) for alert in own)
    units = Counter((alert.unit, alert.level) for alert in own)
    seen = Counter(tactic for alert in own for tactic in set(alert.tactics))
    watched = Counter(tactic for rule in rules for tactic in set(rule.tactics))
    named = tuple(tactics) or tuple(sorted(seen.keys() | watched.keys()))
    times = [(alert.first_seen, (moments or {}).get(alert.id, Moments())) for alert in own]
    return Facts(
        month=str(month),
        start=start,
        end=end,
        zone=month.zone,
        complete=_heard(heard, slice(0, 24)) and _heard(heard, slice(-24, None)),
        alerts=len(own),
        late=sum(alert.late for alert in own),
        untouched=sum(alert.status == "new" for alert in own),
        severities=tuple((word, severity[word]) for word in SEVERITIES),
        urgent=severity["critical"] + severity["high"],
        days=tuple(tuple(days[day, word] for word in SEVERITIES) for day in range(1, month.days + 1)),
        units=tuple((*key, n) for key, n in sorted(units.items(), key=lambda item: (-item[1], item[0]))),
        incidents=chains(own),
        detect=spread(seconds for alert in own for seconds in _detected(alert)),
        acknowledge=spread((m.acknowledged - at) / 1e6 for at, m in times if m.acknowledged is not None),
        resolve=spread((m.resolved - at) / 1e6 for at, m in times if m.resolved is not None),
        sources=heard,
        blind=sum(source.blind for source in heard if source.steady),
        events=sum(source.events for source in heard),
        tactics=tuple(Tactic(name, watched[name], seen[name]) for name in named),
        covered=sum(watched[name] > 0 for name in named),
        noise=_noise(own),
        rules=len(rules),
        fired=len({alert.rule_id for alert in own}),
        shared=shared,
    )


def spread(durations: Iterable[float]) -> Spread:
    """Median: the middle one, or the mean of the two; p90: the least that nine of ten do not exceed."""
    ordered = tuple(sorted(max(0.0, seconds) for seconds in durations))
    n = len(ordered)
    if not n:
        return Spread(0, 0.0, 0.0)
    middle = (ordered[(n - 1) // 2] + ordered[n // 2]) / 2
    return Spread(n, middle, ordered[-(-9 * n // 10) - 1], ordered)


def _heard(heard: Iterable[Source], part: slice) -> bool:
    return any(n > 0 for source in heard for n in source.hours[part])


def _detected(alert: Alert) -> Iterable[float]:
    """Seconds from the first event to the receipt of its line; nothing where that is not known."""
    first = next((ref for ref in alert.events if ref.time == alert.first_seen), None)
    if alert.kind == "rule" and not alert.late and first is not None:
        received = _time(first.event.get("soc.received"))
        if received is not None:
            yield (received - first.time) / 1e6


def _time(value: object) -> int | None:
    if isinstance(value, str):
        try:
            return micros(value)
        except ValueError:
            return None
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _noise(alerts: Sequence[Alert]) -> tuple[Noise, ...]:
    by_rule: dict[str, list[Alert]] = {}
    for alert in alerts:
        by_rule.setdefault(alert.rule_id, []).append(alert)
    made = [
        Noise(
            id,
            found[-1].title,
            found[-1].title_vi,
            len(found),
            sum(alert.count for alert in found),
            sum(alert.status == "new" for alert in found),
        )
        for id, found in by_rule.items()
    ]
    return tuple(sorted(made, key=lambda noise: (-noise.alerts, -noise.events, noise.rule_id))[:NOISIEST])
