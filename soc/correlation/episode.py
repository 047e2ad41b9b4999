"""An episode: from the moment a correlation's condition becomes true for a group until it no longer is."""

from __future__ import annotations

from dataclasses import dataclass, field

from soc.core.event import Event, iso
from soc.core.finding import Finding, Reason
from soc.core.involved import involve, weight
from soc.correlation.condition import SIGNS, Number
from soc.correlation.expression import Seen, roles_of
from soc.correlation.grouping import Key
from soc.correlation.rule import Correlation, Type

# A finding shows the first few and the latest few of its events.
FIRST_SAMPLES = 3
MAX_SAMPLES = 10

Sample = tuple[int, Event]


@dataclass(slots=True)
class Episode:
    """What one finding tells, with its totals so far.

    anchor   µs: the first contributing event
    last     µs: the latest contributing event
    count    contributing hits
    value    what was compared with the condition: the highest so far for gt and gte, else the latest
    seen     for temporal types, when each rule last hit (None: not in the window)
    changed  whether it changed since it was last told
    hosts    those of all contributing events
    about    the contributing event that concerns the most important system, the earliest of several; its weight
    """

    key: Key
    anchor: int
    last: int
    count: int
    value: Number
    samples: list[Sample]
    seen: tuple[int | None, ...] = ()
    changed: bool = field(default=False)
    hosts: list[str] = field(default_factory=list)
    about: Event | None = None
    weight: tuple[int, bool] = field(init=False, default=(-1, False))

    def __post_init__(self) -> None:
        if self.about is not None:
            self.weight = weight(self.about)

    def involve(self, event: Event) -> None:
        """A contributing event, in the order of time."""
        involve(self.hosts, event)
        if (found := weight(event)) > self.weight:
            self.about, self.weight = event, found


class Teller:
    """Turns a correlation's episodes into findings; what all of them say is put in words once."""

    def __init__(self, correlation: Correlation, names: tuple[str, ...]) -> None:
        """names: the group fields' names in events."""
        self._rule = correlation.info
        self.names = names
        self._within = f"within {span_text(correlation.span)}"
        wanted = roles_of(correlation.expression, Seen) if correlation.expression else range(len(correlation.roles))
        self._seen = [
            (role.rule.title or role.rule.name or role.rule.id, place in wanted)
            for place, role in enumerate(correlation.roles)
        ]
        what = _measured(correlation)
        self._bounds = [(what, SIGNS[name], number_text(bound)) for name, bound in correlation.condition.bounds]

    def finding(self, episode: Episode) -> Finding:
        """The episode as triage takes it."""
        return Finding(
            rule=self._rule,
            group=tuple(zip(self.names, episode.key, strict=True)),
            anchor=episode.anchor,
            first=episode.anchor,
            last=episode.last,
            count=episode.count,
            events=tuple([event for _, event in episode.samples]),
            hosts=tuple(episode.hosts),
            about=episode.about,
            reasons=tuple(self._seen_reasons(episode) if episode.seen else self._bound_reasons(episode)),
        )

    def _bound_reasons(self, episode: Episode) -> list[Reason]:
        value = number_text(episode.value)
        return [Reason(what, sign, bound, value) for what, sign, bound in self._bounds]

    def _seen_reasons(self, episode: Episode) -> list[Reason]:
        return [
            Reason(title, "seen", self._within, "" if moment is None else iso(moment), moment is not None)
            if wanted
            else Reason(title, "not seen", self._within, "")
            for (title, wanted), moment in zip(self._seen, episode.seen, strict=True)
        ]


def _measured(correlation: Correlation) -> str:
    """What the value is, in words: "count", "distinct destination.port", "sum of source.bytes"."""
    fields = " + ".join(correlation.fields)
    match correlation.type:
        case Type.VALUE_COUNT:
            return f"distinct {fields}"
        case Type.VALUE_SUM:
            return f"sum of {fields}"
        case Type.VALUE_AVG:
            return f"average of {fields}"
        case Type.VALUE_MEDIAN:
            return f"median of {fields}"
        case Type.VALUE_PERCENTILE:
            if correlation.percentile is None:
                return f"share of this {fields} in %"
            return f"percentile {correlation.percentile} of {fields}"
        case _:
            return "count"


def number_text(value: Number) -> str:
    """37 -> "37", 2.5 -> "2.5", 1e6/3 -> "333333.333"."""
    if isinstance(value, float) and not value.is_integer():
        return f"{value:.3f}".rstrip("0").rstrip(".")
    return str(int(value))


def span_text(span: int) -> str:
    """A timespan in µs as rules write it: "90s", "10m", "24h", "7d"."""
    seconds = span // 1_000_000
    for unit, size, upto in (("s", 1, 120), ("m", 60, 7_200), ("h", 3_600, 172_800)):
        if seconds % (size * 60) or seconds < upto:
            return f"{seconds // size}{unit}"
    return f"{seconds // 86_400}d" if not seconds % 86_400 else f"{seconds // 3_600}h"
