"""Playbooks read from their files, and everything that is wrong with them, by file and line."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from soc.core.errors import Problem, SettingsError
from soc.core.yamlfile import line_of, read_struct
from soc.respond.actions import ACTIONS, Unusable, checked, named
from soc.respond.playbook import END, Playbook, Step

Wrong = tuple[str, str]
"""Where, as a path such as ``steps[2].next``, and what."""


def load_playbooks(folders: Iterable[Path]) -> tuple[dict[str, Playbook], list[Problem]]:
    """Playbooks by id, of all .yml files of these folders (or single files), and what is wrong with the others."""
    found: dict[str, Playbook] = {}
    problems: list[Problem] = []
    for folder in folders:
        for path in sorted(folder.rglob("*.yml")) if folder.is_dir() else [folder]:
            playbook, wrong = load_playbook(path)
            problems += wrong
            if playbook and playbook.id in found:
                problems.append(
                    Problem(str(path), line_of(path, "id"), f"id: another playbook is called {playbook.id}")
                )
            elif playbook:
                found[playbook.id] = playbook
    return found, problems


def load_playbook(path: Path) -> tuple[Playbook | None, list[Problem]]:
    """One file's playbook, or None and all that is wrong with it."""
    try:
        playbook = read_struct(path, Playbook)
    except SettingsError as error:
        return None, [_problem(path, str(error))]
    wrong = [Problem(str(path), line_of(path, where), f"{where}: {why}") for where, why in _wrong(playbook)]
    return (None, wrong) if wrong else (playbook, [])


def _problem(path: Path, text: str) -> Problem:
    """read_struct's "file:7: reason" taken apart."""
    found = re.match(r":(\d+): ", rest := text.removeprefix(str(path)))
    return Problem(str(path), int(found[1]) if found else 1, rest[found.end() :] if found else rest.lstrip(": "))


def _wrong(playbook: Playbook) -> Iterator[Wrong]:
    yield from _wrong_names(playbook)
    known = playbook.variables.keys() | {step.manual.answer for step in playbook.steps if step.manual}
    for number, step in enumerate(playbook.steps):
        for where, why in (*_wrong_step(step), *_wrong_action(step, known)):
            yield f"steps[{number}]{'.' if where else ''}{where}", why
        if step.condition and step.condition.variable not in known:
            yield f"steps[{number}].if.variable", f"there is no variable {step.condition.variable}"
    lost = list(_lost_ways(playbook))
    yield from lost
    if not lost:
        yield from _wrong_flow(playbook)


def _wrong_names(playbook: Playbook) -> Iterator[Wrong]:
    if playbook.modified < playbook.created:
        yield "modified", "is before created"
    if not playbook.triggers.rules and not playbook.triggers.tags:
        yield "triggers", "needs rules or tags"
    for name, variable in playbook.variables.items():
        if bool(variable.fields) == bool(variable.value):
            yield f"variables.{name}", "needs either fields or a value"
    seen: set[str] = {END}
    for number, step in enumerate(playbook.steps):
        if step.id in seen:
            yield f"steps[{number}].id", f"{step.id} is taken"
        seen.add(step.id)


def _wrong_step(step: Step) -> Iterator[Wrong]:
    if sum(part is not None for part in (step.action, step.manual, step.condition)) != 1:
        yield "", "is one of action, manual and if"
    if step.condition and (step.next or step.on_failure):
        yield "if", "goes on at then or else, not at next or on_failure"
    if not step.action and (step.parameters or step.disruptive or step.on_failure):
        yield "", "parameters, disruptive and on_failure belong to an action"
    if step.disruptive and not (step.undo and step.undo_vi):
        yield "disruptive", "needs undo and undo_vi, which say how it is taken back"
    if step.manual and (step.manual.answer is None) != (not step.manual.choices):
        yield "manual", "answer and choices go together"


def _wrong_action(step: Step, known: set[str | None]) -> Iterator[Wrong]:
    if step.action is None:
        return
    if step.action not in ACTIONS:
        yield "action", f"no connector {step.action}; there are {', '.join(sorted(ACTIONS))}"
        return
    action = ACTIONS[step.action]
    if action.disruptive and not step.disruptive:
        yield "action", f"{step.action} takes something from somebody: say disruptive: true"
    for name, wanted in action.parameters.items():
        if wanted.required and name not in step.parameters:
            yield "action", f"{step.action} needs the parameter {name}"
    for name, template in step.parameters.items():
        if name not in action.parameters:
            yield f"parameters.{name}", f"{step.action} has no such parameter"
            continue
        wanted, names = action.parameters[name], named(template)
        if wanted.fixed and names:
            yield f"parameters.{name}", "may hold no variable: what an alert says must not choose it"
        yield from ((f"parameters.{name}", f"there is no variable {one}") for one in names if one not in known)
        try:
            checked(wanted.kind if not names else "text", template)
        except Unusable as error:
            yield f"parameters.{name}", str(error)


def _lost_ways(playbook: Playbook) -> Iterator[Wrong]:
    ids = {step.id for step in playbook.steps} | {END}
    for number, step in enumerate(playbook.steps):
        keys = ("if.then", "if.else") if step.condition else ("next", "on_failure")
        for key, goal in zip(keys, playbook.ways(step), strict=False):
            if goal not in ids:
                yield f"steps[{number}].{key}", f"there is no step {goal}"


def _wrong_flow(playbook: Playbook) -> Iterator[Wrong]:
    """Loops, so that every run ends, and steps that no way leads to."""
    numbers = {step.id: number for number, step in enumerate(playbook.steps)}
    finished: set[str] = {END}
    way: list[str] = []

    def visit(id: str) -> Iterator[Wrong]:
        if id in way:
            loop = " -> ".join((*way[way.index(id) :], id))
            yield f"steps[{numbers[way[-1]]}]", f"goes round in a loop: {loop}"
        elif id not in finished:
            way.append(id)
            for goal in playbook.ways(playbook.step(id)):
                yield from visit(goal)
            finished.add(way.pop())

    yield from visit(playbook.steps[0].id)
    yield from ((f"steps[{numbers[id]}]", "no way leads here") for id in numbers if id not in finished)
