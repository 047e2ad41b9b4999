"""Who is who: sign-in with an account or the one-time password, the sessions that come of it, and forms' tokens."""

from __future__ import annotations

import hmac
import secrets
import threading
from dataclasses import dataclass, field
from hashlib import sha256

from soc.web.accounts import ACT, RESERVED, ROLES, Account, Accounts
from soc.web.lockout import Lockout

SESSION_SECONDS = 12 * 3600


@dataclass(frozen=True, slots=True)
class Person:
    """Who asks. stamp: of the account when it was checked."""

    name: str
    role: str
    stamp: int = 0

    def may(self, what: str) -> bool:
        """Whether the role allows it: soc.web.accounts.ACT or RELOAD."""
        return what in ROLES.get(self.role, frozenset())


@dataclass(slots=True)
class Access:
    """One-time password, accounts and open sessions. Times are seconds of a monotonic clock that the caller passes.

    The one-time password (role admin) is good for one sign-in, and only while there are no accounts. Wrong attempts
    lock as soc.web.lockout says; a locked attempt is checked like any other, so that its time tells nothing.
    """

    password: str
    language: str = "en"
    accounts: Accounts | None = None
    _used: bool = False
    _lockout: Lockout = field(default_factory=Lockout)
    _sessions: dict[str, tuple[Person, float]] = field(default_factory=dict)
    _key: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def with_accounts(self) -> bool:
        """Whether people sign in with accounts here."""
        return self.accounts is not None and self.accounts.any()

    def sign_in(self, name: str, attempt: str, address: str, now: float) -> str | None:
        """A new session's token for the right password; else None. name is "" for the one-time password. Slow."""
        person = self.check(name, attempt, address, now) if self.with_accounts() else self._once(attempt, address, now)
        if person is None:
            return None
        token = secrets.token_urlsafe(32)
        with self._lock:
            self._sessions = {key: kept for key, kept in self._sessions.items() if kept[1] > now}
            self._sessions[token] = (person, now + SESSION_SECONDS)
        return token

    def check(self, name: str, attempt: str, address: str, now: float) -> Person | None:
        """Who has this name and password among the accounts; for sign-in and for the API. Slow."""
        name = name.strip().lower()[:64]
        if self.accounts is None:
            return None
        allowed = self._lockout.begin(name, address, now)
        found = self.accounts.check(name, attempt)
        if found is None or not allowed:
            return None
        self._lockout.succeeded(name, address)
        return Person(found.name, found.role, found.stamp)

    def person(self, token: str, now: float) -> Person | None:
        """Whose session the token is; None if it is over, or the account has been changed since."""
        with self._lock:
            person, until = self._sessions.get(token, (None, 0.0))
        if person is None or until <= now:
            return None
        if self.with_accounts():
            return person if self._unchanged(person) else None
        return person

    def sign_out(self, token: str) -> None:
        """Ends a session."""
        with self._lock:
            self._sessions.pop(token, None)

    def state(self, address: str, now: float) -> str:
        """For the sign-in page: "accounts", or of the one-time password "open", "used" or "locked"."""
        if self.with_accounts():
            return "accounts"
        if self._lockout.locked(RESERVED, address, now):
            return "locked"
        return "used" if self._used else "open"

    def people(self) -> list[str]:
        """Names that an alert can be assigned to; none where there are no accounts."""
        return [one.name for one in self._listed() if one.enabled and Person(one.name, one.role).may(ACT)]

    def form_token(self, seed: str) -> str:
        """What a form must bring back; seed is the cookie of the session, or of the visit before there is one."""
        return hmac.new(self._key, seed.encode(), sha256).hexdigest()

    def is_form_token(self, seed: str, token: str) -> bool:
        """Whether the form was made here, for this browser."""
        return bool(seed) and hmac.compare_digest(self.form_token(seed).encode(), token.encode("utf-8", "replace"))

    def _listed(self) -> list[Account]:
        return [] if self.accounts is None else self.accounts.all()

    def _unchanged(self, person: Person) -> bool:
        now = None if self.accounts is None else self.accounts.get(person.name)
        return now is not None and now.enabled and now.stamp == person.stamp

    def _once(self, attempt: str, address: str, now: float) -> Person | None:
        allowed = self._lockout.begin(RESERVED, address, now)
        right = hmac.compare_digest(attempt.encode("utf-8", "replace"), self.password.encode())
        with self._lock:
            if not right or not allowed or self._used:
                return None
            self._used = True
        self._lockout.succeeded(RESERVED, address)
        return Person(RESERVED, "admin")
