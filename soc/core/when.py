"""Times as people read them: local (+07:00), and how long ago."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

from soc.core.hostile import plain
from soc.core.i18n import Translate

AGES = ((86400, "{n} d ago"), (3600, "{n} h ago"), (60, "{n} min ago"), (1, "{n} s ago"))
LOCAL = timezone(timedelta(hours=7))
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def local(when: int | str, form: str = "%Y-%m-%d %H:%M:%S") -> str:
    """µs since the epoch, or an ISO time, as 2026-10-05 08:14:03 in local time; as it is if forged beyond year 9999."""
    try:
        moment = datetime.fromisoformat(when) if isinstance(when, str) else _EPOCH + timedelta(microseconds=when)
        return moment.astimezone(LOCAL).strftime(form)
    except (OverflowError, ValueError):
        return plain(when)


def ago(when: int, now: int, t: Translate) -> str:
    """ "3 min ago"; "just now" below ten seconds."""
    seconds = max(0, now - when) // 1_000_000
    if seconds < 10:
        return t("just now")
    return next(t(text, n=seconds // size) for size, text in AGES if seconds >= size)


def drift(skew: int, t: Translate) -> str:
    """How far a source's times are from their receipt (µs, > 0 ahead); a minute is nothing to speak of."""
    minutes = abs(skew) // 60_000_000
    if minutes < 1:
        return t("right")
    amount = t("{n} min", n=minutes) if minutes < 600 else t("{n} h", n=minutes // 60)
    return t("{amount} ahead", amount=amount) if skew > 0 else t("{amount} behind, or late lines", amount=amount)
