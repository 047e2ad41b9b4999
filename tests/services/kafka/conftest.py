"""A real Kafka for these tests: plain, and with users and TLS. Each test has a prefix for its topics."""

from __future__ import annotations

import asyncio
import shutil
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, ConsumerRecord

from soc.core.event import RawBatch
from soc.core.settings import KafkaSettings
from soc.core.wire import decode_raw
from soc.engines.topics import carry_out, look
from tests.services.kafka.broker import LIBRARIES, PASSWORD, USER, Broker, certificate


@dataclass(frozen=True)
class Cluster:
    """A node, and what is needed to reach it safely."""

    broker: Broker
    ca: Path
    password_file: Path

    def settings(self, prefix: str, **more: object) -> KafkaSettings:
        return KafkaSettings(servers=(self.broker.address,), prefix=prefix, **more)

    def secure(self, prefix: str, **more: object) -> KafkaSettings:
        options = {"user": USER, "password_file": str(self.password_file), "ca": str(self.ca)} | more
        return KafkaSettings(servers=(self.broker.secure,), prefix=prefix, **options)


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    if LIBRARIES is None:
        pytest.skip("needs Java and Kafka's jars: see tests/services/kafka/broker.py")
    if not shutil.which("openssl"):
        pytest.skip("needs openssl")
    folder = tmp_path_factory.mktemp("kafka")
    both, ca = certificate(folder / "tls")
    (folder / "password").write_text(PASSWORD + "\n")
    broker = Broker(folder / "node", both)
    broker.start()
    yield Cluster(broker, ca, folder / "password")
    broker.stop()


@pytest.fixture
def prefix() -> str:
    return f"t-{uuid.uuid4().hex[:12]}"


@pytest.fixture
def kafka(cluster: Cluster, prefix: str) -> KafkaSettings:
    """Settings with this test's own topics, which are there."""
    settings = cluster.settings(prefix, partitions=2)
    make(settings)
    return settings


def make(settings: KafkaSettings) -> None:
    async def run() -> None:
        steps, found = await look(settings)
        await carry_out(settings, steps, found)

    asyncio.run(run())


def everything(address: str, topic: str) -> list[ConsumerRecord]:
    """Everything that a topic holds, by a plain consumer without a group: the control of what was sent."""

    async def run() -> list[ConsumerRecord]:
        consumer = AIOKafkaConsumer(topic, bootstrap_servers=address, auto_offset_reset="earliest")
        await consumer.start()
        records: list[ConsumerRecord] = []
        try:
            ends = await consumer.end_offsets(consumer.assignment())
            while any([await consumer.position(one) < end for one, end in ends.items()]):
                for found in (await consumer.getmany(timeout_ms=200)).values():
                    records += found
        finally:
            await consumer.stop()
        return records

    return asyncio.run(run())


Read = Callable[[str], list[ConsumerRecord]]


@pytest.fixture
def read(cluster: Cluster) -> Read:
    """read("soc.raw"): everything that it holds."""
    return lambda topic: everything(cluster.broker.address, topic)


def batches(records: list[ConsumerRecord]) -> list[RawBatch]:
    return [decode_raw(record.value, "", 0, record.offset) for record in records]
