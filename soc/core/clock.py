"""Time is passed in: nothing below the engines asks the machine for it."""

from __future__ import annotations

import time
from typing import Protocol

END_OF_TIME = 253_402_300_799_000_000
"""The last µs of year 9999: past every event."""


class Clock(Protocol):
    """Anything that tells the time in µs since the epoch, UTC."""

    def now(self) -> int: ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> int:
        return time.time_ns() // 1000


class FixedClock:
    """A clock that a test or a replay moves by hand."""

    def __init__(self, now: int) -> None:
        self.time = now

    def now(self) -> int:
        return self.time
