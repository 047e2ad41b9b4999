"""Sigma files -> rules, correlations, filters, and what was rejected and why. No document disappears.

pySigma reads each rule's metadata, log source and condition; the detections' values are read by
soc.sigma.detection. Sigma specification 2.1.0.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sigma.exceptions import SigmaError
from sigma.rule import SigmaRule

from soc.core.errors import Problem
from soc.core.extras import read_extras
from soc.core.finding import Kind, Level, RuleInfo
from soc.core.logsource import LogSource
from soc.sigma.detection import DetectionError, Reader
from soc.sigma.documents import Document, read_documents, rule_files
from soc.sigma.mapping import FieldMap, shipped_mapping
from soc.sigma.modifiers import Placeholders
from soc.sigma.tree import KEYWORDS, Leaf, Node, leaves

_NO_PLACEHOLDERS: Placeholders = {}


@dataclass(frozen=True, slots=True, eq=False)
class Rule:
    """One rule, ready to be compiled.

    condition  the tree, over our fields
    written    fields as the rule spells them; fields: the same as ours (both sorted, without keywords)
    """

    info: RuleInfo
    logsource: LogSource
    condition: Node
    written: tuple[str, ...]
    fields: tuple[str, ...]
    path: str
    line: int


@dataclass(frozen=True, slots=True)
class Loaded:
    """Everything that was read: rules + correlations + filters + problems account for every document."""

    rules: list[Rule]
    correlations: list[Document]
    filters: list[Document]
    problems: list[Problem]
    files: int


def load(
    paths: Sequence[Path],
    mapping: FieldMap | None = None,
    placeholders: Mapping[str, Sequence[str]] = _NO_PLACEHOLDERS,
) -> Loaded:
    """Reads every .yml and .yaml below the paths. mapping None means the shipped one.

    placeholders: name -> values for ``|expand``; a rule with a placeholder that is not there is rejected.
    """
    fields = shipped_mapping() if mapping is None else mapping
    files = rule_files(paths)
    loaded = Loaded([], [], [], [], len(files))
    seen: dict[str, str] = {}
    for file in files:
        for document in read_documents(file):
            if isinstance(document, Problem):
                loaded.problems.append(document)
            elif "correlation" in document.document:
                loaded.correlations.append(document)
            elif "filter" in document.document:
                loaded.filters.append(document)
            else:
                _add_rule(document, fields, placeholders, loaded, seen)
    return loaded


def _add_rule(
    document: Document, mapping: FieldMap, placeholders: Placeholders, loaded: Loaded, seen: dict[str, str]
) -> None:
    rule = read_rule(document, mapping, placeholders)
    if isinstance(rule, Rule):
        first = seen.setdefault(rule.info.id, f"{rule.path}:{rule.line}")
        if first != f"{rule.path}:{rule.line}":
            rule = Problem(rule.path, rule.line, f"id {rule.info.id} is taken by {first}")
    if isinstance(rule, Problem):
        loaded.problems.append(rule)
    else:
        loaded.rules.append(rule)


def read_rule(document: Document, mapping: FieldMap, placeholders: Placeholders = _NO_PLACEHOLDERS) -> Rule | Problem:
    """One document as a rule, or the reason why it is none."""
    raw = document.document
    if "action" in raw:
        return Problem(document.path, document.line, "action: is no longer part of Sigma; write each rule out in full")
    detection = raw.get("detection")
    if not isinstance(detection, Mapping):
        return Problem(document.path, document.line, "no detection")
    try:
        parsed = SigmaRule.from_dict({**raw, "detection": _names_only(detection)}, collect_errors=True)
        if parsed.errors:
            return Problem(document.path, document.line, "; ".join(_first_line(error) for error in parsed.errors))
        source = LogSource(parsed.logsource.category, parsed.logsource.product, parsed.logsource.service)
        condition = Reader(mapping.names(source), placeholders).read(detection)
        info = _info(parsed, document)
    except (SigmaError, DetectionError, TypeError, AttributeError, ValueError) as error:
        return Problem(document.path, document.line, _first_line(error))
    found = [leaf for leaf in leaves(condition) if leaf.field != KEYWORDS]
    return Rule(
        info=info,
        logsource=source,
        condition=condition,
        written=tuple(sorted({leaf.written for leaf in found})),
        fields=tuple(sorted(_fields(found))),
        path=document.path,
        line=document.line,
    )


def _names_only(detection: Mapping[Any, Any]) -> dict[str, Any]:
    """The detections without their values: those are read by soc.sigma.detection, within bounds."""
    return {str(name): value if name == "condition" else str(name) for name, value in detection.items()}


def _fields(found: Sequence[Leaf]) -> set[str]:
    others = {other for leaf in found if isinstance(other := getattr(leaf.test, "other", None), str)}
    return {leaf.field for leaf in found} | others


def _first_line(error: Exception) -> str:
    lines = str(error).splitlines()
    return lines[0] if lines else type(error).__name__


def _info(rule: SigmaRule, document: Document) -> RuleInfo:
    own = read_extras(document.document)
    return RuleInfo(
        id=str(rule.id) if rule.id else document.hash,
        name=rule.name or "",
        title=rule.title,
        kind=Kind.RULE,
        level=Level[rule.level.name] if rule.level else Level.MEDIUM,
        hash=document.hash,
        description=(rule.description or "").strip(),
        title_vi=own.title_vi,
        description_vi=own.description_vi.strip(),
        tags=tuple(str(tag) for tag in rule.tags),
        false_positives=tuple(map(str, rule.falsepositives)),
        false_positives_vi=own.false_positives_vi,
        references=tuple(map(str, rule.references)),
        author=rule.author or "",
        path=document.path,
        fold=own.fold,
        silent=own.silent,
        next_steps=own.next_steps,
    )
