"""Correlation documents to checked correlations: names become rules, cycles and missing rules become problems."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from soc.core.errors import Problem
from soc.core.finding import RuleInfo
from soc.correlation.document import Draft, read_document
from soc.correlation.rule import Correlation, Role

MAX_CHAIN = 8
# How many correlations are looked at to name a circle; a larger one is refused all the same.
MAX_SEARCH = 50

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
    return resolver.resolve(problems), sorted(problems)


class _Resolver:
    """Builds correlations round by round: the first are those over rules alone, then those over them, and so on."""

    def __init__(self, drafts: Sequence[Draft], rules: Mapping[str, RuleInfo]) -> None:
        self._drafts = drafts
        self._known = dict(rules)
        self._unresolved = {name: draft for draft in drafts for name in _names(draft)}
        used = Counter(name for draft in drafts for name in _names(draft))
        self._twice = {name for name, times in used.items() if times > 1 or name in rules}

    def resolve(self, problems: list[Problem]) -> list[Correlation]:
        """The correlations whose references are sound; a problem for each of the others."""
        done: list[Correlation] = []
        waiting: list[Draft] = []

        def refuse(draft: Draft, reason: str) -> None:
            problems.append(Problem(draft.info.path, draft.line, reason))

        for draft in self._drafts:
            if clash := _names(draft) & self._twice:
                refuse(draft, f"id or name is used twice: {min(clash)}")
            else:
                waiting.append(draft)
        for _ in range(MAX_CHAIN):
            ready: list[Draft] = []
            rest: list[Draft] = []
            for draft in waiting:
                (ready if self._known.keys() >= set(draft.references) else rest).append(draft)
            waiting = rest
            built = []
            for draft in ready:
                try:
                    built.append(self._build(draft))
                except ValueError as error:
                    refuse(draft, str(error))
            for item in built:
                self._known |= {name: item.info for name in (item.info.id, item.info.name) if name}
            done += built
        for draft in waiting:
            refuse(draft, self._missing(draft))
        return done

    def _missing(self, draft: Draft) -> str:
        """Why a correlation is left over when all that can be built is."""
        missing = [reference for reference in draft.references if reference not in self._known]
        if not missing:
            return f"chained deeper than {MAX_CHAIN}"
        for reference in missing:
            if reference not in self._unresolved:
                return f"refers to {reference[:80]!r}, which is no loaded rule or correlation"
        if circle := self._circle(draft):
            return f"correlations refer to each other in a circle: {' -> '.join(circle)}"
        return f"refers to {missing[0][:80]!r}, which was rejected"

    def _circle(self, draft: Draft) -> list[str]:
        """A shortest way from a correlation back to itself by its references; [] if there is none that is short."""
        ways = {draft.info.id: [draft.info.id]}
        queue = [draft]
        for here in queue:
            if len(ways) > MAX_SEARCH:
                break
            for reference in here.references:
                below = self._unresolved.get(reference)
                if below is draft:
                    return [*ways[here.info.id], draft.info.id]
                if below is not None and below.info.id not in ways:
                    ways[below.info.id] = [*ways[here.info.id], below.info.id]
                    queue.append(below)
        return []

    def _build(self, draft: Draft) -> Correlation:
        infos = [self._known[reference] for reference in draft.references]
        ids = [info.id for info in infos]
        if len(set(ids)) != len(ids):
            raise ValueError("rules names one rule twice, by id and by name")
        level = draft.level if draft.level is not None else max(info.level for info in infos)
        aliases = _aliases(draft, infos)
        return Correlation(
            info=replace(draft.info, level=level),
            type=draft.type,
            roles=tuple(Role(info, aliases[info.id]) for info in infos),
            group_by=draft.group_by,
            span=draft.span,
            condition=draft.condition,
            fields=draft.fields,
            percentile=draft.percentile,
            expression=draft.expression,
            generate=draft.generate,
        )


def _names(draft: Draft) -> set[str]:
    return {draft.info.id, draft.info.name} - {""}


def _aliases(draft: Draft, infos: Sequence[RuleInfo]) -> dict[str, tuple[tuple[str, str], ...]]:
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
