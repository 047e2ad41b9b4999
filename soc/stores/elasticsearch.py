"""Elasticsearch as a store: events in data streams, alerts and states in plain indices, under the Store's contract.

Elasticsearch has no transactions. What is put is kept in memory until commit, in bounded pieces, and every write is
idempotent by id; a state is written last, when all that it stands for is there. A failure drops what is in memory: the
caller goes back to the last state and repeats, and what was already written is written once.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Any

import msgspec
from elasticsearch import Elasticsearch, NotFoundError

from soc.core.alert import Alert
from soc.core.clock import Clock, SystemClock
from soc.core.errors import StoreError
from soc.core.event import Event, Rejected
from soc.core.ids import rejected_id
from soc.core.store import ANY_LINE, HOUR, AlertFilter, HourCount, LineFilter, Retention
from soc.core.triage import Act, Life
from soc.stores import elasticsearch_names as names
from soc.stores.elasticsearch_bulk import BulkWriter, Row
from soc.stores.elasticsearch_client import ClientSender, telling
from soc.stores.elasticsearch_counts import hourly
from soc.stores.elasticsearch_documents import read_alert, read_event, read_rejected, wire
from soc.stores.elasticsearch_life import get_life, put_act
from soc.stores.elasticsearch_query import BY_RANK, lines_query, query
from soc.stores.elasticsearch_retention import purge, used_bytes
from soc.stores.elasticsearch_rows import alert_row, dead_letter, event_row, instant, refused_row, rejected_row
from soc.stores.elasticsearch_states import get_state, remove_pieces, state_rows
from soc.stores.filtering import WORDS, is_beginning

Json = dict[str, Any]

PAGE = 1000
ALERTS_PAGE = 200  # an alert carries its evidence, so its page is smaller
HELD = 8_000_000
"""Bytes of rows that are kept in memory at most."""
PATIENCE = 20.0
"""Seconds that one write waits for a busy server, before it is a failure."""

_BY_TIME: list[Json] = [
    {"@timestamp": {"order": "asc", "numeric_type": "date_nanos"}},
    {"soc.arrival": {"order": "asc", "unmapped_type": "long"}},
    {"event.id": {"order": "asc", "unmapped_type": "keyword"}},
]
_NEWEST_LINES: list[Json] = [
    {"soc.received": "desc"},
    {"soc.origin": "asc"},
    {"log.offset": "desc"},
    {"event.id": {"order": "asc", "unmapped_type": "keyword"}},
]


class ElasticsearchStore:
    """One installation's streams and indices, by its namespace. One thread at a time.

    client  as soc.stores.elasticsearch_client.connect gives it; closed with the store unless it is shared

    StoreError when the server cannot be reached or refuses what is asked; documents that it refuses for what they are
    become rejected lines with its reason.
    """

    def __init__(
        self,
        client: Elasticsearch,
        namespace: str,
        clock: Clock | None = None,
        *,
        patience: float = PATIENCE,
        shared: bool = False,
    ) -> None:
        self._client = client
        self._shared = shared
        self.namespace = names.checked(namespace)
        self._events = names.events(namespace)
        self._clock = clock or SystemClock()
        self._writer = BulkWriter(ClientSender(client), patience=patience)
        self._arrival = 0
        self._rows: list[Row] = []
        self._held = 0  # bytes of rows
        self._alerts: dict[str, tuple[Alert, int]] = {}
        self._states: dict[str, bytes] = {}
        self._stale: set[str] = set()

    def put_events(self, events: Sequence[Event]) -> None:
        for event in events:
            self._arrival = max(self._arrival + 1, self._clock.now())
            self._hold(event_row(event, self.namespace, self._arrival))

    def put_rejected(self, rejected: Sequence[Rejected]) -> None:
        for line in rejected:
            self._hold(rejected_row(line, self.namespace))

    def put_alerts(self, alerts: Iterable[Alert], as_of: int = 0) -> None:
        """as_of: the position in the input that these alerts stand for. An earlier one than what is stored changes
        nothing: a worker that was paused for long must not overwrite what others found since."""
        for alert in alerts:
            held, at = self._alerts.get(alert.id, (alert, as_of))
            if at <= as_of:
                kept = held.status if alert.status == "new" else alert.status
                self._alerts[alert.id] = (msgspec.structs.replace(alert, status=kept), as_of)
        if len(self._alerts) >= PAGE:
            self._flush()

    def put_state(self, name: str, state: bytes) -> None:
        self._states[name] = state

    def state(self, name: str) -> bytes | None:
        if name in self._states:
            return self._states[name]
        with telling():
            return get_state(self._client, names.states(self.namespace), name)

    def commit(self) -> None:
        """Everything put so far is on the disks of the server and found by searches."""
        self._flush()
        with self._writing():
            for name, state in self._states.items():
                rows = state_rows(self.namespace, name, state)
                for row in rows:  # one by one: the last one says that the state is whole
                    self._refusing_nothing([row])
                if len(rows) > 1:
                    self._client.indices.refresh(index=names.states(self.namespace))
                    remove_pieces(self._client, names.states(self.namespace), name)
        self._states = {}
        self._refresh()

    def alerts(self, wanted: AlertFilter) -> list[Alert]:
        asked = query(wanted)
        self._seen()
        pages = self._pages(names.alerts(self.namespace), asked, BY_RANK, ALERTS_PAGE, wanted.offset, wanted.limit)
        return [read_alert(hit) for hit in islice(pages, wanted.limit)]

    def alert(self, id: str) -> Alert | None:
        found = self._by_beginning(id)
        return None if found is None else read_alert(found)

    def count_alerts(self, wanted: AlertFilter) -> dict[str, int]:
        severity: Json = {"terms": {"field": "severity", "size": len(WORDS)}}
        asked = query(wanted)
        self._seen()
        answer = self._search(names.alerts(self.namespace), query=asked, size=0, aggs={"severity": severity})
        buckets = answer.get("aggregations", {}).get("severity", {}).get("buckets", ())
        counted = {bucket["key"]: bucket["doc_count"] for bucket in buckets}
        return {word: counted.get(word, 0) for word in WORDS}

    def life(self, id: str) -> Life | None:
        self._flush()
        with telling():
            return get_life(self._client, names.alerts(self.namespace), id)

    def act(self, id: str, act: Act, version: int) -> Life:
        self.commit()
        with telling():
            return put_act(self._client, names.alerts(self.namespace), id, act, version)

    def event(self, id: str) -> dict[str, object] | None:
        if not re.fullmatch(r"[0-9a-fA-F]{32}", id):
            return None
        self._seen()
        hits = self._search(self._events, query={"ids": {"values": [id.lower()]}}, size=1)["hits"]["hits"]
        return wire(hits[0]) if hits else None

    def events_around(self, time: int, margin: int, limit: int) -> list[dict[str, object]]:
        self._seen()
        near: list[tuple[int, int, str, Json]] = []
        for order, range in (("desc", (time - margin, time)), ("asc", (time, time + margin + 1))):
            sort: list[Json] = [{"@timestamp": {"order": order, "numeric_type": "date_nanos"}}, {"event.id": "asc"}]
            for hit in islice(self._pages(self._events, _within(*range), sort, PAGE, 0, limit), limit):
                at = hit["sort"][0] // 1000
                near.append((abs(at - time), at, hit["_id"], hit))
        nearest = sorted(near, key=lambda row: (row[0], row[2]))[:limit]
        return [wire(hit) for _, _, _, hit in sorted(nearest, key=lambda row: (row[1], row[2]))]

    def events(self, since: int, until: int) -> Iterator[Event]:
        self._seen()
        last = ""
        for hit in self._pages(self._events, _within(since, until), _BY_TIME, PAGE):
            # An event sent again after its index rolled over is in both; a stream knows ids of one index only
            if hit["_id"] != last:
                yield read_event(hit["_source"])
            last = hit["_id"]

    def hours(self, since: int, until: int) -> list[HourCount]:
        self._seen()
        # of whole hours, as the others count them
        begin, end = -(-since // HOUR) * HOUR, -(-until // HOUR) * HOUR
        return hourly(self._client, self.namespace, begin, end)

    def rejected(self, limit: int, wanted: LineFilter = ANY_LINE) -> list[Rejected]:
        self._seen()
        pages = self._pages(names.rejected(self.namespace), lines_query(wanted), _NEWEST_LINES, PAGE, 0, limit)
        return [read_rejected(hit["_source"]) for hit in islice(pages, limit)]

    def remove_rejected(self, lines: Sequence[Rejected]) -> int:
        self._seen()
        gone = 0
        ids = [rejected_id(line.origin, line.position, line.raw) for line in lines]
        with telling():
            for start in range(0, len(ids), PAGE):
                try:
                    answer = self._client.delete_by_query(
                        index=names.rejected(self.namespace),
                        query={"ids": {"values": ids[start : start + PAGE]}},
                        conflicts="proceed",  # somebody else has just deleted it
                        refresh=True,
                    )
                except NotFoundError:  # told apart from no rights, which ignore_unavailable would pass over
                    return gone
                gone += int(answer["deleted"])
        return gone

    def write_again(self, line: Rejected) -> str:
        """Writes a document that Elasticsearch refused once more; "" if it took it, else why not.

        At once, not at the next commit. The line itself stays; remove_rejected removes it.
        """
        row = refused_row(line, self.namespace)
        if row is None:
            return "not of this installation"
        self._flush()
        with telling():
            refused = self._writer.write([row])
        self._stale.add(row.target)
        return f"elasticsearch: {refused[0].status} {refused[0].reason}" if refused else ""

    def counts(self) -> dict[str, int]:
        self._seen()
        parts = {
            "events": self._events,
            "rejected": names.rejected(self.namespace),
            "alerts": names.alerts(self.namespace),
        }
        with telling():
            counted = {
                name: int(self._client.count(index=index, ignore_unavailable=True)["count"])
                for name, index in parts.items()
            }
            return counted | {"bytes": sum(used_bytes(self._client, index) for index in parts.values())}

    def purge(self, retention: Retention, now: int) -> int:
        self.commit()
        with telling():
            rejected, alerts = names.rejected(self.namespace), names.alerts(self.namespace)
            return purge(self._client, self._events, rejected, alerts, retention, now)

    def close(self) -> None:
        if not self._shared:
            self._client.close()

    def _hold(self, row: Row) -> None:
        self._rows.append(row)
        self._held += len(row.doc)
        if self._held >= HELD:
            self._flush()

    def _forget(self) -> None:
        """Drops what is not written yet."""
        self._rows, self._held, self._alerts, self._states = [], 0, {}, {}

    def _flush(self) -> None:
        """Writes what is in memory but the states, which stand for all of it."""
        rows = self._rows + [alert_row(alert, self.namespace, at) for alert, at in self._alerts.values()]
        if not rows:
            return
        with self._writing():
            if not self._client.indices.exists(index=names.alerts(self.namespace)):
                raise StoreError(
                    "elasticsearch",
                    "no indices of {namespace} yet; run soc index apply first",
                    namespace=self.namespace,
                )
            refused = self._writer.write(rows)
            now = self._clock.now()
            letters = [rejected_row(dead_letter(one, now), self.namespace) for one in refused]
            self._refusing_nothing(letters)
        self._rows, self._held, self._alerts = [], 0, {}
        self._stale |= {row.target for row in (*rows, *letters)}

    def _refusing_nothing(self, rows: Sequence[Row]) -> None:
        for refused in self._writer.write(rows):
            raise StoreError(f"elasticsearch: {refused.target}: {refused.status} {refused.reason}")

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """A failure leaves nothing in memory: the caller goes back to what was committed."""
        try:
            with telling():
                yield
        except BaseException:
            self._forget()
            raise

    def _refresh(self) -> None:
        """Makes what was written since the last time visible to searches."""
        if self._stale:
            with self._writing():
                self._client.indices.refresh(index=sorted(self._stale), ignore_unavailable=True)
            self._stale = set()

    def _seen(self) -> None:
        """Before a read: it sees what this store was given."""
        self._flush()
        self._refresh()

    def _search(self, index: str, **asked: Any) -> Json:
        with telling():
            answer = self._client.search(
                index=index, ignore_unavailable=True, allow_no_indices=True, track_total_hits=False, **asked
            )
        body: Json = answer.body
        return body

    def _pages(
        self, index: str, asked: Json, sort: Sequence[Json], page: int, skip: int = 0, limit: int | None = None
    ) -> Iterator[Json]:
        """Hits in order, a page at a time, without the first ``skip``. The sort tells any two apart, or nearly."""
        size = page if limit is None else max(0, min(page, limit))
        after: list[Any] | None = None
        while skip > 0 and size:  # without their documents: search servers count no further than 10,000
            hits = self._hits(index, asked, sort, min(skip, 10_000), after, source=False)
            if not hits:
                return
            skip, after = skip - len(hits), hits[-1]["sort"]
        while size:
            hits = self._hits(index, asked, sort, size, after)
            yield from hits
            if len(hits) < size:
                return
            after = hits[-1]["sort"]

    def _hits(
        self, index: str, asked: Json, sort: Sequence[Json], size: int, after: list[Any] | None, source: bool = True
    ) -> list[Json]:
        more = {} if after is None else {"search_after": after}
        answer = self._search(index, query=asked, sort=sort, size=size, source=source, **more)
        hits: list[Json] = answer["hits"]["hits"]
        return hits

    def _by_beginning(self, id: str) -> Json | None:
        """The hit of an alert's id or an unambiguous beginning of it."""
        if not is_beginning(id):
            return None
        self._seen()
        index, asked = names.alerts(self.namespace), {"prefix": {"id": id}}
        hits = self._search(index, query=asked, size=2)["hits"]["hits"]
        return hits[0] if len(hits) == 1 else None


def _within(since: int, until: int) -> Json:
    """since <= time < until; nothing if both are past what a date can be."""
    return {"range": {"@timestamp": {"gte": instant(since), "lt": instant(until)}}}
