"""What detection produces: a hit (one rule, one event), and a finding (what a person could be told)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum

from soc.core.event import Event


class Level(IntEnum):
    """A rule's level, in Sigma's words; the order is the order of seriousness."""

    INFORMATIONAL = 0
    LOW = 1
    MEDIUM = 2
    HIGH = 3
    CRITICAL = 4

    @property
    def word(self) -> str:
        return self.name.lower()


class Kind(StrEnum):
    """What concluded it: a rule on one event, a Sigma correlation, or an anomaly model."""

    RULE = "rule"
    CORRELATION = "correlation"
    ANOMALY = "anomaly"


@dataclass(frozen=True, slots=True)
class RuleInfo:
    """What an alert says about the rule that made it, whatever kind of rule it is.

    id            Sigma id (UUID)
    hash          of the rule's content, so an alert tells which version fired
    fold          fields whose values group repeats into one alert; () means the default entity
    silent        True for a rule that only feeds correlations (Sigma's generate: false)
    next_steps    what the analyst does first, per language; {} if the rule says nothing
    filters       ids of the Sigma filters that are part of its condition
    """

    id: str
    name: str
    title: str
    kind: Kind
    level: Level
    hash: str
    description: str = ""
    title_vi: str = ""
    description_vi: str = ""
    tags: tuple[str, ...] = ()
    false_positives: tuple[str, ...] = ()
    false_positives_vi: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    author: str = ""
    path: str = ""
    fold: tuple[str, ...] = ()
    silent: bool = False
    next_steps: dict[str, tuple[str, ...]] = field(default_factory=dict)
    filters: tuple[str, ...] = ()

    @property
    def techniques(self) -> tuple[str, ...]:
        """ATT&CK technique ids, e.g. ("T1110.001",)."""
        return tuple(tag[7:].upper() for tag in self.tags if tag.startswith("attack.t") and tag[8:9].isdigit())


@dataclass(frozen=True, slots=True)
class Reason:
    """One condition that held, or would have to: ``field modifier pattern``, and the value that was there."""

    field: str
    operator: str
    pattern: str
    value: str
    matched: bool = True


@dataclass(frozen=True, slots=True)
class Hit:
    """One rule matched one event."""

    rule: RuleInfo
    event: Event


@dataclass(frozen=True, slots=True)
class Finding:
    """What triage receives. A correlation that goes on sends one finding per change, with its totals so far.

    group    (field, value) pairs that identify whom it is about
    anchor   µs: event time at which this episode began; with rule and group it identifies the finding
    first, last   µs: event times of the first and last contributing event
    count    contributing events of this episode so far (1 for a rule)
    events   a bounded sample of the contributing events, the first and the latest
    reasons  which conditions held on which values
    hosts    names and addresses involved, of all contributing events; (): those of ``events``
    about    the contributing event that says which system is concerned; None: one of ``events``
    explain  works the reasons out when they are wanted; most findings repeat one that is explained already
    """

    rule: RuleInfo
    group: tuple[tuple[str, str], ...]
    anchor: int
    first: int
    last: int
    count: int
    events: tuple[Event, ...]
    reasons: tuple[Reason, ...] = ()
    hosts: tuple[str, ...] = ()
    about: Event | None = None
    explain: Callable[[], tuple[Reason, ...]] | None = None

    def why(self) -> tuple[Reason, ...]:
        """The reasons, worked out now if they were not before."""
        return self.explain() if self.explain else self.reasons
