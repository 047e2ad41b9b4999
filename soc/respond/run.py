"""A playbook's run as a pure machine: (run, what happened) -> (run, what is to be done). Times are µs, passed in.

Whoever performs what is to be done may be killed and ask again: ``due`` says it anew from the run alone, and an action
keeps its key however often it is tried, so that it can be found out whether it was done.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from typing import Literal, NamedTuple

import msgspec

from soc.core.errors import SocError
from soc.core.ids import content_id
from soc.core.settings import duration
from soc.respond.actions import Unusable, filled
from soc.respond.playbook import END, Playbook, Step

HIGH_LEVEL = 3
"""From this level of the system on, and where the level is unknown, two persons approve."""

STATUSES = ("running", "waiting", "done", "rejected", "stopped", "expired")
WAITS = ("action", "manual", "approval", "decision")
DECISIONS = ("done", "again", "stop")
"""What a person says of an action that failed, or of which nobody knows whether it was done."""


class NotNow(SocError):
    """What a person says does not fit what the run waits for."""


class Past(msgspec.Struct, frozen=True):
    """A step that is over: how it ended, who or what ended it, and when."""

    step: str
    outcome: str
    by: str
    at: int


class Run(msgspec.Struct, frozen=True):
    """One run of a playbook for an alert.

    step        whose turn it is; waits says for what, deadline until when (0: for a connector, which has its own)
    approvals   who has approved the present step
    late        the deadline has passed once, and somebody was told
    answers     every variable: from the alert, and from what people chose
    """

    id: str
    playbook: str
    hash: str
    alert: str
    level: int
    requester: str
    began: int
    answers: dict[str, str]
    step: str = ""
    waits: Literal["", "action", "manual", "approval", "decision"] = ""
    deadline: int = 0
    late: bool = False
    approvals: tuple[str, ...] = ()
    reason: str = ""
    past: tuple[Past, ...] = ()
    status: Literal["running", "waiting", "done", "rejected", "stopped", "expired"] = "running"

    @property
    def over(self) -> bool:
        """Nothing more will happen."""
        return self.status in {"done", "rejected", "stopped", "expired"}


class Line(NamedTuple):
    """A row of the audit: when (µs), of which run and step, who (a person, or "soc"), what, and more of it."""

    at: int
    run: str
    step: str
    who: str
    what: str
    detail: str


AUDITED = ("started", "answered", "approved", "rejected", "acts", "action done", "action failed", "action unknown",
           "deadline passed", "over")  # fmt: skip
"""What a row of the audit can say happened."""


class Act(msgspec.Struct, frozen=True):
    """Do this, once: key is the same at every attempt, and no other action has it."""

    key: str
    step: str
    connector: str
    parameters: dict[str, str]


class Tell(msgspec.Struct, frozen=True):
    """Somebody is waited for: a role, for what, until when; late if that has passed once."""

    role: str
    step: str
    what: Literal["manual", "approval", "decision"]
    deadline: int
    late: bool = False


Command = Act | Tell


class Started(msgspec.Struct, frozen=True):
    at: int


class Acted(msgspec.Struct, frozen=True):
    """What came of an action: unknown if it may or may not have been done."""

    key: str
    outcome: Literal["done", "failed", "unknown"]
    detail: str
    at: int


class Answered(msgspec.Struct, frozen=True):
    """A person has done the step, with a choice where one is asked for."""

    step: str
    by: str
    choice: str
    at: int


class Approved(msgspec.Struct, frozen=True):
    step: str
    by: str
    at: int


class Rejected(msgspec.Struct, frozen=True):
    step: str
    by: str
    reason: str
    at: int


class Passed(msgspec.Struct, frozen=True):
    """It is now so late; nothing happens unless the deadline has passed."""

    at: int


Input = Started | Acted | Answered | Approved | Rejected | Passed
Next = tuple[Run, tuple[Command, ...]]


def run_id(playbook: str, alert: str, number: int = 1) -> str:
    """One run for a playbook and an alert, unless somebody wants it a second time."""
    return content_id([playbook, alert, str(number)], size=8)


def key_of(run: str, step: str) -> str:
    """The key of a step's action: "soc-" and 24 digits."""
    return f"soc-{content_id([run, step], size=12)}"


def person(name: str) -> str:
    """A name as it counts: "Lan" and " lan " are one person. NotNow if there is none."""
    found = " ".join(unicodedata.normalize("NFKC", name).split()).casefold()
    if not found:
        raise NotNow("a person's name is needed")
    return found


def approved(run: Run) -> bool:
    """Another person than the requester; for a high or unknown level two, of whom the requester may be one."""
    persons = {person(name) for name in run.approvals}
    needed = 1 if 0 < run.level < HIGH_LEVEL else 2
    return len(persons) >= needed and bool(persons - {person(run.requester)})


def advance(playbook: Playbook, run: Run, input: Input) -> Next:
    """What a run comes to. NotNow: a person answers what is not asked. A result that comes twice changes nothing."""
    change = msgspec.structs.replace
    if isinstance(input, Started):
        return (run, due(playbook, run)) if run.step else _enter(playbook, run, playbook.steps[0].id, input.at)
    if isinstance(input, Acted):
        if run.waits != "action" or input.key != key_of(run.id, run.step):
            return run, ()
        return _acted(playbook, run, input)
    if isinstance(input, Passed):
        return _passed(playbook, run, input.at)
    person(input.by)
    if isinstance(input, Answered):
        _must_wait(run, input.step, "manual", "decision")
        return _answered(playbook, run, input)
    _must_wait(run, input.step, "approval")
    if isinstance(input, Rejected):
        ended = _over(run, "rejected", f"rejected: {input.reason}", input.by, input.at)
        return ended, ()
    if person(input.by) in {person(name) for name in run.approvals}:
        raise NotNow("{name} has approved it already; another person must", name=input.by)
    run = change(run, approvals=(*run.approvals, input.by))
    if not approved(run):
        return run, due(playbook, run)
    run = change(run, waits="action", deadline=0, late=False, status="running")
    return run, due(playbook, run)


def due(playbook: Playbook, run: Run) -> tuple[Command, ...]:
    """What is to be done now, from the run alone: asked anew after a crash."""
    if run.over or not run.step:
        return ()
    step = playbook.step(run.step)
    if run.waits == "action":
        try:
            parameters = filled(step, run.answers)
        except Unusable:
            return ()
        return (Act(key_of(run.id, step.id), step.id, step.action or "", parameters),)
    if run.waits == "manual" and step.manual:
        role = step.manual.escalate_to if run.late else step.manual.assignee
        return (Tell(role, step.id, "manual", run.deadline, run.late),)
    role = "soc_lead" if run.late or run.waits == "decision" else "approver"
    return (Tell(role, step.id, "approval" if run.waits == "approval" else "decision", run.deadline, run.late),)


def branch(step: Step, values: Mapping[str, str]) -> str:
    """Where an if goes on with these values."""
    condition = step.condition
    if condition is None:
        raise ValueError(f"{step.id} is no if")
    value = values.get(condition.variable, "")
    held = value in condition.one_of if condition.one_of else bool(value)
    return condition.then if held else condition.otherwise


def _enter(playbook: Playbook, run: Run, id: str, at: int) -> Next:
    """The run at a step, past all ifs on the way."""
    change = msgspec.structs.replace
    while id != END and (step := playbook.step(id)).condition:
        id = branch(step, run.answers)
        run = change(run, past=(*run.past, Past(step.id, f"-> {id}", "", at)))
    run = change(run, step=id, approvals=(), late=False, deadline=0, reason="", waits="", status="running")
    if id == END:
        return change(run, step="", status="done"), ()
    if step.manual:
        end = at + duration(step.manual.deadline)
        run = change(run, waits="manual", status="waiting", deadline=end)
        return run, due(playbook, run)
    try:
        filled(step, run.answers)
    except Unusable as error:
        return _failed(playbook, run, str(error), at)
    if step.disruptive:
        run = change(run, waits="approval", status="waiting", deadline=at + duration(playbook.approval))
    else:
        run = change(run, waits="action")
    return run, due(playbook, run)


def _acted(playbook: Playbook, run: Run, input: Acted) -> Next:
    if input.outcome == "done":
        return _leave(playbook, run, "done", input.detail, input.at)
    if input.outcome == "failed":
        return _failed(playbook, run, input.detail, input.at)
    return _ask(playbook, run, f"unknown whether it was done: {input.detail}", input.at)


def _failed(playbook: Playbook, run: Run, why: str, at: int) -> Next:
    other = playbook.step(run.step).on_failure
    if other is None:
        return _ask(playbook, run, why, at)
    return _enter(playbook, _noted(run, f"failed: {why}", "", at), other, at)


def _ask(playbook: Playbook, run: Run, why: str, at: int) -> Next:
    """A person decides how it goes on."""
    end = at + duration(playbook.approval)
    run = msgspec.structs.replace(run, waits="decision", status="waiting", reason=why, deadline=end, late=False)
    return run, due(playbook, run)


def _answered(playbook: Playbook, run: Run, input: Answered) -> Next:
    change = msgspec.structs.replace
    step = playbook.step(run.step)
    if run.waits == "decision":
        if input.choice not in DECISIONS:
            raise NotNow(input.step, "say one of {names}", names=", ".join(DECISIONS))
        if input.choice == "done":
            return _leave(playbook, run, "done, as a person says", input.by, input.at)
        if input.choice == "stop":
            return _over(run, "stopped", "stopped", input.by, input.at), ()
        noted = _noted(run, f"again: {run.reason}", input.by, input.at)
        if step.disruptive and not approved(noted):  # it never came to approval: a value was missing
            return _enter(playbook, noted, step.id, input.at)
        run = change(noted, waits="action", status="running", reason="", deadline=0, late=False)
        return run, due(playbook, run)
    manual = step.manual
    if manual and manual.answer:
        if input.choice not in manual.choices:
            raise NotNow(input.step, "say one of {names}", names=", ".join(manual.choices))
        run = change(run, answers={**run.answers, manual.answer: input.choice})
    elif input.choice:
        raise NotNow("{step} asks for no choice", step=input.step)
    return _leave(playbook, run, f"done: {input.choice}" if input.choice else "done", input.by, input.at)


def _passed(playbook: Playbook, run: Run, at: int) -> Next:
    """A first missed deadline is told to somebody else, a second ends the run: none stays open for ever."""
    if run.over or run.status != "waiting" or at < run.deadline:
        return run, ()
    if run.late:
        return _over(run, "expired", "expired", "", at), ()
    step = playbook.step(run.step)
    manual = step.manual.deadline if step.manual else playbook.approval
    run = msgspec.structs.replace(run, late=True, deadline=at + duration(manual))
    return run, due(playbook, run)


def _leave(playbook: Playbook, run: Run, outcome: str, by: str, at: int) -> Next:
    return _enter(playbook, _noted(run, outcome, by, at), playbook.after(playbook.step(run.step)), at)


def _noted(run: Run, outcome: str, by: str, at: int) -> Run:
    return msgspec.structs.replace(run, past=(*run.past, Past(run.step, outcome, by, at)))


def _over(run: Run, status: Literal["rejected", "stopped", "expired"], outcome: str, by: str, at: int) -> Run:
    run = _noted(run, outcome, by, at)
    return msgspec.structs.replace(run, status=status, waits="", deadline=0, reason=outcome)


def _must_wait(run: Run, step: str, *waits: str) -> None:
    if run.over:
        raise NotNow("the run is over: {status}", status=run.status)
    if run.step != step or run.waits not in waits:
        raise NotNow(step, "the run is at {current}, which waits for: {waits}", current=run.step, waits=run.waits)
