"""``soc analyze``: files after the fact, read side by side in event time, through the same pipeline as live lines."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from soc.core.alert import Alert
from soc.core.clock import END_OF_TIME
from soc.core.event import RawBatch
from soc.engines.source import LogFile, Source, UnusableInput
from soc.pipeline.normalise import first_time
from soc.pipeline.pipeline import Outcome, Pipeline, reached

MAX_REASONS = 1000
PEEK = 50
"""Lines of each file that are looked at beforehand, for the time at which it begins."""


@dataclass(slots=True)
class Totals:
    """What a run has done so far; lines == events - joined + rejected always holds."""

    lines: int = 0
    events: int = 0
    joined: int = 0
    hits: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    datasets: Counter[str] = field(default_factory=Counter)
    alerts: dict[str, Alert] = field(default_factory=dict)
    unusable: list[str] = field(default_factory=list)
    late: int = 0
    suppressed: int = 0
    consumed: int = 0
    size: int = 0

    def add(self, outcome: Outcome, lines: int) -> None:
        self.lines += lines
        self.events += len(outcome.events)
        self.joined += outcome.joined
        self.hits += outcome.hits
        for rejected in outcome.rejected:
            reason = f"{rejected.device}: {rejected.reason}"[:200]
            # a reason may quote the line, so how many are told apart is bounded
            known = reason in self.rejected or len(self.rejected) < MAX_REASONS
            self.rejected[reason if known else "other reasons"] += 1
        self.datasets.update([str(event["event.dataset"]) for event in outcome.events])
        for alert in outcome.alerts:
            self.alerts[alert.id] = alert


@dataclass(slots=True)
class _Reader:
    """One file, opened when its turn comes. reached is the event time up to which it has been read, µs."""

    order: int
    source: Source
    reached: int
    position: int = 1
    file: LogFile | None = None
    batches: Iterator[tuple[bytes, ...]] = field(default_factory=lambda: iter(()))

    def __lt__(self, other: _Reader) -> bool:
        return (self.reached, self.order) < (other.reached, other.order)

    def next(self) -> tuple[bytes, ...] | None:
        """The next lines, or None at the end."""
        if self.file is None:
            self.file = LogFile(self.source.path)
            self.batches = self.file.batches()
        return next(self.batches, None)

    @property
    def modified(self) -> int:
        return self.file.modified if self.file else 0

    @property
    def consumed(self) -> int:
        return self.file.consumed if self.file else 0


def analyze(
    pipeline: Pipeline,
    sources: Iterable[Source],
    device: str,
    *,
    zone: int,
    reference: int = 0,
    lateness: int = 600_000_000,
    carry_out: Callable[[Outcome], None] = lambda outcome: None,
    progress: Callable[[Totals], None] = lambda totals: None,
) -> Totals:
    """Runs every source to its end and returns the totals.

    The file that is furthest behind in event time is read next, so the files of one morning pass as one
    morning, and the watermark is the time that all of them have reached. reference (µs) stands for the
    file's modification time, from which the year of year-less times follows. A file that cannot be read
    is listed in totals.unusable and the rest goes on. lateness (µs): by how much lines within a file may
    be out of order.
    """
    totals = Totals()
    waiting = [
        _Reader(n, source, start) for n, (source, start) in enumerate(_starts(sources, device, zone, reference, totals))
    ]
    heapq.heapify(waiting)
    while waiting:
        reader = heapq.heappop(waiting)
        before = reader.consumed
        try:
            lines = reader.next()
        except UnusableInput as error:
            totals.unusable.append(str(error))
            lines = None
        totals.consumed += reader.consumed - before
        if lines is not None:
            _feed(
                pipeline,
                reader,
                RawBatch(f"file:{reader.source.name}", device, reference or reader.modified, reader.position, lines),
                totals,
                carry_out,
            )
            heapq.heappush(waiting, reader)
        elif reader.file:
            reader.file.close()
        _advance(pipeline, waiting[0].reached - lateness if waiting else END_OF_TIME, totals, carry_out)
        progress(totals)
    totals.late = sum(pipeline.late.values())
    totals.suppressed = sum(pipeline.suppressed.values())
    return totals


def _feed(
    pipeline: Pipeline, reader: _Reader, batch: RawBatch, totals: Totals, carry_out: Callable[[Outcome], None]
) -> None:
    outcome = pipeline.feed(batch)
    totals.add(outcome, len(batch.lines))
    carry_out(outcome)
    reader.reached = max(reader.reached, reached(outcome.events))
    reader.position += len(batch.lines)


def _advance(pipeline: Pipeline, watermark: int, totals: Totals, carry_out: Callable[[Outcome], None]) -> None:
    outcome = pipeline.advance(watermark)
    totals.add(outcome, 0)
    carry_out(outcome)


def _starts(
    sources: Iterable[Source], device: str, zone: int, reference: int, totals: Totals
) -> Iterator[tuple[Source, int]]:
    """Each readable file with the time of its first event, so that files of different days are read in their order."""
    for source in sources:
        if source.path is None or not source.path.is_file():  # what is read from a pipe is gone
            yield source, 0
            continue
        try:
            file = LogFile(source.path)
            first = next(file.batches(PEEK), ())
        except UnusableInput as error:
            totals.unusable.append(str(error))
            continue
        file.close()
        totals.size += file.size
        yield source, first_time(first, device, reference or file.modified, zone)
