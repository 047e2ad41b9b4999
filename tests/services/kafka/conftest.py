"""Topics of each test's own on the session's broker, how to read them, and a broker with users and TLS."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pytest
from aiokafka import AIOKafkaConsumer, ConsumerRecord

from soc.core.event import RawBatch
from soc.core.settings import KafkaSettings
from soc.core.wire import decode_raw
from soc.engines.topics import carry_out, look
from tests.services.kafka.broker import LIBRARIES, PASSWORD, USER, Broker, certificate
from tests.services.kafka_server import KafkaServer

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Cluster:
    """A node with users and TLS, and what is needed to get in."""

    broker: Broker
    ca: Path
    password_file: Path

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
def address(kafka: KafkaServer) -> str:
    """Where the plain broker of the session is."""
    return kafka.servers


@pytest.fixture
def stream(address: str, prefix: str) -> KafkaSettings:
    """Settings with this test's own topics, which are there."""
    settings = KafkaSettings((address,), prefix, partitions=2)
    make(settings)
    return settings


def to_the_end(work: Coroutine[Any, Any, Answer]) -> Answer:
    """asyncio.run that also waits for closed connections to end: TLS takes its time, and the client does not wait for
    those that it gave up, such as one that was refused."""

    async def run() -> Answer:
        try:
            return await work
        finally:
            transports: Any = asyncio.get_running_loop()._transports  # type: ignore[attr-defined]
            async with asyncio.timeout(10):
                while any(one._sock for one in transports.values()):
                    await asyncio.sleep(0.01)

    return asyncio.run(run())


def make(settings: KafkaSettings) -> None:
    async def run() -> None:
        steps, found = await look(settings)
        await carry_out(settings, steps, found)

    to_the_end(run())


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
def read(address: str) -> Read:
    """read("soc.raw"): everything that it holds."""
    return lambda topic: everything(address, topic)


def batches(records: list[ConsumerRecord]) -> list[RawBatch]:
    return [decode_raw(record.value, "", 0, record.offset) for record in records]
