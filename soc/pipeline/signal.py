"""What travels between the two halves of the distributed pipeline: hits, and how far the lines have been read."""

from __future__ import annotations

from enum import IntEnum
from typing import Any, Final

import msgspec

from soc.anomaly.features import Partial
from soc.core.storable import storable

VERSION: Final = 2


class Reach(IntEnum):
    """What a partition of raw lines is to those who wait for its time.

    BEHIND  it has lines that are not read yet: what they say is waited for, however long ago it was
    LIVE    all is read, and more may come
    IDLE    all is read, and no source of it was heard of lately: nobody waits for it
    ENDED   all is read, and its sources have said that they ended
    """

    BEHIND = 0
    LIVE = 1
    IDLE = 2
    ENDED = 3


class Signal(msgspec.Struct, array_like=True):
    """What came of one record of raw lines for one partition of signals, or only how far a partition is.

    partition, offset  of the record of raw lines: signals of one partition come in order of offset, some of them twice
    part      0, 1, ... of what came of one record and is too much for one signal
    watermark          µs: no event of this partition older than that is still expected; with hits or partials, what
              it was before the record, of which more may come
    hits               (ids of the rules, event), in the order in which they happened
    partials           what anomaly models are given of the record; without these and hits it only says how far
    """

    version: int
    partition: int
    offset: int
    part: int
    watermark: int
    reach: Reach
    hits: list[tuple[tuple[str, ...], dict[str, Any]]]
    partials: list[Partial] = []

    @property
    def bears(self) -> bool:
        """Whether it has more to say than how far."""
        return bool(self.hits or self.partials)


_decode = msgspec.msgpack.Decoder(Signal).decode


def encode_signal(signal: Signal) -> bytes:
    """A signal as the value of a record."""
    try:
        return msgspec.msgpack.encode(signal)
    except (OverflowError, UnicodeEncodeError):
        signal.hits = [(ids, storable(event)) for ids, event in signal.hits]
        plain = msgspec.to_builtins(signal.partials, builtin_types=(bytes,))
        signal.partials = msgspec.convert(storable(plain), list[Partial])
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
