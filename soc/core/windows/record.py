"""A Windows event log record, in any of the shapes that tools write, as a flat event with the names that Sigma uses.

    {"Event": {"System": {...}, "EventData": {...}}}    the record's XML as JSON (EVTX readers)
    {"winlog": {"channel": ..., "event_data": {...}}}   as Elastic's shippers send it
    {"EventID": 1, "Channel": ..., "Image": ...}        flat already; or flat with "Event.System." before the names

Fields of EventData and UserData keep their names and win over those of System, which are: Provider_Name, EventID,
Version, Level, Task, Opcode, Keywords, TimeCreated, EventRecordID, ProcessID, ThreadID, Channel, Computer, UserID.
"""

from __future__ import annotations

from typing import Any, Final

from soc.core.event import Event
from soc.core.flat import flat, nested
from soc.core.windows.synonyms import DEFENDER, SYNONYMS, add_synonyms

_NOTHING: Final[dict[str, Any]] = {}
# What exporters of flat records call the fields of System.
_EXPORTED: Final = {
    "SourceName": "Provider_Name",
    "ProviderName": "Provider_Name",
    "Provider": "Provider_Name",
    "Hostname": "Computer",
    "MachineName": "Computer",
    "RecordNumber": "EventRecordID",
    "ExecutionProcessID": "ProcessID",
    "ExecutionThreadID": "ThreadID",
}
_EXPORTED_NAMES: Final = _EXPORTED.keys()
_SHIPPED: Final = {
    "channel": "Channel",
    "event_id": "EventID",
    "provider_name": "Provider_Name",
    "computer_name": "Computer",
    "record_id": "EventRecordID",
    "version": "Version",
    "opcode": "Opcode",
    "task": "Task",
    "keywords": "Keywords",
    "process.pid": "ProcessID",
    "process.thread.id": "ThreadID",
    "user.identifier": "UserID",
}
_DATA: Final = ("winlog.event_data.", "winlog.user_data.")
_LEVELS: Final = {"critical": 1, "error": 2, "warning": 3, "information": 4, "verbose": 5}
# Names below System that are not the end of their path.
_DOTTED: Final = {
    "Provider.Name": "Provider_Name",
    "EventID": "EventID",
    "Execution.ProcessID": "ProcessID",
    "Execution.ThreadID": "ThreadID",
    "Security.UserID": "UserID",
    "TimeCreated.SystemTime": "TimeCreated",
}


def event_of(record: dict[str, Any]) -> Event:
    """A JSON record, of Windows or not, as a flat event with Sigma's names; the record must not be used afterwards."""
    return with_synonyms(as_recorded(record))


def with_synonyms(event: Event) -> Event:
    """The event, which gets the further names of soc.core.windows.synonyms."""
    if event.get("EventID") in SYNONYMS or event.get("Channel") == DEFENDER:  # quicker asked here: few have any
        add_synonyms(event)
    return event


def as_recorded(record: dict[str, Any]) -> Event:
    """The same with the record's own names alone: without soc.core.windows.synonyms."""
    body = record.get("Event")
    if type(body) is dict and type(system := body.get("System")) is dict:
        return _from_xml(body, system)
    if "EventID" in record:
        return _exported(flat(record))
    if type(system := record.get("System")) is dict and "EventID" in system:
        return _from_xml(record, system)
    event = flat(record)
    if "winlog.event_id" in event:
        return _shipped(event)
    if "Event.System.EventID" in event or "Event.System.EventID.#text" in event:
        return _dotted(event)
    return event


def _from_xml(body: dict[str, Any], system: dict[str, Any]) -> Event:
    event = _by_element(body, system)
    return _unnested(event) if nested(event) else event


def _by_element(body: dict[str, Any], system: dict[str, Any]) -> dict[str, Any]:
    """Any record: what System says in whatever way, below what the other elements say."""
    _take_attributes(system)
    system.pop("Correlation", None)
    number = system.get("EventID")
    if type(number) is dict:
        system["EventID"] = number.get("#text")
    data = body.get("EventData")
    if type(data) is dict:
        system.update(data)
    elif data is not None:
        system["Data"] = data
    if "UserData" in body:
        system.update(_user_data(body["UserData"]))
    if "RenderingInfo" in body and type(rendered := body["RenderingInfo"]) is dict and "Message" in rendered:
        system["Message"] = rendered["Message"]
    return system


def _take_attributes(system: dict[str, Any]) -> None:
    """What System states in attributes, however they are written and whichever are missing."""
    provider, created = _attributes(system, "Provider"), _attributes(system, "TimeCreated")
    execution, security = _attributes(system, "Execution"), _attributes(system, "Security")
    for found, attribute, name in (
        (provider, "Name", "Provider_Name"),
        (created, "SystemTime", "TimeCreated"),
        (execution, "ProcessID", "ProcessID"),
        (execution, "ThreadID", "ThreadID"),
        (security, "UserID", "UserID"),
    ):
        if attribute in found:
            system[name] = found[attribute]


def _attributes(system: dict[str, Any], name: str) -> dict[str, Any]:
    """An element that has only attributes, as the several ways of writing XML as JSON have it."""
    node = system.pop(name, _NOTHING)
    if type(node) is not dict:
        return _NOTHING if node is None else {"Name": node}
    found = node.get("#attributes")
    if type(found) is dict:
        return found
    if not node:
        beside = system.pop(f"{name}_attributes", None)
        return beside if type(beside) is dict else _NOTHING
    return {key.lstrip("@#"): value for key, value in node.items()}


def _user_data(data: object) -> dict[str, Any]:
    """UserData has one element of its own, below which are the fields."""
    if type(data) is not dict:
        return _NOTHING
    fields: dict[str, Any] = {}
    for name, value in data.items():
        if type(value) is dict:
            fields.update(value)
        elif not name.endswith("_attributes"):
            fields[name] = value
    return fields


def _unnested(event: dict[str, Any]) -> Event:
    """Elements with attributes lose them and keep their text; lists become tuples; what is nested gets dotted names."""
    for name, value in list(event.items()):
        if name.startswith("#") or (name.endswith("_attributes") and type(value) is dict):
            del event[name]
        elif type(value) is dict and ("#text" in value or value.keys() <= {"#attributes"}):
            event[name] = value.get("#text")
    data = event.get("Data")
    if type(data) is list and any(type(item) is dict for item in data):
        event.pop("Data")
        event.update(_named(data))
    return flat(event)


def _named(items: list[Any]) -> dict[str, Any]:
    """``<Data Name="Image">x</Data>`` as a list of objects: by its name; those without a name are Data."""
    fields: dict[str, Any] = {}
    others: list[Any] = []
    for item in items:
        inside = item if type(item) is dict else {"#text": item}
        attributes = inside.get("#attributes")
        name = attributes.get("Name") if type(attributes) is dict else inside.get("@Name", inside.get("Name"))
        text = inside.get("#text", inside.get("content"))
        if type(name) is str and name:
            fields[name] = text
        else:
            others.append(text)
    return fields | {"Data": others} if others else fields


def _exported(event: Event) -> Event:
    if not event.keys().isdisjoint(_EXPORTED_NAMES):
        for name, ours in _EXPORTED.items():
            if name in event and ours not in event:
                event[ours] = event[name]
    return event


def _shipped(fields: Event) -> Event:
    """What a shipper writes below "winlog", and its level in words."""
    event: Event = {}
    for path, value in fields.items():
        if path.startswith(_DATA):
            event[path.split(".", 2)[2]] = value
    for name, ours in _SHIPPED.items():
        if f"winlog.{name}" in fields:
            event.setdefault(ours, fields[f"winlog.{name}"])
    level = fields.get("log.level")
    if isinstance(level, str) and level in _LEVELS:
        event.setdefault("Level", _LEVELS[level])
    for name, ours in (("message", "Message"), ("@timestamp", "TimeCreated")):
        if name in fields:
            event.setdefault(ours, fields[name])
    return event


def _dotted(event: Event) -> Event:
    """Names such as Event.System.Provider.#attributes.Name and Event.EventData.Image, by their ends."""
    found: Event = {}
    fields: Event = {}
    for path, value in event.items():
        name = path.replace(".#attributes", "").removesuffix(".#text")
        if name.startswith("Event.System."):
            name = name.removeprefix("Event.System.")
            found[_DOTTED.get(name, name)] = value
        elif name.startswith("Event.EventData."):
            fields[name.removeprefix("Event.EventData.")] = value
        elif name.startswith("Event.UserData."):
            fields[name.removeprefix("Event.UserData.").partition(".")[2]] = value
    return found | fields
