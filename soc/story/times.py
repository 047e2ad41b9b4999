"""The morning's clock: Monday 5 October 2026, 07:00 to 11:30 at UTC+7, and how each device writes a moment.

Moments are µs since the epoch, UTC, as everywhere in the project.
"""

from __future__ import annotations

from datetime import date
from functools import lru_cache

from soc.core.event import micros
from soc.story.chance import Dice

SECOND = 1_000_000
MINUTE = 60 * SECOND

DAY = date(2026, 10, 5)
MIDNIGHT = micros(f"{DAY.isoformat()}T00:00:00+07:00")

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MONTH = _MONTHS[DAY.month - 1]

# how busy each half hour is: people arrive from 7:30, work from 8:30, and leave for lunch at 11:30
_RATES = (0.15, 0.45, 0.8, 1.0, 1.0, 1.0, 0.95, 0.8, 0.55)
_HALF_HOUR = 30 * MINUTE


def at(clock: str) -> int:
    """ "08:20:14" or "08:20:14.250" on the day of the story -> µs."""
    hours, minutes, seconds = clock.split(":")
    whole, _, fraction = seconds.partition(".")
    parts = int(hours) * 3600 + int(minutes) * 60 + int(whole)
    return MIDNIGHT + parts * SECOND + int(fraction.ljust(6, "0") if fraction else 0)


OPENING = at("07:00:00")
CLOSING = at("11:30:00")


@lru_cache(maxsize=20_000)
def _clock(second: int) -> str:
    return f"{second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}"


def clock(moment: int) -> str:
    """08:20:14, local."""
    return _clock((moment - MIDNIGHT) // SECOND)


def fortigate_stamp(moment: int) -> str:
    """date=2026-10-05 time=08:20:14, as FortiOS begins every line."""
    return f"date={DAY.isoformat()} time={clock(moment)}"


def syslog_stamp(moment: int) -> str:
    """Oct  5 08:20:14, without a year (RFC 3164)."""
    return f"{_MONTH} {DAY.day:2d} {clock(moment)}"


def access_stamp(moment: int) -> str:
    """05/Oct/2026:08:20:14 +0700, the combined log format's time."""
    return f"{DAY.day:02d}/{_MONTH}/{DAY.year}:{clock(moment)} +0700"


def error_stamp(moment: int) -> str:
    """2026/10/05 08:20:14, nginx's error log."""
    return f"{DAY.year}/{DAY.month:02d}/{DAY.day:02d} {clock(moment)}"


def eve_stamp(moment: int) -> str:
    """2026-10-05T08:20:14.250000+0700, Suricata's EVE."""
    return f"{DAY.isoformat()}T{clock(moment)}.{(moment - MIDNIGHT) % SECOND:06d}+0700"


def working_moments(dice: Dice, count: int) -> list[int]:
    """That many moments in order, few at seven o'clock and many from half past eight."""
    total = sum(_RATES)
    moments = []
    for _ in range(count):
        left = dice.random() * total
        slot = 0
        while slot < len(_RATES) - 1 and left >= _RATES[slot]:
            left -= _RATES[slot]
            slot += 1
        moments.append(OPENING + slot * _HALF_HOUR + int(dice.random() * _HALF_HOUR))
    return sorted(moments)


def even_moments(dice: Dice, count: int) -> list[int]:
    """That many moments in order, spread evenly over the morning: what does not follow office hours."""
    return sorted(OPENING + int(dice.random() * (CLOSING - OPENING)) for _ in range(count))


def regular_moments(
    dice: Dice, period: int, spread: float = 0.0, start: int = OPENING, end: int = CLOSING
) -> list[int]:
    """One moment each period (µs) with a relative spread: 0.1 is ±10 % of the period."""
    moments = []
    moment = start + int(dice.random() * period) if start == OPENING else start
    while moment < end:
        moments.append(moment)
        moment += int(period * (1 + spread * (2 * dice.random() - 1)))
    return moments
