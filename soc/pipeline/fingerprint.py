"""Have the rules on disk changed? A quick look at the files' dates, and a hash of what is in them.

Every file below the paths counts (rules, filters, lists, whatever a rule refers to), but not the samples and
not what editors leave beside a file.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

Glance = tuple[tuple[str, int, int, int, int], ...]
"""Path, size, inode, time of modification and of change (ns) of every file: equal means untouched."""

_File = os.DirEntry[str] | Path
_YAML = (".yml", ".yaml")


def glance(paths: Sequence[Path]) -> Glance:
    """The files as the file system sees them, without reading them. OSError if a folder cannot be listed."""
    seen = []
    for file in _files(paths):
        try:
            found = file.stat()
        except FileNotFoundError:
            continue
        seen.append((os.fspath(file), found.st_size, found.st_ino, found.st_mtime_ns, found.st_ctime_ns))
    return tuple(seen)


def fingerprint(paths: Sequence[Path]) -> str:
    """BLAKE2b-128 of every file's path and content. OSError if a folder cannot be listed.

    A file that cannot be read counts as such: loading it says why.
    """
    whole = hashlib.blake2b(digest_size=16)
    for file in _files(paths):
        try:
            content = hashlib.blake2b(Path(file).read_bytes()).digest()
        except OSError as error:
            content = str(error.strerror).encode()
        whole.update(os.fsencode(file) + b"\0" + content)
    return whole.hexdigest()


def _files(paths: Sequence[Path]) -> Iterator[_File]:
    for path in paths:
        if path.is_dir():
            yield from sorted(_below(path), key=os.fspath)
        else:
            yield path


def _below(folder: str | Path) -> Iterator[_File]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                yield from _below(entry.path)
            elif _counts(entry.name):
                yield entry


def _counts(name: str) -> bool:
    return name.endswith(_YAML) or not (name.startswith(".") or name.endswith((".jsonl", "~")))
