"""What Kafka and Elasticsearch have of each source and minute.

Topics are read by plain consumers without a group: nobody's place moves.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import msgspec

from collectors.kafka_producer import KafkaFailed, check_installed, failures, listen, told
from soc.core.servers import kafka_options
from soc.core.settings import KafkaSettings, Settings
from soc.core.wire import COUNTS, EVENTS, RAW, REJECTED, SIGNALS, decode_count, decode_raw, topic
from soc.engines.reconcile import Ledger, Row, judge
from soc.engines.rejected import FROM_ELASTICSEARCH, FROM_KAFKA
from soc.engines.stream.archive import Events, RejectedLines
from soc.engines.stream.kafka import partitions
from soc.stores.elasticsearch_client import connect
from soc.stores.elasticsearch_counts import counted, distinct

if TYPE_CHECKING:
    from aiokafka import ConsumerRecord

MARGIN: Final = 600_000
"""ms: a collector's clock may be so far ahead of the broker's, by whose time records are looked up."""
_WAIT: Final = 500
_LARGEST: Final = 1024 * 1024
_NUMBER: Final = re.compile(rb'"log\.offset":(\d+)')
"""Only the field itself looks like this in JSON: within a text, the quote before the colon has a backslash."""


def reconciled(settings: Settings, ledger: Ledger, grace: int) -> list[Row]:
    """A row for each source and minute. grace: µs.

    The stages are looked at one after the other, in the order of the flow, so what moves meanwhile is no gap.
    KafkaFailed, StoreError or SocError when a server does not answer.
    """
    namespace = settings.elasticsearch.namespace
    with closing(connect(settings.elasticsearch)) as client:
        asyncio.run(read_topics(settings.kafka, ledger))
        for found in counted(client, namespace, ledger.since, ledger.until):
            ledger.documents(*found)
        return judge(ledger, ledger.until, grace, lambda origin, minute: distinct(client, namespace, origin, minute))


async def read_topics(settings: KafkaSettings, ledger: Ledger) -> None:
    """Fills in what is in Kafka, stage by stage in the order of the flow.

    What comes while it reads is then seen later at least as far as before, and looks like no gap. Memory: one stretch
    of numbers for each record at most. KafkaFailed or SocError if Kafka is away or a topic is missing.
    """
    check_installed()
    name = partial(topic, settings.prefix)
    readers: dict[str, Callable[[ConsumerRecord[Any, Any]], None]] = {
        COUNTS: partial(_count, ledger),
        RAW: partial(_raw, ledger),
        EVENTS: partial(_events, ledger),
        REJECTED: partial(_rejected, ledger, f"{FROM_KAFKA}{name(SIGNALS)}/"),
    }
    heard = listen()
    try:
        there = await partitions(kafka_options(settings), [name(one) for one in readers])
        for one, take in readers.items():
            await _read(settings, name(one), there[name(one)], ledger.since // 1000 - MARGIN, take)
    except failures() as error:
        raise KafkaFailed(heard.last or f"{', '.join(settings.servers)}: {told(error)}") from error


async def _read(
    settings: KafkaSettings, name: str, partitions: int, since: int, take: Callable[[ConsumerRecord[Any, Any]], None]
) -> None:
    """Every record of a topic from a time (ms) on, to the end as it is at the start."""
    from aiokafka import AIOKafkaConsumer, TopicPartition

    consumer = AIOKafkaConsumer(
        **kafka_options(settings),
        client_id="soc-reconcile",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=_LARGEST,
    )
    try:
        await consumer.start()
        parts = [TopicPartition(name, number) for number in range(partitions)]
        consumer.assign(parts)
        ends = await consumer.end_offsets(parts)
        begins = await consumer.offsets_for_times(dict.fromkeys(parts, max(0, since)))
        left = {tp for tp in parts if begins.get(tp) is not None and begins[tp].offset < ends[tp]}
        if not left:
            return
        consumer.assign(list(left))
        for tp in left:
            consumer.seek(tp, begins[tp].offset)
        while left:
            for tp, records in (await consumer.getmany(*left, timeout_ms=_WAIT)).items():
                for record in records:
                    if record.offset < ends[tp]:
                        take(record)
            left = {tp for tp in left if await consumer.position(tp) < ends[tp]}
            consumer.pause(*(consumer.assignment() - left))
    finally:
        await consumer.stop()


def _count(ledger: Ledger, record: ConsumerRecord[Any, Any]) -> None:
    try:
        ledger.count(decode_count(record.value or b""))
    except ValueError:
        ledger.unreadable += 1


def _raw(ledger: Ledger, record: ConsumerRecord[Any, Any]) -> None:
    origin, heard = f"{FROM_KAFKA}{record.topic}/{record.partition}", record.timestamp * 1000
    try:
        batch = decode_raw(record.value or b"", origin, heard, record.offset)
    except ValueError:  # a worker makes it one rejected line, with the record's own place as its origin
        found, position, lines = ledger.flow(origin, heard), record.offset, 1
    else:
        if not batch.lines:  # they say that time passes, or that a file has ended
            return
        found, position, lines = ledger.flow(batch.origin, batch.received), batch.position, len(batch.lines)
    if found is not None:
        found.kafka.add(position, lines)


def _events(ledger: Ledger, record: ConsumerRecord[Any, Any]) -> None:
    try:
        events = msgspec.msgpack.decode(record.value or b"", type=Events)
    except msgspec.MsgspecError:
        ledger.unreadable += 1
        return
    flow = ledger.flow(events.origin, events.received)
    if flow is None:
        return
    lines = len(events.rows) - events.joined
    for number, (_, _, document) in enumerate(events.rows):
        if (position := _NUMBER.search(document)) is not None:
            (flow.detected if number < lines else flow.joined).add(int(position[1]))


def _rejected(ledger: Ledger, signals: str, record: ConsumerRecord[Any, Any]) -> None:
    try:
        found = msgspec.msgpack.decode(record.value or b"", type=RejectedLines)
    except msgspec.MsgspecError:
        ledger.unreadable += 1
        return
    for line in found.lines:
        # What Elasticsearch refused has been an event before, and a signal has never been a line
        if not line.origin.startswith((FROM_ELASTICSEARCH, signals)):
            flow = ledger.flow(line.origin, line.received)
            if flow is not None:
                flow.detected.add(line.position)
