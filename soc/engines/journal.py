"""playbooks.db: every run as it stands, every action before and after it was done, and who did what. SQLite.

It is synced to disk at each commit, and a row of the audit can be added, but neither changed nor removed.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from soc.core.errors import SocError, StoreError
from soc.respond.playbook import Playbook
from soc.respond.run import Act, Line, Run

FILE = "playbooks.db"
_ALERT = "json_extract(CAST(run AS TEXT), '$.alert')"
_SCHEMA = f"""
    PRAGMA user_version = 1;
    CREATE TABLE IF NOT EXISTS runs (id TEXT PRIMARY KEY, open INTEGER NOT NULL, began INTEGER NOT NULL,
        run BLOB NOT NULL, playbook BLOB NOT NULL) STRICT;
    CREATE TABLE IF NOT EXISTS acts (key TEXT PRIMARY KEY, run TEXT NOT NULL, phase TEXT NOT NULL, act BLOB NOT NULL,
        detail TEXT NOT NULL, at INTEGER NOT NULL) STRICT;
    CREATE TABLE IF NOT EXISTS audit (number INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, run TEXT NOT NULL,
        step TEXT NOT NULL, who TEXT NOT NULL, what TEXT NOT NULL, detail TEXT NOT NULL) STRICT;
    CREATE INDEX IF NOT EXISTS runs_of_alert ON runs ({_ALERT});
    CREATE TRIGGER IF NOT EXISTS audit_stays BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'audit stays'); END;
    CREATE TRIGGER IF NOT EXISTS audit_is_kept BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'audit stays'); END;
"""


class Journal:
    """One file. Writes belong into ``with journal.transaction()``; StoreError when it cannot be written."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._db = sqlite3.connect(path, timeout=30, isolation_level=None)
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = FULL")
            self._db.executescript(_SCHEMA)
        except sqlite3.Error as error:
            raise StoreError(path, error) from error
        path.chmod(0o600)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All that is written inside is there together and on disk, or not at all."""
        try:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")
        except sqlite3.Error as error:
            raise StoreError(FILE, error) from error

    def put(self, run: Run, playbook: Playbook) -> None:
        """The run as it now stands, with the playbook as it was when it began."""
        row = (run.id, not run.over, run.began, msgspec.json.encode(run), msgspec.json.encode(playbook))
        self._db.execute(
            "INSERT INTO runs VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT (id) DO UPDATE SET open = excluded.open, run = excluded.run",
            row,
        )

    def run(self, id: str) -> tuple[Run, Playbook]:
        """By id or an unambiguous beginning of it. SocError if there is none."""
        found = self._db.execute(
            "SELECT run, playbook FROM runs WHERE substr(id, 1, ?) = ? LIMIT 2", (len(id), id)
        ).fetchall()
        if len(found) != 1 or len(id) < 4:
            raise SocError("no run {id}, or more than one begins so", id=id)
        return msgspec.json.decode(found[0][0], type=Run), msgspec.json.decode(found[0][1], type=Playbook)

    def has(self, id: str) -> bool:
        return self._db.execute("SELECT 1 FROM runs WHERE id = ?", (id,)).fetchone() is not None

    def runs(self, *, only_open: bool = False, alert: str = "", most: int = -1) -> list[tuple[Run, Playbook]]:
        """The latest first: those still open, those of an alert, so many at most."""
        asked = f"{_ALERT} = ?" if alert else "?1 = ''"
        rows = self._db.execute(
            f"SELECT run, playbook FROM runs WHERE {asked} AND open >= ? ORDER BY began DESC, id LIMIT ?",  # noqa: S608
            (alert, int(only_open), most),
        )
        return [(msgspec.json.decode(run, type=Run), msgspec.json.decode(book, type=Playbook)) for run, book in rows]

    def put_act(self, run: str, act: Act, phase: str, detail: str, at: int) -> None:
        """phase: intent (it may have been done), done, failed, unknown, again (a person wants it tried again)."""
        self._db.execute(
            "INSERT OR REPLACE INTO acts VALUES (?, ?, ?, ?, ?, ?)",
            (act.key, run, phase, msgspec.json.encode(act), detail, at),
        )

    def phase(self, key: str) -> tuple[str, str]:
        """(phase, detail) of an action; ("", "") if it was never begun."""
        found = self._db.execute("SELECT phase, detail FROM acts WHERE key = ?", (key,)).fetchone()
        return (found[0], found[1]) if found else ("", "")

    def try_again(self, key: str) -> None:
        self._db.execute("UPDATE acts SET phase = 'again' WHERE key = ?", (key,))

    def note(self, line: Line) -> None:
        self._db.execute("INSERT INTO audit (at, run, step, who, what, detail) VALUES (?, ?, ?, ?, ?, ?)", line)

    def audit(self, run: str) -> list[Line]:
        """A run's rows in the order in which they were written."""
        rows = self._db.execute(
            "SELECT at, run, step, who, what, detail FROM audit WHERE run = ? ORDER BY number", (run,)
        )
        return [Line(*row) for row in rows]

    def close(self) -> None:
        self._db.close()
