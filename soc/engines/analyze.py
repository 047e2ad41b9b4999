"""``soc analyze``: files after the fact, read side by side in event time, through the same pipeline as live lines."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field

from soc.core.alert import Alert
from soc.core.clock import END_OF_TIME
from soc.engines.ahead import Ahead
from soc.engines.reader import Reader, readers
from soc.engines.source import Source, UnusableInput
from soc.engines.workers import Workers
from soc.pipeline.digest import Digest, why
from soc.pipeline.pipeline import Outcome, Pipeline, reached

MAX_REASONS = 1000

Turn = Callable[[Reader], Outcome | None]
"""Takes the next batch of a file through the pipeline; None at the file's end."""


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
    forgotten: dict[str, int] = field(default_factory=dict)
    consumed: int = 0
    size: int = 0

    def add(self, outcome: Outcome) -> None:
        self.events += len(outcome.events)
        self.joined += outcome.joined
        self.hits += outcome.hits
        for rejected in outcome.rejected:
            self._reject(why(rejected), 1)
        self.datasets.update([str(event["event.dataset"]) for event in outcome.events])
        for alert in outcome.alerts:
            self.alerts[alert.id] = alert

    def add_read(self, digest: Digest) -> None:
        """What another process has read; what came of it is in the outcome of concluding it."""
        self.lines += digest.lines
        self.events += digest.events
        for reason, lines in digest.rejected.items():
            self._reject(reason, lines)
        self.datasets.update(digest.datasets)

    def _reject(self, reason: str, lines: int) -> None:
        """A reason may quote the line, so how many are told apart is bounded."""
        known = reason in self.rejected or len(self.rejected) < MAX_REASONS
        self.rejected[reason if known else "other reasons"] += lines


def analyze(
    pipeline: Pipeline,
    sources: Iterable[Source],
    device: str,
    *,
    zone: int,
    reference: int = 0,
    lateness: int = 600_000_000,
    workers: Workers | None = None,
    carry_out: Callable[[Outcome], None] = lambda outcome: None,
    progress: Callable[[Totals], None] = lambda totals: None,
) -> Totals:
    """Runs every source to its end and returns the totals.

    The file that is furthest behind in event time is read next, so the files of one morning pass as one
    morning, and the watermark is the time that all of them have reached. reference (µs) stands for the
    file's modification time, from which the year of year-less times follows. A file that cannot be read
    is listed in totals.unusable and the rest goes on. lateness (µs): by how much lines within a file may
    be out of order. workers read and match in other processes; the totals are the same, and carry_out gets
    outcomes without events but the joined, and without rejected lines.
    """
    totals = Totals()
    waiting = readers(sources, device, zone, reference, totals)
    turn = _turn_elsewhere(pipeline, Ahead(workers, waiting), totals) if workers else _turn_here(pipeline, totals)
    with ExitStack() as opened:
        for reader in waiting:
            opened.callback(reader.close)
        while waiting:
            reader = heapq.heappop(waiting)
            try:
                outcome = turn(reader)
            except UnusableInput as error:
                totals.unusable.append(str(error))
                outcome = None
            if outcome is not None:
                totals.add(outcome)
                carry_out(outcome)
                heapq.heappush(waiting, reader)
            totals.consumed += reader.consumed_since()
            outcome = pipeline.advance(waiting[0].reached - lateness if waiting else END_OF_TIME)
            totals.add(outcome)
            carry_out(outcome)
            progress(totals)
    totals.late = sum(pipeline.concluder.late.values())
    totals.suppressed = sum(pipeline.concluder.suppressed.values())
    totals.forgotten = {id: pressure.evicted for id, pressure in pipeline.concluder.pressure.items()}
    return totals


def _turn_here(pipeline: Pipeline, totals: Totals) -> Turn:
    """One process does everything."""

    def turn(reader: Reader) -> Outcome | None:
        batch = reader.read()
        if batch is None:
            return None
        outcome = pipeline.feed(batch)
        totals.lines += len(batch.lines)
        reader.reached = max(reader.reached, reached(outcome.events))
        return outcome

    return turn


def _turn_elsewhere(pipeline: Pipeline, ahead: Ahead, totals: Totals) -> Turn:
    """Workers read and match; what needs memory is done here, in the very order that one process has."""

    def turn(reader: Reader) -> Outcome | None:
        digest = ahead.next(reader)
        if digest is None:
            return None
        outcome = pipeline.conclude(digest)
        totals.add_read(digest)
        reader.reached = max(reader.reached, digest.reached(outcome.events))
        return outcome

    return turn
