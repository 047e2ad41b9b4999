"""Events, rejected lines and alerts as rows for the bulk writer: where each goes, under which id, as which document."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from typing import Any, Final

import orjson

from soc.core.alert import Alert
from soc.core.event import Event, Rejected, iso, to_wire
from soc.core.fields import DATE_FIELDS
from soc.core.finding import Level
from soc.core.ids import id_of, rejected_id
from soc.core.storable import storable, storable_text
from soc.stores import elasticsearch_names as names
from soc.stores.elasticsearch_bulk import Refused, Row
from soc.stores.encoding import alert_json
from soc.stores.filtering import comparable, hosts

ADDED: Final = frozenset(
    (
        "event.id",
        "data_stream.type",
        "data_stream.dataset",
        "data_stream.namespace",
        "soc.arrival",
        "soc.received",
    )
)
"""What a document has beside the event."""
LAST: Final = 9_223_372_036_854_775  # µs since 1970 that 64 bits of nanoseconds can hold: to the year 2262
_TITLE = 4000  # characters that a filter looks into

# A person's decision stays; what is older than what is there (a worker that was paused) changes nothing.
_MERGE: Final = """
if (ctx.op != 'create') {
  def old = ctx._source;
  if (old.as_of != null && old.as_of > params.doc.as_of) { ctx.op = 'none'; return; }
  if (params.doc.status == 'new') { params.doc.status = old.status; }
  for (name in params.kept) { if (old.containsKey(name)) { params.doc.put(name, old.get(name)); } }
}
ctx._source = params.doc;
"""
REFUSED: Final = "elasticsearch:"
"""Begins the origin of what Elasticsearch refused; the stream or index and the document's id follow."""
TRIAGE: Final = (
    "triage.life", "triage.assignee", "triage.verdict", "triage.comment", "triage.by", "triage.at",
)  # fmt: skip
"""What people add to an alert; no new state of it touches that."""


def event_row(event: Event, namespace: str, arrival: int = 0, received: int = 0) -> Row:
    """An event in wire form.

    arrival orders events of one time, as they came; received (µs) is when its line came; 0 leaves either out.
    """
    id = id_of(event)
    dataset, kept = names.place(event, namespace)
    try:
        wire: dict[str, Any] = to_wire(event)
    except OverflowError:  # no calendar has this time. Elasticsearch would take the number, for a time in milliseconds
        wire = {name: f"{value} µs" if name in DATE_FIELDS else value for name, value in event.items()}
    wire.setdefault("@timestamp", iso(0))  # a stream takes no document without
    wire["event.id"] = id
    wire["data_stream.type"] = "logs"
    wire["data_stream.dataset"] = dataset
    wire["data_stream.namespace"] = kept
    if arrival:
        wire["soc.arrival"] = arrival
    if received:
        wire["soc.received"] = received
    return Row(names.stream(dataset, kept), id, _json(wire))


def rejected_row(line: Rejected, namespace: str) -> Row:
    """A rejected line, raw and as readable text."""
    id = rejected_id(line.origin, line.position, line.raw)
    document: dict[str, Any] = {
        "@timestamp": instant(line.received),
        "data_stream.type": "logs",
        "data_stream.dataset": "rejected",
        "data_stream.namespace": namespace,
        "event.id": id,
        "event.kind": "pipeline_error",
        "event.original": line.raw.decode("utf-8", "replace"),
        "error.message": storable_text(line.reason),
        "log.offset": line.position,
        "soc.origin": storable_text(line.origin),
        "soc.device": line.device,
        "soc.received": line.received,
        "soc.raw": b64encode(line.raw).decode(),
    }
    if line.topic:
        document |= {"soc.topic": line.topic, "soc.partition": line.partition, "soc.topic_offset": line.offset}
    return Row(names.rejected(namespace), id, _json(document))


def dead_letter(refused: Refused, received: int) -> Rejected:
    """What Elasticsearch refused, as a rejected line: nothing is lost, and the reason is beside it."""
    reason = f"elasticsearch: {refused.status} {refused.reason}"
    return Rejected(f"{REFUSED}{refused.target}/{refused.id}", 0, received, "", reason, refused.doc)


def refused_row(line: Rejected, namespace: str) -> Row | None:
    """The row that a dead_letter was, to be written once more; None if the line is none of this installation."""
    target, slash, id = line.origin.removeprefix(REFUSED).rpartition("/")
    if not line.origin.startswith(REFUSED) or not slash:
        return None
    if target == names.alerts(namespace):
        return Row(target, id, line.raw, "update")
    ours = tuple(f"-{name}" for name in names.namespaces(namespace))
    return Row(target, id, line.raw) if target.startswith("logs-soc.") and target.endswith(ours) else None


def alert_row(alert: Alert, namespace: str, as_of: int = 0) -> Row:
    """An alert as it now is, to be merged with what is there. as_of: the position in the input that it stands for;
    what stands for an earlier one never replaces it."""
    script = {"source": _MERGE, "params": {"doc": alert_document(alert, as_of), "kept": TRIAGE}}
    update = {"scripted_upsert": True, "script": script, "upsert": {}}
    return Row(names.alerts(namespace), alert.id, _json(update), "update")


def alert_document(alert: Alert, as_of: int) -> dict[str, Any]:
    """What the index of alerts holds, see soc.stores.elasticsearch_schema.alert_mappings."""
    return {
        "@timestamp": instant(alert.last_seen),
        "id": alert.id,
        "as_of": as_of,
        "title": alert.title,
        "title_vi": alert.title_vi,
        "titles": [comparable(title)[:_TITLE] for title in (alert.title, alert.title_vi)],
        "severity": alert.severity,
        "rank": int(Level[alert.severity.upper()]),
        "score": alert.score,
        "status": alert.status,
        "kind": alert.kind,
        "rule.id": alert.rule_id,
        "rule.name": alert.rule_name,
        "rule.hash": alert.rule_hash,
        "hosts": alert.hosts,
        "found_by": hosts(alert),
        "group.field": [name for name, _ in alert.group],
        "group.value": [value for _, value in alert.group],
        "technique.id": [id for id, _ in alert.techniques],
        "technique.name": [name for _, name in alert.techniques],
        "tactics": alert.tactics,
        "system": alert.system,
        "unit": alert.unit,
        "level": alert.level,
        "late": alert.late,
        "count": alert.count,
        "first_seen": instant(alert.first_seen),
        "last_seen": instant(alert.last_seen),
        "first_micros": alert.first_seen,
        "last_micros": alert.last_seen,
        "body": alert_json(alert).decode(),
    }


def instant(time: int) -> str:
    """µs as ISO text, moved to the bounds of what a date with nanoseconds can be."""
    return iso(min(max(time, 0), LAST))


def _json(document: Mapping[str, Any]) -> bytes:
    try:
        return orjson.dumps(document)
    except TypeError:
        return orjson.dumps(storable(document))
