"""The hot path, whole: lines -> events -> hits -> findings -> alerts. Pure: time and state are values.

    RawBatch ─ normalise ─> events ─ detect ─> hits ─ conclude ─> findings ─ triage ─> alerts

The engines (files, embedded, stream) feed batches and carry out what comes back; nothing here writes,
waits or asks for the time.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial

import msgspec

from soc.core.alert import Alert
from soc.core.event import Event, RawBatch, Rejected
from soc.core.finding import Finding, Hit
from soc.correlation import Correlator
from soc.enrich import Enricher, Inventory
from soc.pipeline.content import Content
from soc.pipeline.normalise import Normaliser
from soc.respond import Triage
from soc.sigma import reasons


@dataclass(slots=True)
class Outcome:
    """What a step brought about: to be stored, counted and shown. Alerts are those new or changed, as they now are."""

    events: list[Event] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    alerts: list[Alert] = field(default_factory=list)
    joined: int = 0
    hits: int = 0


def reached(events: Sequence[Event]) -> int:
    """The event time (µs) that a batch has reached: its median, so that neither a forged time nor a line without
    any (which has the time of its receipt) moves the watermark past lines that are still to come; 0 without events.
    """
    times = sorted(time for event in events if isinstance(time := event["@timestamp"], int))
    return times[len(times) // 2] if times else 0


class Pipeline:
    """One instance per partition of the input; all its state can be taken out and put back."""

    def __init__(self, content: Content, inventory: Inventory, *, zone: int, lateness: int, fold: int) -> None:
        self._match = content.matcher.match
        self._rules = content.rules_by_id
        self._normalise = Normaliser(Enricher(inventory), zone)
        self._correlate = Correlator(content.correlations, lateness, field=content.field_of())
        self._triage = Triage(inventory, fold=fold, zone=zone)

    def feed(self, batch: RawBatch) -> Outcome:
        """A batch of lines. Rule alerts come at once; correlations when ``advance`` says their time has come."""
        normal = self._normalise(batch)
        outcome = Outcome(normal.events, normal.rejected, joined=normal.joined)
        self._detect(normal.events, outcome)
        return outcome

    def advance(self, watermark: int) -> Outcome:
        """No event older than the watermark (µs) is still expected: windows up to it are decided."""
        overdue = self._normalise.expire(watermark)
        outcome = Outcome(overdue, joined=len(overdue))
        self._detect(overdue, outcome)
        outcome.alerts += self._triage.take(self._correlate.advance(watermark))
        self._triage.expire(watermark)
        return outcome

    def _detect(self, events: Iterable[Event], outcome: Outcome) -> None:
        match, wanted = self._match, self._correlate.wants
        findings: list[Finding] = []
        base_hits: list[Hit] = []
        for event in events:
            for rule in match(event):
                outcome.hits += 1
                if rule.id in wanted:
                    base_hits.append(Hit(rule, event))
                if not rule.silent:
                    time = event["@timestamp"]
                    assert isinstance(time, int)
                    explain = partial(reasons, self._rules[rule.id], event)
                    findings.append(Finding(rule, (), time, time, time, 1, (event,), explain=explain))
        if base_hits:
            self._correlate.feed(base_hits)
        outcome.alerts += self._triage.take(findings)

    @property
    def late(self) -> dict[str, int]:
        """Hits per source that came too late for the correlations; their own rules still fired."""
        return self._correlate.late

    @property
    def suppressed(self) -> dict[tuple[str, str], int]:
        """(who, rule) -> findings that the inventory's scanners explain: counted, not shown."""
        return self._triage.suppressed

    def state(self) -> bytes:
        """Everything remembered between batches; with the input position it stands for, a restart goes on exactly."""
        parts = (self._normalise.state(), self._correlate.state(), self._triage.state())
        return msgspec.msgpack.encode(parts)

    def restore(self, state: bytes) -> None:
        """The inverse of state. msgspec.DecodeError if it is not ours."""
        joins, windows, folds = msgspec.msgpack.decode(state, type=tuple[bytes, bytes, bytes])
        self._normalise.restore(joins)
        self._correlate.restore(windows)
        self._triage.restore(folds)
