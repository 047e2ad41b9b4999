"""What a worker asks Kafka beside Faust: how many partitions there are, and what is kept of them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any, TypeVar

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from soc.core.errors import SocError
from soc.engines.stream.worker import Kept

Answer = TypeVar("Answer")


async def patiently(ask: Callable[[], Awaitable[Answer]], seconds: float) -> Answer:
    """Asks again while Kafka is away or has just come back, for so long. SocError then."""
    loop = asyncio.get_running_loop()
    until = loop.time() + seconds
    while True:
        try:
            return await ask()
        except (KafkaError, TimeoutError) as error:
            if loop.time() > until:
                raise SocError(f"Kafka: {error}") from error
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
        raise SocError(f"Kafka has no topic {', '.join(missing)}: run soc topics apply")
    return found


async def next_record(options: Mapping[str, Any], topic: str, partition: int, offset: int) -> int:
    """Offset of the first record that there is at this offset or after it; waits until there is one."""
    consumer = AIOKafkaConsumer(enable_auto_commit=False, **options)
    await consumer.start()
    try:
        wanted = TopicPartition(topic, partition)
        consumer.assign([wanted])
        consumer.seek(wanted, offset)
        return int((await consumer.getone(wanted)).offset)
    finally:
        await consumer.stop()


async def kept(options: Mapping[str, Any], topic: str, chosen: Collection[int]) -> dict[int, Kept]:
    """What Kafka has of these partitions."""
    if not chosen:
        return {}
    consumer = AIOKafkaConsumer(**options)
    await consumer.start()
    try:
        wanted = [TopicPartition(topic, partition) for partition in chosen]
        first, end = await consumer.beginning_offsets(wanted), await consumer.end_offsets(wanted)
        return {tp.partition: Kept(first[tp], end[tp]) for tp in wanted}
    finally:
        await consumer.stop()
