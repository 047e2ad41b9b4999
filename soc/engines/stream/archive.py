"""What the workers that detect hand to those that store: events, rejected lines and alerts, ready to be written."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Final

import msgspec

from soc.core.event import RawBatch, Rejected
from soc.core.storable import storable_text
from soc.core.wire import LARGEST

if TYPE_CHECKING:
    from soc.pipeline.halves import Detected

VERSION: Final = 1
MOST_RAW: Final = LARGEST // 2
"""Bytes of a rejected line that are kept: more than any event has, so only what is no line of ours is cut."""


class Events(msgspec.Struct, array_like=True):
    """The events of one record of lines.

    partition, offset  of the record of lines; origin and received (µs) of its lines
    rows    (where to, id, document as JSON); the last ``joined`` stand for several lines each
    """

    version: int
    partition: int
    offset: int
    origin: str
    received: int
    joined: int
    rows: list[tuple[str, str, bytes]]


Rows = Callable[[int, int, RawBatch, "Detected"], list[tuple[str, str, bytes]]]
"""(partition, offset, batch, what came of it) -> the rows of its events and joined events."""


class Line(msgspec.Struct, array_like=True):
    """A line that was refused; see soc.core.event.Rejected."""

    origin: str
    position: int
    received: int
    device: str
    reason: str
    raw: bytes


class RejectedLines(msgspec.Struct, array_like=True):
    """What was refused of one record of lines; partition and offset are -1 for what was refused later."""

    version: int
    partition: int
    offset: int
    lines: list[Line]

    def rejected(self, topic: str) -> list[Rejected]:
        """As stores take them. topic: that of the lines, which the partition is of."""
        place = (topic, self.partition, self.offset) if self.partition >= 0 else ("", -1, -1)
        return [
            Rejected(one.origin, one.position, one.received, one.device, one.reason, one.raw, *place)
            for one in self.lines
        ]


class StoredAlert(msgspec.Struct, array_like=True):
    """An alert as it was once the signals up to ``as_of`` were concluded; a later one has all that this one has."""

    version: int
    as_of: int
    alert: bytes


def rejected_lines(lines: Iterable[Rejected], partition: int = -1, offset: int = -1) -> RejectedLines:
    """Lines that were refused, of one record. Of a raw line that would not fit into a record, the beginning is kept."""
    made = []
    for one in lines:
        reason, raw = storable_text(one.reason), one.raw
        if len(raw) > MOST_RAW:
            reason, raw = f"{reason} (the first {MOST_RAW} of {len(raw)} bytes)", raw[:MOST_RAW]
        made.append(Line(storable_text(one.origin), one.position, one.received, one.device, reason, raw))
    return RejectedLines(VERSION, partition, offset, made)
