"""A playbook: what is done about an alert, step by step, by whom, and what must be approved first. Values only.

It is written in YAML (detections/playbooks/*.yml) and can be exported as CACAO 2.0 (soc.respond.cacao).
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from soc.core.ids import content_id

END = "end"
"""The step id that ends a run."""

Name = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]{0,59}$")]
Words = Annotated[str, Meta(min_length=1, max_length=4000)]
Day = Annotated[str, Meta(pattern=r"^\d{4}-(0[1-9]|1[012])-(0[1-9]|[12]\d|3[01])$")]
Period = Annotated[str, Meta(pattern=r"^[1-9]\d{0,5}(s|m|h|d)$")]
Kind = Literal["text", "address", "outside", "host", "account"]


class _Strict(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    pass


class Triggers(_Strict, frozen=True):
    """Which alerts it is for: rules by name or id, or ATT&CK tags; attack.t1566 stands for its sub-techniques too."""

    rules: tuple[str, ...] = ()
    tags: tuple[Annotated[str, Meta(pattern=r"^attack\.t\d{4}(\.\d{3})?$")], ...] = ()


class Variable(_Strict, frozen=True):
    """A value that steps use as {name}: the first of these fields that the alert has, or a fixed value.

    kind      what it must be; a value that is not counts as missing, so no text passes for an address. "outside" is an
              address that is not of a private network, whichever of the fields has it
    required  a run does not begin without it
    """

    fields: tuple[str, ...] = ()
    value: str = ""
    kind: Kind = "text"
    required: bool = False


class Manual(_Strict, frozen=True):
    """Something that a person does.

    assignee    the role that does it
    deadline    by when, from the moment that its turn comes; then it is escalated, and after as long again it expires
    escalate_to the role that hears of it when it is late
    answer      the variable that the person's choice is kept in; choices are those that may be given
    """

    assignee: Name
    deadline: Period
    instructions: Words
    instructions_vi: Words
    escalate_to: Name = "soc_lead"
    answer: Name | None = None
    choices: tuple[Name, ...] = ()


class Condition(_Strict, frozen=True):
    """Where a run goes on: ``then`` if the variable is one of these values (or, without any, has a value at all)."""

    variable: Name
    then: Name
    otherwise: Name = msgspec.field(name="else", default=END)
    one_of: tuple[str, ...] = ()


class Step(_Strict, frozen=True):
    """One of: action (a connector with parameters), manual, or if. Goes on at ``next``, else at the step below it.

    disruptive  it takes something from somebody, so it needs approval first, and undo says how it is taken back
    on_failure  where to go on when the action failed; without it a person decides
    """

    id: Name
    title: Words
    title_vi: Words
    action: Name | None = None
    parameters: dict[Name, str] = {}
    manual: Manual | None = None
    condition: Condition | None = msgspec.field(name="if", default=None)
    disruptive: bool = False
    undo: str = ""
    undo_vi: str = ""
    next: Name | None = None
    on_failure: Name | None = None


class Playbook(_Strict, frozen=True):
    """The whole of a playbook's file; approval is how long those who must approve have for it."""

    id: Name
    title: Words
    title_vi: Words
    description: Words
    description_vi: Words
    created: Day
    modified: Day
    triggers: Triggers
    steps: Annotated[tuple[Step, ...], Meta(min_length=1, max_length=100)]
    variables: dict[Name, Variable] = {}
    approval: Period = "24h"

    def step(self, id: str) -> Step:
        """The step of this id. KeyError if there is none."""
        for step in self.steps:
            if step.id == id:
                return step
        raise KeyError(id)

    def after(self, step: Step) -> str:
        """The id of what follows this step when all is well, or END."""
        if step.next is not None:
            return step.next
        position = self.steps.index(step) + 1
        return self.steps[position].id if position < len(self.steps) else END

    def ways(self, step: Step) -> tuple[str, ...]:
        """The ids, or END, of all steps that can follow this one."""
        if step.condition:
            return step.condition.then, step.condition.otherwise
        return (self.after(step), *((step.on_failure,) if step.on_failure else ()))

    @property
    def hash(self) -> str:
        """What it says, as a hash: a run notes by which version it was done."""
        return content_id([msgspec.json.encode(self, order="deterministic").decode()])
