"""What the workers that detect hand to those that store: events, rejected lines and alerts, ready to be written."""

from __future__ import annotations

from typing import Final

import msgspec

from soc.core.event import Event, Rejected
from soc.core.ids import id_of
from soc.stores.encoding import wire_json

VERSION: Final = 1


class Events(msgspec.Struct, array_like=True):
    """The events of one record of lines.

    partition, offset  of the record of lines; origin and received (µs) of its lines
    rows    (event id, dataset, the event as JSON in wire form); the last ``joined`` stand for several lines each
    """

    version: int
    partition: int
    offset: int
    origin: str
    received: int
    joined: int
    rows: list[tuple[str, str, bytes]]


class RejectedLine(msgspec.Struct, array_like=True):
    """A line that no parser could read, and where in Kafka it is; offset -1 of what was refused later."""

    version: int
    partition: int
    offset: int
    origin: str
    position: int
    received: int
    device: str
    reason: str
    raw: bytes


class StoredAlert(msgspec.Struct, array_like=True):
    """An alert as it was once the signals up to ``as_of`` were concluded; a later one has all that this one has."""

    version: int
    as_of: int
    alert: bytes


def row(event: Event) -> tuple[str, str, bytes]:
    """An event as a row of Events."""
    id = id_of(event)
    return id, str(event.get("event.dataset", "")), wire_json(event, id)


def rejected_line(rejected: Rejected, partition: int, offset: int) -> RejectedLine:
    """A line that a parser refused, of a record of lines."""
    return RejectedLine(
        VERSION,
        partition,
        offset,
        rejected.origin,
        rejected.position,
        rejected.received,
        rejected.device,
        rejected.reason.encode("utf-8", "replace").decode(),
        rejected.raw,
    )
