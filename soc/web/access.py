"""Who may read the console: one password, good for one sign-in, and the sessions that come of it."""

from __future__ import annotations

import hmac
import secrets
import threading
from dataclasses import dataclass, field

SESSION_SECONDS = 12 * 3600
MAX_FAILURES = 5
LOCK_SECONDS = 60


@dataclass(slots=True)
class Access:
    """One-time password and open sessions. Times are seconds of a monotonic clock that the caller passes.

    After MAX_FAILURES wrong attempts nobody signs in for LOCK_SECONDS, so the password cannot be guessed.
    """

    password: str
    language: str = "en"
    _used: bool = False
    _failures: int = 0
    _locked_until: float = 0.0
    _sessions: dict[str, float] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def sign_in(self, attempt: str, now: float) -> str | None:
        """A new session's token for the right password at its first use; else None."""
        with self._lock:
            if now < self._locked_until:
                return None
            right = hmac.compare_digest(attempt.encode(), self.password.encode())
            if right and not self._used:
                self._used = True
                token = secrets.token_urlsafe(32)
                self._sessions[token] = now + SESSION_SECONDS
                return token
            self._failures += 1
            if self._failures >= MAX_FAILURES:
                self._failures = 0
                self._locked_until = now + LOCK_SECONDS
            return None

    def knows(self, token: str, now: float) -> bool:
        """Whether the token belongs to an open session."""
        with self._lock:
            return self._sessions.get(token, 0.0) > now

    def sign_out(self, token: str) -> None:
        """Ends a session."""
        with self._lock:
            self._sessions.pop(token, None)

    def state(self, now: float) -> str:
        """For the sign-in page: "open", "used" or "locked"."""
        if now < self._locked_until:
            return "locked"
        return "used" if self._used else "open"
