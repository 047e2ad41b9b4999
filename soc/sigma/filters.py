"""Sigma filters: one exception for many rules, with who answers for it, why, and until when.

A rule that a filter applies to fires when "(its condition) and (the filter's condition)" holds, which is mostly
``not selection``. Source: Sigma specification 2.1.0, filters. Ours beyond it, below ``soc:``: owner, reason, expires.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any
from uuid import UUID

import msgspec

from soc.core.errors import Problem
from soc.core.ids import content_id
from soc.core.logsource import LogSource
from soc.sigma.detection import DetectionError
from soc.sigma.documents import Document
from soc.sigma.metadata import MetadataError, read_attributes, read_logsource
from soc.sigma.rule import Making, Rule, first_line, with_condition
from soc.sigma.tree import And

MOST_NAMED = 10
_ANY = "any"


class _Extras(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All three or none: a pack's filters have no ``soc:``."""

    owner: str
    reason: str
    expires: date


@dataclass(frozen=True, slots=True)
class FilterState:
    """A filter as a report shows it.

    word     "active", "expired" (its day has come), "unused" (no rule has it) or "rejected" (why says what is wrong)
    why      for people: what it names that is not there, or that nobody answers for it
    expires  the day, in the ministry's time, from which it no longer holds; None for a pack's filter, which has none
    rules    ids of the rules that it is applied to
    """

    path: str
    line: int
    id: str
    title: str
    word: str
    why: str = ""
    owner: str = ""
    reason: str = ""
    expires: date | None = None
    rules: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Filter:
    state: FilterState
    hash: str
    logsource: LogSource
    taxonomy: str
    wanted: frozenset[str]
    section: Mapping[str, Any]

    @property
    def place(self) -> str:
        return f"{self.state.path}:{self.state.line}"

    def applies(self, rule: Rule) -> bool:
        info = rule.info
        named = not self.wanted.isdisjoint((_ANY, info.id, info.name))
        return named and self.logsource.covers(rule.logsource)


def apply_filters(
    documents: Sequence[Document], rules: Sequence[Rule], making: Making, today: date
) -> tuple[list[Rule], list[FilterState], list[Problem]]:
    """The rules with their filters, every filter's state, and those that are no filters; nothing is left out."""
    filters: list[_Filter] = []
    problems: list[Problem] = []
    for document in documents:
        try:
            filters.append(_read(document, making))
        except (MetadataError, ValueError) as error:
            problems.append(Problem(document.path, document.line, first_line(error)))
    running = [one for one in filters if one.state.expires is None or today < one.state.expires]
    used: dict[str, list[str]] = {one.place: [] for one in running}
    made: list[Rule] = []
    parts = _Parts(making)
    for rule in rules:
        found = [(one, parts.of(one, rule)) for one in running if one.applies(rule)]
        chosen = [(one, part) for one, part in found if part]
        for one, _ in chosen:
            used[one.place].append(rule.info.id)
        made.append(_filtered(rule, chosen) if chosen else rule)
    known = {name: rule.logsource for rule in rules for name in (rule.info.id, rule.info.name) if name}
    states = [_state(one, used.get(one.place), known, parts.wrong.get(one.place)) for one in filters]
    rejected = [FilterState(one.path, one.line, "", "", "rejected", one.reason) for one in problems]
    return made, sorted([*states, *rejected], key=lambda state: (state.path, state.line)), problems


def next_expiry(states: Sequence[FilterState]) -> date | None:
    """The day on which the next filter ends, None when none will."""
    return min((one.expires for one in states if one.expires and one.word in {"active", "unused"}), default=None)


def _read(document: Document, making: Making) -> _Filter:
    """ValueError says what is wrong. The condition is read once here, to be refused if it is none."""
    raw = document.document
    attributes = read_attributes(raw)
    source = read_logsource(raw)
    section = raw["filter"]
    if not isinstance(section, Mapping):
        raise MetadataError("filter: a map with rules and a condition is needed")
    detection = {name: value for name, value in section.items() if name != "rules"}
    taxonomy = attributes.taxonomy or "sigma"
    making.node(detection, making.names(taxonomy, source))
    own = _extras(raw)
    return _Filter(
        state=FilterState(
            path=document.path,
            line=document.line,
            id=attributes.id or document.hash,
            title=attributes.title,
            word="unused",
            owner=own.owner if own else "",
            reason=own.reason if own else "",
            expires=own.expires if own else None,
        ),
        hash=document.hash,
        logsource=source,
        taxonomy=taxonomy,
        wanted=_wanted(section.get("rules")),
        section=detection,
    )


def _wanted(rules: object) -> frozenset[str]:
    listed = [rules] if isinstance(rules, str) else rules
    if not isinstance(listed, list) or not listed or not all(isinstance(one, str) and one for one in listed):
        raise MetadataError('filter.rules: a list of ids or names of rules, or "any"')
    return frozenset((_ANY,)) if [one.lower() for one in listed] == [_ANY] else frozenset(map(_reference, listed))


def _reference(text: str) -> str:
    """A rule's name as it is; an id as rules have it, whatever its spelling."""
    try:
        return str(UUID(text))
    except ValueError:
        return text


def _extras(raw: Mapping[str, Any]) -> _Extras | None:
    if raw.get("soc") is None:
        return None
    try:
        own = msgspec.convert(raw["soc"], _Extras)
    except msgspec.ValidationError as error:
        raise MetadataError(f"soc: {str(error).replace(' - at `$.', ' at `soc.')}") from error
    if not own.owner.strip() or not own.reason.strip():
        raise MetadataError("soc: a filter needs an owner and a reason")
    return own


class _Parts:
    """What filters add to rules of one log source: read once for all of them."""

    def __init__(self, making: Making) -> None:
        self._making = making
        self._read: dict[tuple[str, LogSource], tuple[Rule, str] | None] = {}
        self.wrong: dict[str, str] = {}

    def of(self, one: _Filter, rule: Rule) -> tuple[Rule, str] | None:
        """The filter as a rule of its own, and the hash of its lists; None where the fields make it too large."""
        key = (one.place, rule.logsource)
        if key not in self._read:
            try:
                node, lists = self._making.node(one.section, self._making.names(one.taxonomy, rule.logsource))
                self._read[key] = with_condition(rule, And((node,), f"filter: {one.state.title}")), lists
            except DetectionError as error:
                self._read[key] = None
                self.wrong[one.place] = f"not applied to rules of {rule.logsource}: {error}"
        return self._read[key]


def _filtered(rule: Rule, chosen: Sequence[tuple[_Filter, tuple[Rule, str]]]) -> Rule:
    hashes = [text for one, (_, lists) in chosen for text in (one.hash, lists)]
    ids = tuple(one.state.id for one, _ in chosen)
    parts = [part for _, (part, _) in chosen]
    return replace(
        rule,
        info=replace(rule.info, hash=content_id((rule.info.hash, *hashes)), filters=ids),
        condition=And((rule.condition, *(part.condition for part in parts))),
        written=tuple(sorted({*rule.written, *(name for part in parts for name in part.written)})),
        fields=tuple(sorted({*rule.fields, *(name for part in parts for name in part.fields)})),
        naming=content_id((rule.naming, *(part.naming for part in parts))),
    )


def _state(one: _Filter, used: Sequence[str] | None, known: Mapping[str, LogSource], wrong: str | None) -> FilterState:
    state = one.state
    if used is None:
        return replace(state, word="expired", why=f"it ended on {state.expires}")
    named = sorted(one.wanted - {_ANY})
    gone = [name for name in named if name not in known]
    why = [f"no rule {name}" for name in gone[:MOST_NAMED]]
    why += [f"and {len(gone) - MOST_NAMED} more"] if len(gone) > MOST_NAMED else []
    why += [
        f"{name} is of {known[name]}, the filter of {one.logsource}"
        for name in named
        if name in known and not one.logsource.covers(known[name])
    ]
    if wrong:
        why.append(wrong)
    elif not used and not named:
        why.append(f"no rule is of {one.logsource}")
    if state.expires is None:
        why.append("nobody answers for it: it has no owner, reason or end")
    return replace(state, word="active" if used else "unused", why="; ".join(why), rules=tuple(used))
