"""Rules that were read once, kept on disk: the next start takes those of unchanged files from there.

What a file came to is taken only for the same path, the same bytes, the same field mapping and lists, and the same
code and libraries, so nothing is ever stale. A pickle is code: one is read only where nobody but us can have written
it, and as we wrote it to the last byte. Where that is not so, or with SOC_CACHE=off, everything is read afresh.
"""

from __future__ import annotations

import gc
import os
import pickle
import stat
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import cached_property
from hashlib import blake2b
from pathlib import Path

from soc.core.errors import Problem
from soc.core.ids import content_id
from soc.sigma.documents import Document
from soc.sigma.rule import Rule

Item = Rule | Document | Problem
_Files = dict[str, tuple[bytes, tuple[Item, ...]]]
"""Path -> the hash of the file's bytes, and what it comes to."""

MOST_ENTRIES = 8
"""Sets of rules that are kept in one folder: the latest used."""
_ENDING = ".rules"
_SEAL = 32
_UNREADABLE = (pickle.UnpicklingError, AttributeError, ImportError, LookupError, TypeError, ValueError)
"""What reading a pickle raises that another version wrote: one that was installed while this one was starting."""
_LIBRARIES = frozenset({"site-packages", "dist-packages"})


def users_folder() -> Path | None:
    """Where commands without a data folder keep rules: in the user's cache, by the XDG specification.

    None for a user without a home.
    """
    given = Path(os.environ.get("XDG_CACHE_HOME", ""))
    try:
        return (given if given.is_absolute() else Path.home() / ".cache") / "soc-pipeline"
    except RuntimeError:
        return None


class Kept:
    """What the files of one set came to last time, and what they come to now.

    folder  where sets are kept, None for nowhere; asked: all that a file's items depend on besides the file
    """

    def __init__(self, folder: Path | None, asked: Iterable[str]) -> None:
        self._folder = None if os.environ.get("SOC_CACHE") == "off" else folder
        self._asked = asked
        self._before = self._read()
        self._now: _Files = {}

    def items(self, path: str, raw: bytes, make: Callable[[str, bytes], Iterable[Item]]) -> tuple[Item, ...]:
        """What a file of these bytes comes to: kept, or made."""
        digest = blake2b(raw, digest_size=32).digest()
        known = self._before.get(path)
        if known is None or known[0] != digest:
            known = digest, tuple(make(path, raw))
        self._now[path] = known
        return known[1]

    def save(self) -> None:
        """Keeps what was asked for, if that is not what is there. It is no error when it cannot be kept."""
        if self._folder is None or _digests(self._now) == _digests(self._before):
            return
        with suppress(OSError):
            _make(self._folder)
            with _opened(self._folder) as folder:
                _write(folder, self._name, pickle.dumps(self._now, pickle.HIGHEST_PROTOCOL))
                _forget(folder)

    @cached_property
    def _name(self) -> str:
        return content_id((_CODE, *self._asked)) + _ENDING

    def _read(self) -> _Files:
        if self._folder is None:
            return {}
        try:
            with _opened(self._folder) as folder:
                content = _checked(folder, self._name)
        except OSError:
            return {}
        collecting = gc.isenabled()
        gc.disable()  # it would look through all the new objects again and again, and find none to free
        try:
            found: _Files = pickle.loads(content)  # noqa: S301 - ours, see above
        except _UNREADABLE:
            return {}
        finally:
            if collecting:
                gc.enable()
        return found


def _digests(files: _Files) -> dict[str, bytes]:
    return {path: digest for path, (digest, _) in files.items()}


def _code() -> str:
    """The hash of what reads rules: this package, the core below it, the libraries and the interpreter."""
    folders = [folder for folder in map(Path, sys.path) if folder.name in _LIBRARIES and folder.is_dir()]
    installed = sorted(file.name for folder in folders for file in folder.glob("*.*-info"))
    whole = blake2b(repr((sys.version, installed)).encode())
    here = Path(__file__).parent
    for folder in (here, here.parent / "core"):
        for file in sorted(folder.rglob("*.*")):
            if file.suffix in {".py", ".yml", ".csv"}:
                whole.update(f"{file.relative_to(folder)}\0".encode() + blake2b(file.read_bytes()).digest())
    return whole.hexdigest()


_CODE = _code()
"""Of the code that runs: a service asks for its rules again when another version may long be on disk."""


def _make(folder: Path) -> None:
    """Makes the folder below one that is ours already, so that root makes none in a service's data."""
    there = next(one for one in (folder, *folder.parents) if one.exists())
    if there != folder and there.stat().st_uid == os.geteuid():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)


@contextmanager
def _opened(folder: Path) -> Iterator[int]:
    """The folder's descriptor, so that what was checked is what is used. OSError if others can write there."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        _refuse_foreign(descriptor)
        yield descriptor
    finally:
        os.close(descriptor)


def _refuse_foreign(descriptor: int) -> None:
    found = os.fstat(descriptor)
    if found.st_uid != os.geteuid() or found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise PermissionError("others can write it")


def _checked(folder: int, name: str) -> bytes:
    """A file's content. OSError if it is not there, not ours, or not as it was written."""
    with os.fdopen(os.open(name, os.O_RDONLY | os.O_NOFOLLOW, dir_fd=folder), "rb") as file:
        _refuse_foreign(file.fileno())
        seal, content = file.read(_SEAL), file.read()
        if blake2b(content, digest_size=_SEAL).digest() != seal:
            raise OSError("not as it was written")
        os.utime(file.fileno())
    return content


def _write(folder: int, name: str, content: bytes) -> None:
    """Replaces a file at once: who reads meanwhile has the old one or the new one."""
    fresh = os.urandom(16).hex() + _ENDING
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600, dir_fd=folder)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(blake2b(content, digest_size=_SEAL).digest() + content)
        os.replace(fresh, name, src_dir_fd=folder, dst_dir_fd=folder)
    except OSError:
        os.unlink(fresh, dir_fd=folder)
        raise


def _forget(folder: int) -> None:
    """All but the latest used, and what a killed process left half-written."""
    used = [(os.stat(name, dir_fd=folder).st_mtime_ns, name) for name in os.listdir(folder) if name.endswith(_ENDING)]
    for _, name in sorted(used, reverse=True)[MOST_ENTRIES:]:
        os.unlink(name, dir_fd=folder)
