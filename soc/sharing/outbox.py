"""The outbox: what is to be shared, durable in a file of its own, and how far each item has come.

An item is one state (version) of one alert. Its objects are known by id and version, and one that has been accepted is
never sent again, whichever item it comes with. Every step is committed before the next is taken.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

import msgspec
import orjson

from soc.core.alert import Alert
from soc.core.errors import Conflict, SocError, StoreError
from soc.core.hostile import prose
from soc.sharing.gate import Verdict, Withheld
from soc.sharing.receipt import Receipt
from soc.sharing.stix import encode, objects_of, stix_time, version_of
from soc.sharing.tlp import Object

OUTBOX_FILE: Final = "outbox.db"
STATES: Final = ("waiting", "held", "sending", "pending", "accepted", "refused")
"""waiting to be sent; held for a person; sending, with the outcome unknown; pending at the centre; done; not taken."""

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS items (
  id TEXT, version TEXT, title TEXT, state TEXT, whole BLOB, bundle BLOB, withheld BLOB, first INTEGER, queued INTEGER,
  attempts INTEGER DEFAULT 0, next_try INTEGER DEFAULT 0, status_id TEXT DEFAULT '', error TEXT DEFAULT '',
  done INTEGER DEFAULT 0, PRIMARY KEY (id, version));
CREATE INDEX IF NOT EXISTS due ON items (state, next_try);
CREATE TABLE IF NOT EXISTS accepted (
  object TEXT, version TEXT, at INTEGER, receipt BLOB, PRIMARY KEY (object, version)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS log (at INTEGER, item TEXT, version TEXT, action TEXT, by TEXT, reason TEXT);
CREATE TABLE IF NOT EXISTS channel (name TEXT PRIMARY KEY, value TEXT);
"""
_COLUMNS: Final = (
    "id, version, title, state, whole, bundle, withheld, first, queued, attempts, next_try, status_id, error, done"
)


@dataclass(frozen=True, slots=True)
class Item:
    """One state of one alert on its way out. Times are µs.

    id, version  the alert's id, and the last_seen that this state has
    whole        as it came to the gate; bundle: what the gate lets out; withheld: what it does not
    first        first_seen of the alert when it was shared first
    status_id    of the centre's status resource while pending
    """

    id: str
    version: str
    title: str
    state: str
    whole: Object
    bundle: Object
    withheld: tuple[Withheld, ...]
    first: int
    queued: int
    attempts: int
    next_try: int
    status_id: str
    error: str
    done: int


class Outbox:
    """One thread at a time. StoreError if the file cannot be opened or written."""

    def __init__(self, path: Path) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(path, timeout=10, isolation_level=None)
            self._db.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;" + _SCHEMA)
        except (OSError, sqlite3.Error) as error:
            raise StoreError(path, error) from error

    def close(self) -> None:
        self._db.close()

    def first(self, alert: str) -> int | None:
        """first_seen (µs) of the alert's version that was queued first; None if it never was."""
        row = self._run("SELECT first FROM items WHERE id = ? ORDER BY queued, version LIMIT 1", alert).fetchone()
        return None if row is None else int(row[0])

    def put(self, alert: Alert, whole: Object, verdict: Verdict, now: int) -> bool:
        """Queues what the gate let out of the whole, or holds it; False if this version is there already."""
        state = "held" if verdict.held else "waiting"
        version, first = stix_time(alert.last_seen), self.first(alert.id)
        known = (alert.id, version, prose(alert.title), state, encode(whole), encode(verdict.bundle))
        values = (*known, _dump(verdict.withheld), alert.first_seen if first is None else first, now)
        with self._db:
            self._run("BEGIN IMMEDIATE")
            made = self._run(
                "INSERT OR IGNORE INTO items (id, version, title, state, whole, bundle, withheld, first, queued)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                *values,
            ).rowcount
            if made:
                why = ", ".join(sorted({each.rule for each in verdict.withheld}))
                self._log(now, alert.id, version, state, "", why)
        return bool(made)

    def release(self, item: Item, verdict: Verdict, by: str, reason: str, now: int) -> None:
        """Lets a held item go as the verdict has it. Conflict if it is not held any more."""
        with self._db:
            self._run("BEGIN IMMEDIATE")
            changed = self._run(
                "UPDATE items SET state = 'waiting', bundle = ?, withheld = ?, error = ''"
                " WHERE id = ? AND version = ? AND state = 'held'",
                *(encode(verdict.bundle), _dump(verdict.withheld), item.id, item.version),
            ).rowcount
            if not changed:
                raise Conflict(item.id, "is not held any more")
            self._log(now, item.id, item.version, "released", by, reason)

    def move(
        self, item: Item, state: str, now: int, *, error: str = "", next_try: int = 0, status_id: str = ""
    ) -> None:
        """The item's new state; attempts count what did not end it."""
        ended = state in {"accepted", "refused"}
        with self._db:
            self._run("BEGIN IMMEDIATE")
            self._run(
                "UPDATE items SET state = ?, error = ?, next_try = ?, status_id = ?, attempts = attempts + ?, done = ?"
                " WHERE id = ? AND version = ?",
                *(state, error, next_try, status_id, int(bool(error)), now if ended else 0, item.id, item.version),
            )
            if state != item.state or error:
                self._log(now, item.id, item.version, state, "", error)

    def accept(self, objects: Iterable[Object], now: int) -> None:
        """These are at the centre, and are not sent again."""
        rows = [(str(item["id"]), version_of(item), now) for item in objects]
        with self._db:
            self._run("BEGIN IMMEDIATE")
            self._db.executemany("INSERT OR IGNORE INTO accepted (object, version, at) VALUES (?, ?, ?)", rows)

    def keep(self, receipts: Iterable[Receipt]) -> None:
        """Verified receipts of accepted objects."""
        rows = [(msgspec.json.encode(receipt), receipt.id, receipt.version) for receipt in receipts]
        with self._db:
            self._run("BEGIN IMMEDIATE")
            self._db.executemany("UPDATE accepted SET receipt = ? WHERE object = ? AND version = ?", rows)

    def open_objects(self, item: Item, *, receipts: bool = False) -> list[Object]:
        """The item's objects that are not accepted yet, or, with receipts, that have no receipt yet."""
        query = "SELECT receipt IS NOT NULL FROM accepted WHERE object = ? AND version = ?"
        rows = ((each, self._run(query, each["id"], version_of(each)).fetchone()) for each in objects_of(item.bundle))
        return [each for each, row in rows if row is None or (receipts and not row[0])]

    def receipt(self, object: str, version: str) -> Receipt | None:
        """The receipt that is kept for an object's version."""
        row = self._run("SELECT receipt FROM accepted WHERE object = ? AND version = ?", object, version).fetchone()
        return msgspec.json.decode(row[0], type=Receipt) if row and row[0] else None

    def due(self, now: int, limit: int = 1000) -> list[Item]:
        """What is to be looked after now, the longest due first."""
        wanted = "state IN ('waiting', 'sending', 'pending') AND next_try <= ?"
        return self._items(f"{wanted} ORDER BY next_try, queued, id, version LIMIT ?", now, limit)

    def items(self, states: Iterable[str] = STATES, limit: int = 100) -> list[Item]:
        """The items in these states, the latest first."""
        named = ", ".join(f"'{state}'" for state in STATES if state in set(states))
        return self._items(f"state IN ({named}) ORDER BY queued DESC, id, version LIMIT ?", limit)

    def find(self, id: str) -> Item:
        """The latest version of the one item whose id begins so. SocError if there is none, or several."""
        found = self._items("substr(id, 1, ?) = ? ORDER BY version DESC LIMIT 100", len(id), id)
        if len(id) < 4 or len({item.id for item in found}) != 1:
            raise SocError("no item {id} in the outbox, or more than one begins so", id=id)
        return found[0]

    def counts(self) -> dict[str, int]:
        """The number of items in each state, all of STATES."""
        found = dict(self._run("SELECT state, count(*) FROM items GROUP BY state").fetchall())
        return {state: int(found.get(state, 0)) for state in STATES}

    def accepted_since(self, since: int) -> int:
        """How many items were accepted at that time (µs) or later."""
        return int(self._run("SELECT count(*) FROM items WHERE state = 'accepted' AND done >= ?", since).fetchone()[0])

    def history(self, id: str) -> list[tuple[int, str, str, str]]:
        """(µs, action, by, reason) of an item, in order: what happened to it, and who let it go."""
        return self._run("SELECT at, action, by, reason FROM log WHERE item = ? ORDER BY rowid", id).fetchall()

    def note(self, name: str, value: int | str) -> None:
        """A figure of the connection as a whole, such as when the centre answered last."""
        self._run("INSERT OR REPLACE INTO channel VALUES (?, ?)", name, str(value))

    def noted(self, name: str) -> str:
        """What was noted last under this name, or ""."""
        row = self._run("SELECT value FROM channel WHERE name = ?", name).fetchone()
        return str(row[0]) if row else ""

    def _items(self, where: str, *values: object) -> list[Item]:
        rows = self._run(f"SELECT {_COLUMNS} FROM items WHERE {where}", *values)  # noqa: S608 - our own words only
        return [_item(row) for row in rows]

    def _log(self, now: int, id: str, version: str, action: str, by: str, reason: str) -> None:
        self._run("INSERT INTO log VALUES (?, ?, ?, ?, ?, ?)", now, id, version, action, by, reason)

    def _run(self, query: str, *values: object) -> sqlite3.Cursor:
        try:
            return self._db.execute(query, cast("tuple[str, ...]", values))
        except sqlite3.Error as error:
            raise StoreError("outbox", error) from error


def _dump(withheld: tuple[Withheld, ...]) -> bytes:
    return msgspec.json.encode(withheld)


def _item(row: tuple[Any, ...]) -> Item:
    values = dict(zip(Item.__dataclass_fields__, row, strict=True))
    values["whole"], values["bundle"] = orjson.loads(values["whole"]), orjson.loads(values["bundle"])
    values["withheld"] = msgspec.json.decode(values["withheld"], type=tuple[Withheld, ...])
    return Item(**values)
