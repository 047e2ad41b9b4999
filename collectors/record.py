"""How lines lie on disk: one record per batch, with a checksum, found again even after a damaged neighbour.

    mark (8 bytes) | CRC-32 of the body | length of the body | body

The body is MessagePack. The mark is random per segment file and kept in the file's name only, so nothing that a
sender writes into a log line can pass for a record when the reader looks for the next whole one.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import msgspec

MARK_BYTES = 8
MAX_BODY = 8 * 1024 * 1024

_HEAD = struct.Struct(f">{MARK_BYTES}sII")
HEAD_BYTES = _HEAD.size


class Record(msgspec.Struct, frozen=True, array_like=True):
    """Lines of one origin that arrived together, and how far the followed files had been read by then.

    position  number of the first line in the spool
    received  µs since the epoch
    marks     file key -> opaque state; an empty value forgets the key
    """

    position: int
    received: int
    origin: str
    device: str
    lines: tuple[bytes, ...]
    marks: dict[str, bytes]

    @property
    def end(self) -> int:
        """The number of the first line after this record."""
        return self.position + len(self.lines)


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a segment: a whole record, or (record None) bytes that are none.

    torn  the bytes begin like a record and end too early, as an interrupted write leaves them
    """

    start: int
    stop: int
    record: Record | None
    torn: bool = False


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Record)


def encode(record: Record, mark: bytes) -> bytes:
    """The record as it is written. ValueError when it is larger than MAX_BODY."""
    body = _encoder.encode(record)
    if len(body) > MAX_BODY:
        raise ValueError(f"a record of {len(body)} bytes is larger than {MAX_BODY}")
    return _HEAD.pack(mark, zlib.crc32(body), len(body)) + body


def scan(raw: bytes, mark: bytes) -> Iterator[Piece]:
    """Every byte of a segment (or of its rest) in order: whole records, and what lies between them."""
    start = 0
    while start < len(raw):
        record, stop = _record_at(raw, start, mark)
        if record is not None:
            yield Piece(start, stop, record)
        else:
            stop = _next_record(raw, start + 1, mark)
            yield Piece(start, stop, None, stop == len(raw) and _breaks_off(raw, start, mark))
        start = stop


def _record_at(raw: bytes, start: int, mark: bytes) -> tuple[Record | None, int]:
    if not raw.startswith(mark, start) or len(raw) - start < HEAD_BYTES:
        return None, start
    _, checksum, length = _HEAD.unpack_from(raw, start)
    stop = start + HEAD_BYTES + length
    if length > MAX_BODY or stop > len(raw):
        return None, start
    body = memoryview(raw)[start + HEAD_BYTES : stop]
    if zlib.crc32(body) != checksum:
        return None, start
    try:
        return _decoder.decode(body), stop
    except msgspec.DecodeError:
        return None, start


def _next_record(raw: bytes, start: int, mark: bytes) -> int:
    while (start := raw.find(mark, start)) >= 0:
        if _record_at(raw, start, mark)[0] is not None:
            return start
        start += 1
    return len(raw)


def _breaks_off(raw: bytes, start: int, mark: bytes) -> bool:
    rest = len(raw) - start
    if rest < HEAD_BYTES:
        return mark.startswith(raw[start : start + MARK_BYTES])
    _, _, length = _HEAD.unpack_from(raw, start)
    return raw.startswith(mark, start) and length <= MAX_BODY and HEAD_BYTES + length > rest
