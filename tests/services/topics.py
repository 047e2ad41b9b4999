"""Topics and records by plain aiokafka: the control that every loss measurement is compared with."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic


def create_topic(servers: str, name: str, partitions: int = 1, **config: str) -> None:
    """A new topic; ``config`` has ``_`` for ``.``, e.g. ``cleanup_policy="compact"``."""
    asyncio.run(new_topic(servers, name, partitions, **config))


async def new_topic(servers: str, name: str, partitions: int = 1, **config: str) -> None:
    """The same within a loop."""
    admin = AIOKafkaAdminClient(bootstrap_servers=servers)
    try:
        await admin.start()
        settings = {key.replace("_", "."): value for key, value in config.items()}
        await admin.create_topics([NewTopic(name, partitions, 1, topic_configs=settings)])
    finally:
        await admin.close()


def produce(
    servers: str, topic: str, records: Iterable[tuple[bytes | None, bytes]], partition: int | None = None
) -> None:
    """All records, acknowledged by the broker before this returns."""

    async def send() -> None:
        producer = AIOKafkaProducer(bootstrap_servers=servers, acks="all", max_request_size=4 << 20)
        try:
            await producer.start()
            sent = [await producer.send(topic, key=key, value=value, partition=partition) for key, value in records]
            await asyncio.gather(*sent)
        finally:
            await producer.stop()

    asyncio.run(send())


def consume_all(servers: str, topic: str) -> list[Any]:
    """Every record from the beginning to the end as it is now, in the order of partition and offset."""

    async def read() -> list[Any]:
        consumer = AIOKafkaConsumer(bootstrap_servers=servers, enable_auto_commit=False, auto_offset_reset="earliest")
        await consumer.start()
        try:
            numbers = consumer.partitions_for_topic(topic) or await _partitions(consumer, topic)
            parts = [TopicPartition(topic, number) for number in sorted(numbers)]
            consumer.assign(parts)
            await consumer.seek_to_beginning(*parts)
            ends = await consumer.end_offsets(parts)
            found: list[Any] = []
            while any([await consumer.position(part) < ends[part] for part in parts]):
                for records in (await consumer.getmany(timeout_ms=500)).values():
                    found.extend(records)
            return sorted(found, key=lambda record: (record.partition, record.offset))
        finally:
            await consumer.stop()

    return asyncio.run(read())


def committed(servers: str, group: str, topic: str, partition: int) -> int | None:
    """What a group has committed for a partition, or None."""

    async def ask() -> int | None:
        admin = AIOKafkaAdminClient(bootstrap_servers=servers)
        await admin.start()
        try:
            found = await admin.list_consumer_group_offsets(group)
        finally:
            await admin.close()
        offset = found.get(TopicPartition(topic, partition))
        return None if offset is None or offset.offset < 0 else int(offset.offset)

    return asyncio.run(ask())


async def _partitions(consumer: AIOKafkaConsumer, topic: str) -> set[int]:
    """The partitions of a topic that the client has not heard of yet."""
    await consumer._client.add_topic(topic)
    for _ in range(50):
        await consumer._client.force_metadata_update()
        if numbers := consumer.partitions_for_topic(topic):
            return set(numbers)
        await asyncio.sleep(0.1)
    raise LookupError(f"there is no topic {topic}")
