"""How runs of playbooks look on a terminal."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from soc.core.event import iso
from soc.core.hostile import plain
from soc.core.i18n import Translate
from soc.respond.plan import Opened, Planned
from soc.respond.playbook import Step
from soc.respond.run import Run
from soc.respond.said import said

STYLE = {"running": "yellow", "waiting": "magenta", "done": "green", "rejected": "red", "stopped": "red"}


def runs_table(runs: Iterable[Run], t: Translate) -> Table:
    """One row a run."""
    table = _table(t, "run", "playbook", "alert", "state", "step", "waits for", "until")
    for run in runs:
        table.add_row(
            run.id,
            run.playbook,
            plain(run.alert),
            Text(t(run.status), style=STYLE.get(run.status, "bold red")),
            run.step,
            Text(f"{t(run.waits) if run.waits else ''}{', ' + t('late') if run.late else ''}"),
            iso(run.deadline) if run.deadline else "",
        )
    return table


def run_detail(opened: Opened, t: Translate, language: str) -> RenderableType:
    """A run, who did what in it, and what may still come."""
    run, playbook, audit, planned = opened
    parts: list[RenderableType] = [runs_table([run], t)]
    if run.reason:
        parts.append(Text(plain(said(run.reason, t)), style="yellow"))
    if not run.over and run.step:
        step = playbook.step(run.step)
        if step.manual:
            asked = step.manual.instructions_vi if language == "vi" else step.manual.instructions
            parts.append(Text(f"{step.manual.assignee}: {' '.join(asked.split())}"))
            if step.manual.choices:
                parts.append(Text(t("say with --answer: {choices}", choices=", ".join(step.manual.choices))))
    table = _table(t, "when", "step", "who", "what")
    for line in audit:
        table.add_row(
            iso(line.at), line.step, plain(line.who), Text(plain(f"{t(line.what)}: {said(line.detail, t)}", 300))
        )
    parts.append(table)
    if not run.over:
        parts += [
            Text(t("still to come:")),
            planned_table(planned, t, language),
        ]
    return Group(*parts)


def planned_table(planned: Iterable[Planned], t: Translate, language: str) -> Table:
    """Steps that may come, and why an action would be refused."""
    table = _table(t, "step", "title", "by whom", "what")
    for one in planned:
        what = ", ".join(f"{name}={value}" for name, value in one.parameters.items())
        if one.refused:
            what = f"{what} {t('refused: {reason}', reason=one.refused)}".strip()
        table.add_row(one.step.id, plain(_title(one.step, language)), _who(one, t), Text(plain(what, 400)))
    return table


def _who(one: Planned, t: Translate) -> str:
    step = one.step
    if step.manual:
        return t("{role}, within {time}", role=step.manual.assignee, time=step.manual.deadline)
    if step.condition:
        return f"{step.condition.variable} -> {step.condition.then} | {step.condition.otherwise}"
    return f"{step.action}, {t('after approval by {n}', n=one.approvals)}" if one.approvals else step.action or ""


def _title(step: Step, language: str) -> str:
    return step.title_vi if language == "vi" else step.title


def _table(t: Translate, *headings: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for heading in headings:
        table.add_column(t(heading), overflow="fold")
    return table


HEADINGS = (
    "run",
    "playbook",
    "alert",
    "state",
    "step",
    "waits for",
    "until",
    "when",
    "who",
    "what",
    "title",
    "by whom",
)
