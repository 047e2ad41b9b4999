"""The runs of playbooks as the console shows them: read only, and none where no playbook was ever run."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from soc.engines.journal import FILE, Journal
from soc.respond.playbook import Playbook
from soc.respond.run import Run

SHOWN = 200
"""Runs on the page, the latest."""

Rows = Callable[[], list[dict[str, object]]]


def runs_in(data_dir: Path) -> Rows:
    """What gives the latest runs of this folder's journal, as plain values. StoreError if it cannot be read."""

    def rows() -> list[dict[str, object]]:
        if not (data_dir / FILE).is_file():
            return []
        with closing(Journal(data_dir / FILE)) as journal:
            return [_row(*journal.run(run.id), journal) for run in journal.runs()[:SHOWN]]

    return rows


def _row(run: Run, playbook: Playbook, journal: Journal) -> dict[str, object]:
    step = playbook.step(run.step) if run.step and not run.over else None
    return {
        "id": run.id,
        "title": playbook.title,
        "title_vi": playbook.title_vi,
        "alert": run.alert,
        "status": run.status,
        "step": step.title if step else "",
        "step_vi": step.title_vi if step else "",
        "waits": run.waits,
        "late": run.late,
        "deadline": run.deadline,
        "reason": run.reason,
        "audit": [line._asdict() for line in journal.audit(run.id)],
    }
