"""Which log files belong to a setting, through every way of rotating them: rename, copy and truncate, delete.

A rotated file is read to its end under the name it had. Files that were rotated away while nobody looked are found
by their names and times.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from glob import glob
from pathlib import Path
from stat import S_ISREG

from collectors.catchup import left_behind
from collectors.followed import (
    NO_HEAD,
    Followed,
    Mark,
    Read,
    begins,
    decode_mark,
    encode_mark,
    identity,
)
from collectors.rotation import (
    COMPRESSED,
    Rotating,
    current_key,
    rotated_from,
)

MAX_FILES = 500
MAX_LEFT = 100
# A program may go on writing into a file that was renamed or deleted, until it is told to reopen.
LEFT_MICROS = 60 * 1_000_000
READS_PER_TURN = 8
# Files' times come from a coarser clock than ours, so they may lie a little before it.
CLOCK_STEP_MICROS = 20_000
# A folder that changed this recently may have changed again within the same tick of that clock.
FRESH_MICROS = 1_000_000


class Follower:
    """All files of one setting. poll() gives what is new; marks are those that the spool has kept."""

    def __init__(self, pattern: str, from_end: bool, marks: Mapping[str, bytes], report: Callable[[str], None]) -> None:
        self._pattern = pattern
        self._report = report
        self._reported: set[str] = set()
        self._seen_key = f"pattern:{pattern}"
        self._skip = from_end and self._seen_key not in marks
        # When this setting was first followed: older files that were rotated away are not ours to read.
        self._began = int(marks.get(self._seen_key, b"0"))
        self._looked = self._began
        self._first = True
        decoded = {key: decode_mark(state) for key, state in marks.items() if not key.startswith("pattern:")}
        self._marks = {key: mark for key, mark in decoded.items() if mark.pattern == pattern}
        self._files: dict[str, Followed] = {}
        self._by_path: dict[str, str] = {}
        self._folders: dict[str, int] = {}

    def poll(self, now: int) -> Iterator[Read]:
        """New lines of all files, those that were rotated away first; reads without lines carry marks. now in µs."""
        self._looked = (now - CLOCK_STEP_MICROS) * 1000
        if self._first:
            self._began = self._began or self._looked
            yield Read("", [], {self._seen_key: str(self._began).encode()})
        try:
            yield from self._look(now)
        except Rotating:
            # To read on now would make files that we have not seen yet look old.
            self._folders.clear()
            return
        self._first = self._skip = False
        left = [file for file in self._files.values() if file.left]
        left.sort(key=lambda file: (os.fstat(file.handle).st_mtime_ns, not file.ended))
        for file in left:
            yield from self._read(file, now)
        for file in [file for file in self._files.values() if not file.left]:
            yield from self._read(file, now)
        for file in [file for file in left if file.key in self._files][:-MAX_LEFT]:
            self._close(file)

    def _look(self, now: int) -> Iterator[Read]:
        """Match names with files again, and catch up wherever a name has moved or a file was emptied."""
        found = glob(self._pattern)  # noqa: PTH207 - Path.glob takes no absolute pattern
        paths = sorted(path for path in found if Path(path).suffix not in COMPRESSED)
        if len(paths) > MAX_FILES:
            self._once(f"{self._pattern}: {len(paths)} files match, only {MAX_FILES} are followed")
        before = set(self._files)
        present: dict[str, str] = {}
        for path in paths[:MAX_FILES]:
            if file := self._at(path):
                file.left = 0
                present[path] = file.key
                if self._skip:
                    file.skip_to_end(self._looked)
                if file.key not in before:
                    yield Read(path, [], file.state())
        known = {*present, *self._by_path, *(mark.path for mark in self._marks.values())}
        changed = {folder for folder in {str(Path(path).parent) for path in known} if self._changed(folder, now)}
        moved = {path for path in known if str(Path(path).parent) in changed}
        moved |= {file.mark.path for file in self._files.values() if not file.left and not file.unchanged()}
        for path in sorted(moved):
            try:
                yield from self._catch_up(path, before, now)
            except FileNotFoundError as error:
                raise Rotating(path) from error
            except Rotating:
                raise
            except OSError as error:
                self._once(f"{path}: rotated files: {error.strerror}")
        here = set(present.values())
        for file in self._files.values():
            if not file.left and file.key not in here:
                file.left = now
        self._by_path = present

    def _changed(self, folder: str, now: int) -> bool:
        """Whether names in a folder may have changed since the last look: no rotation goes without that."""
        try:
            at = Path(folder).stat().st_mtime_ns
        except OSError as error:
            self._once(f"{folder}: {error.strerror}")
            return False
        before, self._folders[folder] = self._folders.get(folder), at
        return at != before or abs(now * 1000 - at) < FRESH_MICROS * 1000

    def _at(self, path: str) -> Followed | None:
        """The file that has this name now."""
        try:
            status = Path(path).stat()
            if not S_ISREG(status.st_mode):
                return None
            return self._files.get(identity(status)) or self._open(path, path)
        except FileNotFoundError:
            return None
        except OSError as error:
            self._once(f"{path}: {error.strerror}")
            return None

    def _open(self, path: str, origin: str, expected: str = "") -> Followed:
        """Open a file where it was left; a file that has got the inode of an earlier one begins at its beginning."""
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        key = identity(os.fstat(handle))
        if expected and key != expected:
            os.close(handle)
            raise Rotating(path)
        mark = self._marks.get(key)
        if mark is None or (mark.path != origin and not begins(handle, mark.head)):
            mark = self._blank(origin)
        self._files[key] = Followed(handle, key, mark)
        return self._files[key]

    def _catch_up(self, path: str, before: set[str], now: int) -> Iterator[Read]:
        """Open the files rotated away from a name that hold unread lines, and begin again with emptied ones.

        before  the files that were already open at this look; a new one's time says nothing about what was missed
        """
        emptied = [file for file in self._of(path) if not file.left and not file.unchanged()]
        known = {key: mark for key, mark in self._marks.items() if mark.path == path}
        known |= {file.key: file.mark for file in self._of(path) if file.key in before}
        rotated = rotated_from(path)
        for behind in list(left_behind(self._blank(path), known, self._files, rotated, self._began)):
            self._marks[behind.key] = behind.mark
            if behind.mark.offset < behind.size:
                file = self._open(behind.name, path, behind.key)
                file.left = now
                file.ended = behind.ended
            if behind.new:
                yield Read(path, [], {behind.key: encode_mark(behind.mark)})
        for file in emptied:
            file.restart(self._looked)
            yield Read(path, [], file.state())
        there = {current_key(path), *(identity(status) for _, status in rotated)}
        yield from self._forget(known.keys() - there)

    def _of(self, path: str) -> list[Followed]:
        return [file for file in self._files.values() if file.mark.path == path]

    def _blank(self, path: str) -> Mark:
        return Mark(self._pattern, path, 0, 0, NO_HEAD)

    def _forget(self, keys: set[str]) -> Iterator[Read]:
        """Drop the marks of files that are no more."""
        for key in sorted(keys - self._files.keys()):
            self._marks.pop(key, None)
            yield Read("", [], {key: b""})

    def _read(self, file: Followed, now: int) -> Iterator[Read]:
        """What is new in one file; in one that was left, the unfinished last line once it has been silent long."""
        try:
            for _ in range(READS_PER_TURN):
                ended = file.ended or (file.left and now - file.left > LEFT_MICROS)
                if read := file.read(self._looked, last=bool(ended)):
                    yield read
                elif ended:
                    self._close(file)
                    break
                else:
                    break
                file.left = now if file.left and not ended else file.left
        except OSError as error:
            self._once(f"{file.mark.path}: {error.strerror}")
            self._close(file)

    def _close(self, file: Followed) -> None:
        os.close(file.handle)
        del self._files[file.key]
        if file.mark.offset:
            self._marks[file.key] = file.mark

    def close(self) -> None:
        """Let go of all files."""
        for file in list(self._files.values()):
            self._close(file)

    def _once(self, text: str) -> None:
        if text not in self._reported:
            self._reported.add(text)
            self._report(text)
