"""One alert in the making: everything about one rule and one party within one fold window."""

from __future__ import annotations

import msgspec

from soc.core.alert import Alert
from soc.core.event import Event
from soc.core.finding import Finding, Reason, RuleInfo
from soc.core.ids import id_of
from soc.core.involved import add, involve
from soc.respond.attack import named, tactics
from soc.respond.entity import Group
from soc.respond.next_steps import next_steps
from soc.respond.sample import Sample, time_of
from soc.respond.severity import severity
from soc.respond.tally import Tally


class Concern(msgspec.Struct, frozen=True, order=True):
    """Which system is concerned. The smallest is the one shown: the highest level, then the earliest event."""

    minus_level: int
    unknown: bool
    time: int
    event: str
    system: str
    unit: str


class Lead(msgspec.Struct, frozen=True):
    """The finding whose reasons are shown: the earliest, and of an episode the report with the most events."""

    order: tuple[int, int, str]
    rule: RuleInfo
    reasons: tuple[Reason, ...]


class Fold(msgspec.Struct):
    """What was found so far. Every part is a sum, minimum or maximum, so the order of findings does not matter.

    closes  µs: once the watermark has passed it, nothing more can belong here
    """

    id: str
    group: Group
    closes: int
    tally: Tally
    lead: Lead
    concern: Concern
    sample: Sample
    hosts: list[str] = []

    def add(self, finding: Finding) -> None:
        self.tally.add(finding)
        if finding.first <= self.lead.order[0]:
            order = order_of(finding)
            if order < self.lead.order:
                self.lead = Lead(order, finding.rule, finding.why())
        self.see(finding)

    def see(self, finding: Finding) -> None:
        """Takes the finding's events into the sample, the hosts and the system concerned."""
        for event in finding.events:
            self.sample.add(event)
            if not finding.hosts:
                involve(self.hosts, event)
        for host in finding.hosts:
            add(self.hosts, host)
        for event in _concerned(finding):
            if self._may_concern(event):
                self.concern = min(self.concern, concern_of(event))

    def _may_concern(self, event: Event) -> bool:
        """A cheap first look: most events of a fold are later ones about the same system."""
        level, shown = event.get("soc.level", 0), self.concern
        if level == -shown.minus_level:
            return shown.unknown or time_of(event) <= shown.time
        return isinstance(level, int) and level > -shown.minus_level

    def alert(self) -> Alert:
        """The alert as it now stands, in absolute values."""
        rule, concern = self.lead.rule, self.concern
        level = -concern.minus_level
        score, word, formula = severity(rule.level, level)
        techniques = rule.techniques
        served = tactics(rule.tags, techniques)
        return Alert(
            id=self.id,
            rule_id=rule.id,
            rule_name=rule.name,
            rule_hash=rule.hash,
            kind=rule.kind.value,
            title=rule.title,
            title_vi=rule.title_vi,
            description=rule.description,
            description_vi=rule.description_vi,
            severity=word,
            score=score,
            formula=formula,
            group=self.group,
            first_seen=self.tally.first,
            last_seen=self.tally.last,
            count=self.tally.count,
            reasons=self.lead.reasons,
            events=self.sample.references(),
            techniques=named(techniques),
            tactics=served,
            hosts=tuple(self.hosts),
            system=concern.system,
            unit=concern.unit,
            level=level,
            false_positives=rule.false_positives,
            false_positives_vi=rule.false_positives_vi,
            next_steps=next_steps(rule, served, self._categories()),
        )

    def _categories(self) -> tuple[str, ...]:
        if not self.sample.kept:
            return ()
        categories = self.sample.kept[0].event.get("event.category")
        return tuple(str(item) for item in categories) if isinstance(categories, tuple) else ()


def open_fold(id: str, group: Group, closes: int, finding: Finding) -> Fold:
    """A fold that holds this finding only."""
    concern = min(map(concern_of, _concerned(finding)), default=Concern(0, True, 0, "", "", ""))
    lead = Lead(order_of(finding), finding.rule, finding.why())
    fold = Fold(id, group, closes, Tally.of(finding), lead, concern, Sample())
    fold.see(finding)
    return fold


def _concerned(finding: Finding) -> tuple[Event, ...]:
    """The events that say which system is concerned."""
    return finding.events if finding.about is None else (finding.about,)


def order_of(finding: Finding) -> tuple[int, int, str]:
    """Which finding's reasons are shown: the smallest."""
    return (finding.first, -finding.count, min((id_of(event) for event in finding.events), default=""))


def concern_of(event: Event) -> Concern:
    """The event's own answer to which system is concerned."""
    level, system, unit = event.get("soc.level"), event.get("soc.system"), event.get("soc.unit")
    return Concern(
        minus_level=-level if isinstance(level, int) else 0,
        unknown=not system and not unit,
        time=time_of(event),
        event=id_of(event),
        system=str(system or ""),
        unit=str(unit or ""),
    )
