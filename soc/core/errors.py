"""Errors that a user can act on: each names the file and line, or the settings key, that is wrong."""

from __future__ import annotations

from dataclasses import dataclass


class SocError(Exception):
    """Something the user can mend; shown as one line, without a traceback."""


class SettingsError(SocError):
    """A settings file is wrong; the text names file, line and key."""


class StoreError(SocError):
    """The store cannot be opened or written."""


class Conflict(SocError):
    """Somebody else has changed it since it was read: read it again and decide again."""


class Refused(SocError):
    """What was asked may not be done now; the text says why and is a key of the translation."""


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing wrong in a content file (rule, sample, mapping, inventory): where, and what."""

    path: str
    line: int
    reason: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.reason}"
