"""Correlation documents to checked correlations: names become rules, cycles and missing rules become problems."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from soc.core.errors import Problem
from soc.core.finding import RuleInfo
from soc.correlation.document import Draft, read_document
from soc.correlation.expression import build
from soc.correlation.rule import Correlation, Role

MAX_CHAIN = 8
MAX_RECURSION = 100

Document = tuple[dict[str, Any], str, int, str]


def load(documents: Sequence[Document], rules: Mapping[str, RuleInfo]) -> tuple[list[Correlation], list[Problem]]:
    """Reads correlations; each document gives either a Correlation or one Problem.

    documents  (raw YAML mapping, path, line, content hash) as the Sigma loader found them
    rules      Sigma id and also name -> each rule that was loaded; a rejected rule is not in it

    The correlations come lower ones first, so that a chain is evaluated in the order of the list.
    """
    drafts: list[Draft] = []
    problems: list[Problem] = []
    for raw, path, line, digest in documents:
        try:
            drafts.append(read_document(raw, path, line, digest))
        except ValueError as error:
            problems.append(Problem(path, line, str(error)))
    resolver = _Resolver(drafts, rules)
    for draft in drafts:
        try:
            resolver.resolve(draft)
        except ValueError as error:
            problems.append(Problem(draft.info.path, draft.line, str(error)))
    return list(resolver.done.values()), problems


class _Resolver:
    """Follows references depth first; what it resolved is kept in ``done``, by correlation id, lower ones first."""

    def __init__(self, drafts: Sequence[Draft], rules: Mapping[str, RuleInfo]) -> None:
        self._rules = rules
        self.done: dict[str, Correlation] = {}
        self._failed: set[str] = set()
        self._height: dict[str, int] = {}
        named = [name for draft in drafts for name in {draft.info.id, draft.info.name} - {""}]
        self._twice = {name for name, times in Counter(named).items() if times > 1 or name in rules}
        self._drafts = {name: draft for draft in drafts for name in (draft.info.id, draft.info.name) if name}

    def resolve(self, draft: Draft, above: tuple[str, ...] = ()) -> Correlation:
        """The correlation with its references resolved; ValueError says which one cannot be, and why."""
        info = draft.info
        if info.id in above:
            raise ValueError(f"correlations refer to each other in a circle: {' -> '.join((*above, info.id))}")
        if len(above) >= MAX_RECURSION:
            raise ValueError(f"chained deeper than {MAX_CHAIN}")
        if clash := {info.id, info.name} & self._twice:
            raise ValueError(f"id or name is used twice: {sorted(clash)[0]}")
        if info.id in self.done:
            return self.done[info.id]
        try:
            found = self._build(draft, (*above, info.id))
        except ValueError:
            self._failed.add(info.id)
            raise
        self.done[info.id] = found
        return found

    def _build(self, draft: Draft, above: tuple[str, ...]) -> Correlation:
        infos = [self._refer(reference, above) for reference in draft.references]
        height = 1 + max(self._height.get(info.id, 0) for info in infos)
        if height > MAX_CHAIN:
            raise ValueError(f"chained deeper than {MAX_CHAIN}")
        self._height[draft.info.id] = height
        ids = [info.id for info in infos]
        if len(set(ids)) != len(ids):
            raise ValueError("rules names one rule twice, by id and by name")
        level = draft.level if draft.level is not None else max(info.level for info in infos)
        positions = {reference: place for place, reference in enumerate(draft.references)}
        aliases = self._aliases(draft, infos)
        return Correlation(
            info=replace(draft.info, level=level),
            type=draft.type,
            roles=tuple(Role(info, aliases[info.id]) for info in infos),
            group_by=draft.group_by,
            span=draft.span,
            condition=draft.condition,
            fields=draft.fields,
            percentile=draft.percentile,
            expression=build(draft.expression.parsed, positions) if draft.expression else None,
            generate=draft.generate,
        )

    def _refer(self, reference: str, above: tuple[str, ...]) -> RuleInfo:
        if reference in self._rules:
            return self._rules[reference]
        draft = self._drafts.get(reference)
        if draft is None:
            raise ValueError(f"refers to {reference[:80]!r}, which is no loaded rule or correlation")
        if draft.info.id in self._failed:
            raise ValueError(f"refers to {reference[:80]!r}, which was rejected")
        return self.resolve(draft, above).info

    def _aliases(self, draft: Draft, infos: Sequence[RuleInfo]) -> dict[str, tuple[tuple[str, str], ...]]:
        """Rule id -> its (alias, field) pairs; a rule is named in an alias as in ``rules``, or by id or name."""
        by_name = {name: info.id for info in infos for name in (info.id, info.name) if name}
        by_name |= {reference: info.id for reference, info in zip(draft.references, infos, strict=True)}
        found: dict[str, list[tuple[str, str]]] = {info.id: [] for info in infos}
        for alias, mapping in draft.aliases.items():
            for name, field in mapping.items():
                if name not in by_name:
                    raise ValueError(f"aliases: {alias}: {name[:80]!r} is not among its rules")
                found[by_name[name]].append((alias, field))
        return {rule: tuple(pairs) for rule, pairs in found.items()}
