"""Every rule and correlation with its one state: active, rejected, blind or muted. Nothing read is in none of them."""

from __future__ import annotations

from typing import NamedTuple

from soc.core.finding import RuleInfo
from soc.pipeline.content import Content

STATES = ("active", "rejected", "blind", "muted")


class Row(NamedTuple):
    """One document of a rule file. kind is "rule" or "correlation"; both it and id are "" of what was rejected."""

    path: str
    line: int
    state: str
    reason: str
    kind: str = ""
    id: str = ""
    title: str = ""
    title_vi: str = ""
    level: str = ""
    hash: str = ""


def rows(content: Content) -> list[Row]:
    """A row for each document that is, or should have been, a rule or correlation; by file and line."""
    found = []
    for rule in content.rules:
        state = content.states[rule.info.id]
        found.append(_row(rule.info, rule.line, state.word, state.reason, "rule"))
    for item in content.correlations:
        mute = content.muted.get(item.info.id)
        line = content.lines.get(item.info.id, 1)
        found.append(_row(item.info, line, "muted" if mute else "active", mute.words if mute else "", "correlation"))
    found += [Row(problem.path, problem.line, "rejected", problem.reason) for problem in content.problems]
    return sorted(found)


def _row(info: RuleInfo, line: int, state: str, reason: str, kind: str) -> Row:
    level = info.level.word
    return Row(info.path, line, state, reason, kind, info.id, info.title, info.title_vi, level, info.hash)
