"""What was worked out once and is kept on disk for the next start, as pickles.

A pickle is code: one is read only from a folder and file that nobody but us can have written, and as we wrote it to
the last byte. Names are hashes of all that the content depends on, so nothing is stale. SOC_CACHE=off keeps nothing.
"""

from __future__ import annotations

import gc
import os
import pickle
import stat
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from hashlib import blake2b
from pathlib import Path
from typing import Any

from soc.core.ids import content_id

MOST_ENTRIES = 8
"""Files of one ending that are kept in one folder: the latest used."""
_SEAL = 32
_UNREADABLE = (pickle.UnpicklingError, AttributeError, ImportError, LookupError, TypeError, ValueError)
"""What reading a pickle raises that another version wrote: one that was installed while this one was starting."""
_LIBRARIES = frozenset({"site-packages", "dist-packages"})


class Sealed:
    """One kept thing. folder: where, None for nowhere; asked: all that it depends on besides the code that runs."""

    def __init__(self, folder: Path | None, ending: str, asked: Iterable[str]) -> None:
        self._folder = None if os.environ.get("SOC_CACHE") == "off" else folder
        self._ending = ending
        self._name = "" if self._folder is None else content_id((_CODE, *asked)) + ending

    @property
    def kept(self) -> bool:
        """Whether anything is kept at all."""
        return self._folder is not None

    def read(self) -> Any:
        """What was kept; None where there is nothing, or nothing that may be read."""
        if self._folder is None:
            return None
        try:
            with _opened(self._folder) as folder:
                return unpickled(_checked(folder, self._name))
        except OSError:
            return None

    def write(self, content: object) -> None:
        """Keeps it. It is no error when it cannot be kept."""
        if self._folder is None:
            return
        with suppress(OSError):
            _make(self._folder)
            with _opened(self._folder) as folder:
                _write(folder, self._name, pickle.dumps(content, pickle.HIGHEST_PROTOCOL), self._ending)
                _forget(folder, self._ending)


def unpickled(content: bytes) -> Any:
    """What a pickle of ours holds; None for one that another version wrote."""
    collecting = gc.isenabled()
    gc.disable()  # it would look through all the new objects again and again, and find none to free
    try:
        return pickle.loads(content)  # noqa: S301 - ours, see above
    except _UNREADABLE:
        return None
    finally:
        if collecting:
            gc.enable()


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


def _write(folder: int, name: str, content: bytes, ending: str) -> None:
    """Replaces a file at once: who reads meanwhile has the old one or the new one."""
    fresh = os.urandom(16).hex() + ending
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600, dir_fd=folder)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(blake2b(content, digest_size=_SEAL).digest() + content)
        os.replace(fresh, name, src_dir_fd=folder, dst_dir_fd=folder)
    except OSError:
        os.unlink(fresh, dir_fd=folder)
        raise


def _forget(folder: int, ending: str) -> None:
    """All but the latest used, and what a killed process left half-written."""
    used = [(os.stat(name, dir_fd=folder).st_mtime_ns, name) for name in os.listdir(folder) if name.endswith(ending)]
    for _, name in sorted(used, reverse=True)[MOST_ENTRIES:]:
        os.unlink(name, dir_fd=folder)
