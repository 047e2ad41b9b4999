"""From an event to the groups it belongs to, and to the values that are counted in them.

An event with several values in a field (mail recipients) belongs to the group of each; one that lacks a field
belongs to none. Values are compared as text, as the event has them: upper and lower case differ.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import blake2b
from itertools import islice, product
from math import isfinite

from soc.core.event import Event, Scalar, Value
from soc.correlation.condition import Number

Key = tuple[str, ...]
Counted = str | int | float | Key

MAX_TEXT = 256
MAX_COMBINATIONS = 16
# Beyond this a number is an error of the log, and sums of it would cost memory.
MAX_NUMBER = 10**18


def quick_key(fields: Sequence[str]) -> Callable[[Event], Key | None]:
    """A function that gives the one key of an ordinary event; None sends the caller to ``all_keys``."""
    if not fields:
        return lambda event: ()
    if len(fields) == 1:
        (only,) = fields

        def one(event: Event) -> Key | None:
            value = event.get(only)
            return (value,) if type(value) is str and 0 < len(value) <= MAX_TEXT else None

        return one

    def several(event: Event) -> Key | None:
        key = []
        for name in fields:
            value = event.get(name)
            if type(value) is not str or not 0 < len(value) <= MAX_TEXT:
                return None
            key.append(value)
        return tuple(key)

    return several


def all_keys(fields: Sequence[str], event: Event) -> tuple[Key, ...]:
    """Every key of an event: one for each combination of its values, at most 16; () when a field is missing."""
    choices = [tuple(dict.fromkeys(text(item) for item in _items(event.get(name)))) for name in fields]
    return tuple(islice(product(*choices), MAX_COMBINATIONS))


def distinct_values(fields: Sequence[str]) -> Callable[[Event], tuple[Counted, ...]]:
    """A function that gives what a value_count counts in an event: values, or combinations of several fields'."""
    if len(fields) > 1:
        return lambda event: all_keys(fields, event)
    (only,) = fields

    def values(event: Event) -> tuple[Counted, ...]:
        value = event.get(only)
        if type(value) is int:
            return (value,)
        return tuple(dict.fromkeys(text(item) for item in _items(value)))

    return values


def numbers(field: str, event: Event) -> tuple[Number, ...]:
    """The field's numbers, text such as "1500" included; ValueError when it holds something that is none."""
    return tuple(_number(item) for item in _items(event.get(field)))


def text(value: Scalar) -> str:
    """A value as group text; what is longer than 256 characters is cut and told apart by a hash of the whole."""
    if isinstance(value, bool):
        return "true" if value else "false"
    plain = value if isinstance(value, str) else str(value)
    if len(plain) <= MAX_TEXT:
        return plain
    return f"{plain[:MAX_TEXT]}…{blake2b(plain.encode('utf-8', 'surrogatepass'), digest_size=8).hexdigest()}"


def _items(value: Value) -> tuple[Scalar, ...]:
    """The values that are there: nothing for a missing, null or empty one."""
    if isinstance(value, tuple):
        return tuple(item for item in value if item is not None and item != "")
    return () if value is None or value == "" else (value,)


def _number(value: Scalar) -> Number:
    if isinstance(value, str):
        value = float(value)
        value = int(value) if value.is_integer() else value
    if value is None or isinstance(value, bool) or abs(value) > MAX_NUMBER or not isfinite(value):
        raise ValueError("no usable number")
    return value
