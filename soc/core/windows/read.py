"""A line of JSON as an event with Sigma's names. Records in the shape that most writers use are read straight to it.

``{"Event": {"System": {...}, "EventData": {...}}}`` with all that System can have and nothing nested in EventData is
decoded without a dict for each element: a fifth less work. Every other line goes by way of soc.core.windows.record,
which finds the same.
"""

from __future__ import annotations

from collections.abc import Callable
from gc import is_tracked
from typing import Annotated, Any, Final, Generic, TypeVar

import msgspec
import orjson

from soc.core.event import Event, no_object
from soc.core.windows.record import as_recorded, event_of, with_synonyms

_USUAL: Final = b'{"Event"'
_WINDOWS: Final = frozenset(
    {"EventID", "Channel", "winlog.event_id", "Event.System.EventID", "Event.System.EventID.#text"}
)
"""A flat record with none of these is an event already."""
_NOTHING: Final[Event] = {}
_Scalar = str | Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)] | float | bool | None
_Inner = TypeVar("_Inner")


class _Of(msgspec.Struct, Generic[_Inner], gc=False):
    """An element that says all in its attributes."""

    attributes: _Inner = msgspec.field(name="#attributes")


class _Provider(msgspec.Struct, gc=False):
    name: _Scalar = msgspec.field(name="Name")


class _TimeCreated(msgspec.Struct, gc=False):
    time: _Scalar = msgspec.field(name="SystemTime")


class _Execution(msgspec.Struct, gc=False):
    process: _Scalar = msgspec.field(name="ProcessID")
    thread: _Scalar = msgspec.field(name="ThreadID")


class _Security(msgspec.Struct, gc=False):
    user: _Scalar = msgspec.field(name="UserID")


class _Text(msgspec.Struct, gc=False):
    """An element with attributes and a text."""

    text: _Scalar = msgspec.field(name="#text", default=None)


class _System(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    provider: _Of[_Provider] = msgspec.field(name="Provider")
    number: _Scalar | _Text = msgspec.field(name="EventID")
    version: _Scalar = msgspec.field(name="Version")
    level: _Scalar = msgspec.field(name="Level")
    task: _Scalar = msgspec.field(name="Task")
    opcode: _Scalar = msgspec.field(name="Opcode")
    keywords: _Scalar = msgspec.field(name="Keywords")
    created: _Of[_TimeCreated] = msgspec.field(name="TimeCreated")
    record: _Scalar = msgspec.field(name="EventRecordID")
    correlation: msgspec.Raw = msgspec.field(name="Correlation")
    execution: _Of[_Execution] = msgspec.field(name="Execution")
    channel: _Scalar = msgspec.field(name="Channel")
    computer: _Scalar = msgspec.field(name="Computer")
    security: _Of[_Security] | None = msgspec.field(name="Security")


class _Body(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    system: _System = msgspec.field(name="System")
    data: dict[str, _Scalar] = msgspec.field(name="EventData")
    attributes: msgspec.Raw = msgspec.field(name="#attributes", default=msgspec.Raw())


class _Record(msgspec.Struct, gc=False):
    body: _Body = msgspec.field(name="Event")


_decode: Final = msgspec.json.Decoder(_Record).decode


def read(line: bytes) -> Event:
    """A JSON object, of Windows or not, as a flat event with Sigma's names. ValueError if it is none."""
    if line.startswith(_USUAL) and (event := _usual(line)) is not None:
        return with_synonyms(event)
    return _other(line, event_of)


def read_as_recorded(line: bytes) -> Event:
    """The same with the record's own names alone: without soc.core.windows.synonyms."""
    if line.startswith(_USUAL) and (event := _usual(line)) is not None:
        return event
    return _other(line, as_recorded)


def _other(line: bytes, made_of: Callable[[dict[str, Any]], Event]) -> Event:
    record = orjson.loads(line)
    if type(record) is not dict:
        raise no_object(record)
    if not is_tracked(record) and _WINDOWS.isdisjoint(record):  # flat, see soc.core.flat.nested
        return record
    return made_of(record)


def _usual(line: bytes) -> Event | None:
    """The event of a record in the usual shape; None for any other line."""
    try:
        body = _decode(line).body
    except (msgspec.DecodeError, ValueError, RecursionError):  # another shape, or no JSON: orjson says what is wrong
        return None
    system = body.system
    number, execution, security = system.number, system.execution.attributes, system.security
    return {
        "Provider_Name": system.provider.attributes.name,
        "EventID": number.text if isinstance(number, _Text) else number,
        "Version": system.version,
        "Level": system.level,
        "Task": system.task,
        "Opcode": system.opcode,
        "Keywords": system.keywords,
        "TimeCreated": system.created.attributes.time,
        "EventRecordID": system.record,
        "ProcessID": execution.process,
        "ThreadID": execution.thread,
        "Channel": system.channel,
        "Computer": system.computer,
        **(_NOTHING if security is None else {"UserID": security.attributes.user}),
        **body.data,
    }
