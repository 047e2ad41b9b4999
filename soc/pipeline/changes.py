"""What a new version of a pack changes: rules that come, go or are different, and those that no longer work."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from soc.pipeline.content import Content
from soc.pipeline.states import STATES, Row, rows


class Changes(NamedTuple):
    """Each list by path, with paths within the pack. rejected and blind: those that were not so before."""

    added: list[Row]
    removed: list[Row]
    changed: list[Row]
    rejected: list[Row]
    blind: list[Row]
    states: dict[str, int]


def within(folder: Path, content: Content) -> list[Row]:
    """The rows of a pack's documents, with paths that do not depend on where it lies."""
    return [row._replace(path=Path(row.path).relative_to(folder).as_posix()) for row in rows(content)]


def changes(before: Sequence[Row], after: Sequence[Row]) -> Changes:
    """Rules are told apart by their id; rejected documents by path and reason."""
    old = {row.id: row for row in before if row.id}
    new = {row.id: row for row in after if row.id}
    refused = {(row.path, row.reason) for row in before if row.state == "rejected"}
    counted = Counter(row.state for row in after)
    return Changes(
        added=[row for row in new.values() if row.id not in old],
        removed=[row for row in old.values() if row.id not in new],
        changed=[row for row in new.values() if row.id in old and old[row.id].hash != row.hash],
        rejected=[row for row in after if row.state == "rejected" and (row.path, row.reason) not in refused],
        blind=[row for row in new.values() if row.state == "blind" and _worked(old.get(row.id))],
        states={word: counted[word] for word in STATES},
    )


def _worked(before: Row | None) -> bool:
    return before is None or before.state != "blind"
