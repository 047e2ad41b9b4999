"""What the mock of the national centre keeps: objects by collection, requests, who sent what when, and its faults."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import orjson

from soc.core.errors import SocError, StoreError
from soc.sharing.stix import check, encode, version_of
from soc.sharing.tlp import Object

FAULTS: Final = ("delay", "pending", "429", "503", "500", "500_after", "timeout_after", "drop")
"""What can be switched on, each for a number of requests that add objects; see README."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS objects (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, collection TEXT, id TEXT, version TEXT, at INTEGER, type TEXT, spec TEXT,
  body BLOB, added INTEGER, sender TEXT, UNIQUE (collection, id, at));
CREATE TABLE IF NOT EXISTS requests (
  id TEXT PRIMARY KEY, collection TEXT, sender TEXT, at INTEGER, ready INTEGER, envelope BLOB, status BLOB);
CREATE TABLE IF NOT EXISTS arrivals (
  at INTEGER, sender TEXT, collection TEXT, request TEXT, object TEXT, version TEXT, outcome TEXT);
CREATE TABLE IF NOT EXISTS faults (seq INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT, value REAL, remaining INTEGER);
"""


@dataclass(frozen=True, slots=True)
class Query:
    """What a reader asks for: TAXII 2.1 section 3.4's match fields (empty: any), and its place in the pages.

    after  added later than this, µs; -1: any.   seq  behind this number, from ``next``
    """

    id: tuple[str, ...] = ()
    type: tuple[str, ...] = ()
    version: tuple[str, ...] = ("last",)
    spec: tuple[str, ...] = ()
    after: int = -1
    seq: int = 0
    limit: int = 1000


def taxii_time(micros: int) -> str:
    """µs since the epoch with the six digits that TAXII asks for."""
    return (_EPOCH + timedelta(microseconds=micros)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def parse_time(text: str) -> int:
    """A STIX or TAXII time in µs since the epoch; ValueError if it is none."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no zone")
    return (moment - _EPOCH) // timedelta(microseconds=1)


class CentreStore:
    """One thread at a time. Every request that adds objects is durable before it is answered."""

    def __init__(self, path: Path) -> None:
        try:
            self._db = sqlite3.connect(path, isolation_level=None, timeout=10)
            self._db.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;" + _SCHEMA)
        except sqlite3.Error as error:
            raise StoreError(path, error) from error

    def close(self) -> None:
        self._db.close()

    def add(self, collection: str, sender: str, envelope: list[Object], now: int, wait: int = 0) -> str:
        """Takes objects in, or, with wait µs, keeps them pending so long; the id of the status resource."""
        id = str(uuid4())
        row = (id, collection, sender, now, now + wait, orjson.dumps(envelope), None)
        self._db.execute("INSERT INTO requests VALUES (?, ?, ?, ?, ?, ?, ?)", row)
        self.settle(now)
        return id

    def settle(self, now: int) -> None:
        """Takes in what has been pending long enough."""
        query = "SELECT id, collection, sender, envelope FROM requests WHERE status IS NULL AND ready <= ? ORDER BY at"
        for id, collection, sender, envelope in self._db.execute(query, (now,)).fetchall():
            with self._db:
                self._db.execute("BEGIN IMMEDIATE")
                outcomes = [self._take(id, collection, sender, item, now) for item in orjson.loads(envelope)]
                self._db.execute("UPDATE requests SET status = ? WHERE id = ?", (orjson.dumps(outcomes), id))

    def _take(self, request: str, collection: str, sender: str, item: Any, now: int) -> dict[str, str]:
        """One object's status detail; message is "" when it is here, now or already."""
        message = _wrong(item)
        id, version = (str(item.get("id", "")), version_of(item)) if isinstance(item, dict) else ("", "")
        outcome = "refused"
        if not message:
            (last,) = self._db.execute("SELECT coalesce(max(added), 0) FROM objects").fetchone()
            at = parse_time(version) if version else now  # an object without times: its arrival, section 3.4
            row = (collection, id, version, at, item["type"], item.get("spec_version", "2.1"), encode(item))
            made = self._db.execute(
                "INSERT OR IGNORE INTO objects (collection, id, version, at, type, spec, body, added, sender)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (*row, max(now, last), sender),
            ).rowcount
            outcome = "accepted" if made else "duplicate"
        arrival = (now, sender, collection, request, id[:200], version[:40], outcome)
        self._db.execute("INSERT INTO arrivals VALUES (?, ?, ?, ?, ?, ?, ?)", arrival)
        return {"id": id, "version": version, "message": message}

    def status(self, id: str, sender: str) -> dict[str, object] | None:
        """The status resource (section 4.3) of the sender's own request; None if there is none."""
        query = "SELECT at, envelope, status FROM requests WHERE id = ? AND sender = ?"
        row = self._db.execute(query, (id, sender)).fetchone()
        if row is None:
            return None
        sent, outcomes = orjson.loads(row[1]), orjson.loads(row[2]) if row[2] else None
        details = [{"id": each["id"], "version": each["version"]} for each in outcomes or () if not each["message"]]
        failures = [each for each in outcomes or () if each["message"]]
        pending = [] if outcomes else [{"id": str(each.get("id")), "version": version_of(each)} for each in sent]
        return {
            "id": id,
            "status": "complete" if outcomes is not None else "pending",
            "request_timestamp": taxii_time(row[0]),
            "total_count": len(sent),
            "success_count": len(details),
            "successes": details,
            "failure_count": len(failures),
            "failures": failures,
            "pending_count": len(pending),
            "pendings": pending,
        }

    def rows(self, collection: str, query: Query) -> list[dict[str, Any]]:
        """Rows of objects in the order they were added, one more than the limit where there are more."""
        where, values = ["collection = ?", "seq > ?", "added > ?"], [collection, query.seq, query.after]
        for column, wanted in (("id", query.id), ("type", query.type), ("spec", query.spec)):
            if wanted:
                where.append(f"{column} IN ({', '.join('?' * len(wanted))})")
                values += wanted
        versions, times = _versions(query.version)
        if versions:
            where.append(versions)
            values += times
        text = f"SELECT * FROM objects o WHERE {' AND '.join(where)} ORDER BY seq LIMIT ?"  # noqa: S608 - values apart
        cursor = self._db.execute(text, (*values, query.limit + 1))
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor]

    def arrivals(self, limit: int = 200) -> list[dict[str, Any]]:
        """What arrived from whom and when, the latest first."""
        cursor = self._db.execute("SELECT * FROM arrivals ORDER BY rowid DESC LIMIT ?", (limit,))
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor]

    def senders(self) -> list[tuple[str, int, int, int, int]]:
        """(sender, accepted, duplicates, refused, time of the last, µs) by name."""
        return self._db.execute(
            "SELECT sender, sum(outcome = 'accepted'), sum(outcome = 'duplicate'), sum(outcome = 'refused'), max(at)"
            " FROM arrivals GROUP BY sender ORDER BY sender"
        ).fetchall()

    def switch(self, kind: str, value: float, count: int) -> None:
        """From now on, so many requests meet this fault, after those that were switched on before."""
        self._db.execute("INSERT INTO faults (kind, value, remaining) VALUES (?, ?, ?)", (kind, value, count))

    def clear_faults(self) -> None:
        self._db.execute("DELETE FROM faults")

    def faults(self) -> list[tuple[str, float, int]]:
        """(kind, value, requests left) in the order in which they come."""
        return self._db.execute("SELECT kind, value, remaining FROM faults ORDER BY seq").fetchall()

    def next_fault(self) -> tuple[str, float]:
        """Uses one fault up; ("", 0) when none is on."""
        row = self._db.execute("SELECT seq, kind, value, remaining FROM faults ORDER BY seq LIMIT 1").fetchone()
        if row is None:
            return "", 0.0
        if row[3] > 1:
            self._db.execute("UPDATE faults SET remaining = remaining - 1 WHERE seq = ?", (row[0],))
        else:
            self._db.execute("DELETE FROM faults WHERE seq = ?", (row[0],))
        return row[1], row[2]


def _versions(wanted: tuple[str, ...]) -> tuple[str, list[Any]]:
    """A condition for match[version]; ValueError for what is neither a word of it nor a time."""
    if "all" in wanted:
        return "", []
    same = "FROM objects v WHERE v.collection = o.collection AND v.id = o.id"
    parts, times = [], []
    for each in wanted:
        if each in {"last", "first"}:
            parts.append(f"at = (SELECT {'max' if each == 'last' else 'min'}(at) {same})")
        else:
            parts.append("at = ?")
            times.append(parse_time(each))
    return f"({' OR '.join(parts)})", times


def _wrong(item: Any) -> str:
    """What is wrong with an object; "" if nothing."""
    if not isinstance(item, Mapping) or not isinstance(item.get("type"), str) or not isinstance(item.get("id"), str):
        return "no object with a type and an id"
    if item.get("spec_version", "2.1") != "2.1":
        return "not STIX 2.1"
    try:
        if version := version_of(dict(item)):
            parse_time(version)
        check({"objects": [item]})
    except (SocError, ValueError, OverflowError) as error:
        return str(error)[:500]
    return ""
