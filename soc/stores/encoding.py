"""Events and alerts as JSON, whatever a hostile line put into them: no value may stop the store."""

from __future__ import annotations

import msgspec
import orjson

from soc.core import alert as alerts
from soc.core.alert import Alert
from soc.core.event import Event, to_wire, with_tuples
from soc.core.storable import storable, storable_text
from soc.core.store import HOUR


def event_json(event: Event) -> bytes:
    """The event as it is in the pipeline: flat, dates in µs; a third quicker than with dates as text."""
    try:
        return orjson.dumps(event)
    except TypeError:
        return orjson.dumps(storable(event))


def wire_event(body: bytes, id: str) -> dict[str, object]:
    """An event from event_json in wire form: dates as ISO text, arrays as lists, event.id added."""
    wire: dict[str, object] = dict(to_wire(orjson.loads(body)))
    wire["event.id"] = id
    return wire


def stored_event(body: bytes) -> Event:
    """An event from event_json as the pipeline has it."""
    return with_tuples(orjson.loads(body))


def alert_json(alert: Alert) -> bytes:
    """The alert as soc.core.alert.decode reads it."""
    try:
        return alerts.encode(alert)
    except (UnicodeEncodeError, OverflowError):
        return orjson.dumps(storable(msgspec.to_builtins(alert)))


def hour_key(event: Event) -> tuple[str, str, int]:
    """(origin, module, start of its hour in µs) of an event, as the counts by hour have it."""
    time = event.get("@timestamp")
    hour = time // HOUR * HOUR if isinstance(time, int) else 0
    return storable_text(str(event.get("soc.origin", ""))), storable_text(str(event.get("event.module", ""))), hour
