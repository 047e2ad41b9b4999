"""The spool: what was received, on disk, until the pipeline has stored what became of it.

Lines are numbered as they arrive; the number (position) never repeats in a spool's life, also not after damage, so an
event's id, which is made from it, stays the same on every replay and is never given twice.

One process writes. ``append`` costs a write, ``sync`` makes everything appended so far durable (many connections
share one), ``read`` shows only what is durable. ``append``, ``sync``, ``read`` and ``release`` may be called from
different threads, each from one at a time.
"""

from __future__ import annotations

import errno
import fcntl
import os
import threading
from collections.abc import Mapping
from pathlib import Path

from collectors.reader import Reader
from collectors.record import Record, encode
from collectors.segment import Segment, named, recover, snapshot, sync_folder
from soc.core.errors import SocError
from soc.core.event import RawBatch

SEGMENT_BYTES = 16 * 1024 * 1024
RESERVE_BYTES = 1024 * 1024
MIN_LIMIT = 16 * 1000 * 1000
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class SpoolFull(Exception):
    """The spool's limit or the disk is reached: take nothing more until the pipeline has caught up."""


class SpoolFailed(SocError):
    """The disk refused a write or a sync. What was not durable may be gone: stop, acknowledge nothing more."""


class Spool:
    """Received lines in a folder of at most limit_bytes.

    damage    what recovery and reading had to set aside, in order of discovery
    end       number of the next line to be appended; durable: all lines before this number survive a power cut
    unsynced  bytes appended and not yet durable
    size      bytes on disk

    floor is the position that the reader has already stored: a spool that lost its files numbers on from there.
    SpoolFailed when another process holds the folder.
    """

    def __init__(self, folder: Path, limit_bytes: int, floor: int = 0, segment_bytes: int = SEGMENT_BYTES) -> None:
        self.folder = folder
        self.limit = limit_bytes
        self._segment_bytes = min(segment_bytes, max(1, limit_bytes // 8))
        self._lock = threading.Lock()
        self._grown = threading.Condition(self._lock)
        self._syncing = threading.Lock()
        self._failed = ""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._own = _own(folder)
        for draft in folder.glob("*.tmp"):
            draft.unlink()
        found = recover(folder)
        self.damage = found.damage
        self.marks = {key: state for key, state in found.marks.items() if state}
        self._segments = found.segments
        self._number = found.number
        self.end = self.durable = max(found.position, floor)
        self.size = sum(segment.size for segment in self._segments)
        self.unsynced = 0
        self._handle = -1
        self._retired: list[tuple[Segment, int]] = []
        self._new_names = False
        self._refused = False
        self._reader = Reader(self.damage.append)
        self._begin()
        self._keep_reserve()

    def _begin(self) -> None:
        """A new segment at every start records the line number and the marks before anything depends on them."""
        try:
            self._roll()
        except OSError as error:
            if error.errno not in _FULL:
                raise SpoolFailed(self.folder, error.strerror) from error
            self._refused = True  # A full disk: the reader must still be able to empty the spool.
            return
        self.sync()
        self.release(self._segments[0].first)

    def append(
        self,
        origin: str,
        device: str,
        received: int,
        lines: tuple[bytes, ...],
        marks: Mapping[str, bytes] | None = None,
    ) -> int:
        """Write a batch, and with it how far the files it came from have been read; an empty mark forgets a file.

        Returns the number after its last line: once ``durable`` has reached it, the batch is safe.
        SpoolFull: nothing was written. ValueError: more than 8 MiB at once.
        """
        with self._lock:
            self._check()
            try:
                if self._handle < 0 or self._segments[-1].size >= self._segment_bytes:
                    self._roll()
                segment = self._segments[-1]
                record = Record(self.end, received, origin, device, lines, dict(marks or {}))
                self._write(encode(record, segment.mark))
            except OSError as error:
                if error.errno in _FULL:
                    self._refused = True
                    raise SpoolFull(f"{self.folder}: {error.strerror}") from error
                raise self._fail(error) from error
            self._refused = False
            self.end = segment.end = record.end
            for key, state in record.marks.items():
                if state:
                    self.marks[key] = state
                else:
                    self.marks.pop(key, None)
            return self.end

    def _write(self, raw: bytes) -> None:
        """All of it or nothing."""
        if self.size + len(raw) > self.limit:
            raise OSError(errno.ENOSPC, f"spool limit of {self.limit} bytes reached")
        segment = self._segments[-1]
        written = 0
        try:
            while written < len(raw):
                written += os.write(self._handle, raw[written:] if written else raw)
        except OSError as error:
            try:
                os.ftruncate(self._handle, segment.size)
            except OSError:
                raise self._fail(error) from error
            raise
        segment.size += len(raw)
        self.size += len(raw)
        self.unsynced += len(raw)

    def _roll(self) -> None:
        """Begin the next file. The old one stays open until the next sync has covered it."""
        segment = named(self.folder, self._number, self.end, os.urandom(8))
        handle = os.open(segment.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        before = self._handle
        self._number += 1
        self._handle = handle
        self._segments.append(segment)
        try:
            self._write(snapshot(segment, self.marks))
        except OSError:
            self._segments.pop()
            self._handle = before
            os.close(handle)
            segment.path.unlink()
            raise
        if before >= 0:
            self._retired.append((self._segments[-2], before))
        self._new_names = True

    def sync(self) -> int:
        """Make everything appended before this call durable; returns ``durable``. Blocks for the disk."""
        with self._syncing:
            with self._lock:
                self._check()
                if not self.unsynced and not self._new_names:
                    return self.durable
                retired, self._retired = self._retired, []
                active = self._segments[-1] if self._handle >= 0 else None
                size, end, amount = active.size if active else 0, self.end, self.unsynced
                new_names, self._new_names = self._new_names, False
            try:
                for _, handle in retired:
                    os.fdatasync(handle)
                    os.close(handle)
                if active:
                    os.fdatasync(self._handle_of(active))
                if new_names:
                    sync_folder(self.folder)
            except OSError as error:
                raise self._fail(error) from error
            with self._lock:
                for segment, _ in retired:
                    segment.synced = segment.size
                if active:
                    active.synced = size
                self.durable = end
                self.unsynced -= amount
                self._grown.notify_all()
                return end

    def _handle_of(self, segment: Segment) -> int:
        with self._lock:
            if self._segments[-1] is segment:
                return self._handle
            return next(handle for retired, handle in self._retired if retired is segment)

    def read(self, position: int, max_lines: int = 5000) -> list[RawBatch]:
        """Durable batches from line number ``position`` on, in order; [] when there are none yet.

        Stops with the batch that reaches max_lines. A number that is no longer there leads to the next one that is.
        """
        with self._lock:
            readable = [(segment, segment.synced) for segment in self._segments if segment.end > position]
        return self._reader.read(readable, position, max_lines)

    def wait(self, position: int, timeout: float) -> bool:
        """Block until lines from ``position`` on can be read, at most timeout seconds; False when there are none."""
        with self._grown:
            return self._grown.wait_for(lambda: self.durable > position, timeout)

    def release(self, position: int) -> None:
        """The pipeline has stored everything before this number: delete the files that hold nothing else."""
        with self._lock:
            cramped = self._refused and position >= self.end and not self._failed
            if cramped:
                self._make_room()
        if cramped:
            self.sync()
        with self._lock:
            while len(self._segments) > 1 and self._segments[0].end <= position:
                segment = self._segments[0]
                if segment.synced < segment.size or self._segments[1].synced == 0:
                    break
                segment.path.unlink(missing_ok=True)
                self._segments.pop(0)
                self.size -= segment.size
            self._keep_reserve()

    def _make_room(self) -> None:
        """On a full disk a last file that is wholly read can only go when a next one records where numbers go on."""
        self._reserve.unlink(missing_ok=True)
        try:
            self._roll()
        except OSError as error:
            if error.errno not in _FULL:
                raise self._fail(error) from error
        else:
            self._refused = False

    @property
    def _reserve(self) -> Path:
        return self.folder / "reserve"

    def _keep_reserve(self) -> None:
        """Some room on the disk that nobody else can take, for the moment when it is full."""
        if self._refused or self._reserve.exists():
            return
        try:
            with self._reserve.open("wb") as file:
                os.posix_fallocate(file.fileno(), 0, RESERVE_BYTES)
        except OSError:
            self._reserve.unlink(missing_ok=True)

    def close(self) -> None:
        """Make everything durable and let go of the folder."""
        try:
            if not self._failed:
                self.sync()
        finally:
            self._reader.close()
            for handle in (self._handle, *(handle for _, handle in self._retired), self._own):
                if handle >= 0:
                    os.close(handle)
            self._handle = self._own = -1
            self._retired = []

    def _check(self) -> None:
        if self._failed:
            raise SpoolFailed(self._failed)

    def _fail(self, error: OSError) -> SpoolFailed:
        # After a failed fsync the kernel may have dropped the pages, and a second one would report success.
        self._failed = f"{self.folder}: {error.strerror}"
        return SpoolFailed(self._failed)


def _own(folder: Path) -> int:
    handle = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(handle)
        raise SpoolFailed(folder, "another process is using this spool") from error
    return handle
