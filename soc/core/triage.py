"""The life of an alert: what people do about it, who and when, and what may follow what. Pure.

    new ── acknowledge ──> acknowledged ── close (verdict, reason) ──> closed ── reopen ──> reopened

A new or reopened alert may be closed at once. Assigning is possible until it is closed, commenting always.
"""

from __future__ import annotations

from typing import Final

import msgspec

from soc.core.errors import Conflict, Refused

STATUSES: Final = ("new", "acknowledged", "closed", "reopened")
VERDICTS: Final = ("true_positive", "false_positive", "benign")
ACTS: Final = ("acknowledge", "assign", "comment", "close", "reopen")
_LEADS_TO: Final = {"acknowledge": "acknowledged", "close": "closed", "reopen": "reopened"}

LONGEST_TEXT: Final = 4000
LONGEST_NAME: Final = 64
MOST_ENTRIES: Final = 1000

UNKNOWN_ACT = "There is no such act."
NO_VERDICT = "Closing needs a verdict."
NO_REASON = "Closing needs a reason."
NO_TEXT = "The comment is empty."
TOO_LONG = "The text is too long: 4,000 characters at most."
NAME_TOO_LONG = "The name is too long: 64 characters at most."
TOO_MANY = "This alert has as many entries as it can have."
ALREADY_SEEN = "It is acknowledged already."
CLOSED = "It is closed: reopen it first."
NOT_CLOSED = "It is not closed."
SAME_ASSIGNEE = "It is assigned so already."
NO_ALERT = "There is no such alert."
NO_PERSON = "Nobody of that name can be assigned."
REFUSALS: Final = (
    UNKNOWN_ACT, NO_VERDICT, NO_REASON, NO_TEXT, TOO_LONG, NAME_TOO_LONG, TOO_MANY, ALREADY_SEEN, CLOSED, NOT_CLOSED,
    SAME_ASSIGNEE, NO_ALERT, NO_PERSON,
)  # fmt: skip
"""Why an act is refused: keys of the translation."""


class Act(msgspec.Struct, frozen=True):
    """What a person does. at: µs since the epoch; text: comment or reason; verdict: of VERDICTS, for close alone;
    assignee: for assign alone, "" for nobody."""

    kind: str
    by: str
    at: int
    text: str = ""
    verdict: str = ""
    assignee: str = ""


class Entry(msgspec.Struct, frozen=True):
    """What was done. old, new: the status before and after; for assign the assignee, for close new is the
    verdict."""

    at: int
    by: str
    act: str
    old: str = ""
    new: str = ""
    text: str = ""


class Life(msgspec.Struct, frozen=True):
    """All that people did about one alert, in order. The same on every store."""

    entries: tuple[Entry, ...] = ()

    @property
    def version(self) -> int:
        """What an act has to name: entries are only ever added, so their number tells any two states apart.

        What the pipeline adds to the alert meanwhile does not count.
        """
        return len(self.entries)

    @property
    def status(self) -> str:
        """Of STATUSES."""
        return next((_LEADS_TO[one.act] for one in reversed(self.entries) if one.act in _LEADS_TO), "new")

    @property
    def assignee(self) -> str:
        """Who has it, "" for nobody."""
        return next((one.new for one in reversed(self.entries) if one.act == "assign"), "")

    @property
    def verdict(self) -> str:
        """Of VERDICTS while it is closed, else ""."""
        last = next((one for one in reversed(self.entries) if one.act in _LEADS_TO), None)
        return last.new if last is not None and last.act == "close" else ""


def lived(life: Life, act: Act) -> Life:
    """The life after the act. Refused (one of REFUSALS) if it may not follow."""
    text, assignee = _storable(act.text.strip()), _storable(act.assignee.strip())
    _check_words(act, text, assignee)
    if life.version >= MOST_ENTRIES:
        raise Refused(TOO_MANY)
    status = life.status
    if act.kind == "acknowledge" and status == "acknowledged":
        raise Refused(ALREADY_SEEN)
    if act.kind in ("acknowledge", "assign", "close") and status == "closed":
        raise Refused(CLOSED)
    if act.kind == "reopen" and status != "closed":
        raise Refused(NOT_CLOSED)
    if act.kind == "assign" and assignee == life.assignee:
        raise Refused(SAME_ASSIGNEE)
    old, new = {
        "assign": (life.assignee, assignee),
        "close": (status, act.verdict),
        "comment": ("", ""),
    }.get(act.kind, (status, _LEADS_TO.get(act.kind, "")))
    return Life((*life.entries, Entry(act.at, act.by, act.kind, old, new, text)))


def acted(life: Life, act: Act, version: int) -> Life:
    """As ``lived``, for who has seen the life as ``version``. Conflict if it has gone on since."""
    if life.version != version:
        raise Conflict("somebody else has changed the alert since it was read")
    return lived(life, act)


def _check_words(act: Act, text: str, assignee: str) -> None:
    if act.kind not in ACTS:
        raise Refused(UNKNOWN_ACT)
    if act.kind == "close" and act.verdict not in VERDICTS:
        raise Refused(NO_VERDICT)
    if act.kind == "close" and not text:
        raise Refused(NO_REASON)
    if act.kind == "comment" and not text:
        raise Refused(NO_TEXT)
    if len(text) > LONGEST_TEXT:
        raise Refused(TOO_LONG)
    if len(assignee) > LONGEST_NAME:
        raise Refused(NAME_TOO_LONG)


def _storable(text: str) -> str:
    """Without lone surrogates, which JSON can bring and no store can keep."""
    return text.encode("utf-8", "backslashreplace").decode()
