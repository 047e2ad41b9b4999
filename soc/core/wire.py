"""What travels through Kafka from collectors to workers: batches of lines, and single events of other shippers.

A record of ours is MAGIC, with the version of the format in it, and a MessagePack array. Everything else on the topic
is one event of another shipper: an object of JSON with the line in "message" or "event.original" (Filebeat, Vector), or
the line itself (rsyslog).
"""

from __future__ import annotations

from typing import Any, Final

import msgspec
import orjson

from soc.core.event import RawBatch

RAW: Final = "raw"
SIGNALS: Final = "signals"
ALERTS: Final = "alerts"
EVENTS: Final = "events"
REJECTED: Final = "rejected"
COUNTS: Final = "counts"
"""How many lines passed each stage, by origin and minute of receipt: what is compared to see that none was lost."""
STATE_RAW: Final = "state.raw"
STATE_SIGNALS: Final = "state.signals"
"""What workers remember of each partition of RAW and SIGNALS; the latest record of a key counts."""

MAGIC: Final = b"SOC\x01"
"""The last byte is the version: 1."""
MAX_RECORD: Final = 512 * 1024
"""Bytes of lines in a record, before compression."""
LARGEST: Final = 4 * 1024 * 1024
"""Bytes of any record, before compression: what producers may send, and topics take."""
MAX_LINE: Final = 64 * 1024
"""Bytes of a line of another shipper, as of our own: its event, which holds it more than once, has to fit too."""


class _Raw(msgspec.Struct, array_like=True):
    origin: str
    device: str
    received: int
    position: int
    lines: tuple[bytes, ...]


class Count(msgspec.Struct, frozen=True):
    """How many lines of an origin, received within one minute, a stage has dealt with so far; a total, no increment.

    stage      "collector": lines that are in Kafka
    collector  who received them; origin as in their batches ("fw1/tcp:10.1.0.1"); minute: its start, s since the epoch
    """

    stage: str
    collector: str
    origin: str
    minute: int
    lines: int
    v: int = 1

    @property
    def key(self) -> bytes:
        """What the total belongs to, so that compaction keeps the latest."""
        return "\0".join((self.stage, self.collector, self.origin, str(self.minute))).encode("utf-8", "surrogatepass")


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Raw).decode


def topic(prefix: str, name: str) -> str:
    """("soc", RAW) -> "soc.raw"."""
    return f"{prefix}.{name}"


def encode_raw(batch: RawBatch) -> bytes:
    """A batch as the value of a record."""
    return MAGIC + _encode(_Raw(batch.origin, batch.device, batch.received, batch.position, batch.lines))


def encode_count(count: Count) -> bytes:
    """{"stage": ..., "collector": ..., "origin": ..., "minute": ..., "lines": ..., "v": 1}"""
    return msgspec.json.encode(count)


def decode_count(value: bytes) -> Count:
    """ValueError if it is of another version, or damaged."""
    try:
        count = msgspec.json.decode(value, type=Count)
    except msgspec.MsgspecError as error:
        raise ValueError(f"a damaged count: {error}") from error
    if count.v != 1:
        raise ValueError(f"a count of format {count.v}; this version reads 1")
    return count


def decode_raw(value: bytes, origin: str, received: int, offset: int) -> RawBatch:
    """The value of a record as a batch. ValueError if it is of another version of ours, damaged, or too long.

    origin, received (µs) and offset are those of the record: what another shipper's event is told apart by.
    """
    if value.startswith(MAGIC[:3]):
        if not value.startswith(MAGIC):
            raise ValueError(f"a batch of format {value[3:4].hex() or 'none'}; this version reads {MAGIC[3]:02x}")
        try:
            raw = _decode(value[len(MAGIC) :])
        except msgspec.MsgspecError as error:
            raise ValueError(f"a damaged batch: {error}") from error
        return RawBatch(raw.origin, raw.device, raw.received, raw.position, raw.lines)
    line = _line(value)
    if len(line) > MAX_LINE:
        raise ValueError(f"a line of {len(line)} bytes; the longest that is read has {MAX_LINE}")
    return RawBatch(origin, "auto", received, offset, (line,))


def _line(value: bytes) -> bytes:
    """The log line that another shipper sent, as it was; an object without one is the line itself."""
    if value[:1] == b"{":
        try:
            found = orjson.loads(value)
        except orjson.JSONDecodeError:
            return value
        for line in (_at(found, "event", "original"), found.get("event.original"), found.get("message")):
            if isinstance(line, str) and line:
                return line.encode("utf-8", "surrogatepass")
    return value.rstrip(b"\r\n")


def _at(found: dict[str, Any], *keys: str) -> object:
    node: Any = found
    for key in keys:
        if not isinstance(node, dict):
            return None
        node = node.get(key)
    return node
