"""A store's contract, on which console and engines rely; each store passes tests/stores/contract.py."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from msgspec.structs import replace

from soc.core.alert import Alert, EventRef
from soc.core.event import Event, Rejected
from soc.core.triage import Act, Life

STORE_FILE = "soc.db"
"""The embedded store's file in its folder."""

HOUR = 3_600_000_000
MOST_OF_ONE_TIME = 500
"""Events of one time among which one is looked for."""
HOURS_KEPT = 400 * 24 * HOUR
"""How long counts by hour stay (µs): a year's report and the month before it."""


@dataclass(frozen=True, slots=True)
class AlertFilter:
    """Which alerts; None means any. Times are µs and compare with last_seen >= since, first_seen < until.

    min_severity  a severity word; that and worse; ValueError for any other word
    rule          rule id, or name, or a part of the title in either language (case-insensitive)
    host          a host name or address among the alert's hosts or group values
    limit, offset paging, ordered by score then last_seen, both falling, then id
    """

    min_severity: str | None = None
    rule: str | None = None
    host: str | None = None
    since: int | None = None
    until: int | None = None
    limit: int = 100
    offset: int = 0


@dataclass(frozen=True, slots=True)
class LineFilter:
    """Which rejected lines; None means any.

    reason, origin  a part of either; case counts for nothing in a-z
    since           received then (µs) or later
    id              what its id (soc.core.ids.rejected_id) begins with
    """

    reason: str | None = None
    origin: str | None = None
    since: int | None = None
    id: str | None = None


ANY_LINE = LineFilter()


@dataclass(frozen=True, slots=True)
class Retention:
    """What purge keeps: events and rejected lines not older than max_age µs, newest first within max_bytes.

    0 means no bound.
    """

    max_age: int = 0
    max_bytes: int = 0


@dataclass(frozen=True, slots=True, order=True)
class HourCount:
    """How many events of one kind of one source an hour has.

    origin   where the lines came from, e.g. "udp:10.1.99.1"
    module   which device's they are, e.g. "fortinet"; one origin may relay several
    hour     µs: start of the hour (UTC) in which the events happened by their own time
    events   stored ones, each once; more than 0
    """

    origin: str
    module: str
    hour: int
    events: int


class Store(Protocol):
    """Events, rejected lines, alerts, and the pipeline's state. Writes are idempotent by id; commit makes them durable.

    A write or commit that fails raises StoreError and undoes everything since the last commit. One thread at a time.
    """

    def put_events(self, events: Sequence[Event]) -> None: ...
    def put_rejected(self, rejected: Sequence[Rejected]) -> None: ...
    def put_alerts(self, alerts: Iterable[Alert]) -> None:
        """Writes each alert as it now is (absolute values, so a replay writes the same).

        A person's status is kept: "new", which is what triage says, replaces no other status.
        """

    def put_state(self, name: str, state: bytes) -> None: ...
    def state(self, name: str) -> bytes | None: ...
    def commit(self) -> None: ...
    def alerts(self, wanted: AlertFilter) -> list[Alert]: ...
    def alert(self, id: str) -> Alert | None:
        """By id or by an unambiguous beginning of it (at least 4 digits); None if no alert or several have it."""

    def count_alerts(self, wanted: AlertFilter) -> dict[str, int]:
        """Number by severity word, all five, the worst first; regardless of limit and offset."""

    def life(self, id: str) -> Life | None:
        """What people did about an alert (its whole id); None if there is no such alert."""

    def act(self, id: str, act: Act, version: int) -> Life:
        """Does it at once and durably, in a transaction of its own, after committing what was put before.

        version: of the life that the person saw. Conflict if it has gone on since, Refused if the act may not follow
        or there is no such alert; neither changes anything.
        """

    def event(self, id: str) -> dict[str, object] | None:
        """An event in wire form (dates as ISO text, arrays as lists, event.id added)."""

    def events_around(self, time: int, margin: int, limit: int) -> list[dict[str, object]]:
        """Events within margin µs before and after a time, the nearest ``limit`` of them, ordered by time."""

    def events(self, since: int, until: int) -> Iterator[Event]:
        """Events as the pipeline has them, since <= time < until (µs), in order of time, in bounded memory.

        Those of one time come as they were stored. What is stored while it runs may come or not.
        """

    def hours(self, since: int, until: int) -> list[HourCount]:
        """Events by origin, module and hour for hours that begin within since <= hour < until (µs), in that order.

        What was purged still counts where the store keeps the counts themselves (SQLite: for HOURS_KEPT).
        """

    def rejected(self, limit: int, wanted: LineFilter = ANY_LINE) -> list[Rejected]:
        """The rejected lines received last, the newest first."""

    def remove_rejected(self, lines: Sequence[Rejected]) -> int:
        """Removes these lines, which are events by now; the number that were there. Commit what came of them before."""

    def counts(self) -> dict[str, int]:
        """{"events": n, "rejected": n, "alerts": n, "bytes": n}."""

    def purge(self, retention: Retention, now: int) -> int:
        """Removes what is too old or too much; the number of events removed. Alerts and their evidence stay.

        Commits what was put before.
        """

    def close(self) -> None: ...


def filled(store: Store, alert: Alert) -> Alert:
    """The alert for people: where it has the outline of an event only, the whole of it, if that is stored."""
    return replace(alert, events=tuple([_filled(store, ref) for ref in alert.events]))


def _filled(store: Store, ref: EventRef) -> EventRef:
    line = ("soc.origin", "log.offset")
    if "event.original" in ref.event or not all(name in ref.event for name in line):
        return ref
    near = (one for one in store.events_around(ref.time, 1, MOST_OF_ONE_TIME) if "soc.joined" not in one)
    found = next((one for one in near if all(one.get(name) == ref.event[name] for name in line)), None)
    return ref if found is None else replace(ref, event=found)
