"""Reading the spool in order: from a line's number onwards, past damage, only what is certainly on disk."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path

from collectors.record import Piece, scan
from collectors.segment import Damage, Segment, assess, set_aside
from soc.core.event import RawBatch

CHUNK = 256 * 1024


class Reader:
    """Remembers where it stopped, so that reading on costs no search."""

    def __init__(self, damaged: Callable[[Damage], None]) -> None:
        self._damaged = damaged
        self._seen: set[tuple[int, int]] = set()
        self._next = (0, 0, 0)  # line number, segment number, offset of its record
        self._open: tuple[Path, int] | None = None

    def read(self, segments: Iterable[tuple[Segment, int]], position: int, max_lines: int) -> list[RawBatch]:
        """Batches from a line's number on, up to about max_lines; segments with how much of each may be read."""
        batches: list[RawBatch] = []
        wanted = max_lines
        for segment, readable in segments:
            known = self._next[:2] == (position, segment.number)
            offset = self._next[2] if known else 0
            while wanted > 0 and offset < readable:
                pieces = self._pieces(segment, offset, readable)
                if not pieces:
                    break
                for piece in pieces:
                    record = piece.record
                    if record is not None and record.end > position:
                        if wanted <= 0:
                            break
                        lines = record.lines[max(0, position - record.position) :]
                        position = record.end
                        wanted -= len(lines)
                        first = position - len(lines)
                        batches.append(RawBatch(record.origin, record.device, record.received, first, lines))
                    offset = piece.stop
                    self._next = (position, segment.number, offset)
            if wanted <= 0:
                break
        return batches

    def _pieces(self, segment: Segment, offset: int, readable: int) -> list[Piece]:
        """The next pieces, at offsets within the segment. A record cut by the chunk's end is left for the next call."""
        raw = self._bytes(segment.path, offset, min(readable - offset, CHUNK))
        pieces = list(scan(raw, segment.mark))
        if pieces and pieces[-1].record is None and offset + len(raw) < readable and len(pieces) > 1:
            pieces.pop()
        if any(piece.record is None for piece in pieces):
            return self._past_damage(segment, offset, readable)
        return [Piece(piece.start + offset, piece.stop + offset, piece.record) for piece in pieces]

    def _past_damage(self, segment: Segment, offset: int, readable: int) -> list[Piece]:
        """A piece that is no record, or is longer than a chunk: only the whole segment tells which."""
        raw = self._bytes(segment.path, 0, readable)
        pieces = list(scan(raw, segment.mark))
        for damage in assess(segment, pieces, segment.end):
            if (segment.number, damage.offset) not in self._seen:
                self._seen.add((segment.number, damage.offset))
                set_aside(segment.path, damage.offset, raw[damage.offset : damage.offset + damage.size])
                self._damaged(damage)
        return [piece for piece in pieces if piece.stop > offset]

    def _bytes(self, path: Path, offset: int, count: int) -> bytes:
        if self._open is None or self._open[0] != path:
            self.close()
            self._open = (path, os.open(path, os.O_RDONLY | os.O_CLOEXEC))
        return os.pread(self._open[1], count, offset)

    def close(self) -> None:
        """Let go of the file being read."""
        if self._open is not None:
            os.close(self._open[1])
            self._open = None
