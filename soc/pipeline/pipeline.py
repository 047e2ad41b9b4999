"""The hot path, whole: lines -> events -> hits -> findings -> alerts. Pure: time and state are values.

    RawBatch ─ normalise ─> events ─ detect ─> hits ─ conclude ─> findings ─ triage ─> alerts
                              └─ partials ─> anomaly models ────────┘

The engines (files, embedded, stream) feed batches and carry out what comes back; nothing here writes,
waits or asks for the time.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Annotated

import msgspec

from soc.anomaly.features import Features
from soc.anomaly.watch import Watch
from soc.core.alert import Alert
from soc.core.batch import Batch
from soc.core.event import Event, RawBatch, Rejected
from soc.core.finding import RuleInfo
from soc.enrich import Enricher, Inventory
from soc.pipeline.conclude import Concluder
from soc.pipeline.content import Content
from soc.pipeline.digest import Digest, middle, times
from soc.pipeline.normalise import Normaliser


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
    return middle(times(events))


class Pipeline:
    """One instance per partition of the input; all its state can be taken out and put back."""

    def __init__(
        self,
        content: Content,
        inventory: Inventory,
        *,
        zone: int,
        lateness: int,
        fold: int,
        anomaly: Watch | None = None,
    ) -> None:
        self._anomaly = anomaly
        self._features = Features()
        self._matcher = content.matcher
        self._normalise = Normaliser(Enricher(inventory), zone)
        self.concluder = Concluder(content, inventory, zone=zone, lateness=lateness, fold=fold)

    def use(self, content: Content) -> None:
        """Other rules from the next batch on. Open mails and folds stay, and the windows of unchanged correlations."""
        self.concluder.use(content)
        self._matcher = content.matcher

    def keep(self) -> None:
        """Keeps what rules were compiled to for the next start."""
        self._matcher.keep()

    def feed(self, batch: RawBatch) -> Outcome:
        """A batch of lines. Rule alerts come at once; correlations when ``advance`` says their time has come."""
        normal = self._normalise(batch)
        outcome = Outcome(normal.events, normal.rejected, joined=normal.joined)
        self._conclude(self._matched(normal.events), outcome)
        if self._anomaly is not None:
            self._anomaly.take(self._features.of(normal.events), f"{batch.origin}\0{batch.position}")
        return outcome

    def replay(self, events: Sequence[Event]) -> Outcome:
        """Events that were stored, as ``feed`` gave them: detected anew, with the rules of now."""
        outcome = Outcome()
        self._conclude(self._matched(events), outcome)
        return outcome

    def conclude(self, digest: Digest) -> Outcome:
        """What ``feed`` does, of a batch that another process has read; the outcome has only the joined events."""
        joined = self._normalise.join(digest.offered)
        outcome = Outcome([event for _, event in joined], joined=len(joined))
        hits = [(place, self.concluder.rule(id), event) for place, ids, event in digest.hits for id in ids]
        if joined:
            found = self._matcher.match_all([event for _, event in joined])
            hits += [
                (place, rule, event) for (place, event), rules in zip(joined, found, strict=True) for rule in rules
            ]
            hits.sort(key=itemgetter(0))
        self._conclude(((rule, event) for _, rule, event in hits), outcome)
        return outcome

    def advance(self, watermark: int, *, silent: bool = False) -> Outcome:
        """No event older than the watermark (µs) is still expected: windows up to it are decided.

        silent: none is expected at all, so anomaly models do not wait for the end of their last ten minutes.
        """
        overdue = self._normalise.expire(watermark)
        outcome = Outcome(overdue, joined=len(overdue))
        self._conclude(self._matched(overdue), outcome)
        unusual = self._anomaly.advance(watermark, silent=silent) if self._anomaly is not None else ()
        outcome.alerts += self.concluder.advance(watermark, unusual)
        return outcome

    def _matched(self, events: Sequence[Event]) -> Iterable[tuple[RuleInfo, Event]]:
        found = self._matcher.hits(Batch(events))
        return ((rule, events[place]) for place, rules in found for rule in rules)

    def _conclude(self, hits: Iterable[tuple[RuleInfo, Event]], outcome: Outcome) -> None:
        number, alerts = self.concluder.take(hits)
        outcome.hits += number
        outcome.alerts += alerts

    def state(self) -> bytes:
        """Everything remembered between batches; with the input position it stands for, a restart goes on exactly."""
        models = () if self._anomaly is None else (self._anomaly.state(),)
        return msgspec.msgpack.encode((self._normalise.state(), *self.concluder.state(), *models))

    def restore(self, state: bytes) -> None:
        """The inverse of state. msgspec.DecodeError if it is not ours; ``restored`` names windows it could not read."""
        parts = msgspec.msgpack.decode(state, type=Annotated[list[bytes], msgspec.Meta(min_length=3, max_length=4)])
        joins, windows, folds, *models = parts
        self._normalise.restore(joins)
        self.concluder.restore(windows, folds)
        if self._anomaly is not None and models:  # a state from before there were models leaves them as trained
            self._anomaly.restore(models[0])
