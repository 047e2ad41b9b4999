"""What rotated log files are called, and telling a copy from a file of its own."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from stat import S_ISREG

from collectors.followed import identity

COMPRESSED = frozenset({".gz", ".bz2", ".xz", ".zst", ".lz4", ".Z", ".zip"})

ATTEMPTS = 10


class Rotating(OSError):
    """Files are being renamed just now: look again later."""


def rotated_from(path: str) -> list[tuple[str, os.stat_result]]:
    """Readable files beside path whose names say that they were rotated away from it, oldest first, none compressed.

    For app.log: app.log.1, app.log-20261005, app.log.old, app-20261005.log (logrotate's and log4j's habits).
    OSError when the folder cannot be read; Rotating when its names do not stand still: a listing that runs while
    files are being renamed can miss some of them.
    """
    name, stem, suffix = Path(path).name, Path(path).stem, Path(path).suffix
    habit = re.compile(rf"{re.escape(name)}[._-](\d.*|old)|{re.escape(stem)}[._-]\d[\dTZ._-]*{re.escape(suffix)}")
    for _ in range(ATTEMPTS):
        found = _matching(Path(path).parent, habit)
        if [(name, identity(status)) for name, status in found] == [
            (name, identity(status)) for name, status in _matching(Path(path).parent, habit)
        ]:
            return found
    raise Rotating(path)


def _matching(folder: Path, habit: re.Pattern[str]) -> list[tuple[str, os.stat_result]]:
    found = []
    with os.scandir(folder) as entries:
        for entry in entries:
            if habit.fullmatch(entry.name) and Path(entry.name).suffix not in COMPRESSED:
                status = entry.stat()
                if S_ISREG(status.st_mode) and os.access(entry.path, os.R_OK):
                    found.append((entry.path, status))
    return sorted(found, key=lambda pair: (pair[1].st_mtime_ns, pair[0]))


@contextmanager
def opened(path: str, key: str) -> Iterator[int]:
    """A handle on the file that a listing named. Rotating when another file has the name by now; OSError."""
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        if identity(os.fstat(handle)) != key:
            raise Rotating(path)
        yield handle
    finally:
        os.close(handle)


def is_copy(first: bytes, originals: Iterable[bytes]) -> bool:
    """Whether a file that begins so is a copy, perhaps still being made, of one of these beginnings."""
    return any(first.startswith(other) or other.startswith(first) for other in originals if other)


def current_key(path: str) -> str:
    """The identity of the file that has this name now, "" if there is none."""
    try:
        return identity(Path(path).stat())
    except OSError:
        return ""
