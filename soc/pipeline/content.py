"""The detection content as a whole: every rule and correlation with its state, compiled together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from soc import correlation, sigma
from soc.core.content import content_root
from soc.core.errors import Problem
from soc.core.finding import RuleInfo
from soc.core.logsource import Dataset
from soc.correlation import Correlation
from soc.enrich import ENRICHED
from soc.parsers import fills_by_dataset
from soc.sigma import Loaded, Matcher, Rule, RuleState


@dataclass(frozen=True, slots=True)
class Content:
    """What detection runs with. Everything read is in rules, correlations, filters or problems: nothing vanishes."""

    rules: tuple[Rule, ...]
    correlations: tuple[Correlation, ...]
    problems: tuple[Problem, ...]
    files: int
    filters: int
    matcher: Matcher
    states: dict[str, RuleState]
    lines: dict[str, int]

    @property
    def rules_by_id(self) -> dict[str, Rule]:
        return {rule.info.id: rule for rule in self.rules}

    def field_of(self) -> Callable[[str, str], str]:
        """(rule id, a field as its author names it) -> our field, for the group-by of correlations."""
        mapping, rules = sigma.shipped_mapping(), self.rules_by_id

        def name(rule: str, field: str) -> str:
            return mapping.names(rules[rule].logsource)(field)[0] if rule in rules else field

        return name


def load_content(folders: Sequence[Path] = (), *, shipped: bool = True) -> Content:
    """Reads, checks and compiles the shipped rules and those of the folders. Wrong files become problems."""
    paths = [content_root()] if shipped else []
    loaded = sigma.load([*paths, *folders])
    documents = [(found.document, found.path, found.line, found.hash) for found in loaded.correlations]
    correlations, wrong = correlation.load(documents, _by_reference(loaded))
    silenced = correlation.silenced(correlations)
    rules = tuple(_silent(rule) if rule.info.id in silenced else rule for rule in loaded.rules)
    datasets = available_datasets()
    return Content(
        rules=rules,
        correlations=tuple(correlations),
        problems=tuple(sorted([*loaded.problems, *wrong])),
        files=loaded.files,
        filters=len(loaded.filters),
        matcher=sigma.compile(rules, datasets),
        states={rule.info.id: sigma.state(rule, datasets) for rule in rules},
        lines={str(found.document.get("id")): found.line for found in loaded.correlations},
    )


def available_datasets() -> dict[str, Dataset]:
    """Every kind of event that some parser makes, with the fields that it and the enrichment fill."""
    return {name: replace(found, fills=found.fills | ENRICHED) for name, found in fills_by_dataset().items()}


def _by_reference(loaded: Loaded) -> dict[str, RuleInfo]:
    """A correlation names its rules by id or by name."""
    infos = [rule.info for rule in loaded.rules]
    return {info.id: info for info in infos} | {info.name: info for info in infos if info.name}


def _silent(rule: Rule) -> Rule:
    return replace(rule, info=replace(rule.info, silent=True))
