"""A file of an analysis: its batches in order, and the event time up to which it has been concluded."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from soc.core.event import RawBatch
from soc.engines.source import LogFile, Source, UnusableInput


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
