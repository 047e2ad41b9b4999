"""One rule, from its document to its tree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from operator import attrgetter
from typing import Any

from soc.core.errors import Problem
from soc.core.finding import RuleInfo
from soc.core.ids import content_id
from soc.core.logsource import LogSource
from soc.sigma.detection import DetectionError, Reader
from soc.sigma.documents import Document
from soc.sigma.lists import Lists
from soc.sigma.mapping import FieldMap, Names
from soc.sigma.metadata import MetadataError, read_attributes, read_logsource, rule_info
from soc.sigma.tree import KEYWORDS, Leaf, Node, leaves

LONGEST_REASON = 400
_NO_PLACEHOLDERS: Mapping[str, Sequence[str]] = {}


@dataclass(frozen=True, slots=True, eq=False)
class Rule:
    """One rule, ready to be compiled.

    condition  the tree, over our fields
    written    fields as the rule spells them; fields: the same as ours (both sorted, without keywords)
    naming     the hash of which of ours each of them is
    taxonomy   of its field names: "sigma" ones are mapped, "ecs" ones are ours
    """

    info: RuleInfo
    logsource: LogSource
    condition: Node
    written: tuple[str, ...]
    fields: tuple[str, ...]
    naming: str
    path: str
    line: int
    taxonomy: str = "sigma"

    def __reduce__(self) -> tuple[Any, ...]:
        """A pickle of plain tuples is read twice as fast as one of dataclasses."""
        source = self.logsource
        parts = (source.category, source.product, source.service)
        return _unpickled, (_INFO(self.info), parts, self.condition, self.path, self.line, self.written, self.fields,
                            self.naming, self.taxonomy)  # fmt: skip


_INFO = attrgetter(*(one.name for one in fields(RuleInfo)))


def _unpickled(
    info: tuple[Any, ...],
    source: tuple[str | None, ...],
    condition: Node,
    path: str,
    line: int,
    written: tuple[str, ...],
    fields: tuple[str, ...],
    naming: str,
    taxonomy: str,
) -> Rule:
    return Rule(RuleInfo(*info), LogSource(*source), condition, written, fields, naming, path, line, taxonomy)


@dataclass(frozen=True)
class Making:
    """What turns documents into rules: the mapping, the value lists, and the tests that rules share."""

    mapping: FieldMap
    lists: Lists
    shared: dict[Any, Any] = field(default_factory=dict)

    def names(self, taxonomy: str | None, source: LogSource) -> Names:
        """How a document's field names are translated."""
        return _as_they_are if taxonomy == "ecs" else self.mapping.names(source)

    def node(self, section: Mapping[str, Any], names: Names) -> tuple[Node, str]:
        """A detection section's tree, and the hash of the lists that it took from, "" for none."""
        self.lists.taken()
        condition = Reader(names, self.lists, self.shared).read(section)
        return condition, self.lists.taken()

    def rule(self, document: Document) -> Rule | Problem:
        """One document as a rule, or the reason why it is none."""
        try:
            return self._rule(document)
        except (DetectionError, MetadataError, ValueError) as error:
            return Problem(document.path, document.line, first_line(error))

    def _rule(self, document: Document) -> Rule:
        raw = document.document
        if "action" in raw:
            raise MetadataError("action: is no longer part of Sigma; write each rule out in full")
        detection = raw.get("detection")
        if not isinstance(detection, Mapping):
            raise MetadataError("no detection")
        attributes = read_attributes(raw)
        source = read_logsource(raw)
        info = rule_info(attributes, document)
        taxonomy = attributes.taxonomy or "sigma"
        condition, lists = self.node(detection, self.names(taxonomy, source))
        if lists:
            info = replace(info, hash=content_id((info.hash, lists)))
        rule = Rule(info, source, condition, (), (), "", document.path, document.line, taxonomy)
        return with_condition(rule, condition)


def with_condition(rule: Rule, condition: Node) -> Rule:
    """The same rule with another condition, and the fields of that."""
    found = [leaf for leaf in leaves(condition) if leaf.field != KEYWORDS]
    return replace(
        rule,
        condition=condition,
        written=tuple(sorted({leaf.written for leaf in found})),
        fields=tuple(sorted(_fields(found))),
        naming=content_id(map(repr, sorted({(leaf.written, leaf.field) for leaf in found}))),
    )


def read_rule(
    document: Document, mapping: FieldMap, placeholders: Mapping[str, Sequence[str]] = _NO_PLACEHOLDERS
) -> Rule | Problem:
    """One document as a rule, or the reason why it is none."""
    return Making(mapping, Lists(placeholders)).rule(document)


def first_line(error: Exception) -> str:
    """An error as one line of bounded length."""
    lines = str(error).splitlines()
    return lines[0][:LONGEST_REASON] if lines else type(error).__name__


def _as_they_are(name: str) -> tuple[str, ...]:
    return (name,)


def _fields(found: Sequence[Leaf]) -> set[str]:
    others = {other for leaf in found if isinstance(other := getattr(leaf.test, "other", None), str)}
    return {leaf.field for leaf in found} | others
