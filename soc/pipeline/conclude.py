"""The stages with memory across devices: hits -> findings -> alerts. Windows of correlations, and folds."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from soc.core.alert import Alert
from soc.core.event import Event
from soc.core.finding import Finding, Hit, RuleInfo
from soc.correlation import Correlator, Pressure, Progress, Restored
from soc.enrich import Enricher, Inventory
from soc.pipeline.content import Content
from soc.respond import Triage
from soc.sigma import reasons

MAX_WAITING = 40_000


class Concluder:
    """Correlations and triage of the rules whose hits it is given; what it knows of one rule depends on no other's
    but those that a correlation puts together.
    """

    def __init__(
        self,
        content: Content,
        inventory: Inventory,
        *,
        zone: int,
        lateness: int,
        fold: int,
        max_waiting: int = MAX_WAITING,
    ) -> None:
        """max_waiting: hits that may wait for the watermark."""
        self._lateness = lateness
        self._max_waiting = max_waiting
        self._rules = content.rules_by_id
        self._correlate = self._correlator(content)
        self._triage = Triage(inventory, fold=fold, zone=zone)
        self._enrich = Enricher(inventory)
        self.restored = Restored()
        """What became of the windows of each correlation at the latest restore or change of rules."""

    def _correlator(self, content: Content) -> Correlator:
        return Correlator(content.correlations, self._lateness, field=content.field_of(), max_waiting=self._max_waiting)

    def use(self, content: Content) -> None:
        """Other rules from now on. Folds stay, and the windows of unchanged correlations."""
        correlate = self._correlator(content)
        self.restored = correlate.restore(self._correlate.state())
        self._rules = content.rules_by_id
        self._correlate = correlate

    def rule(self, id: str) -> RuleInfo:
        """What alerts say of a rule; KeyError if there is none."""
        return self._rules[id].info

    def take(self, hits: Iterable[tuple[RuleInfo, Event]]) -> tuple[int, list[Alert]]:
        """How many hits these were, and the alerts of rules by themselves. Correlations come with ``advance``."""
        wanted = self._correlate.wants
        findings: list[Finding] = []
        base_hits: list[Hit] = []
        number = 0
        for rule, event in hits:
            number += 1
            if rule.id in wanted:
                base_hits.append(Hit(rule, event))
            if not rule.silent:
                time = event["@timestamp"]
                assert isinstance(time, int)
                explain = partial(reasons, self._rules[rule.id], event)
                findings.append(Finding(rule, (), time, time, time, 1, (event,), explain=explain))
        if base_hits:
            self._correlate.feed(base_hits)
        return number, self._triage.take(findings)

    def advance(self, watermark: int, others: Iterable[Finding] = ()) -> list[Alert]:
        """The alerts of windows up to the watermark (µs): no hit older than that is still expected.

        others: what was found elsewhere by then, by anomaly models, some of it with the outlines of events only.
        """
        others = list(others)
        for event in (event for finding in others for event in finding.events):
            self._enrich(event)
        alerts = self._triage.take([*self._correlate.advance(watermark), *self._correlate.alarms(), *others])
        self._triage.expire(watermark)
        return alerts

    @property
    def late(self) -> dict[str, int]:
        """Hits per source that came too late for the correlations; their own rules still fired."""
        return self._correlate.late

    @property
    def early(self) -> int:
        """Hits that were decided before their time, because too many were waiting."""
        return self._correlate.early

    @property
    def suppressed(self) -> dict[tuple[str, str], int]:
        """(who, rule) -> findings that the inventory's scanners explain: counted, not shown."""
        return self._triage.suppressed

    @property
    def pressure(self) -> dict[str, Pressure]:
        """Correlation id -> what it had to forget for want of room; there is an alert of it as well."""
        return self._correlate.pressure

    def progress(self, correlation: str, limit: int = 20) -> list[Progress]:
        """How far the windows of a correlation (its id) are; KeyError if it is unknown."""
        return self._correlate.progress(correlation, limit)

    def state(self) -> tuple[bytes, bytes]:
        """Windows and folds, to go on exactly here."""
        return self._correlate.state(), self._triage.state()

    def restore(self, windows: bytes, folds: bytes) -> None:
        """The inverse of state. msgspec.DecodeError if it is not ours; ``restored`` names windows it could not read."""
        self.restored = self._correlate.restore(windows)
        self._triage.restore(folds)


def families(content: Content) -> dict[str, str]:
    """Rule or correlation id -> the name of its family: what correlations put together, directly or through others.

    All hits of a family have to be concluded in one place; the families of their own each. The name is the smallest
    of its ids, so it stays while nothing is put to it or taken away.
    """
    name: dict[str, str] = {}

    def root(id: str) -> str:
        while (above := name.setdefault(id, id)) != id:
            id = above
        return id

    for rule in content.rules:
        root(rule.info.id)
    for correlation in content.correlations:
        for role in correlation.roles:
            first, second = sorted((root(correlation.info.id), root(role.rule.id)))
            name[second] = first
    return {id: root(id) for id in list(name)}
