"""An event: one log line as a flat dict keyed by ECS field name, e.g. ``{"source.ip": "10.1.2.3"}``.

Inside the pipeline every date field is an ``int`` of microseconds since 1970 UTC, so windows are
plain arithmetic. Outside (JSON, store, console) it is ISO 8601 in UTC. ``to_wire`` and ``from_wire``
convert. Arrays are tuples, because parsers share constant ones. Events are never nested.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from gc import is_tracked
from typing import Any, cast

import orjson

from soc.core.fields import DATE_FIELDS

Scalar = str | int | float | bool | None
Value = Scalar | tuple[Scalar, ...]
Event = dict[str, Value]

_SCALARS = frozenset((str, int, float, bool, type(None)))
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class RawBatch:
    """Lines as they arrived, from one origin, in order.

    origin    who sent them: "file:fortigate.log", "udp:10.1.0.1", "tcp:10.1.0.1", "tail:/var/log/mail.log"
    device    a parser's name, or "auto" to recognise each line by its content
    received  when they arrived, µs since the epoch; for a file read after the fact, its modification time
    position  number of the first line within the origin; line i has number position + i
    lines     without their line ends
    """

    origin: str
    device: str
    received: int
    position: int
    lines: tuple[bytes, ...]

    def part(self, start: int, stop: int) -> RawBatch:
        """Lines start to stop - 1, each with the number that it has here."""
        return RawBatch(self.origin, self.device, self.received, self.position + start, self.lines[start:stop])

    def cut(self, size: int) -> list[RawBatch]:
        """The same lines, at most so many in each."""
        return [self.part(start, start + size) for start in range(0, len(self.lines), size)]


@dataclass(frozen=True, slots=True)
class Rejected:
    """A line that no parser could turn into an event: kept raw, with the reason, to be replayed later.

    topic, partition, offset  of the record in Kafka that it came in; "" and -1 where it came another way
    """

    origin: str
    position: int
    received: int
    device: str
    reason: str
    raw: bytes
    topic: str = ""
    partition: int = -1
    offset: int = -1


def iso(micros: int) -> str:
    """1759626843123456 -> "2025-10-05T01:14:03.123456Z". Years 1 to 9999; outside, OverflowError."""
    second, rest = divmod(micros, 1_000_000)
    return f"{_second(second)}.{rest:06d}Z" if rest else f"{_second(second)}Z"


@lru_cache(4096)
def _second(second: int) -> str:
    """Lines come in order of time, many in a second: remembering it is ten times as fast."""
    return (_EPOCH + timedelta(seconds=second)).isoformat()[:-6]


def micros(text: str) -> int:
    """ISO 8601 -> µs since the epoch; a time without a zone is taken as UTC. ValueError if it is no time."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - _EPOCH) // timedelta(microseconds=1)


def with_tuples(row: Mapping[str, Any]) -> Event:
    """An event that was read from JSON or MessagePack, with its arrays as tuples again."""
    return {name: tuple(value) if type(value) is list else value for name, value in row.items()}


def to_wire(event: Mapping[str, Value]) -> dict[str, Value]:
    """The event as others read it: date fields as ISO 8601 text."""
    wire = dict(event)
    for name in DATE_FIELDS.intersection(wire):  # looks each name up; & with keys() would build a set of them first
        value = wire[name]
        if isinstance(value, int):
            wire[name] = iso(value)
    return wire


def from_wire(wire: Mapping[str, object]) -> Event:
    """The inverse of to_wire; also accepts nested objects and lists. ValueError names the field that is wrong."""
    event = cast("Event", dict(wire))
    if not _SCALARS.issuperset(map(type, event.values())):  # the types of all cost less than a look at each
        _take_apart(event)
    _read_dates(event)
    return event


def from_json(line: bytes) -> Event:
    """The same for a line of JSON. ValueError, too, if it is no JSON object."""
    record: dict[str, Any] = orjson.loads(line)
    if type(record) is not dict:
        raise no_object(record)
    # without anything nested it is mostly not tracked by the collector of cycles, see soc.core.flat.nested
    if is_tracked(record) and not _SCALARS.issuperset(map(type, record.values())):
        _take_apart(record)
    if not DATE_FIELDS.isdisjoint(record):
        _read_dates(record)
    return record


def no_object(value: object) -> ValueError:
    """What to raise for JSON that is no object."""
    return ValueError(f"a JSON {type(value).__name__}, not an object")


def _take_apart(event: Event) -> None:
    for name in [name for name, value in event.items() if type(value) not in _SCALARS]:
        _settle(name, event[name], event)


def _read_dates(event: Event) -> None:
    for name in DATE_FIELDS.intersection(event):
        value = event[name]
        if isinstance(value, str):
            try:
                event[name] = micros(value)
            except ValueError as error:
                raise ValueError(f"{name}: {error}") from error


def _settle(name: str, value: object, event: Event) -> None:
    """A value that is no scalar: an array becomes a tuple, an object is taken apart; a name that is there stays."""
    if isinstance(value, list | tuple):
        plain = _SCALARS.issuperset(map(type, value))
        event[name] = tuple(value) if plain else tuple([x if isinstance(x, Scalar) else str(x) for x in value])
    elif isinstance(value, Mapping):
        event.pop(name, None)
        for key, inner in value.items():
            below = f"{name}.{key}"
            if below not in event:
                event[below] = inner
                if type(inner) not in _SCALARS:
                    _settle(below, inner, event)
    elif not isinstance(value, Scalar):
        raise ValueError(f"{name}: {type(value).__name__} is no event value")
