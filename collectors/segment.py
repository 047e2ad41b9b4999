"""The spool's files: names, order, and mending what a crash or a bad disk did to them.

A name tells everything that must survive damage to the content: the order of the files, the number of the first
line, and the mark that begins each record: ``00000007-00000000000000123456-9f3ac2d1b4e7a6c5.seg``.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path

from collectors.record import Piece, Record, encode, scan

_NAME = re.compile(r"(\d{8,})-(\d{20})-([0-9a-f]{16})\.seg")
_MORE_THAN_ANY_SEGMENT_HOLDS = 1 << 32
ASIDE = "corrupt"


@dataclass(slots=True)
class Segment:
    """One file of the spool.

    number   its place in the order of files
    first    number of its first line; end is the number of the first line after it
    size     bytes written; synced of them are certainly on disk
    """

    path: Path
    number: int
    first: int
    mark: bytes
    end: int
    size: int = 0
    synced: int = 0


@dataclass(frozen=True, slots=True)
class Damage:
    """A stretch of the spool that could not be read, copied to the folder corrupt/ unless it was merely torn.

    lines  how many lines were in it, where the neighbours tell; None if they do not
    torn   an unfinished write at the very end: nothing of it was ever acknowledged
    """

    path: str
    offset: int
    size: int
    lines: int | None
    torn: bool = False

    def __str__(self) -> str:
        what = "unfinished write cut off" if self.torn else "damaged, set aside"
        count = "an unknown number of" if self.lines is None else str(self.lines)
        lost = "" if self.torn else f", {count} lines lost"
        return f"{self.path}: {self.size} bytes at {self.offset} {what}{lost}"


@dataclass(slots=True)
class Recovered:
    """What was found on disk: readable segments in order, the files' marks, the next line's number, the damage."""

    segments: list[Segment] = field(default_factory=list)
    marks: dict[str, bytes] = field(default_factory=dict)
    position: int = 0
    number: int = 0
    damage: list[Damage] = field(default_factory=list)


def named(folder: Path, number: int, first: int, mark: bytes) -> Segment:
    """A segment that is about to be written."""
    return Segment(folder / f"{number:08d}-{first:020d}-{mark.hex()}.seg", number, first, mark, first)


def recover(folder: Path) -> Recovered:
    """Read every segment, cut off a torn end, set damaged parts aside. Never fails over the content."""
    found = Recovered()
    segments = sorted(_segments(folder), key=lambda segment: segment.number)
    for index, segment in enumerate(segments):
        _recover_one(found, segment, segments[index + 1] if index + 1 < len(segments) else None)
    return found


def _segments(folder: Path) -> list[Segment]:
    segments = []
    for path in sorted(folder.iterdir()):
        if name := _NAME.fullmatch(path.name):
            first = int(name[2])
            segments.append(Segment(path, int(name[1]), first, bytes.fromhex(name[3]), first))
    return segments


def _recover_one(found: Recovered, segment: Segment, later: Segment | None) -> None:
    found.number = segment.number + 1
    found.position = max(found.position, segment.first)
    try:
        raw = segment.path.read_bytes()
    except OSError as error:
        lost = later.first - segment.first if later else None
        found.damage.append(Damage(f"{segment.path.name}: {error.strerror}", 0, 0, lost))
        found.position += _MORE_THAN_ANY_SEGMENT_HOLDS
        return
    segment.size = segment.synced = len(raw)
    pieces = list(scan(raw, segment.mark))
    for piece in pieces:
        if piece.record is not None:
            found.marks.update(piece.record.marks)
            segment.end = piece.record.end
    found.segments.append(segment)
    found.position = max(found.position, segment.end)
    if all(piece.record is not None for piece in pieces):
        return
    # A line takes more than one byte, so no number of the lost lines can be as large as this.
    found.position += len(raw)
    found.damage += assess(segment, pieces, later.first if later else None)
    _mend(segment, raw, pieces, last=later is None)


def assess(segment: Segment, pieces: list[Piece], following: int | None) -> list[Damage]:
    """What was lost: the gap in the line numbers round each damaged piece; following is the next segment's first."""
    damage = []
    expected = segment.first
    for index, piece in enumerate(pieces):
        if piece.record is not None:
            expected = piece.record.end
            continue
        # Pieces alternate: after a damaged one comes a record, or the end.
        after = pieces[index + 1].record if index + 1 < len(pieces) else None
        until = after.position if after is not None else following
        lost = None if until is None else until - expected
        torn = piece.torn and following is None
        damage.append(Damage(segment.path.name, piece.start, piece.stop - piece.start, lost, torn))
    return damage


def _mend(segment: Segment, raw: bytes, pieces: list[Piece], last: bool) -> None:
    """Leave only whole records. A full disk may forbid it: then the reader, and the next start, skip the damage."""
    kept = [piece for piece in pieces if piece.record is not None]
    try:
        if last and pieces[-1].torn and len(kept) == len(pieces) - 1:
            os.truncate(segment.path, pieces[-1].start)
        else:
            for piece in pieces:
                if piece.record is None and not (last and piece.torn):
                    set_aside(segment.path, piece.start, raw[piece.start : piece.stop])
            _replace(segment.path, b"".join(raw[piece.start : piece.stop] for piece in kept))
    except OSError:
        return
    segment.size = segment.synced = sum(piece.stop - piece.start for piece in kept)


def set_aside(path: Path, offset: int, raw: bytes) -> None:
    """Keep damaged bytes for a person to look at, under corrupt/, once."""
    folder = path.parent / ASIDE
    folder.mkdir(mode=0o700, exist_ok=True)
    _replace(folder / f"{path.stem}-{offset}.bin", raw)


def _replace(path: Path, raw: bytes) -> None:
    draft = path.with_suffix(".tmp")
    with draft.open("wb") as file:
        file.write(raw)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make new, renamed and deleted names in a folder durable."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def snapshot(segment: Segment, marks: dict[str, bytes]) -> bytes:
    """A segment's first record: where every followed file stood, so that older segments can go."""
    return encode(Record(segment.first, 0, "", "", (), marks), segment.mark)
