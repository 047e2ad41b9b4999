"""What travels between the two halves of the distributed pipeline: hits, and how far the lines have been read."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from typing import Any, Final

import msgspec

from soc.core.event import Event

VERSION: Final = 1
_MOST: Final = 2**63


class Reach(IntEnum):
    """What a partition of raw lines is to those who wait for its time.

    BEHIND  it has lines that are not read yet: what they say is waited for, however long ago it was
    LIVE    all is read, and more may come
    IDLE    all is read, and no source of it was heard of lately: nobody waits for it
    """

    BEHIND = 0
    LIVE = 1
    IDLE = 2


class Signal(msgspec.Struct, array_like=True):
    """What came of one record of raw lines for one partition of signals, or only how far a partition is.

    partition, offset  of the record of raw lines: signals of one partition come in order of offset, some of them twice
    part      0, 1, ... of what came of one record and is too much for one signal
    watermark          µs: no event of this partition older than that is still expected
    hits               (ids of the rules, event), in the order in which they happened; none: it only says how far
    """

    version: int
    partition: int
    offset: int
    part: int
    watermark: int
    reach: Reach
    hits: list[tuple[tuple[str, ...], dict[str, Any]]]


_decode = msgspec.msgpack.Decoder(Signal).decode


def encode_signal(signal: Signal) -> bytes:
    """A signal as the value of a record."""
    try:
        return msgspec.msgpack.encode(signal)
    except (OverflowError, UnicodeEncodeError):
        signal.hits = [(ids, _encodable(event)) for ids, event in signal.hits]
        return msgspec.msgpack.encode(signal)


def decode_signal(value: bytes) -> Signal:
    """The inverse. ValueError if it is of another version, or damaged."""
    try:
        signal = _decode(value)
    except msgspec.MsgspecError as error:
        raise ValueError(f"no signal: {error}") from error
    if signal.version != VERSION:
        raise ValueError(f"a signal of format {signal.version}; this version reads {VERSION}")
    return signal


def event_of(row: Mapping[str, Any]) -> Event:
    """The event of a hit with its arrays as tuples again."""
    return {name: tuple(value) if type(value) is list else value for name, value in row.items()}


def _encodable(value: Any) -> Any:
    """The same with what MessagePack cannot hold replaced: lone surrogates by ?, numbers beyond 64 bits by digits."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, Mapping):
        return {_encodable(key): _encodable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_encodable(item) for item in value]
    if isinstance(value, int) and not isinstance(value, bool) and not -_MOST <= value < 2 * _MOST:
        return str(value)
    return value
