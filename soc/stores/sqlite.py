"""One SQLite file: events, alerts, and the pipeline's state in the same transactions.

Write-ahead logging lets the console and ``soc alerts`` read while ``soc run`` writes; a commit is on disk
(synchronous=FULL) before it returns.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from soc.core.alert import Alert, decode
from soc.core.errors import StoreError
from soc.core.event import Event, Rejected
from soc.core.finding import Level
from soc.core.ids import id_of, rejected_id
from soc.core.storable import storable_text
from soc.core.store import ANY_LINE, AlertFilter, HourCount, LineFilter, Retention
from soc.core.triage import Act, Life
from soc.stores import sqlite_life
from soc.stores.encoding import alert_json, event_json, hour_key, stored_event, wire_event
from soc.stores.filtering import WORDS, hosts, is_beginning, least_level, titles
from soc.stores.sqlite_filter import lines_where, where
from soc.stores.sqlite_retention import purge
from soc.stores.sqlite_schema import open_to_read, open_to_write, telling

_PUT_EVENT = "INSERT INTO events (id, time, dataset, body) VALUES (?, ?, ?, ?) ON CONFLICT (id) DO NOTHING"
_PUT_REJECTED = """
    INSERT INTO rejected (id, origin, position, received, device, reason, raw)
    VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING
"""
_PUT_HOUR = """
    INSERT INTO hours (hour, origin, module, events) VALUES (?, ?, ?, ?)
    ON CONFLICT (hour, origin, module) DO UPDATE SET events = events + excluded.events
"""
_EVENTS = """
    SELECT time, rowid, body FROM events WHERE (time, rowid) > (?, ?) AND time < ? ORDER BY time, rowid LIMIT 1000
"""
_LAST_ROW = 2**63 - 1
_PUT_ALERT = """
    INSERT INTO alerts (id, rule_id, rule_name, titles, level, score, first_seen, last_seen, status, body)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (id) DO UPDATE SET
        rule_id = excluded.rule_id, rule_name = excluded.rule_name, titles = excluded.titles,
        level = excluded.level, score = excluded.score,
        first_seen = excluded.first_seen, last_seen = excluded.last_seen, body = excluded.body,
        status = CASE excluded.status WHEN 'new' THEN alerts.status ELSE excluded.status END
"""


class SqliteStore:
    """The store of one machine. One writer, any number of readers.

    StoreError when the file cannot be read or written; what was put since the last commit is then undone, so the
    caller goes back to the state of the last commit and repeats.
    """

    def __init__(self, path: Path) -> None:
        """Opens to write; creates the file, or brings an older one up to date."""
        self.path = path
        self._connection = open_to_write(path)

    @classmethod
    def read_only(cls, path: Path) -> SqliteStore:
        """Opens an existing store without the right to change it, also while another process writes."""
        store = cls.__new__(cls)
        store.path = path
        store._connection = open_to_read(path)
        return store

    def put_events(self, events: Sequence[Event]) -> None:
        rows = (
            (bytes.fromhex(id_of(event)), _time(event), str(event.get("event.dataset", "")), event_json(event))
            for event in events
        )
        with self._writing() as connection:
            (last,) = connection.execute("SELECT ifnull(max(rowid), 0) FROM events").fetchone()
            added = connection.executemany(_PUT_EVENT, rows).rowcount
            self._counted("events", added)
            self._count_hours(events if added == len(events) else self._new(events, last))

    def put_rejected(self, rejected: Sequence[Rejected]) -> None:
        rows = (
            (
                _key(line),
                storable_text(line.origin),
                line.position,
                line.received,
                line.device,
                storable_text(line.reason),
                line.raw,
            )
            for line in rejected
        )
        with self._writing() as connection:
            self._counted("rejected", connection.executemany(_PUT_REJECTED, rows).rowcount)

    def put_alerts(self, alerts: Iterable[Alert]) -> None:
        with self._writing() as connection:
            for alert in alerts:
                connection.execute(_PUT_ALERT, _alert_row(alert))
                connection.execute("DELETE FROM alert_hosts WHERE alert = ?", (alert.id,))
                rows = ((alert.id, host) for host in hosts(alert))
                connection.executemany("INSERT INTO alert_hosts VALUES (?, ?)", rows)

    def put_state(self, name: str, state: bytes) -> None:
        with self._writing() as connection:
            connection.execute("INSERT OR REPLACE INTO states VALUES (?, ?)", (name, state))

    def state(self, name: str) -> bytes | None:
        row = self._one("SELECT body FROM states WHERE name = ?", (name,))
        return None if row is None else bytes(row[0])

    def commit(self) -> None:
        if self._connection.in_transaction:
            with self._writing() as connection:
                connection.execute("COMMIT")

    def alerts(self, wanted: AlertFilter) -> list[Alert]:
        condition, values = where(wanted)
        rows = self._all(
            f"SELECT body, status FROM alerts {condition} "  # noqa: S608 - fixed text; values are parameters
            "ORDER BY score DESC, last_seen DESC, id LIMIT :limit OFFSET :offset",
            values | {"limit": wanted.limit, "offset": wanted.offset},
        )
        return [self._alert(*row) for row in rows]

    def alert(self, id: str) -> Alert | None:
        if not is_beginning(id):
            return None
        rows = self._all("SELECT body, status FROM alerts WHERE id >= ? AND id < ? ORDER BY id LIMIT 2", (id, id + "g"))
        return self._alert(*rows[0]) if len(rows) == 1 else None

    def count_alerts(self, wanted: AlertFilter) -> dict[str, int]:
        condition, values = where(wanted)
        sql = f"SELECT level, count(*) FROM alerts {condition} GROUP BY level"  # noqa: S608 - as above
        numbers = dict(self._all(sql, values))
        return {word: numbers.get(least_level(word), 0) for word in WORDS}

    def life(self, id: str) -> Life | None:
        with telling(self.path):
            return sqlite_life.life(self._connection, id)

    def act(self, id: str, act: Act, version: int) -> Life:
        self.commit()
        with self._writing(begin=False) as connection:
            sqlite_life.begin(connection)
            after = sqlite_life.act(connection, id, act, version)
            connection.execute("COMMIT")
            return after

    def event(self, id: str) -> dict[str, object] | None:
        try:
            key = bytes.fromhex(id)
        except ValueError:
            return None
        row = self._one("SELECT body FROM events WHERE id = ?", (key,))
        return None if row is None else wire_event(row[0], key.hex())

    def events_around(self, time: int, margin: int, limit: int) -> list[dict[str, object]]:
        before = "SELECT time, id, body FROM events WHERE time BETWEEN ? AND ? ORDER BY time DESC, id LIMIT ?"
        after = "SELECT time, id, body FROM events WHERE time BETWEEN ? AND ? ORDER BY time, id LIMIT ?"
        near = self._all(before, (time - margin, time - 1, limit)) + self._all(after, (time, time + margin, limit))
        nearest = sorted(near, key=lambda row: (abs(row[0] - time), row[1]))[:limit]
        return [wire_event(body, id.hex()) for _, id, body in sorted(nearest, key=lambda row: row[:2])]

    def events(self, since: int, until: int) -> Iterator[Event]:
        # A page at a time: a cursor left open would keep the writer's log from being shortened.
        after = (since - 1, _LAST_ROW)
        while rows := self._all(_EVENTS, (*after, until)):
            after = rows[-1][:2]
            yield from (stored_event(body) for _, _, body in rows)

    def hours(self, since: int, until: int) -> list[HourCount]:
        sql = "SELECT origin, module, hour, events FROM hours WHERE hour >= ? AND hour < ?"
        return sorted(HourCount(*row) for row in self._all(sql, (since, until)))

    def rejected(self, limit: int, wanted: LineFilter = ANY_LINE) -> list[Rejected]:
        condition, values = lines_where(wanted)
        rows = self._all(
            f"SELECT origin, position, received, device, reason, raw FROM rejected {condition} "  # noqa: S608 - as above
            "ORDER BY received DESC, origin, position DESC, id LIMIT :limit",
            values | {"limit": limit},
        )
        return [Rejected(*row) for row in rows]

    def remove_rejected(self, lines: Sequence[Rejected]) -> int:
        if not lines:
            return 0
        with self._writing() as connection:
            gone = connection.executemany("DELETE FROM rejected WHERE id = ?", ((_key(line),) for line in lines))
            connection.execute("UPDATE counters SET value = value - ? WHERE name = 'rejected'", (gone.rowcount,))
            return gone.rowcount

    def counts(self) -> dict[str, int]:
        counted = dict(self._all("SELECT name, value FROM counters", ()))
        (alerts,) = self._all("SELECT count(*) FROM alerts", ())[0]
        (pages,) = self._all("PRAGMA page_count", ())[0]
        (size,) = self._all("PRAGMA page_size", ())[0]
        return {
            "events": counted["events"],
            "rejected": counted["rejected"],
            "alerts": alerts,
            "bytes": pages * size,
        }

    def purge(self, retention: Retention, now: int) -> int:
        self.commit()
        with self._writing(begin=False) as connection:
            return purge(connection, retention, now)

    def close(self) -> None:
        self._connection.close()

    @contextmanager
    def _writing(self, begin: bool = True) -> Iterator[sqlite3.Connection]:
        """A transaction that lasts until commit; any failure undoes it, whatever SQLite itself left of it."""
        connection = self._connection
        try:
            with telling(self.path):
                if begin and not connection.in_transaction:
                    connection.execute("BEGIN IMMEDIATE")
                yield connection
        except BaseException:
            with telling(self.path):
                connection.rollback()
            raise

    def _counted(self, name: str, added: int) -> None:
        self._connection.execute("UPDATE counters SET value = value + ? WHERE name = ?", (max(added, 0), name))

    def _new(self, events: Sequence[Event], last: int) -> Sequence[Event]:
        """Those of the events that were not there before; rows after ``last`` are the ones just written."""
        found = {bytes(row[0]) for row in self._all("SELECT id FROM events WHERE rowid > ?", (last,))}
        by_id: dict[bytes, Event] = {}
        for event in events:
            by_id.setdefault(bytes.fromhex(id_of(event)), event)
        return [by_id[id] for id in found]

    def _count_hours(self, events: Sequence[Event]) -> None:
        counted = Counter(map(hour_key, events))
        rows = ((hour, origin, module, n) for (origin, module, hour), n in counted.items())
        self._connection.executemany(_PUT_HOUR, rows)

    def _all(self, sql: str, values: Sequence[object] | dict[str, object]) -> list[tuple[Any, ...]]:
        with telling(self.path):
            return self._connection.execute(sql, values).fetchall()

    def _one(self, sql: str, values: Sequence[object]) -> tuple[Any, ...] | None:
        with telling(self.path):
            row: tuple[Any, ...] | None = self._connection.execute(sql, values).fetchone()
            return row

    def _alert(self, body: bytes, status: str) -> Alert:
        try:
            alert = decode(body)
        except msgspec.DecodeError as error:
            raise StoreError(self.path, "an alert cannot be read: {why}", why=error) from error
        return alert if alert.status == status else msgspec.structs.replace(alert, status=status)


def _alert_row(alert: Alert) -> tuple[Any, ...]:
    return (
        alert.id,
        alert.rule_id,
        alert.rule_name,
        titles(alert),
        int(Level[alert.severity.upper()]),
        alert.score,
        alert.first_seen,
        alert.last_seen,
        alert.status,
        alert_json(alert),
    )


def _key(line: Rejected) -> bytes:
    return bytes.fromhex(rejected_id(line.origin, line.position, line.raw))


def _time(event: Event) -> int:
    time = event.get("@timestamp")
    return time if isinstance(time, int) else 0
