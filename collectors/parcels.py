"""Lines as they go to Kafka: what waits together is sent together, numbered without gaps."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from soc.core.event import RawBatch
from soc.core.wire import MAX_RECORD

LINES = 500
"""Lines of a record, at most: a consumer pays for each record, and 500 lines make that cost nothing."""
MINUTE = 60_000_000


def parcels(batches: Iterable[RawBatch]) -> Iterator[RawBatch]:
    """The same lines in the same order as batches of at most 500 lines and MAX_RECORD bytes (a longer line is alone).

    Batches that follow one another are put together if origin, device and minute of receipt are the same and the
    numbers go on; the time of receipt is that of the first.
    """
    held: RawBatch | None = None
    lines: list[bytes] = []
    size = 0
    for batch in batches:
        if held is not None and not _goes_on(held, len(lines), batch):
            yield _with(held, lines)
            held = None
        for number, line in enumerate(batch.lines):
            if held is not None and (len(lines) >= LINES or size + len(line) > MAX_RECORD):
                yield _with(held, lines)
                held = None
            if held is None:
                position = batch.position + number
                held, lines, size = RawBatch(batch.origin, batch.device, batch.received, position, ()), [], 0
            lines.append(line)
            size += len(line)
    if held is not None:
        yield _with(held, lines)


def _goes_on(held: RawBatch, count: int, batch: RawBatch) -> bool:
    return (
        batch.position == held.position + count
        and batch.origin == held.origin
        and batch.device == held.device
        and batch.received // MINUTE == held.received // MINUTE
    )


def _with(held: RawBatch, lines: list[bytes]) -> RawBatch:
    return RawBatch(held.origin, held.device, held.received, held.position, tuple(lines))
