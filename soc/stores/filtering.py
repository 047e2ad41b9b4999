"""What an AlertFilter means, in one place for every store."""

from __future__ import annotations

import re
import unicodedata

from soc.core.alert import Alert
from soc.core.finding import Level
from soc.stores.encoding import storable_text

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
