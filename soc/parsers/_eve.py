"""A JSON record laid out as ECS by a table: which key goes to which field, and as what type.

A table maps a record's key to a Target. A value of the wrong type is left out, never trusted and never
a reason to lose the event: the line itself is kept in event.original.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from soc.core.event import Event
from soc.parsers._address import ip
from soc.parsers._device import ParseError
from soc.parsers._time import rfc3339

Put = Callable[[Event, Any], None]
Record = dict[str, Any]

_LONG = 2**63 - 1
MOST_ITEMS = 64


@dataclass(frozen=True, slots=True)
class Target:
    """put takes the event and the JSON value; fields are those that it can fill.

    A value that is exactly a ``ready`` goes to the first field as it is, without a call: most are.
    """

    put: Put
    fields: tuple[str, ...]
    ready: type | None = None


Table = Mapping[str, Target]


def layout(table: Table) -> tuple[Put, frozenset[str]]:
    """The table as one function that fills an event from a record, and every field that it can fill."""
    targets = {key: (target.ready, target.fields[0], target.put) for key, target in table.items()}
    target_of = targets.get
    fields = frozenset(field for target in table.values() for field in target.fields)

    def fill(event: Event, record: Any) -> None:
        if type(record) is not dict:
            return
        for key, value in record.items():
            found = target_of(key)
            if found is not None:
                ready, name, put = found
                kind = type(value)
                if kind is ready:
                    event[name] = value
                else:
                    put(event, value)

    return fill, fields


def nested(table: Table) -> Target:
    """An object whose keys have targets of their own."""
    fill, fields = layout(table)
    return Target(fill, tuple(sorted(fields)))


def text(name: str) -> Target:
    """A string; a whole number is written out, for identifiers."""

    def put(event: Event, value: Any) -> None:
        if type(value) is int:
            event[name] = str(value)

    return Target(put, (name,), str)


def number(name: str) -> Target:
    """A whole number that fits 64 bits, also where an older version wrote it as a string."""

    def put(event: Event, value: Any) -> None:
        if type(value) is int:
            if -_LONG <= value <= _LONG:
                event[name] = value
        elif type(value) is str and len(value) < 19 and value.isascii() and value.isdigit():
            event[name] = int(value)

    return Target(put, (name,))


def flag(name: str) -> Target:
    """true or false."""

    return Target(_leave_out, (name,), bool)


def address(name: str) -> Target:
    """An IP address, in canonical form; other text is left out."""

    def put(event: Event, value: Any) -> None:
        if type(value) is str and (known := ip(value)):
            event[name] = known

    return Target(put, (name,))


def moment(name: str) -> Target:
    """A time; one without a zone is UTC, which is how certificates are dated."""

    def put(event: Event, value: Any) -> None:
        if type(value) is str and value[10:11] == "T":
            try:
                event[name] = rfc3339(value if len(value) > 19 else value + "Z")
            except ParseError:
                return

    return Target(put, (name,))


def texts(name: str) -> Target:
    """A list of strings, or one string; a bounded number of them."""

    def put(event: Event, value: Any) -> None:
        if found := strings(value):
            event[name] = found

    return Target(put, (name,))


def special(put: Put, *fields: str) -> Target:
    """What no table can say."""
    return Target(put, fields)


def _leave_out(event: Event, value: Any) -> None:
    pass


def strings(value: Any) -> tuple[str, ...]:
    """The strings of a JSON value that is a list of them, or one; at most MOST_ITEMS."""
    items = value if type(value) is list else [value]
    return tuple(item for item in items[:MOST_ITEMS] if type(item) is str)
