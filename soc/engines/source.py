"""Log files as batches of lines: plain, gzip, zstd, and Windows event logs, of any size in constant memory."""

from __future__ import annotations

import gzip
import io
import os
import stat
import sys
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from soc.core.clock import SystemClock
from soc.core.errors import SocError
from soc.engines import evtx

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

CHUNK = 1024 * 1024
MAX_LINE = 1024 * 1024
_SNIFF = 4096
_UNREADABLE = {
    b"PK\x03\x04": "a zip archive; unpack it first",
    b"\xfd7zXZ\x00": "xz-compressed; unpack it first (xz -d)",
    b"BZh": "bzip2-compressed; unpack it first (bzip2 -d)",
    b"\x7fELF": "a program, not a log",
    b"SQLite format 3\x00": "a SQLite database, not a log",
    b"%PDF": "a PDF, not a log",
    b"\xff\xfe": "UTF-16 text; convert it first (iconv -f UTF-16 -t UTF-8)",
    b"\xfe\xff": "UTF-16 text; convert it first (iconv -f UTF-16 -t UTF-8)",
}


class UnusableInput(SocError):
    """A file that cannot be read as lines of text; the text names the file and says what it is."""


class LogFile:
    """One input. ``consumed`` and ``size`` are bytes on disk, for progress; both are 0 for a pipe.

    ``plain`` says that it is a file whose bytes are the lines. A Windows event log has a JSON line for each record.
    ``modified`` (µs) is when its last line was written; of a pipe, which is being written, now.
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self._raw: IO[bytes] = sys.stdin.buffer if path is None else _opened(path)
        found = _regular(self._raw)
        self.size = found.st_size if found else 0
        self.records: Iterator[list[bytes]] | None = None
        self.modified = int(found.st_mtime * 1_000_000) if found else SystemClock().now()
        try:
            self._text = self._decoded()
        except UnusableInput:
            self._raw.close()
            raise
        self._tail = b""
        self._ended = False
        self.cut = 0

    def _decoded(self) -> io.BufferedReader[io.RawIOBase] | gzip.GzipFile | zstd.ZstdFile:
        buffered = self._buffered = io.BufferedReader(cast("io.RawIOBase", self._raw), CHUNK)
        head = buffered.peek(_SNIFF)[:_SNIFF]
        if head.startswith(b"\x1f\x8b"):
            return gzip.GzipFile(fileobj=buffered)
        if head.startswith(b"\x28\xb5\x2f\xfd"):
            return zstd.ZstdFile(buffered)
        if head.startswith(evtx.MAGIC):
            if not self.path or not self.size:
                raise UnusableInput(self.path or "stdin", "a Windows event log (EVTX) can only be read from a file")
            if self.size < evtx.HEADER:
                raise UnusableInput(self.path, "a Windows event log (EVTX), cut short within its header")
            self.records = evtx.records(self.path, self.size)
            return buffered
        for magic, what in _UNREADABLE.items():
            if head.startswith(magic):
                raise UnusableInput(self.path or "stdin", what)
        if head.count(0) * 10 > len(head):
            raise UnusableInput(self.path or "stdin", "binary data, not lines of text")
        return buffered

    @property
    def consumed(self) -> int:
        """Bytes taken from disk so far."""
        if self.records is not None:
            return self.size if self._ended else 0
        return self._raw.tell() if self.path and self.size else 0

    def batches(self, lines: int = 2000) -> Iterator[tuple[bytes, ...]]:
        """The lines, without their ends, some thousands at a time; a line over 1 MiB comes in pieces, counted in cut.

        UnusableInput if a compressed file is damaged: what came before it has been given.
        """
        held: list[bytes] = []
        while not self._ended:
            try:
                held += self._more()
            except UnusableInput:
                if held:
                    yield tuple(held)
                raise
            while len(held) >= lines:
                yield tuple(held[:lines])
                del held[:lines]
        if held:
            yield tuple(held)

    @property
    def plain(self) -> bool:
        return bool(self.size) and self._text is self._buffered and self.records is None

    def blocks(self) -> Iterator[bytes]:
        """The text in blocks of whole lines, about 1 MiB each; of a longer line only how it begins and ends.

        UnusableInput as from batches.
        """
        tail = b""
        try:
            while chunk := self._chunk():
                head, found, rest = chunk.rpartition(b"\n")
                if found:
                    yield tail + head + found
                    tail = rest
                elif len(tail) < MAX_LINE:
                    tail += rest
        except UnusableInput:
            if tail:
                yield tail
            raise
        if tail:
            yield tail

    def _more(self) -> list[bytes]:
        if self.records is not None:
            return self._more_records(self.records)
        chunk = self._chunk()
        if not chunk:
            self._ended = True
            return [self._tail] if self._tail else []
        lines = (self._tail + chunk).split(b"\n")
        self._tail = lines.pop()
        if len(self._tail) > MAX_LINE:
            lines.append(self._tail)
            self._tail = b""
            self.cut += 1
        return [line[:-1] if line.endswith(b"\r") else line for line in lines]

    def _chunk(self) -> bytes:
        try:
            return self._text.read1(CHUNK)  # not read: a slow pipe gives what it has
        except (OSError, EOFError, zlib.error, zstd.ZstdError) as error:
            self._ended = True
            raise UnusableInput(self.path or "stdin", error) from error

    def _more_records(self, records: Iterator[list[bytes]]) -> list[bytes]:
        try:
            lines = next(records, None)
        except (OSError, EOFError) as error:
            self._ended = True
            raise UnusableInput(self.path, error) from error
        self._ended = lines is None
        return lines or []

    def close(self) -> None:
        """Frees the file; harmless when called twice."""
        self._text.close()
        if self.path:
            self._buffered.close()


def _opened(path: Path) -> IO[bytes]:
    try:
        return path.open("rb", buffering=0)
    except OSError as error:
        raise UnusableInput(path, error.strerror) from error


def _regular(file: IO[bytes]) -> os.stat_result | None:
    """What is known of a file on disk, also one that standard input comes from; None for a pipe or a terminal."""
    try:
        found = os.fstat(file.fileno())
    except OSError:
        return None
    return found if stat.S_ISREG(found.st_mode) else None


@dataclass(frozen=True, slots=True)
class Source:
    """A file to read and the name its events carry; path None is standard input."""

    path: Path | None
    name: str

    @property
    def shown(self) -> str:
        """Where it is, as it was asked for; a name of broken UTF-8 with \\xNN in it."""
        return os.fsencode(self.path).decode("utf-8", "backslashreplace") if self.path else self.name


def expand(paths: Iterable[Path]) -> list[Source]:
    """Files and, of directories, every regular file below them that is not hidden, in sorted order.

    A name is relative to what was asked for, so the same folder gives the same event ids wherever it lies.
    "-" is standard input. What is not there or may not be read is in the list too: opening it says why.
    """
    found: dict[Path | None, Source] = {}
    for path in paths:
        if str(path) == "-":
            found[None] = Source(None, "stdin")
        elif path.is_dir():
            found |= {file: Source(file, file.relative_to(path).as_posix()) for file in _below(path)}
        else:
            found[path] = Source(path, path.name)
    return list(found.values())


def _below(folder: Path) -> list[Path]:
    """Its files, and the folders in it that may not be looked into."""
    closed: list[Path] = []
    files: list[Path] = []
    for place, inside, names in os.walk(folder, onerror=lambda error: closed.append(Path(error.filename))):
        inside[:] = [name for name in inside if not name.startswith(".")]
        files += [Path(place, name) for name in names if not name.startswith(".")]
    return sorted([*closed, *(file for file in files if file.is_file())])
