"""Rules that were read once, kept on disk (soc.sigma.sealed): the next start takes those of unchanged files from there.

What a file came to is taken only for the same path, the same bytes, the same field mapping and lists, and the same
code and libraries, so nothing is ever stale.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from hashlib import blake2b
from pathlib import Path

from soc.core.errors import Problem
from soc.sigma.documents import Document
from soc.sigma.rule import Rule
from soc.sigma.sealed import Sealed

Item = Rule | Document | Problem
_Files = dict[str, tuple[bytes, tuple[Item, ...]]]
"""Path -> the hash of the file's bytes, and what it comes to."""


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
        self._sealed = Sealed(folder, ".rules", asked)
        self._before: _Files = self._sealed.read() or {}
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
        """Keeps what was asked for, if that is not what is there."""
        if self._sealed.kept and _digests(self._now) != _digests(self._before):
            self._sealed.write(self._now)


def _digests(files: _Files) -> dict[str, bytes]:
    return {path: digest for path, (digest, _) in files.items()}
