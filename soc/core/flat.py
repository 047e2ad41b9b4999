"""A JSON record of any product as a flat event: ``{"a": {"b": 1}}`` is ``{"a.b": 1}``, its own names stay."""

from __future__ import annotations

from gc import is_tracked
from typing import Any, Final

from soc.core.event import Event, Scalar

MAX_DEPTH: Final = 32
_NESTED: Final = frozenset({dict, list})


def nested(record: dict[str, Any]) -> bool:
    """Whether there are dicts or lists in it.

    Mostly known without a look at any value: up to Python 3.13 a dict of nothing but scalars is not tracked by the
    collector of cycles (see gc.is_tracked). One that is tracked is looked through.
    """
    return is_tracked(record) and not _NESTED.isdisjoint(map(type, record.values()))


def flat(record: dict[str, Any]) -> Event:
    """The record with dotted names. It is taken apart: without anything nested it is itself the event.

    Of a list of objects each name has the values of all of them. What is nested deeper than 32 levels is left out.
    """
    if not nested(record):
        return record
    event: Event = {}
    _flatten("", record, event, 0)
    return event


def _flatten(prefix: str, node: dict[str, Any], into: Event, depth: int) -> None:
    for key, value in node.items():
        kind = type(value)
        if kind is dict:
            if depth < MAX_DEPTH:
                _flatten(f"{prefix}{key}.", value, into, depth + 1)
        elif kind is list:
            _list(prefix + key, value, into, depth)
        else:
            into[prefix + key] = value


def _list(name: str, items: list[Any], into: Event, depth: int) -> None:
    rows: dict[str, list[Scalar]] = {}
    for item in items if depth < MAX_DEPTH else ():
        inner: Event = {}
        if type(item) is dict:
            _flatten(f"{name}.", item, inner, depth + 1)
        elif type(item) is list:
            _list(name, item, inner, depth + 1)
        else:
            inner[name] = item
        for key, value in inner.items():
            rows.setdefault(key, []).extend(value if isinstance(value, tuple) else (value,))
    into.update({key: tuple(values) for key, values in rows.items()} or {name: ()})
