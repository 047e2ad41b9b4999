"""What the workers that detect hand to those that store: events, rejected lines and alerts, ready to be written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import msgspec

from soc.core.event import RawBatch, Rejected

if TYPE_CHECKING:
    from soc.pipeline.halves import Detected

VERSION: Final = 1


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


class RejectedLine(msgspec.Struct, array_like=True):
    """A line that no parser could read, and where in Kafka it is; offset -1 of what was refused later."""

    version: int
    partition: int
    offset: int
    origin: str
    position: int
    received: int
    device: str
    reason: str
    raw: bytes

    def rejected(self, topic: str) -> Rejected:
        """As stores take it. topic: that of the lines, which the partition is of."""
        line = Rejected(self.origin, self.position, self.received, self.device, self.reason, self.raw)
        return line if self.partition < 0 else replace(line, topic=topic, partition=self.partition, offset=self.offset)


class StoredAlert(msgspec.Struct, array_like=True):
    """An alert as it was once the signals up to ``as_of`` were concluded; a later one has all that this one has."""

    version: int
    as_of: int
    alert: bytes


def rejected_line(rejected: Rejected, partition: int = -1, offset: int = -1) -> RejectedLine:
    """A line that was refused, of a record of lines."""
    return RejectedLine(
        VERSION,
        partition,
        offset,
        rejected.origin.encode("utf-8", "replace").decode(),
        rejected.position,
        rejected.received,
        rejected.device,
        rejected.reason.encode("utf-8", "replace").decode(),
        rejected.raw,
    )
