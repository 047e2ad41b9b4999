"""How far a window is: "7 of 10 in 5m", which rules were seen, and until when the rest may come."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice

from soc.correlation.absence import Absence
from soc.correlation.condition import SIGNS, Number
from soc.correlation.deferred import Deferred
from soc.correlation.episode import number_text, span_text
from soc.correlation.grouping import Key
from soc.correlation.lane import ORDERLY, Group, Lane
from soc.correlation.rule import Decided
from soc.correlation.whole import Whole

# Windows that are looked at; those hit last come first, so a flood costs no more than this.
MAX_LOOKED_AT = 20_000


@dataclass(frozen=True, slots=True)
class Step:
    """One of the rules of a correlation: its title, when it last hit in the window (µs; None: it has not), and
    whether that is what the condition wants of it."""

    title: str
    at: int | None
    wanted: bool = True


@dataclass(frozen=True, slots=True)
class Progress:
    """One group's window.

    group   (field, value) pairs
    have    the value that is compared: hits, values, rules seen, a sum, an average...
    need    what it is compared with, as the rule says it: ">= 10", "> 1 and <= 3", or "" for a boolean condition
    within  the timespan, as in "5m"
    since   µs: the first hit in the window
    until   µs: when it loses its oldest hit, or, where that is when it is judged, when it is over
    holds   whether the condition holds now; for one that is judged at its end, so far
    judged  when: "hit", "end", "absence" or "silence" (Decided)
    share   0 to 1, for the order: how much of what is needed is there
    steps   for several rules: each of them
    """

    group: tuple[tuple[str, str], ...]
    have: Number
    need: str
    within: str
    since: int
    until: int
    holds: bool
    judged: str
    share: float
    steps: tuple[Step, ...] = ()

    def __str__(self) -> str:
        if not self.need:
            seen = sum(step.at is not None for step in self.steps if step.wanted)
            return f"{seen} of {sum(step.wanted for step in self.steps)} rules in {self.within}"
        if self.need.startswith(">= "):
            return f"{number_text(self.have)} of {self.need[3:]} in {self.within}"
        return f"{number_text(self.have)} ({self.need}) in {self.within}"


def progress(lane: Lane, now: int, limit: int) -> list[Progress]:
    """The windows that are open at ``now`` (µs, event time), furthest first, at most ``limit``."""
    found = []
    for key, group in islice(reversed(lane.groups.items()), MAX_LOOKED_AT):
        last = group.hits.last
        if now - lane.correlation.span <= last:
            found.append(_of(lane, key, group, max(min(now, last + lane.correlation.span), last)))
    found.sort(key=lambda item: (-item.share, -item.since, item.group))
    return found[:limit]


def _of(lane: Lane, key: Key, group: Group, now: int) -> Progress:
    rule, measure, hits = lane.correlation, group.measure, group.hits
    horizon = now - rule.span
    since = measure.start if isinstance(measure, Whole) and measure.start else hits.first_from(horizon)
    have: Number = hits.since(horizon) if measure is None else measure.value(horizon)
    until = since + rule.span
    if isinstance(lane, Deferred):
        until = lane.due(group) or until
    seen = _seen(group, horizon if not isinstance(measure, Whole) else since)
    absent = [isinstance(measure, Absence) and not measure.counts(role) for role in range(len(rule.roles))]
    steps = tuple(
        Step(role.rule.title or role.rule.name or role.rule.id, moment, not unwanted)
        for role, moment, unwanted in zip(rule.roles, seen, absent, strict=False)
    )
    if rule.decided is Decided.SILENCE:
        have = 0 if now > hits.last else 1
    holds = bool(have) if rule.expression is not None else rule.condition.holds(have)
    need = (
        "" if rule.expression else " and ".join(f"{SIGNS[sign]} {number_text(b)}" for sign, b in rule.condition.bounds)
    )
    return Progress(
        group=tuple(zip(lane.teller.names, key, strict=True)),
        have=have,
        need=need,
        within=span_text(rule.span),
        since=since,
        until=until,
        holds=holds,
        judged=rule.decided.value,
        share=_share(have, rule.condition.largest, steps, bool(rule.expression), holds),
        steps=steps,
    )


def _seen(group: Group, horizon: int) -> tuple[int | None, ...]:
    measure = group.measure.inner if isinstance(group.measure, Whole) else group.measure
    if isinstance(measure, (*ORDERLY, Absence)):
        return measure.seen(horizon)
    return ()


def _share(have: Number, most: Number, steps: tuple[Step, ...], boolean: bool, holds: bool) -> float:
    if holds:
        return 1.0
    if boolean:
        wanted = [step.at is not None for step in steps if step.wanted]
        return sum(wanted) / (len(wanted) + 1)
    return min(max(have / most, 0.0), 1.0) if most > 0 else 0.0
