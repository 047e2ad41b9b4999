"""What a playbook would do, before it does it: a dry run, and what is still to come of a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from soc.respond.actions import Unusable, filled
from soc.respond.never_touch import NeverTouch, forbidden
from soc.respond.playbook import END, Playbook, Step
from soc.respond.run import HIGH_LEVEL, Line, Run, branch


@dataclass(frozen=True, slots=True)
class Planned:
    """A step that may come. refused says why its action would not be done; approvals is how many persons must approve.

    A value that only a person will give is unknown by now, and the step says so in ``refused`` if it needs it.
    """

    step: Step
    parameters: Mapping[str, str]
    refused: str = ""
    approvals: int = 0


class Offer(NamedTuple):
    """A playbook for an alert. meant: it is made for such; run: the id of the latest run for it, or ""."""

    playbook: Playbook
    meant: bool
    run: str


class Opened(NamedTuple):
    """A run with its playbook as it was when it began, the audit, and the steps that may still come."""

    run: Run
    playbook: Playbook
    audit: list[Line]
    planned: list[Planned]


def plan(
    playbook: Playbook, values: Mapping[str, str], level: int, never: NeverTouch | None, begin: str = ""
) -> list[Planned]:
    """The steps from one on (the first, unless told), in order; both ways of an if on what a person will answer."""
    asked = {step.manual.answer for step in playbook.steps if step.manual and step.manual.answer} - values.keys()
    to_come, seen = [begin or playbook.steps[0].id], set()
    while to_come:
        id = to_come.pop()
        if id == END or id in seen:
            continue
        seen.add(id)
        step = playbook.step(id)
        if step.condition and step.condition.variable not in asked:
            to_come.append(branch(step, values))
        else:
            to_come += playbook.ways(step)
    return [_planned(step, values, level, never) for step in playbook.steps if step.id in seen]


def _planned(step: Step, values: Mapping[str, str], level: int, never: NeverTouch | None) -> Planned:
    if step.action is None:
        return Planned(step, {})
    persons = (1 if 0 < level < HIGH_LEVEL else 2) if step.disruptive else 0
    try:
        parameters = filled(step, values)
    except Unusable as error:
        return Planned(step, {}, str(error), persons)
    if step.disruptive and never is None:
        return Planned(step, parameters, "there is no never-touch list", persons)
    return Planned(step, parameters, forbidden(never or NeverTouch(), step.action, parameters), persons)
