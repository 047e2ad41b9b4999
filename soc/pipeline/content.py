"""The detection content as a whole: every rule and correlation with its state, compiled together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import TypeVar

from soc import correlation, sigma
from soc.core.content import rule_folders
from soc.core.errors import Problem
from soc.core.finding import RuleInfo
from soc.core.logsource import Dataset
from soc.correlation import Correlation
from soc.enrich import ENRICHED
from soc.parsers import fills_by_dataset
from soc.pipeline.mutes import Mute
from soc.pipeline.packs import packs_in
from soc.sigma import FilterState, Loaded, Matcher, Rule, RuleState

Quiet = TypeVar("Quiet", Rule, Correlation)


@dataclass(frozen=True, slots=True)
class Content:
    """What detection runs with. Everything read is in rules, correlations, filters or problems: nothing vanishes.

    filters      every Sigma filter with its state; the rejected ones are problems as well. lists: number of value lists
    muted        rule or correlation id -> the mute that keeps it quiet; it feeds correlations all the same
    idle_mutes   mutes that do nothing: those whose day has come, and those of rules that are not there
    valid_until  the day on which a mute or a filter ends, so that all has to be loaded anew; None for never
    fingerprint  of the files that it was read from; "" where nobody watches them
    """

    rules: tuple[Rule, ...]
    correlations: tuple[Correlation, ...]
    problems: tuple[Problem, ...]
    files: int
    filters: tuple[FilterState, ...]
    matcher: Matcher
    states: dict[str, RuleState]
    lines: dict[str, int]
    fingerprint: str = ""
    lists: int = 0
    muted: dict[str, Mute] = field(default_factory=dict)
    idle_mutes: tuple[Mute, ...] = ()
    valid_until: date | None = None

    @property
    def rules_by_id(self) -> dict[str, Rule]:
        return {rule.info.id: rule for rule in self.rules}

    def field_of(self) -> Callable[[str, str], str]:
        """(rule id, a field as its author names it) -> our field, for the group-by of correlations."""
        mapping, rules = sigma.shipped_mapping(), self.rules_by_id

        def name(rule: str, field: str) -> str:
            mapped = rule in rules and rules[rule].taxonomy == "sigma"
            return mapping.names(rules[rule].logsource)(field)[0] if mapped else field

        return name


def load_content(
    folders: Sequence[Path] = (),
    *,
    shipped: bool = True,
    mutes: Sequence[Mute] = (),
    today: date = date.min,
    cache: Path | None = None,
) -> Content:
    """Reads, checks and compiles the shipped rules and those of the folders. Wrong files become problems.

    mutes and filters are in force before their day; today is the local date, which the caller knows. cache: the
    folder where what was read is kept for the next time.
    """
    loaded = sigma.load(content_paths(folders, shipped=shipped), today=today, cache=cache)
    documents = [(found.document, found.path, found.line, found.hash) for found in loaded.correlations]
    correlations, wrong = correlation.load(documents, _by_reference(loaded))
    muted = {mute.id: mute for mute in mutes if mute.holds(today)}
    known = {rule.info.id for rule in loaded.rules} | {found.info.id for found in correlations}
    silent = correlation.silenced(correlations) | muted.keys()
    rules = tuple(_silent(rule) if rule.info.id in silent else rule for rule in loaded.rules)
    datasets = available_datasets()
    ends = [loaded.next_expiry, *(mute.until for mute in muted.values())]
    return Content(
        rules=rules,
        correlations=tuple(_silent(found) if found.info.id in muted else found for found in correlations),
        problems=tuple(sorted([*loaded.problems, *wrong])),
        files=loaded.files,
        filters=loaded.filter_states,
        lists=loaded.lists,
        matcher=sigma.compile(rules, datasets, cache),
        states={id: _state(found, muted.get(id)) for id, found in sigma.states(rules, datasets).items()},
        lines={str(found.document.get("id")): found.line for found in loaded.correlations},
        muted={id: mute for id, mute in muted.items() if id in known},
        idle_mutes=tuple(mute for mute in mutes if mute.id not in known or mute.id not in muted),
        valid_until=min((day for day in ends if day), default=None),
    )


def content_paths(folders: Sequence[Path] = (), *, shipped: bool = True, mutes: Path | None = None) -> tuple[Path, ...]:
    """Every file and folder on which load_content depends: whoever watches them knows when to load anew.

    A folder's packs, which are links, stand beside it.
    """
    listed = [path for folder in folders for path in (*packs_in(folder), folder)]
    return (*(rule_folders() if shipped else ()), *listed, *([mutes] if mutes else ()))


def available_datasets() -> dict[str, Dataset]:
    """Every kind of event that some parser makes, with the fields that it and the enrichment fill."""
    return {name: replace(found, fills=found.fills | ENRICHED) for name, found in fills_by_dataset().items()}


def _by_reference(loaded: Loaded) -> dict[str, RuleInfo]:
    """A correlation names its rules by id or by name."""
    infos = [rule.info for rule in loaded.rules]
    return {info.id: info for info in infos} | {info.name: info for info in infos if info.name}


def _silent(rule: Quiet) -> Quiet:
    return replace(rule, info=replace(rule.info, silent=True))


def _state(found: RuleState, mute: Mute | None) -> RuleState:
    """A mute is a person's decision, so it is what is told even of a rule that is blind as well."""
    return replace(found, word="muted", reason=mute.words) if mute else found
