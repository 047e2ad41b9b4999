"""Who may use the console: accounts with argon2id hashes and a role, in a file of their own beside the store.

The file is SQLite, so that ``soc account`` may change it while the console runs; it is readable by its owner alone.
"""

from __future__ import annotations

import os
import re
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from soc.core.errors import SocError, StoreError
from soc.core.hostile import plain

ACCOUNTS_FILE: Final = "accounts.db"
ACT: Final = "act"
RELOAD: Final = "reload"
RESPOND: Final = "respond"
"""Approve what playbooks would do, and decide how a run goes on after a failure."""
ROLES: Final[dict[str, frozenset[str]]] = {
    "analyst": frozenset((ACT,)),
    "responder": frozenset((ACT, RESPOND)),
    "manager": frozenset(),
    "auditor": frozenset(),
    "admin": frozenset((ACT, RELOAD, RESPOND)),
}
"""Role -> what it may do beside reading."""

SHORTEST: Final = 10
LONGEST: Final = 1000
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
RESERVED: Final = "console"
"""Who signed in with the one-time password; no account may have that name."""

_TABLE = """
    CREATE TABLE IF NOT EXISTS accounts (
        name TEXT PRIMARY KEY, role TEXT NOT NULL, hash TEXT NOT NULL,
        enabled INTEGER NOT NULL, stamp INTEGER NOT NULL
    ) STRICT
"""
_HASHER = PasswordHasher()  # the library's defaults: RFC 9106, 64 MiB, 3 passes
_NOBODY = _HASHER.hash("nobody has this password")
_AT_ONCE = threading.BoundedSemaphore(2)  # each check takes 64 MiB and a core: a flood of guesses waits here


@dataclass(frozen=True, slots=True)
class Account:
    """stamp: grows with every change of the account, which ends the sessions from before."""

    name: str
    role: str
    enabled: bool
    stamp: int


class Accounts:
    """The accounts of one installation. SocError says what is wrong with a name, role or password."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def any(self) -> bool:
        """Whether there are accounts, even disabled ones: then the one-time password is no way in."""
        return bool(self._rows("SELECT 1 FROM accounts LIMIT 1"))

    def all(self) -> list[Account]:
        """All of them, by name."""
        return [_account(row) for row in self._rows("SELECT name, role, enabled, stamp FROM accounts ORDER BY name")]

    def get(self, name: str) -> Account | None:
        """By name, disabled ones too."""
        rows = self._rows("SELECT name, role, enabled, stamp FROM accounts WHERE name = ?", (name,))
        return _account(rows[0]) if rows else None

    def check(self, name: str, password: str) -> Account | None:
        """The account if the password is right and it is enabled. Takes as long whether or not there is one."""
        rows = self._rows("SELECT name, role, enabled, stamp, hash FROM accounts WHERE name = ?", (name,))
        kept = str(rows[0][4]) if rows else _NOBODY
        with _AT_ONCE:
            try:
                _HASHER.verify(kept, password[: LONGEST + 1].encode("utf-8", "backslashreplace"))
            except (VerificationError, InvalidHashError):
                return None
        return _account(rows[0]) if rows and rows[0][2] else None

    def add(self, name: str, role: str, password: str) -> None:
        """A new account, enabled."""
        if not _NAME.fullmatch(name) or name == RESERVED:
            raise SocError(
                plain(name, 80),
                "a name is 1 to 64 of a-z, 0-9, '.', '_' and '-', and not {reserved}",
                reserved=repr(RESERVED),
            )
        if role not in ROLES:
            raise SocError(plain(role, 80), "no such role; there are {names}", names=", ".join(ROLES))
        hash = _hashed(password)
        with self._writing() as connection:
            added = connection.execute(
                "INSERT INTO accounts VALUES (?, ?, ?, 1, 1) ON CONFLICT (name) DO NOTHING", (name, role, hash)
            ).rowcount
        if not added:
            raise SocError(name, "there is such an account already")

    def set_password(self, name: str, password: str) -> None:
        """A new password; sessions of the account end."""
        self._change(name, "hash = ?", _hashed(password))

    def set_enabled(self, name: str, enabled: bool) -> None:
        """Disabled: the account signs in no more, and its sessions end. Its name stays in the histories."""
        self._change(name, "enabled = ?", int(enabled))

    def _change(self, name: str, what: str, value: object) -> None:
        sql = f"UPDATE accounts SET {what}, stamp = stamp + 1 WHERE name = ?"  # noqa: S608 - fixed text
        with self._writing() as connection:
            changed = connection.execute(sql, (value, name)).rowcount
        if not changed:
            raise SocError(plain(name, 80), "no such account")

    def _rows(self, sql: str, values: tuple[object, ...] = ()) -> list[tuple[object, ...]]:
        if not self._path.is_file():
            return []
        with self._open() as connection:
            return connection.execute(sql, values).fetchall()

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(self._path, os.O_CREAT | os.O_RDWR, 0o600))
        with self._open() as connection, connection:
            yield connection

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        try:
            with closing(sqlite3.connect(self._path, timeout=10)) as connection:
                connection.execute(_TABLE)
                yield connection
        except sqlite3.Error as error:
            raise StoreError(self._path, plain(error)) from error


def _hashed(password: str) -> str:
    if not SHORTEST <= len(password) <= LONGEST:
        raise SocError("a password has {least} to {most} characters", least=SHORTEST, most=LONGEST)
    with _AT_ONCE:
        return _HASHER.hash(password)


def _account(row: tuple[object, ...]) -> Account:
    name, role, enabled, stamp = row[:4]
    return Account(str(name), str(role), bool(enabled), int(str(stamp)))
