"""What rotated log files are called, and telling a copy from a file of its own."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path
from stat import S_ISREG

from collectors.followed import Head, begins, head_of, identity

COMPRESSED = frozenset({".gz", ".bz2", ".xz", ".zst", ".lz4", ".Z", ".zip"})


def rotated_from(path: str) -> list[tuple[str, os.stat_result]]:
    """Files beside path whose names say that they were rotated away from it, oldest first; compressed ones are not.

    For app.log: app.log.1, app.log-20261005, app.log.old, app-20261005.log (logrotate's and log4j's habits).
    OSError when the folder cannot be read.
    """
    name, stem, suffix = Path(path).name, Path(path).stem, Path(path).suffix
    habit = re.compile(rf"{re.escape(name)}[._-](\d.*|old)|{re.escape(stem)}[._-]\d[\dTZ._-]*{re.escape(suffix)}")
    found = []
    with os.scandir(Path(path).parent) as entries:
        for entry in entries:
            if habit.fullmatch(entry.name) and Path(entry.name).suffix not in COMPRESSED:
                status = entry.stat()
                if S_ISREG(status.st_mode):
                    found.append((entry.path, status))
    return sorted(found, key=lambda pair: (pair[1].st_mtime_ns, pair[0]))


def open_file(path: str) -> tuple[int, os.stat_result]:
    """A handle for reading, and what it is a handle of. OSError."""
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    return handle, os.fstat(handle)


def begins_like(path: str, heads: Iterable[Head]) -> bool:
    """Whether a file begins like one of those that the heads stand for: it is that file, or a copy. OSError."""
    handle, _ = open_file(path)
    try:
        return any(head[0] > 0 and begins(handle, head) for head in heads)
    finally:
        os.close(handle)


def head_of_file(path: str) -> Head:
    """The head of the file with this name. OSError."""
    handle, _ = open_file(path)
    try:
        return head_of(handle)
    finally:
        os.close(handle)


def current_key(path: str) -> str:
    """The identity of the file that has this name now, "" if there is none."""
    try:
        return identity(Path(path).stat())
    except OSError:
        return ""
