"""One followed log file: what has been read of it, and whether it is still the same file."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from hashlib import blake2b

import msgspec

CHUNK_BYTES = 1024 * 1024
HEAD_BYTES = 1024
MAX_LINE = 65536

Head = tuple[int, bytes]


class Mark(msgspec.Struct, frozen=True, array_like=True):
    """How far a file has been read, as the spool keeps it beside the lines themselves.

    pattern, path  the setting that found it, and its name then, which stays the origin after a rename
    offset         bytes read
    changed        ns: its modification time then, but not after the last look round for rotated files: what we do
                   not know and is newer than this has come and gone since
    head           length and hash of its first bytes, at most 1,024: a file that begins otherwise is another file
    """

    pattern: str
    path: str
    offset: int
    changed: int
    head: Head


_decoder = msgspec.msgpack.Decoder(Mark)


def encode_mark(mark: Mark) -> bytes:
    """The mark as the spool keeps it."""
    return msgspec.msgpack.encode(mark)


def decode_mark(state: bytes) -> Mark:
    """The inverse of encode_mark; msgspec.ValidationError for other bytes."""
    return _decoder.decode(state)


def identity(status: os.stat_result) -> str:
    """Device and inode: the same file under any name, until it is deleted and its inode used again."""
    return f"{status.st_dev}:{status.st_ino}"


def begins(handle: int, head: Head) -> bool:
    """Whether a file begins with the bytes that head stands for."""
    length, digest = head
    return _digest(os.pread(handle, length, 0)) == digest


def first_bytes(handle: int) -> bytes:
    """A file's first bytes, at most 1,024."""
    return os.pread(handle, HEAD_BYTES, 0)


def head_of(first: bytes) -> Head:
    """What a mark keeps of a file's first bytes."""
    return len(first), _digest(first)


def _digest(raw: bytes) -> bytes:
    return blake2b(raw, digest_size=12).digest()


NO_HEAD = (0, _digest(b""))


@dataclass(slots=True)
class Read:
    """Lines read at one go, with the marks that go into the spool with them. cut: parts made of too long lines."""

    path: str
    lines: list[bytes]
    marks: dict[str, bytes] = field(default_factory=dict)
    cut: int = 0


@dataclass(slots=True)
class Followed:
    """An open file.

    left   µs since when it has no longer had its name and has been silent, 0 while it has it
    ended  nobody writes to it any more: its last line is complete as it is
    """

    handle: int
    key: str
    mark: Mark
    left: int = 0
    ended: bool = False

    def state(self) -> dict[str, bytes]:
        """The mark as it goes into the spool."""
        return {self.key: encode_mark(self.mark)}

    def unchanged(self) -> bool:
        """False when the file is shorter than what was read of it, or begins differently: it was truncated."""
        return os.fstat(self.handle).st_size >= self.mark.offset and begins(self.handle, self.mark.head)

    def read(self, looked: int, last: bool) -> Read | None:
        """The next complete lines; None when there are none.

        looked  ns: when we last looked round for rotated files
        last    an unfinished line counts as one
        """
        first, raw = self._next()
        if head_of(first[: self.mark.head[0]]) != self.mark.head:
            return None
        stop = raw.rfind(b"\n") + 1
        if not stop:
            stop = len(raw) if last else len(raw) // MAX_LINE * MAX_LINE
        if not stop:
            return None
        lines, cut = _split(raw[:stop])
        self._advance(stop, first, looked)
        return Read(self.mark.path, lines, self.state(), cut)

    def _next(self) -> tuple[bytes, bytes]:
        """The file's first bytes, and what follows the bytes read so far.

        Near the beginning both come from one system call, or the file could be emptied and written anew between two,
        and lines of the old content be kept under the head of the new.
        """
        offset = self.mark.offset
        if offset >= HEAD_BYTES:
            raw = os.pread(self.handle, CHUNK_BYTES, offset)
            return first_bytes(self.handle), raw
        raw = os.pread(self.handle, offset + CHUNK_BYTES, 0)
        return raw[:HEAD_BYTES], raw[offset:]

    def _advance(self, count: int, first: bytes, looked: int) -> None:
        offset = self.mark.offset + count
        head = self.mark.head
        if head[0] < min(HEAD_BYTES, offset):
            head = head_of(first[:offset])
        self.mark = msgspec.structs.replace(self.mark, offset=offset, head=head, changed=self._changed(looked))

    def _changed(self, looked: int) -> int:
        return min(looked, os.fstat(self.handle).st_mtime_ns)

    def skip_to_end(self, looked: int) -> None:
        """Begin with what is written from now on, with the last line if it is unfinished."""
        size = os.fstat(self.handle).st_size
        start = max(0, size - MAX_LINE)
        tail = os.pread(self.handle, size - start, start)
        self._advance(start + tail.rfind(b"\n") + 1 if b"\n" in tail else size, first_bytes(self.handle), looked)

    def restart(self, looked: int) -> None:
        """The file was emptied: read it from its beginning."""
        self.mark = msgspec.structs.replace(self.mark, offset=0, head=NO_HEAD, changed=self._changed(looked))


def _split(raw: bytes) -> tuple[list[bytes], int]:
    """Lines without their ends, empty ones left out, and the number of cuts made in too long ones.

    A file that was emptied under a writer that keeps its position begins with a hole of NULs.
    """
    lines = raw.split(b"\n")
    cut = 0
    if max(map(len, lines)) > MAX_LINE:
        parts = [[line[at : at + MAX_LINE] for at in range(0, len(line), MAX_LINE)] for line in lines]
        cut = sum(max(0, len(pieces) - 1) for pieces in parts)
        lines = [piece for pieces in parts for piece in pieces]
    return [kept for line in lines if (kept := line.strip(b"\r\0"))], cut
