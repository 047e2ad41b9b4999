"""What filters mean, in one place for every store."""

from __future__ import annotations

import re
import unicodedata

from soc.core.alert import Alert
from soc.core.event import Rejected
from soc.core.finding import Level
from soc.core.storable import storable_text
from soc.core.store import LineFilter

WORDS = tuple(level.word for level in reversed(Level))
"""Severity words, the worst first."""


def comparable(text: str) -> str:
    """Text as it is compared: letter case, spacing and the way that accents are encoded do not matter."""
    return storable_text(unicodedata.normalize("NFC", " ".join(text.split())).casefold())


def least_level(word: str) -> Level:
    """ "high" -> Level.HIGH; ValueError for another word."""
    try:
        return Level[word.upper()]
    except KeyError as error:
        raise ValueError(f"{word!r} is no severity; there are {', '.join(WORDS)}") from error


def titles(alert: Alert) -> str:
    """The alert's titles as a filter looks into them; a line break keeps a match from spanning two."""
    return f"{comparable(alert.title)}\n{comparable(alert.title_vi)}"


def hosts(alert: Alert) -> list[str]:
    """Every name and address that a host filter can find the alert by."""
    return sorted({comparable(host) for host in (*alert.hosts, *(value for _, value in alert.group)) if host})


def is_beginning(id: str) -> bool:
    """True for an alert id or the beginning of one: at least 4 hex digits, as ids are written."""
    return re.fullmatch(r"[0-9a-f]{4,64}", id) is not None


def id_range(beginning: str) -> tuple[str, str]:
    """The first and last id (32 digits) that begin so, equal for a whole one; nothing is between if none can."""
    if re.fullmatch(r"[0-9a-f]{4,32}", beginning) is None:
        return "f" * 32, "0" * 32
    return beginning.ljust(32, "0"), beginning.ljust(32, "f")


def matches(line: Rejected, id: str, wanted: LineFilter) -> bool:
    """Whether a rejected line with that id is one of those wanted."""
    if wanted.id is not None:
        first, last = id_range(wanted.id)
        if not first <= id <= last:
            return False
    return (
        (wanted.reason is None or _lower(wanted.reason) in _lower(line.reason))
        and (wanted.origin is None or _lower(wanted.origin) in _lower(line.origin))
        and (wanted.since is None or line.received >= wanted.since)
    )


def _lower(text: str) -> bytes:
    """a-z alone: the case of other letters counts in every store."""
    return storable_text(text).encode().lower()
