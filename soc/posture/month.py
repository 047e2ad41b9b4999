"""A calendar month in local time, as a stretch of µs."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from typing import NamedTuple

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
DAY = 86_400_000_000


class Month(NamedTuple):
    """year, month 1-12, and zone: seconds east of UTC of the midnights that it begins and ends at."""

    year: int
    month: int
    zone: int

    @classmethod
    def parse(cls, text: str, zone: int) -> Month:
        """ "2026-10"; ValueError for anything else."""
        found = re.fullmatch(r"([1-9]\d{3})-(0[1-9]|1[0-2])", text, re.ASCII)
        if found is None or not 1971 <= int(found[1]) <= 9998:
            raise ValueError(f"{text!r} is no month such as 2026-10")
        return cls(int(found[1]), int(found[2]), zone)

    @property
    def start(self) -> int:
        """µs: its first local midnight."""
        local = datetime(self.year, self.month, 1, tzinfo=timezone(timedelta(seconds=self.zone)))
        return (local - _EPOCH) // timedelta(microseconds=1)

    @property
    def end(self) -> int:
        """µs: the local midnight after its last day."""
        return self.after.start

    @property
    def after(self) -> Month:
        return Month(self.year + self.month // 12, self.month % 12 + 1, self.zone)

    @property
    def before(self) -> Month:
        return Month(self.year - (self.month == 1), (self.month - 2) % 12 + 1, self.zone)

    @property
    def days(self) -> int:
        return (self.end - self.start) // DAY

    def day(self, time: int) -> int:
        """The day of the month, 1-31, of a time (µs); what is outside counts as the first or last."""
        return min(max((time - self.start) // DAY, 0), self.days - 1) + 1

    def __str__(self) -> str:
        return f"{self.year:04d}-{self.month:02d}"
