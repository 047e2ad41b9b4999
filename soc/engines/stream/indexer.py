"""The last stage: what the others hand over is written to Elasticsearch, and only then counts as read.

An outage only grows the lag: a record is not acknowledged before all that is in it is written, or refused for good and
kept as a rejected line with the reason. What is read twice is written once: ids are hashes, and an older state of an
alert replaces no newer one.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from soc.core.alert import decode
from soc.core.clock import Clock
from soc.core.errors import StoreError
from soc.core.event import RawBatch
from soc.core.settings import ElasticsearchSettings
from soc.core.wire import REJECTED
from soc.engines.stream.archive import Events, RejectedLines, StoredAlert, rejected_lines
from soc.pipeline.halves import Detected
from soc.stores import elasticsearch_names as names
from soc.stores.elasticsearch_bulk import BulkWriter, Refused, Row
from soc.stores.elasticsearch_client import ClientSender, connect
from soc.stores.elasticsearch_rows import alert_row, dead_letter, event_row, rejected_row

PAUSE: Final = 5.0
_PLACES: Final = 1 << 16
"""Events of one record, at most, that are told apart by the order in which they came."""


def event_rows(namespace: str) -> Callable[[int, int, RawBatch, Detected], list[tuple[str, str, bytes]]]:
    """How events become rows, see soc.engines.stream.archive.Rows."""

    def rows(partition: int, offset: int, batch: RawBatch, detected: Detected) -> list[tuple[str, str, bytes]]:
        first = offset * _PLACES + 1
        events = (*detected.events, *detected.joined)
        made = [event_row(event, namespace, first + n, batch.received) for n, event in enumerate(events)]
        return [(row.target, row.id, row.doc) for row in made]

    return rows


class Indexer:
    """Each kind of record has a writer of its own: many may be under way at a time."""

    def __init__(
        self,
        settings: ElasticsearchSettings,
        put: Callable[[str, bytes], None],
        topic: Callable[[str], str],
        clock: Clock,
        report: Callable[[str], None],
    ) -> None:
        """put(topic, value): sends a record. report: a line for the operator, said once for each trouble."""
        self._client = connect(settings)
        self._namespace = settings.namespace
        self._put = put
        self._topic = topic
        self._clock = clock
        self._report = report
        self._stop = threading.Event()
        sender = ClientSender(self._client)
        self.writers = {name: BulkWriter(sender, self._stop) for name in ("events", "rejected", "alerts")}
        self.trouble = ""
        self.lost = 0

    def stop(self) -> None:
        """Ends whatever waits; nothing that was not written is acknowledged."""
        self._stop.set()

    def close(self) -> None:
        self._client.close()

    async def events(self, value: bytes) -> None:
        """A record of events."""
        found = msgspec.msgpack.decode(value, type=Events)
        await self._write("events", [Row(*row) for row in found.rows])

    async def rejected(self, value: bytes, topic: str) -> None:
        """A record of rejected lines. topic: that of the lines."""
        lines = msgspec.msgpack.decode(value, type=RejectedLines).rejected(topic)
        await self._write("rejected", [rejected_row(line, self._namespace) for line in lines])

    async def alert(self, value: bytes) -> None:
        """An alert as it was at some position."""
        stored = msgspec.msgpack.decode(value, type=StoredAlert)
        await self._write("alerts", [alert_row(decode(stored.alert), self._namespace, stored.as_of)])

    async def _write(self, kind: str, rows: Sequence[Row]) -> None:
        while True:
            try:
                refused = await asyncio.to_thread(self.writers[kind].write, rows)
            except StoreError as error:  # an operator has to do something about it, or we are stopping
                if self._stop.is_set():
                    raise
                if self.trouble != str(error):
                    self._report(str(error))
                self.trouble = str(error)
                await asyncio.sleep(PAUSE)
            else:
                self.trouble = ""
                break
        if refused:
            self._keep(refused)

    def _keep(self, refused: Sequence[Refused]) -> None:
        """What Elasticsearch will never take is a rejected line; what it refuses even as that is said aloud."""
        kept = []
        for one in refused:
            if one.target == names.rejected(self._namespace):
                self.lost += 1
                self._report(f"elasticsearch refuses a rejected line: {one.reason}")
            else:
                kept.append(dead_letter(one, self._clock.now()))
        for line in kept:
            self._put(self._topic(REJECTED), msgspec.msgpack.encode(rejected_lines([line])))
