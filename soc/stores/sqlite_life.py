"""What people did about alerts, in the SQLite file: one row an act."""

from __future__ import annotations

import sqlite3
import time

from soc.core.errors import Refused
from soc.core.triage import NO_ALERT, Act, Entry, Life, acted

_TRIES = 5000
_PAUSE = 0.002


def begin(connection: sqlite3.Connection) -> None:
    """Begins to write, for a person who waits. sqlite3.OperationalError if it was not possible for ten seconds.

    Under load ``soc run`` writes all the time but for some ms between a commit and its next batch. SQLite itself looks
    every 100 ms whether the file is free, and would mostly miss them.
    """
    (patience,) = connection.execute("PRAGMA busy_timeout").fetchone()
    connection.execute("PRAGMA busy_timeout = 0")
    try:
        for left in reversed(range(_TRIES)):
            try:
                connection.execute("BEGIN IMMEDIATE")
                return
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or not left:
                    raise
                time.sleep(_PAUSE)
    finally:
        connection.execute(f"PRAGMA busy_timeout = {int(patience)}")


def life(connection: sqlite3.Connection, id: str) -> Life | None:
    """Of an alert by its whole id; None if there is none."""
    if not id.isascii() or connection.execute("SELECT 1 FROM alerts WHERE id = ?", (id,)).fetchone() is None:
        return None
    rows = connection.execute("SELECT at, by, act, old, new, text FROM acts WHERE alert = ? ORDER BY number", (id,))
    return Life(tuple(Entry(*row) for row in rows))


def act(connection: sqlite3.Connection, id: str, act: Act, version: int) -> Life:
    """Inside a transaction that has the right to write, so nobody acts between the look and the change."""
    before = life(connection, id)
    if before is None:
        raise Refused(NO_ALERT)
    after = acted(before, act, version)
    new = after.entries[-1]
    connection.execute(
        "INSERT INTO acts VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (id, after.version, new.at, new.by, new.act, new.old, new.new, new.text),
    )
    connection.execute("UPDATE alerts SET status = ? WHERE id = ?", (after.status, id))
    return after
