"""Snapshots in a real compacted topic: whole or not at all, whoever dies or comes back in between."""

import asyncio
import os
from contextlib import asynccontextmanager

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition

from collectors.kafka_producer import connect
from soc.core.servers import kafka_options
from soc.core.settings import KafkaSettings
from soc.engines.stream import snapshots
from soc.engines.stream.kafka import reading
from soc.engines.stream.outbox import Outbox
from soc.engines.stream.snapshots import HEAD, PIECE, Snapshot, TopicSnapshots
from tests.services.kafka_server import KafkaServer
from tests.services.topics import new_topic

pytestmark = pytest.mark.xdist_group("servers")
BIG = os.urandom(2 * PIECE + 7)


@pytest.fixture
def topic(kafka: KafkaServer, prefix: str) -> str:
    name = f"{prefix}.state"
    asyncio.run(new_topic(kafka.servers, name, 2, cleanup_policy="compact"))
    return name


class Late(Outbox):
    """Of a worker that is stopped after its pieces are there, and before it says so, until ``awake``."""

    def __init__(self, producer: AIOKafkaProducer) -> None:
        super().__init__(producer)
        self.asleep, self.awake = asyncio.Event(), asyncio.Event()

    async def settled(self) -> None:
        await super().settled()
        self.asleep.set()
        await self.awake.wait()


@asynccontextmanager
async def worker(kafka: KafkaServer, topic: str, kind=Outbox):
    """Snapshots and outbox of one worker."""
    settings = KafkaSettings(servers=(kafka.servers,))
    outbox = kind(await connect(settings, [topic], "test"))
    try:
        yield TopicSnapshots(topic, kafka_options(settings), outbox), outbox
    finally:
        await outbox.stop()


async def keys(kafka: KafkaServer, topic: str) -> list[bytes]:
    """Of all that is in partition 0 now, as if it were compacted."""
    found: dict[bytes, bytes | None] = {}
    async with reading(
        kafka_options(KafkaSettings(servers=(kafka.servers,))), auto_offset_reset="earliest"
    ) as consumer:
        tp = TopicPartition(topic, 0)
        consumer.assign([tp])
        end = (await consumer.end_offsets([tp]))[tp]
        while await consumer.position(tp) < end:
            for records in (await consumer.getmany(tp, timeout_ms=500)).values():
                found |= {record.key: record.value for record in records}
    return sorted(key for key, value in found.items() if value is not None)


def test_the_latest_of_each_partition_comes_back_and_leaves_nothing_behind(kafka: KafkaServer, topic: str) -> None:
    async def work() -> None:
        async with worker(kafka, topic) as (first, outbox):
            assert await first.load([0, 1]) == {}
            await first.store(0, Snapshot(5, b"small"))
            await first.store(1, Snapshot(1, b""))
            await first.store(0, Snapshot(9, BIG))
            await outbox.settled()
        async with worker(kafka, topic) as (second, outbox):
            assert await second.load([0, 1]) == {0: Snapshot(9, BIG), 1: Snapshot(1, b"")}
            await second.store(0, Snapshot(10, b"less"))
            await outbox.settled()
            assert await second.load([0]) == {0: Snapshot(10, b"less")}
            assert len(await keys(kafka, topic)) == 2, "the head and its piece"
            assert second.unreadable == 0

    asyncio.run(work())


def test_a_worker_that_wakes_up_within_a_snapshot_does_no_harm(kafka: KafkaServer, topic: str) -> None:
    """Others have stored theirs meanwhile: at worst its older one counts again."""

    async def work() -> None:
        async with worker(kafka, topic, Late) as (dead, outbox), worker(kafka, topic) as (other, others_outbox):
            storing = asyncio.create_task(dead.store(0, Snapshot(5, BIG)))
            await outbox.asleep.wait()
            assert await other.load([0]) == {}
            for offset in (6, 7):
                await other.store(0, Snapshot(offset, b"newer"))
            await others_outbox.settled()
            outbox.awake.set()
            await storing
            assert await other.load([0]) == {0: Snapshot(5, BIG)}
            assert other.unreadable == 0
            await other.store(0, Snapshot(8, b"newest"))
            assert await other.load([0]) == {0: Snapshot(8, b"newest")}

    asyncio.run(work())


def test_pieces_that_nobody_names_are_removed_in_time(kafka: KafkaServer, topic: str, monkeypatch) -> None:
    async def work() -> None:
        async with worker(kafka, topic, Late) as (dead, outbox):
            storing = asyncio.create_task(dead.store(0, Snapshot(5, BIG)))
            await outbox.asleep.wait()
            storing.cancel()
        assert len(await keys(kafka, topic)) == 3
        for orphaned, left in ((snapshots.ORPHANED, 5), (0, 2)):
            monkeypatch.setattr(snapshots, "ORPHANED", orphaned)
            async with worker(kafka, topic) as (other, others_outbox):
                await other.load([0])
                await other.store(0, Snapshot(6, b"newer"))
                await others_outbox.settled()
            found = await keys(kafka, topic)
            assert HEAD in found
            assert len(found) == left

    asyncio.run(work())
