"""Windows records in the shape that most writers use, read without a dict for each element and without an event each.

``{"Event": {"System": {...}, "EventData": {...}}}`` with what System has by its schema (older providers state no
Version, Level or Opcode) and nothing nested in EventData. Names as in soc.core.windows.record; fields of EventData win
over System's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Final, Generic, TypeVar

import msgspec

from soc.core.batch import Batch
from soc.core.event import Event, Value

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


class System(msgspec.Struct, gc=False, forbid_unknown_fields=True, kw_only=True):
    """What the event log says of a record."""

    provider: _Of[_Provider] = msgspec.field(name="Provider")
    number: _Scalar | _Text = msgspec.field(name="EventID")
    version: _Scalar | msgspec.UnsetType = msgspec.field(name="Version", default=msgspec.UNSET)
    level: _Scalar | msgspec.UnsetType = msgspec.field(name="Level", default=msgspec.UNSET)
    task: _Scalar = msgspec.field(name="Task")
    opcode: _Scalar | msgspec.UnsetType = msgspec.field(name="Opcode", default=msgspec.UNSET)
    keywords: _Scalar = msgspec.field(name="Keywords")
    created: _Of[_TimeCreated] = msgspec.field(name="TimeCreated")
    record: _Scalar = msgspec.field(name="EventRecordID")
    correlation: msgspec.Raw = msgspec.field(name="Correlation")
    execution: _Of[_Execution] = msgspec.field(name="Execution")
    channel: _Scalar = msgspec.field(name="Channel")
    computer: _Scalar = msgspec.field(name="Computer")
    security: _Of[_Security] | None = msgspec.field(name="Security")


class _Body(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    system: System = msgspec.field(name="System")
    data: dict[str, _Scalar] = msgspec.field(name="EventData")
    attributes: msgspec.Raw = msgspec.field(name="#attributes", default=msgspec.Raw())


class _Record(msgspec.Struct, gc=False):
    body: _Body = msgspec.field(name="Event")


decode: Final = msgspec.json.Decoder(_Record).decode
OTHER_SHAPE: Final = (msgspec.DecodeError, ValueError, RecursionError)
"""What decode raises for a line of any other shape, or of none."""


def whole(system: System, data: Mapping[str, Value]) -> Event:
    """The record as one event."""
    execution, security = system.execution.attributes, system.security
    event: Event = {
        "Provider_Name": system.provider.attributes.name,
        "EventID": event_id(system),
        "Task": system.task,
        "Keywords": system.keywords,
        "TimeCreated": system.created.attributes.time,
        "EventRecordID": system.record,
        "ProcessID": execution.process,
        "ThreadID": execution.thread,
        "Channel": system.channel,
        "Computer": system.computer,
        **data,
    }
    user = msgspec.UNSET if security is None else security.attributes.user
    said = ("Version", system.version), ("Level", system.level), ("Opcode", system.opcode), ("UserID", user)
    for name, value in said:
        if value is not msgspec.UNSET:
            event.setdefault(name, value)
    return event


def event_id(system: System) -> Value:
    """Its number."""
    return system.number.text if isinstance(system.number, _Text) else system.number


SILENT: Final = System(
    provider=_Of(_Provider(None)), number=None, task=None, keywords=None,
    created=_Of(_TimeCreated(None)), record=None, correlation=msgspec.Raw(), execution=_Of(_Execution(None, None)),
    channel=None, computer=None, security=None,
)  # fmt: skip
"""Of a record of another shape."""
SYSTEM: Final = frozenset(whole(SILENT, {})) | {"Version", "Level", "Opcode", "UserID"}
"""The names of what System says."""


class Records(Batch):
    """Such records, of which a field is read where it is: only a few of a stream's events are ever made."""

    __slots__ = ("_said", "_systems")
    apart = SYSTEM

    def __init__(self, systems: Sequence[System], data: Sequence[Event], said: Mapping[str, list[Value]]) -> None:
        """systems: SILENT where data has the whole event already. said: the columns of fields that are often read."""
        super().__init__(data)
        self._systems = systems
        self._said = said

    def __getitem__(self, place: int) -> Event:
        system, data = self._systems[place], self._events[place]
        return data if system is SILENT else whole(system, data)

    def column(self, name: str) -> list[Value]:
        if name not in SYSTEM:
            return super().column(name)
        return self._said[name] if name in self._said else [event.get(name) for event in self]
