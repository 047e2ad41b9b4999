"""Errors that a user can act on: each names the file and line, or the settings key, that is wrong."""

from __future__ import annotations

from dataclasses import dataclass

from soc.core.i18n import Translate, translator


class SocError(Exception):
    """Something the user can mend; shown as one line, without a traceback.

    said is what is wrong, behind the places where: ``SocError(path, "{file} does not exist", file=name)``. The text is
    a key of the translation; it may also be another error.
    """

    def __init__(self, *said: object, **values: object) -> None:
        *places, text = said or ("",)
        self._places = tuple(map(str, places))
        self._text = text if isinstance(text, SocError) else str(text)
        self._values = {name: value if isinstance(value, int) else str(value) for name, value in values.items()}
        super().__init__(self.told(translator("en")))

    def told(self, t: Translate) -> str:
        """The same in the language of t."""
        text = self._text.told(t) if isinstance(self._text, SocError) else t(self._text, **self._values)
        return ": ".join((*self._places, text))


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
