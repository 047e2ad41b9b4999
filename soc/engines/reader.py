"""The files of an analysis: their batches in order, and the event time up to which each has been concluded."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from typing import Protocol

from soc.core.event import RawBatch
from soc.engines.source import LogFile, Source, UnusableInput
from soc.pipeline.normalise import first_time

PEEK = 50
"""Lines of each file that are looked at beforehand, for the time at which it begins."""


@dataclass(slots=True, eq=False)
class Reader:
    """One file, opened when its turn comes and closed at its end.

    order     its place among the files, which decides between those that have come equally far
    device    a parser's name, or "auto"
    reached   event time up to which it has been concluded, µs; at first, when it begins
    reference stands for the file's modification time, µs; 0 for that time itself
    position  number of the next line
    """

    order: int
    source: Source
    device: str
    reached: int
    reference: int = 0
    position: int = 1
    _consumed: int = 0
    _told: int = 0
    _file: LogFile | None = None
    _batches: Iterator[tuple[bytes, ...]] = field(default_factory=lambda: iter(()))

    def __lt__(self, other: Reader) -> bool:
        return (self.reached, self.order) < (other.reached, other.order)

    def read(self) -> RawBatch | None:
        """The next lines, or None at the end. UnusableInput where the file cannot be read, or not any further."""
        if self._file is None:
            self._file = LogFile(self.source.path)
            self._batches = self._file.batches()
        try:
            lines = next(self._batches, None)
        except UnusableInput:
            self.close()
            raise
        self._consumed = self._file.consumed
        if lines is None:
            self.close()
            return None
        received = self.reference or self._file.modified
        batch = RawBatch(f"file:{self.source.name}", self.device, received, self.position, lines)
        self.position += len(lines)
        return batch

    def close(self) -> None:
        """Frees the file; harmless when called twice, or before the file was opened."""
        if self._file:
            self._file.close()

    def consumed_since(self) -> int:
        """Bytes taken from disk since it was last asked."""
        since, self._told = self._consumed - self._told, self._consumed
        return since


class Told(Protocol):
    """What readers() says of files: those that cannot be read, and the bytes of all others."""

    unusable: list[str]
    size: int


def readers(sources: Iterable[Source], device: str, zone: int, reference: int, told: Told) -> list[Reader]:
    """A heap of the files that can be read: the first is the one that begins first in event time.

    device, reference as in Reader; zone: seconds east of UTC, for times that state none.
    """
    starts = _starts(sources, device, zone, reference, told)
    found = [Reader(n, source, device, start, reference) for n, (source, start) in enumerate(starts)]
    heapq.heapify(found)
    return found


def _starts(
    sources: Iterable[Source], device: str, zone: int, reference: int, told: Told
) -> Iterator[tuple[Source, int]]:
    """Each readable file with the time of its first event, so that files of different days are read in their order."""
    for source in sources:
        if source.path is None or not source.path.is_file():  # what is read from a pipe is gone
            yield source, 0
            continue
        try:
            with closing(LogFile(source.path)) as file:
                first = next(file.batches(PEEK), ())
        except UnusableInput as error:
            told.unusable.append(str(error))
            continue
        told.size += file.size
        yield source, first_time(first, device, reference or file.modified, zone)
