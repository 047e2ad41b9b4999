"""A playbook as CACAO 2.0 JSON (OASIS CACAO Security Playbooks 2.0, CS01). The same file gives the same bytes.

What CACAO has no word for is said in its own: an approval is a manual step before the action, a deadline the step's
timeout, and what a connector does is a command with the parameters as JSON, in which variables are ``__name__:value``.
"""

from __future__ import annotations

import re
from typing import Any
from uuid import UUID, uuid5

import msgspec

from soc.core.settings import duration
from soc.respond.actions import named
from soc.respond.playbook import END, Playbook, Step

_NAMESPACE = UUID("6f1c4e0a-52a4-5f0b-9d0e-0b7a3a1d7c55")
_COMMANDS = {"smtp": "x-soc-email", "webhook": "http-api", "fortigate": "http-api"}
_VARIABLE_TYPES = {"address": "ipv4-addr", "outside": "ipv4-addr"}


def cacao(playbook: Playbook, *, vietnamese: bool = False) -> dict[str, Any]:
    """The playbook as a document that the CACAO 2.0 schema takes, with its texts in one language."""
    return _Export(playbook, vietnamese).document()


class _Export:
    def __init__(self, playbook: Playbook, vietnamese: bool) -> None:
        self._book, self._vi = playbook, vietnamese
        self._roles: set[str] = set()

    def document(self) -> dict[str, Any]:
        book = self._book
        workflow = {self._id("start", ""): {"type": "start", "on_completion": self._goal(book.steps[0].id)}}
        for step in book.steps:
            workflow |= self._steps(step)
        workflow[self._id("end", "")] = {"type": "end"}
        roles = {self._id("group", role): {"type": "group", "name": role} for role in sorted(self._roles)}
        manual = any(step.manual or step.disruptive for step in book.steps)
        return {
            "type": "playbook",
            "spec_version": "cacao-2.0",
            "id": self._id("playbook", ""),
            "name": self._said(book.title, book.title_vi),
            "description": self._said(book.description, book.description_vi),
            "playbook_types": ["investigation", "mitigation"],
            "playbook_processing_summary": {
                "manual_playbook": manual,
                "if_logic": any(step.condition is not None for step in book.steps),
                "temporal_logic": manual,
            },
            "created_by": f"identity--{uuid5(_NAMESPACE, 'soc-pipeline')}",
            "created": f"{book.created}T00:00:00.000Z",
            "modified": f"{book.modified}T00:00:00.000Z",
            "labels": [book.id, *book.triggers.rules, *book.triggers.tags],
            "playbook_variables": self._variables(),
            "workflow_start": self._id("start", ""),
            "workflow": workflow,
            "agent_definitions": {
                self._id("organization", "executor"): {"type": "organization", "name": "SOC pipeline"},
                **roles,
            },
        }

    def _variables(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, variable in self._book.variables.items():
            entry = {"type": _VARIABLE_TYPES.get(variable.kind, "string"), "external": not variable.value}
            where = f"From the alert: {', '.join(variable.fields)}"
            found[f"__{name}__"] = entry | ({"value": variable.value} if variable.value else {"description": where})
        for step in self._book.steps:
            if step.manual and step.manual.answer:
                choices = f"One of: {', '.join(step.manual.choices)}"
                found[f"__{step.manual.answer}__"] = {"type": "string", "description": choices}
        return found

    def _steps(self, step: Step) -> dict[str, Any]:
        name = {"name": self._said(step.title, step.title_vi)}
        if step.condition:
            ways = {"on_true": self._goal(step.condition.then), "on_false": self._goal(step.condition.otherwise)}
            condition = {"type": "if-condition", "condition": self._condition(step), **ways}
            # The schema wants one of on_completion and on_success of every step; both ways meet at the end.
            return {self._goal(step.id): {**condition, **name, "on_completion": self._id("end", "")}}
        if step.manual:
            text = self._said(step.manual.instructions, step.manual.instructions_vi)
            done = self._manual(step.manual.assignee, text, step.manual.deadline)
            if step.manual.answer:
                done["out_args"] = [f"__{step.manual.answer}__"]
            return {self._goal(step.id): {**done, **name, "on_completion": self._goal(self._book.after(step))}}
        if not step.disruptive:
            return {self._id("action", step.id): self._action(step) | name}
        text = self._said(f"Approve: {step.title}", f"Duyệt: {step.title_vi}")
        asked = self._manual("approver", text, self._book.approval)
        asked |= {"name": text, "on_completion": self._id("action", step.id)}
        undo = {"description": self._said(f"Undo: {step.undo}", f"Hoàn tác: {step.undo_vi}")}
        return {self._goal(step.id): asked, self._id("action", step.id): self._action(step) | name | undo}

    def _manual(self, role: str, text: str, deadline: str) -> dict[str, Any]:
        self._roles.add(role)
        return {
            "type": "action",
            "commands": [{"type": "manual", "command": text}],
            "agent": self._id("group", role),
            "timeout": duration(deadline) // 1000,
        }

    def _action(self, step: Step) -> dict[str, Any]:
        used = sorted({f"__{name}__" for text in step.parameters.values() for name in named(text)})
        said = {name: re.sub(r"\{([a-z0-9_]+)\}", r"__\1__:value", text) for name, text in step.parameters.items()}
        content = msgspec.json.encode(said, order="sorted").decode()
        kind = _COMMANDS[step.action or ""]
        command = {"type": kind, "command": f"POST /{step.action} HTTP/1.1", "content": content}
        goal = self._goal(self._book.after(step))
        ways = {"on_success": goal, "on_failure": self._goal(step.on_failure)} if step.on_failure else {}
        return {
            "type": "action",
            "commands": [command],
            "agent": self._id("organization", "executor"),
            **({"in_args": used} if used else {}),
            **(ways or {"on_completion": goal}),
        }

    @staticmethod
    def _condition(step: Step) -> str:
        """As a comparison of STIX patterning, which CACAO uses."""
        wanted = step.condition
        assert wanted
        if not wanted.one_of:
            return f"__{wanted.variable}__:value != ''"
        values = ", ".join("'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'" for value in wanted.one_of)
        return f"__{wanted.variable}__:value IN ({values})"

    def _goal(self, id: str) -> str:
        """Where a step begins: of a disruptive one that is its approval."""
        if id == END:
            return self._id("end", "")
        step = self._book.step(id)
        if step.condition:
            return self._id("if-condition", id)
        return self._id("action", f"approve {id}" if step.disruptive else id)

    def _id(self, kind: str, name: str) -> str:
        return f"{kind}--{uuid5(_NAMESPACE, f'{self._book.id}/{kind}/{name}')}"

    def _said(self, english: str, vietnamese: str) -> str:
        return (vietnamese if self._vi else english).strip()
