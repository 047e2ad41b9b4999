"""What a worker asks Kafka beside Faust: how many partitions there are, and what is kept of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from typing import Any, NamedTuple, TypeVar

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from soc.core.errors import SocError

Answer = TypeVar("Answer")


class Kept(NamedTuple):
    """What Kafka has of a partition: offset of its first record, and the one after its last."""

    first: int
    end: int


class End(NamedTuple):
    """Offset after the last record of a partition, and when Kafka said so (µs)."""

    offset: int
    at: int


async def patiently(ask: Callable[[], Awaitable[Answer]], seconds: float) -> Answer:
    """Asks again while Kafka is away or has just come back, for so long. SocError then."""
    loop = asyncio.get_running_loop()
    until = loop.time() + seconds
    while True:
        try:
            return await ask()
        except (KafkaError, TimeoutError) as error:
            if loop.time() > until:
                raise SocError("Kafka", error) from error
            await asyncio.sleep(1)


async def partitions(options: Mapping[str, Any], topics: Collection[str]) -> dict[str, int]:
    """How many partitions each topic has. SocError when one is missing."""
    admin = AIOKafkaAdminClient(**options)
    try:
        await admin.start()
        # Of all topics: to be asked for one by its name makes a broker create it, with its defaults
        found = {one["topic"]: len(one["partitions"]) for one in await admin.describe_topics()}
    finally:
        await admin.close()
    if missing := sorted(topic for topic in topics if not found.get(topic)):
        raise SocError("Kafka has no topic {names}: run soc topics apply", names=", ".join(missing))
    return found


@asynccontextmanager
async def reading(options: Mapping[str, Any], **more: Any) -> AsyncIterator[AIOKafkaConsumer]:
    """A consumer without a group, which moves nobody's place."""
    consumer = AIOKafkaConsumer(enable_auto_commit=False, **more, **options)
    try:
        await consumer.start()
        yield consumer
    finally:
        await consumer.stop()


async def next_record(options: Mapping[str, Any], topic: str, partition: int, offset: int) -> int:
    """Offset of the first record that there is at this offset or after it; of the next one to come if there is none.

    What ends a transaction takes an offset too, and is no record. KafkaError, also if the offset is there no longer.
    """
    wanted = TopicPartition(topic, partition)
    async with reading(options, auto_offset_reset="none") as consumer:
        consumer.assign([wanted])
        end = (await consumer.end_offsets([wanted]))[wanted]
        consumer.seek(wanted, offset)
        while (at := int(await consumer.position(wanted))) < end:
            if found := (await consumer.getmany(wanted, timeout_ms=500, max_records=1)).get(wanted):
                return int(found[0].offset)
        return at


async def kept(options: Mapping[str, Any], topic: str, chosen: Collection[int]) -> dict[int, Kept]:
    """What Kafka has of these partitions."""
    if not chosen:
        return {}
    async with reading(options) as consumer:
        wanted = [TopicPartition(topic, partition) for partition in chosen]
        first, end = await consumer.beginning_offsets(wanted), await consumer.end_offsets(wanted)
        return {tp.partition: Kept(first[tp], end[tp]) for tp in wanted}
