"""An alert: what an analyst sees, and what is stored, indexed and shared. A plain value, JSON at the edges."""

from __future__ import annotations

import msgspec

from soc.core.finding import Kind, Reason


class EventRef(msgspec.Struct, frozen=True):
    """A contributing event: its id, when it happened, and the event itself in wire form (dates as text)."""

    id: str
    time: int
    event: dict[str, object]


class Alert(msgspec.Struct, frozen=True):
    """One folded alert. Times are µs since the epoch, UTC.

    id          hash of rule, group and fold bucket: the same input gives the same id on every engine
    severity    "informational" ... "critical", from score
    score       0-100: rule level x system level (see soc.respond.severity for the formula)
    formula     the score's calculation in words of numbers, e.g. "high 70 x level-4 1.15 = 80"
    group       whom it is about, (field, value) pairs
    count       contributing events or findings
    reasons     which conditions matched on which values, from the first event
    events      a bounded sample of contributing events; count tells how many there were
    techniques  (id, name) of ATT&CK techniques; tactics likewise by name
    late        found afterwards, by "soc hunt" in stored events, and not when it happened
    status      "new" until a person touches it; see soc.core.triage
    """

    id: str
    rule_id: str
    rule_name: str
    rule_hash: str
    kind: str
    title: str
    title_vi: str
    description: str
    description_vi: str
    severity: str
    score: int
    formula: str
    group: tuple[tuple[str, str], ...]
    first_seen: int
    last_seen: int
    count: int
    reasons: tuple[Reason, ...] = ()
    events: tuple[EventRef, ...] = ()
    techniques: tuple[tuple[str, str], ...] = ()
    tactics: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    system: str = ""
    unit: str = ""
    level: int = 0
    false_positives: tuple[str, ...] = ()
    false_positives_vi: tuple[str, ...] = ()
    next_steps: dict[str, tuple[str, ...]] = {}
    status: str = "new"
    late: bool = False

    @property
    def telling(self) -> tuple[EventRef, ...]:
        """The events whose peers, names and files it is about: others may be told of them, and have them blocked.

        What an anomaly model shows of a host are the first things that it did, with whomever, unless it names the peer.
        """
        named = {"source.ip", "destination.ip"} <= dict(self.group).keys()
        return self.events if named or self.kind != Kind.ANOMALY else ()


def encode(alert: Alert) -> bytes:
    """The alert as JSON bytes; decode gives it back equal."""
    return msgspec.json.encode(alert)


def decode(raw: bytes | str) -> Alert:
    """The inverse of encode; msgspec.ValidationError names the path that is wrong."""
    return msgspec.json.decode(raw, type=Alert)
