"""Guessing is slowed down: after wrong attempts, that account from that address waits, and so does who tries many."""

from __future__ import annotations

import threading
from typing import Final

MAX_FAILURES: Final = 5
LOCK_SECONDS: Final = 300
_MOST = 10_000  # keys remembered; a flood of made-up names must not fill the memory
Key = tuple[str, str]


class Lockout:
    """Counts wrong attempts by (account, address), and with larger bounds by either alone. Times: monotonic seconds.

    A count is forgotten LOCK_SECONDS after the last wrong attempt. The bound for an account alone is large enough that
    nobody locks a colleague out by a few wrong guesses, the one for an address that people behind one proxy get along.
    """

    def __init__(self) -> None:
        self._failures: dict[Key, tuple[int, float]] = {}
        self._lock = threading.Lock()

    def locked(self, name: str, address: str, now: float) -> bool:
        """Whether an attempt now must fail, right or wrong."""
        with self._lock:
            return self._is_locked(name, address, now)

    def begin(self, name: str, address: str, now: float) -> bool:
        """Before an attempt is checked: False if it must fail. It counts as wrong until ``succeeded`` says otherwise,
        so that many at once get no more guesses than one after the other."""
        with self._lock:
            if self._is_locked(name, address, now):
                return False
            for key, _ in _keys(name, address):
                count = self._count(key, now) + 1
                self._failures.pop(key, None)  # so that the one changed longest ago comes first
                self._failures[key] = (count, now)
            while len(self._failures) > _MOST:
                del self._failures[next(iter(self._failures))]
            return True

    def succeeded(self, name: str, address: str) -> None:
        """It was right: that account's count from that address is cleared, the others are as before."""
        with self._lock:
            self._failures.pop((name, address), None)
            for key in (("", address), (name, "")):
                count, last = self._failures.get(key, (1, 0.0))
                self._failures[key] = (count - 1, last)

    def _is_locked(self, name: str, address: str, now: float) -> bool:
        return any(self._count(key, now) >= bound for key, bound in _keys(name, address))

    def _count(self, key: Key, now: float) -> int:
        count, last = self._failures.get(key, (0, now))
        return count if now < last + LOCK_SECONDS else 0


def _keys(name: str, address: str) -> tuple[tuple[Key, int], ...]:
    return (((name, address), MAX_FAILURES), (("", address), 10 * MAX_FAILURES), ((name, ""), 10 * MAX_FAILURES))
