"""A rule as a query over stored events: pySigma's Elasticsearch backends with our field mapping before them.

Events are stored in ECS with dotted names and event.dataset, so a rule's log source becomes a condition on the
datasets that its events come from.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from uuid import NAMESPACE_OID, UUID, uuid5

from sigma.backends.elasticsearch.elasticsearch_eql import EqlBackend
from sigma.backends.elasticsearch.elasticsearch_esql import ESQLBackend
from sigma.backends.elasticsearch.elasticsearch_lucene import LuceneBackend
from sigma.collection import SigmaCollection
from sigma.conversion.base import Backend
from sigma.exceptions import SigmaError
from sigma.processing.conditions import RuleAttributeCondition
from sigma.processing.pipeline import ProcessingItem, ProcessingPipeline
from sigma.processing.transformations import (
    AddConditionTransformation,
    FieldMappingTransformation,
    PreprocessingTransformation,
)

from soc.core.errors import SocError
from soc.core.logsource import Dataset
from soc.sigma.mapping import FieldMap
from soc.sigma.matcher import offered
from soc.sigma.rule import Rule

_BACKENDS: dict[str, tuple[Callable[[ProcessingPipeline], Backend], str]] = {
    "lucene": (LuceneBackend, "default"),
    "dsl": (LuceneBackend, "dsl_lucene"),
    "eql": (EqlBackend, "default"),
    "esql": (ESQLBackend, "default"),
}
FORMATS = tuple(_BACKENDS)


def convert(
    rules: Sequence[tuple[Rule, Mapping[str, Any]]],
    correlations: Sequence[Mapping[str, Any]],
    mapping: FieldMap,
    datasets: Mapping[str, Dataset],
    format: str,
) -> list[str]:
    """The query of a rule, or of a correlation over its rules, in one of FORMATS. Filters are not part of it.

    rules         each with its YAML document; correlations: theirs, lower ones first
    SocError says why there is no such query.
    """
    backend, output = _BACKENDS[format]
    documents: list[dict[str, Any]] = []
    items: list[ProcessingItem] = []
    for rule, document in rules:
        id = _uuid(rule.info.id)
        documents.append({**document, "id": id})
        items += _translation(rule, id, mapping, datasets)
    try:
        collection = SigmaCollection.from_dicts([*documents, *map(dict, correlations)])
        made = backend(ProcessingPipeline(items=items)).convert(collection, output)
    except (SigmaError, NotImplementedError, ValueError, TypeError, AttributeError, KeyError) as error:
        reason = str(error).partition("\n")[0] or type(error).__name__
        raise SocError(
            "pySigma's Elasticsearch backend refuses it as {format}: {why}", format=format, why=reason
        ) from error
    queries = made if isinstance(made, list) else [made]
    return [query if isinstance(query, str) else json.dumps(query, ensure_ascii=False, indent=1) for query in queries]


def _translation(rule: Rule, id: str, mapping: FieldMap, datasets: Mapping[str, Dataset]) -> list[ProcessingItem]:
    """What makes a rule's fields ours, and its log source a condition. SocError when no event is offered to it."""
    offering = sorted(name for name, dataset in datasets.items() if offered(rule, dataset.sources))
    if not offering:
        raise SocError(rule.info.title, "no source: nothing here makes events of {source}", source=rule.logsource)
    made: list[PreprocessingTransformation] = [AddConditionTransformation({"event.dataset": offering})]
    if rule.taxonomy == "sigma":
        names = mapping.names(rule.logsource)
        ours: dict[str | None, str | list[str]] = {name: list(names(name)) for name in rule.written}
        made.insert(0, FieldMappingTransformation(ours))
    return [ProcessingItem(one, rule_conditions=[RuleAttributeCondition(attribute="id", value=id)]) for one in made]


def _uuid(id: str) -> str:
    """pySigma takes UUIDs only; a rule without an id is known by its hash here."""
    try:
        return str(UUID(id))
    except ValueError:
        return str(uuid5(NAMESPACE_OID, id))
