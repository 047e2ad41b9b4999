"""Lines of JSON as events with Sigma's names: one by one, or some hundreds at a time.

Records in the shape that most writers use are read straight to what they say (soc.core.windows.usual). Every other line
goes by way of soc.core.windows.record, which finds the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from gc import is_tracked
from typing import Any, Final

import orjson

from soc.core.batch import Batch
from soc.core.event import Event, Value, no_object
from soc.core.windows.record import as_recorded, event_of, with_synonyms
from soc.core.windows.synonyms import DEFENDER, SYNONYMS
from soc.core.windows.usual import OTHER_SHAPE, SILENT, Records, System, decode, event_id, whole

_USUAL: Final = b'{"Event"'
_WINDOWS: Final = frozenset(
    {"EventID", "Channel", "winlog.event_id", "Event.System.EventID", "Event.System.EventID.#text"}
)
"""A flat record with none of these is an event already."""
_Maker = Callable[[dict[str, Any]], Event]


def read(line: bytes) -> Event:
    """A JSON object, of Windows or not, as a flat event with Sigma's names. ValueError if it is none."""
    if line.startswith(_USUAL) and (event := _usual(line)) is not None:
        return with_synonyms(event)
    return _other(line, event_of)


def read_all(lines: Sequence[bytes], *, synonyms: bool = True) -> Batch:
    """What read makes of each of these lines. ValueError if one of them is no JSON object.

    synonyms: whether records have the further names of soc.core.windows.synonyms, or their own alone
    """
    made_of = event_of if synonyms else as_recorded
    if not (lines and lines[0].startswith(_USUAL)):
        return Batch([_other(line, made_of) for line in lines])
    systems, data = _taken_apart(lines, made_of)
    said = _often_read(systems, data)
    if synonyms:
        _add_synonyms(systems, data, said)
    return Records(systems, data, said)


def _taken_apart(lines: Sequence[bytes], made_of: _Maker) -> tuple[list[System], list[dict[str, Any]]]:
    """What System and EventData say in each; of a line of another shape the whole event, and SILENT."""
    systems: list[System] = []
    data: list[dict[str, Any]] = []
    for line in lines:
        try:
            body = decode(line).body
        except OTHER_SHAPE:  # orjson says what is wrong
            systems.append(SILENT)
            data.append(_other(line, made_of))
        else:
            systems.append(body.system)
            data.append(body.data)
    return systems, data


def _often_read(systems: Sequence[System], data: Sequence[Event]) -> dict[str, list[Value]]:
    """The columns that say where a record belongs."""
    pairs = list(zip(systems, data, strict=True))
    return {
        "Channel": [own.get("Channel", system.channel) for system, own in pairs],
        "EventID": [own.get("EventID", event_id(system)) for system, own in pairs],
        "Provider_Name": [own.get("Provider_Name", system.provider.attributes.name) for system, own in pairs],
    }


def _add_synonyms(systems: list[System], data: list[dict[str, Any]], said: Mapping[str, list[Value]]) -> None:
    if not SYNONYMS.keys().isdisjoint(said["EventID"]):
        for system, own, number in zip(systems, data, said["EventID"], strict=True):
            if number in SYNONYMS and system is not SILENT:
                SYNONYMS[number](own)  # they tell of EventData alone
    if DEFENDER in said["Channel"]:
        for place, channel in enumerate(said["Channel"]):
            if channel == DEFENDER and systems[place] is not SILENT:
                systems[place], data[place] = SILENT, with_synonyms(whole(systems[place], data[place]))


def _other(line: bytes, made_of: _Maker) -> Event:
    record = orjson.loads(line)
    if type(record) is not dict:
        raise no_object(record)
    if not is_tracked(record) and record.keys().isdisjoint(_WINDOWS):  # flat, see soc.core.flat.nested
        return record
    return made_of(record)


def _usual(line: bytes) -> Event | None:
    """The event of a record in the usual shape; None for any other line."""
    try:
        body = decode(line).body
    except OTHER_SHAPE:
        return None
    return whole(body.system, body.data)
