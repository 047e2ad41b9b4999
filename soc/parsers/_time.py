"""The clock readings that log lines carry, as µs since 1970 UTC. A text that is no time raises ParseError.

Lines of one second carry the same text, so each reader remembers the texts it has seen (bounded).
"""

from __future__ import annotations

import re
from datetime import date
from typing import Final, TypeVar

from soc.parsers._device import ParseError

Key = TypeVar("Key")
Known = TypeVar("Known")

SECOND: Final = 1_000_000
DAY: Final = 86_400 * SECOND
_MEMO_SIZE: Final = 4096
_EPOCH_DAY: Final = date(1970, 1, 1).toordinal()
MONTHS: Final = {
    name: number
    for number, name in enumerate(
        ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"), start=1
    )
}
_DATE = re.compile(r"(\d{4})-(\d\d)-(\d\d)", re.ASCII)
_CLOCK = re.compile(r"(\d\d):(\d\d):(\d\d)(?:[.,](\d{1,9}))?", re.ASCII)
_SYSLOG = re.compile(r"([A-Z][a-z]{2}) {1,2}(\d{1,2}) (?:(\d{4}) )?(\d\d:\d\d:\d\d(?:\.\d{1,9})?)", re.ASCII)
_CLF = re.compile(r"(\d\d)/([A-Z][a-z]{2})/(\d{4}):(\d\d:\d\d:\d\d) ([+-]\d{4})", re.ASCII)
_ZONE = re.compile(r"([+-])(\d\d):?(\d\d)", re.ASCII)

_seconds: dict[str, int] = {}
_zones: dict[str, int] = {"Z": 0, "z": 0}
_syslog: dict[tuple[str, int], tuple[int, int]] = {}
_clf: dict[str, int] = {}
_dates: dict[tuple[str, str, int], int] = {}


def rfc3339(text: str) -> int:
    """RFC 3339, zone given: "2026-10-05T08:14:03.123456+07:00", also +0700 and any fraction down to ns."""
    second = _seconds.get(text[:19])
    if second is None:
        second = _remember(_seconds, text[:19], _second(text[:19], text))
    rest = text[19:]
    if rest[-1:] in {"Z", "z"}:
        cut = -1
    elif rest[-6:-5] in {"+", "-"}:
        cut = -6
    else:
        cut = -5
    east = _zones.get(rest[cut:])
    if east is None:
        east = _remember(_zones, rest[cut:], zone(rest[cut:]))
    fraction = rest[:cut]
    if not fraction:
        return second - east
    return second - east + _fraction(fraction, text)


def syslog_time(text: str, received: int, zone: int) -> int:
    """RFC 3164: "Oct  5 08:14:03", also with a year or a fraction; zone in seconds east of UTC.

    Without a year it is the latest year that puts the time at most one day after ``received`` (µs):
    senders' clocks may run ahead a little, and lines of December arrive in January.
    """
    latest = received + DAY
    known = _syslog.get((text, zone))
    if known is None or not known[0] <= latest < known[1]:
        known = _remember(_syslog, (text, zone), _year_found(text, latest, zone))
    return known[0]


def clf_time(text: str) -> int:
    """The Common Log Format of web servers: "05/Oct/2026:08:14:03 +0700"."""
    known = _clf.get(text)
    if known is None:
        found = _CLF.fullmatch(text)
        if not found:
            raise ParseError(f"no access-log time: {text[:40]!r}")
        day = _day(int(found[3]), _month(found[2], text), int(found[1]), text)
        known = _remember(_clf, text, day + _clock(found[4], text) - zone(found[5]))
    return known


def date_time(date: str, clock: str, zone: int) -> int:
    """A date and a clock in separate fields: "2026-10-05", "08:14:03" (a fraction is welcome)."""
    key = (date, clock, zone)
    known = _dates.get(key)
    if known is None:
        found = _DATE.fullmatch(date)
        if not found:
            raise ParseError(f"no date: {date[:40]!r}")
        day = _day(int(found[1]), int(found[2]), int(found[3]), date)
        known = _remember(_dates, key, day + _clock(clock, clock) - zone * SECOND)
    return known


def zone(text: str) -> int:
    """µs east of UTC of "+07:00" or "+0700"; at most 14 hours 59 minutes."""
    found = _ZONE.fullmatch(text)
    if not found or int(found[2]) > 14 or int(found[3]) > 59:
        raise ParseError(f"no time zone: {text[:40]!r}")
    east = (int(found[2]) * 60 + int(found[3])) * 60 * SECOND
    return east if found[1] == "+" else -east


def _second(text: str, whole: str) -> int:
    found = _DATE.match(text)
    if not found or text[10:11] not in {"T", "t", " "}:
        raise ParseError(f"no RFC 3339 time: {whole[:40]!r}")
    return _day(int(found[1]), int(found[2]), int(found[3]), whole) + _clock(text[11:], whole)


def _year_found(text: str, latest: int, zone: int) -> tuple[int, int]:
    """The time, and the first moment for which a later year would be right."""
    found = _SYSLOG.fullmatch(text)
    if not found:
        raise ParseError(f"no syslog time: {text[:40]!r}")
    month, day = _month(found[1], text), int(found[2])
    clock = _clock(found[4], text) - zone * SECOND
    if found[3]:
        return _day(int(found[3]), month, day, text) + clock, 1 << 62
    year = date.fromordinal(max(1, min(_EPOCH_DAY + latest // DAY, _EPOCH_DAY * 5))).year
    following = 1 << 62
    # A 29 February needs up to eight years: 2096, 2104.
    for candidate in range(min(year + 9, 9998), max(year - 10, 1), -1):
        try:
            time = (date(candidate, month, day).toordinal() - _EPOCH_DAY) * DAY + clock
        except ValueError:
            continue
        if time <= latest:
            return time, following
        following = time
    raise ParseError(f"no such day: {text[:40]!r}")


def _day(year: int, month: int, day: int, whole: str) -> int:
    if not 1970 <= year <= 9998:
        raise ParseError(f"year out of range: {whole[:40]!r}")
    try:
        return (date(year, month, day).toordinal() - _EPOCH_DAY) * DAY
    except ValueError as error:
        raise ParseError(f"no such day: {whole[:40]!r}") from error


def _clock(text: str, whole: str) -> int:
    found = _CLOCK.fullmatch(text)
    if not found or int(found[1]) > 23 or int(found[2]) > 59 or int(found[3]) > 60:  # 60: a leap second
        raise ParseError(f"no time of day: {whole[:40]!r}")
    seconds = int(found[1]) * 3600 + int(found[2]) * 60 + int(found[3])
    return seconds * SECOND + (int((found[4] + "00000")[:6]) if found[4] else 0)


def _fraction(text: str, whole: str) -> int:
    digits = text[1:]
    if text[0] not in ".," or len(digits) > 9 or not (digits.isascii() and digits.isdigit()):
        raise ParseError(f"no RFC 3339 time: {whole[:40]!r}")
    return int((digits + "00000")[:6])


def _month(name: str, whole: str) -> int:
    number = MONTHS.get(name)
    if number is None:
        raise ParseError(f"no such month: {whole[:40]!r}")
    return number


def _remember(memo: dict[Key, Known], key: Key, known: Known) -> Known:
    if len(memo) >= _MEMO_SIZE:
        memo.clear()
    memo[key] = known
    return known
