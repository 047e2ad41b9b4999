"""Index templates for Elasticsearch, generated from the table of fields, and the lives of streams by security level.

An event's names stay flat (``subobjects: false``), so "user" and "user.name" never exclude each other. Only the fields
that came are in a stream's mapping: the table's types are dynamic templates. A name that the table does not have, as
Windows records bring hundreds of, is a keyword, whatever its value, so two events never disagree on its type; beyond
LIMIT names a stream stops to index new ones (they stay in the document) instead of refusing events. A value that does
not fit its type is kept in the document and not indexed, for the same reason.

Types are ECS's. @timestamp alone is date_nanos: windows and pages need its µs. Types that a server lacks are replaced
by those of SUBSTITUTES. ``index.mode: standard`` keeps the document as it was sent: logs-*-* would be stored in logsdb
mode otherwise, which may give arrays back sorted and without repeats.
"""

from __future__ import annotations

from typing import Any, Final

from soc.core.fields import FIELDS, Field
from soc.stores import elasticsearch_names as names

Json = dict[str, Any]

SUBSTITUTES: Final = {
    "wildcard": "keyword",
    "match_only_text": "text",
    "scaled_float": "double",
    "constant_keyword": "keyword",
}
"""Types of Elastic's own distribution that a bare server may lack, and what takes their place there."""

DAYS: Final = {1: 30, 2: 30, 3: 90, 4: 180, 5: 365}
"""Security level -> days that its events are kept, counted from when an index stops to grow."""

LIMIT: Final = 2000
LONGEST: Final = 8191
"""Characters of an indexed word: Lucene's bound is 32,766 bytes, and UTF-8 has up to four a character."""

_PARENTS = frozenset(("object", "nested", "flattened"))
_TEXTS = frozenset(("match_only_text", "text"))
_LENIENT = frozenset(("long", "integer", "float", "double", "scaled_float", "date", "ip", "boolean", "geo_point"))
_PRIORITY = 300  # above the server's own template for logs-*-* (100)


def mapped(type: str, lacking: frozenset[str] = frozenset()) -> Json:
    """The mapping of a type of the table on a server that lacks some types."""
    mapping: Json = {"type": SUBSTITUTES[type] if type in lacking else type}
    if type in _LENIENT:
        mapping["ignore_malformed"] = True
    if mapping["type"] in ("keyword", "wildcard"):
        mapping["ignore_above"] = LONGEST
    if mapping["type"] == "scaled_float":
        mapping["scaling_factor"] = 1000
    return mapping


def event_mappings(lacking: frozenset[str] = frozenset()) -> Json:
    """The mapping that every stream of events begins with."""
    fixed = {
        "@timestamp": {"type": "date_nanos"},
        "data_stream.type": _constant(lacking),
        "data_stream.dataset": _constant(lacking),
        "data_stream.namespace": _constant(lacking),
        "event.id": {"type": "keyword"},
        "event.original": {"type": "keyword", "index": False, "doc_values": False},
        "soc.arrival": {"type": "long"},
        "soc.received": {"type": "long"},
        "soc.joined": {"type": "boolean"},
    }
    return {
        "dynamic": True,
        "subobjects": False,
        "date_detection": False,
        "numeric_detection": False,
        "properties": fixed,
        "dynamic_templates": [*_by_type(lacking), {"others": {"match": "*", "mapping": mapped("keyword")}}],
    }


def rejected_mappings() -> Json:
    """Of lines that could not be read; nothing but what soc.stores.elasticsearch_rows writes is indexed."""
    keyword, number = mapped("keyword"), {"type": "long"}
    return {
        "dynamic": False,
        "subobjects": False,
        "properties": {
            "@timestamp": {"type": "date_nanos"},
            "data_stream.type": keyword,
            "data_stream.dataset": keyword,
            "data_stream.namespace": keyword,
            "event.id": keyword,
            "event.kind": keyword,
            "event.original": {"type": "text"},
            "error.message": keyword,
            "log.offset": number,
            "soc.origin": keyword,
            "soc.device": keyword,
            "soc.received": number,
            "soc.raw": {"type": "binary"},
            "soc.topic": keyword,
            "soc.partition": number,
            "soc.topic_offset": number,
        },
    }


def alert_mappings() -> Json:
    """body is the alert itself, the other fields are for filters, dashboards and triage."""
    words = ("id", "severity", "status", "kind", "rule.id", "rule.name", "rule.hash", "hosts", "found_by", "titles",
             "group.field", "group.value", "technique.id", "technique.name", "tactics", "system", "unit",
             "triage.assignee", "triage.verdict", "triage.by")  # fmt: skip
    numbers = ("score", "rank", "count", "level", "first_micros", "last_micros", "as_of")
    texts = ("title", "title_vi", "triage.comment")
    properties: Json = {name: mapped("keyword") for name in words}
    properties |= {name: {"type": "long"} for name in numbers}
    properties |= {name: {"type": "text", "fields": {"keyword": mapped("keyword")}} for name in texts}
    properties |= {name: mapped("date") for name in ("@timestamp", "first_seen", "last_seen", "triage.at")}
    properties["late"] = {"type": "boolean"}
    for name in ("body", "triage.life"):
        properties[name] = {"type": "keyword", "index": False, "doc_values": False}
    return {"dynamic": False, "subobjects": False, "properties": properties}


def state_mappings() -> Json:
    """A state is bytes under a name, in pieces."""
    return {
        "dynamic": False,
        "properties": {
            "name": {"type": "keyword"},
            "of": {"type": "keyword"},
            "digest": {"type": "keyword"},
            "pieces": {"type": "long"},
            "bytes": {"type": "binary"},
        },
    }


def policy(level: int) -> Json:
    """The life of streams of a security level."""
    rollover = {"max_primary_shard_size": "50gb", "max_age": "7d"}
    return {
        "policy": {
            "phases": {
                "hot": {"min_age": "0ms", "actions": {"rollover": rollover, "set_priority": {"priority": 100}}},
                "delete": {"min_age": f"{DAYS[level]}d", "actions": {"delete": {"delete_searchable_snapshot": True}}},
            },
            "_meta": {"managed_by": "soc", "level": level},
        }
    }


def policy_name(level: int) -> str:
    """4 -> "soc-level-4"."""
    return f"soc-level-{level}"


def component(namespace: str, lacking: frozenset[str] = frozenset()) -> tuple[str, Json]:
    """(name, body) of the component template that the streams of every level share."""
    settings = {
        "index": {
            "mode": "standard",
            "codec": "best_compression",
            "refresh_interval": "2s",
            "auto_expand_replicas": "0-1",
            "mapping": {"total_fields": {"limit": str(LIMIT), "ignore_dynamic_beyond_limit": "true"}},
        }
    }
    return f"soc-events-{namespace}", {"template": {"settings": settings, "mappings": event_mappings(lacking)}}


def templates(namespace: str, lacking: frozenset[str] = frozenset(), *, lifecycle: bool = True) -> dict[str, Json]:
    """Index templates by name. lifecycle False leaves it out, where the server has none."""
    shared, _ = component(namespace, lacking)
    made: dict[str, Json] = {}
    for level, name in zip((0, *names.LEVELS), names.namespaces(namespace), strict=True):
        life = _life(level or names.UNASSESSED) if lifecycle else {}
        made[f"soc-events-{name}"] = {
            "index_patterns": [names.stream("*", name)],
            "data_stream": {},
            "priority": _PRIORITY,
            "composed_of": [shared],
            "template": {"settings": {"index": life}} if life else {},
        }
    plain = {"mode": "standard", "auto_expand_replicas": "0-1"}
    made[f"soc-rejected-{namespace}"] = {
        "index_patterns": [names.rejected(namespace)],
        "data_stream": {},
        "priority": _PRIORITY + 1,
        "template": {
            "settings": {"index": plain | (_life(names.UNASSESSED) if lifecycle else {})},
            "mappings": rejected_mappings(),
        },
    }
    for name, mappings in indices(namespace).items():
        made[name] = {
            "index_patterns": [name],
            "priority": _PRIORITY,
            "template": {"settings": {"index": {"auto_expand_replicas": "0-1"}}, "mappings": mappings},
        }
    return made


def indices(namespace: str) -> dict[str, Json]:
    """The plain indices, with their mappings."""
    return {names.alerts(namespace): alert_mappings(), names.states(namespace): state_mappings()}


def _life(level: int) -> Json:
    return {"lifecycle": {"name": policy_name(level)}}


def _constant(lacking: frozenset[str]) -> Json:
    return {"type": SUBSTITUTES["constant_keyword"] if "constant_keyword" in lacking else "constant_keyword"}


def _by_type(lacking: frozenset[str]) -> list[Json]:
    """Dynamic templates: the table's names of one mapping together; keyword needs none, it is what others are."""
    groups: dict[str, tuple[Json, list[str]]] = {}
    for field in FIELDS.values():
        if field.type in _PARENTS or _within(field):
            continue
        texts = FIELDS.get(f"{field.name}.text")
        if field.type == "keyword" and texts is None:
            continue
        mapping, key = mapped(field.type, lacking), field.type
        if texts is not None:
            mapping["fields"] = {"text": mapped(texts.type, lacking)}
            key += "_and_text"
        groups.setdefault(key, (mapping, []))[1].append(field.name)
    return [{key: {"path_match": fields, "mapping": mapping}} for key, (mapping, fields) in sorted(groups.items())]


def _within(field: Field) -> bool:
    """True for ECS's multi-fields: "user.name.text" is how user.name is indexed a second time."""
    parent = FIELDS.get(field.name.removesuffix(".text")) if field.name.endswith(".text") else None
    return field.type in _TEXTS and parent is not None and parent.type not in _PARENTS
