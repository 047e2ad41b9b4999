"""Keeps the SQLite file within its age and size: the oldest events and rejected lines go first, alerts stay."""

from __future__ import annotations

import sqlite3

from soc.core.store import HOURS_KEPT, Retention

# Rows removed in one transaction: small enough for readers and for the write-ahead log.
STEP = 20_000

_PARTS = (("events", "time"), ("rejected", "received"))


def purge(connection: sqlite3.Connection, retention: Retention, now: int) -> int:
    """Outside a transaction. Number of events removed; each step is committed, so a kill leaves it half done."""
    connection.execute("DELETE FROM hours WHERE hour < ?", (now - HOURS_KEPT,))
    steps: list[int] = []
    if retention.max_age:
        while (step := _remove(connection, STEP, now - retention.max_age - 1)) is not None:
            steps.append(step)
    if retention.max_bytes:
        while _used(connection) > retention.max_bytes:
            step = _remove(connection, _step(connection))
            if step is None:
                break
            steps.append(step)
    if steps:
        # Gives the free pages back to the file system; without the checkpoint the file keeps its size. As a script,
        # because this pragma frees one page a step and execute() takes only the first step.
        connection.executescript("PRAGMA incremental_vacuum")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    return sum(steps)


def _remove(connection: sqlite3.Connection, limit: int, until: int | None = None) -> int | None:
    """Removes the oldest rows, none later than ``until``: the number of events, or None if there was nothing."""
    connection.execute("BEGIN IMMEDIATE")
    gone = {}
    edge = _edge(connection, limit, until)
    for table, column in _PARTS:
        sql = (
            f"DELETE FROM {table} WHERE rowid IN "  # noqa: S608 - names from _PARTS
            f"(SELECT rowid FROM {table} WHERE {column} <= ? ORDER BY {column} LIMIT ?)"
        )
        gone[table] = connection.execute(sql, (edge, limit)).rowcount
        connection.execute("UPDATE counters SET value = value - ? WHERE name = ?", (gone[table], table))
    connection.execute("COMMIT")
    return gone["events"] if any(gone.values()) else None


def _step(connection: sqlite3.Connection) -> int:
    """Not more than a fiftieth of what there is, so that a small store is not emptied for a few bytes."""
    (rows,) = connection.execute("SELECT sum(value) FROM counters").fetchone()
    return int(min(STEP, rows // 50 + 1))


def _edge(connection: sqlite3.Connection, limit: int, until: int | None) -> int:
    """The time up to which this step removes, so that events and rejected lines grow old together."""
    edges = []
    for table, column in _PARTS:
        sql = f"SELECT {column} FROM {table} ORDER BY {column} LIMIT 1 OFFSET ?"  # noqa: S608 - names from _PARTS
        row = connection.execute(sql, (limit - 1,)).fetchone()
        edges += [row[0]] if row else []
    edge = min(edges) if edges else 2**63 - 1
    return edge if until is None else min(edge, until)


def _used(connection: sqlite3.Connection) -> int:
    """Bytes in use, without the pages that are free."""
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    (free,) = connection.execute("PRAGMA freelist_count").fetchone()
    (size,) = connection.execute("PRAGMA page_size").fetchone()
    return int((pages - free) * size)
