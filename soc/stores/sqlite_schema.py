"""The SQLite file: how it is opened, what is in it, and how an older one is brought up to date."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from soc.core.errors import StoreError
from soc.core.hostile import plain

# Marks the file as ours ("SOC1"), so that another program's database is never written to.
APPLICATION = 0x534F4331

# One script for each schema version; user_version counts those that have run. Never change one that was released.
MIGRATIONS = (
    """
    CREATE TABLE events (
        id BLOB NOT NULL UNIQUE,
        time INTEGER NOT NULL,
        dataset TEXT NOT NULL,
        body BLOB NOT NULL
    ) STRICT;
    CREATE INDEX events_by_time ON events (time);

    CREATE TABLE rejected (
        id BLOB NOT NULL UNIQUE,
        origin TEXT NOT NULL,
        position INTEGER NOT NULL,
        received INTEGER NOT NULL,
        device TEXT NOT NULL,
        reason TEXT NOT NULL,
        raw BLOB NOT NULL
    ) STRICT;
    CREATE INDEX rejected_by_time ON rejected (received);

    CREATE TABLE alerts (
        id TEXT PRIMARY KEY,
        rule_id TEXT NOT NULL,
        rule_name TEXT NOT NULL,
        titles TEXT NOT NULL,
        level INTEGER NOT NULL,
        score INTEGER NOT NULL,
        first_seen INTEGER NOT NULL,
        last_seen INTEGER NOT NULL,
        status TEXT NOT NULL,
        body BLOB NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX alerts_in_order ON alerts (score DESC, last_seen DESC, id);
    CREATE INDEX alerts_by_time ON alerts (last_seen);

    CREATE TABLE alert_hosts (
        alert TEXT NOT NULL,
        host TEXT NOT NULL,
        PRIMARY KEY (alert, host)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX alerts_of_host ON alert_hosts (host, alert);

    CREATE TABLE states (name TEXT PRIMARY KEY, body BLOB NOT NULL) STRICT;

    CREATE TABLE counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT;
    INSERT INTO counters VALUES ('events', 0), ('rejected', 0);
    """,
    """
    CREATE TABLE acts (
        alert TEXT NOT NULL,
        number INTEGER NOT NULL,
        at INTEGER NOT NULL,
        by TEXT NOT NULL,
        act TEXT NOT NULL,
        old TEXT NOT NULL,
        new TEXT NOT NULL,
        text TEXT NOT NULL,
        PRIMARY KEY (alert, number)
    ) STRICT, WITHOUT ROWID;
    """,
    """
    CREATE TABLE hours (
        hour INTEGER NOT NULL,
        origin TEXT NOT NULL,
        module TEXT NOT NULL,
        events INTEGER NOT NULL,
        PRIMARY KEY (hour, origin, module)
    ) STRICT, WITHOUT ROWID;
    INSERT INTO hours
    SELECT
        time - (time % 3600000000 + 3600000000) % 3600000000,
        ifnull(json_extract(CAST(body AS TEXT), '$."soc.origin"'), ''),
        ifnull(json_extract(CAST(body AS TEXT), '$."event.module"'), ''),
        count(*)
    FROM events GROUP BY 1, 2, 3;
    """,
)

_WAIT = 10.0


def open_to_write(path: Path) -> sqlite3.Connection:
    """The store's file, created or brought up to date. StoreError if it is damaged, newer, or not ours."""
    with telling(path):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            # Logs hold personal data: not for everybody on the machine.
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o640))
        except OSError as error:
            raise StoreError(path, error.strerror) from error
        connection = _connect(f"{path.resolve().as_uri()}?mode=rw")
        try:
            # Both take effect only in a file that is still empty. Events are 1-2 KB: four or more fit on a page of 8,
            # which costs a third less time than two on a page of 4.
            connection.execute("PRAGMA page_size = 8192")
            connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
            version = _version(connection, path)
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA journal_size_limit = 67108864")
            connection.execute("PRAGMA cache_size = -16384")
            _migrate(connection, version)
        except BaseException:
            connection.close()
            raise
        return connection


def open_to_read(path: Path) -> sqlite3.Connection:
    """The same file for another process or thread, while it is being written to."""
    with telling(path):
        if not path.is_file():
            raise StoreError(path, "no store there")
        connection = _connect(f"{path.resolve().as_uri()}?mode=ro")
        try:
            if _version(connection, path) < len(MIGRATIONS):
                raise StoreError(path, "from an older version; soc run brings it up to date")
        except BaseException:
            connection.close()
            raise
        return connection


@contextmanager
def telling(path: Path) -> Iterator[None]:
    """SQLite's errors as one line that names the file."""
    try:
        yield
    except sqlite3.Error as error:
        raise StoreError(path, plain(error)) from error


def _connect(uri: str) -> sqlite3.Connection:
    # isolation_level None: transactions begin and end where this package says so. Other threads may use the
    # connection, one at a time: the engine opens it in one and writes in another.
    return sqlite3.connect(uri, uri=True, timeout=_WAIT, isolation_level=None, check_same_thread=False)


def _version(connection: sqlite3.Connection, path: Path) -> int:
    """The file's schema version; 0 for an empty file."""
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    if application != APPLICATION and (application or version or tables):
        raise StoreError(path, "an SQLite file, but not a store of this program")
    if version > len(MIGRATIONS):
        raise StoreError(
            path,
            "from a newer version (schema {version}; this one knows {known})",
            version=version,
            known=len(MIGRATIONS),
        )
    return int(version)


def _migrate(connection: sqlite3.Connection, version: int) -> None:
    for number, script in enumerate(MIGRATIONS[version:], start=version + 1):
        connection.executescript(
            f"BEGIN IMMEDIATE; {script};PRAGMA application_id = {APPLICATION}; PRAGMA user_version = {number}; COMMIT;"
        )
