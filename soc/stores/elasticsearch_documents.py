"""Documents of Elasticsearch back as what they were made of; the inverse of elasticsearch_rows."""

from __future__ import annotations

from base64 import b64decode
from typing import Any

import msgspec

from soc.core.alert import Alert, decode
from soc.core.errors import StoreError
from soc.core.event import Event, Rejected, from_wire, micros
from soc.core.fields import DATE_FIELDS
from soc.stores.elasticsearch_rows import ADDED

Json = dict[str, Any]


def read_event(document: Json) -> Event:
    """A document as the pipeline has the event; a date that is none stays the text that it was."""
    own = {name: value for name, value in document.items() if name not in ADDED}
    try:
        return from_wire(own)
    except ValueError:
        odd = {name: own.pop(name) for name in DATE_FIELDS & own.keys() if not _is_date(own[name])}
        return from_wire(own) | odd


def _is_date(value: object) -> bool:
    try:
        micros(str(value))
    except ValueError:
        return False
    return True


def wire(hit: Json) -> dict[str, object]:
    """A hit as an event in wire form."""
    document: Json = hit["_source"]
    wire = {name: value for name, value in document.items() if name not in ADDED}
    return wire | {"event.id": hit["_id"]}


def read_alert(hit: Json) -> Alert:
    """A hit as an alert, with the status that a person gave it. StoreError if it is none."""
    document = hit["_source"]
    try:
        alert = decode(document["body"])
    except (KeyError, msgspec.DecodeError) as error:
        raise StoreError("elasticsearch", "the alert {id} cannot be read: {why}", id=hit["_id"], why=error) from error
    status = document.get("status", alert.status)
    return alert if alert.status == status else msgspec.structs.replace(alert, status=status)


def read_rejected(document: Json) -> Rejected:
    """A document as a rejected line."""
    return Rejected(
        document["soc.origin"],
        document["log.offset"],
        document["soc.received"],
        document["soc.device"],
        document["error.message"],
        b64decode(document["soc.raw"]),
        document.get("soc.topic", ""),
        document.get("soc.partition", -1),
        document.get("soc.topic_offset", -1),
    )
