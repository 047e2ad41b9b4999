"""Numbers, durations and dates as a reader of the language writes them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

from soc.core.i18n import translator
from soc.posture.month import Month

# Vietnamese has numbers for them.
_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Voice:
    """language: "vi" or "en"; zone: seconds east of UTC; t: its translator."""

    def __init__(self, language: str, zone: int) -> None:
        self.language = language
        self.t = translator(language)
        self._zone = timezone(timedelta(seconds=zone))

    def number(self, value: float, digits: int = 0) -> str:
        """1234.5 -> "1,234.5" or, in Vietnamese, "1.234,5"."""
        text = f"{value:,.{digits}f}"
        return text.translate(str.maketrans(",.", ".,")) if self.language == "vi" else text

    def percent(self, part: float, whole: float) -> str:
        """ "31%"; of nothing it is 0%. Neither a few nor nearly all are rounded to none or all."""
        if not whole or not part:
            return "0%"
        share = max(round(100 * part / whole), 1)
        return f"{self.number(min(share, 99) if part < whole else share)}%"

    def duration(self, seconds: float) -> str:
        """ "0.4 s", "12 min", "3.5 h", "2.1 d": two figures that mean something."""
        t = self.t
        if seconds < 60:
            return t("{n} s", n=self.number(seconds, 1 if seconds < 10 else 0))
        if seconds < 3600:
            return t("{n} min", n=self.number(seconds / 60))
        if seconds < 48 * 3600:
            return t("{n} h", n=self.number(seconds / 3600, 1))
        return t("{n} d", n=self.number(seconds / 86400, 1))

    def day(self, time: int) -> str:
        """The local date of a time in µs: "2 October", "02/10"."""
        at = self._at(time)
        return f"{at:%d/%m}" if self.language == "vi" else f"{at.day} {_MONTHS[at.month - 1]}"

    def moment(self, time: int) -> str:
        """The local minute and date: "14:05 on 2 October"."""
        t = self.t
        return t("{clock} on {day}", clock=f"{self._at(time):%H:%M}", day=self.day(time))

    def month(self, month: Month) -> str:
        """ "October 2026", "tháng 10/2026"."""
        if self.language == "vi":
            return f"tháng {month.month}/{month.year}"
        return f"{_MONTHS[month.month - 1]} {month.year}"

    def title(self, title: str, title_vi: str) -> str:
        """A rule's title in the language, as far as its author gave one."""
        return title_vi if self.language == "vi" and title_vi else title

    def _at(self, time: int) -> datetime:
        return (_EPOCH + timedelta(microseconds=time)).astimezone(self._zone)
