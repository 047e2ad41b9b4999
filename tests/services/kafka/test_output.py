"""The output by itself: a broker that hangs, one that refuses, a disk that does, and damage in the spool."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from collectors import kafka as output_module
from collectors.kafka import KafkaOutput, sent_file
from collectors.spool import Spool
from soc.core.settings import KafkaSettings, Settings
from tests.services.kafka.conftest import Read, batches, everything, make
from tests.services.kafka_server import LocalKafka, kafka_server

pytestmark = pytest.mark.xdist_group("servers")


class Running:
    """An output in this process, with its spool and what it reports."""

    def __init__(self, folder: Path, kafka: KafkaSettings) -> None:
        self.settings = Settings(name="hq", data_dir=str(folder), kafka=kafka)
        self.file = sent_file(self.settings)
        self.spool = Spool(folder / "spool", 100_000_000, self.file.read()[0].position)
        self.reports: list[str] = []
        self.output = KafkaOutput(self.settings, self.spool, self.file, self.file.read()[0], self.reports.append)

    def put(self, *lines: str) -> None:
        self.spool.append("tcp:a", "auto", 1_000_000, tuple(line.encode() for line in lines))
        self.spool.sync()

    async def until(self, true: Callable[[], bool], seconds: float = 30) -> None:
        async with asyncio.timeout(seconds):
            while not true():
                await asyncio.sleep(0.01)

    async def sent(self) -> None:
        await self.until(lambda: self.output.counters().lag == 0)


@asynccontextmanager
async def running(folder: Path, kafka: KafkaSettings) -> AsyncIterator[Running]:
    made = Running(folder, kafka)
    task = asyncio.create_task(made.output.run())
    try:
        yield made
    finally:
        await made.output.stop(3)
        await task
        made.spool.close()


def lines_in(address: str, prefix: str) -> list[str]:
    return [line.decode() for batch in batches(everything(address, f"{prefix}.raw")) for line in batch.lines]


def test_a_broker_that_hangs_is_given_up_and_nothing_is_lost(
    tmp_path: Path, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(output_module, "SILENT_SECONDS", 0.5)
    monkeypatch.setattr(output_module, "STUCK_SECONDS", 2.0)

    async def run(kafka: KafkaSettings) -> None:
        async with running(tmp_path / "data", kafka) as one:
            one.put("before")
            await one.sent()
            os.killpg(java, signal.SIGSTOP)
            for number in range(5):
                one.put(f"while {number}")
            await one.until(lambda: "kafka: no answer for 2 s" in one.reports)
            assert "kafka: no answer; lines wait in the spool" in one.reports
            assert not one.output.counters().connected and one.output.counters().lag == 5
            os.killpg(java, signal.SIGCONT)
            one.put("after")
            await one.sent()
            assert one.reports[-1] == "kafka: answers again" and one.output.counters().connected

    with kafka_server(tmp_path / "node", local=True) as broker:
        assert isinstance(broker, LocalKafka) and broker.process
        java = broker.process.pid
        kafka = KafkaSettings((broker.servers,), prefix)
        make(kafka)
        try:
            asyncio.run(run(kafka))
        finally:
            os.killpg(java, signal.SIGCONT)
        found = lines_in(broker.servers, prefix)
    assert set(found) == {"before", *(f"while {number}" for number in range(5)), "after"}
    assert found[0] == "before" and found[-1] == "after", "the new connection sends in order, after the old one"


def test_a_topic_that_comes_later_gets_everything(stream: KafkaSettings, read: Read, tmp_path: Path) -> None:
    later = KafkaSettings(stream.servers, f"{stream.prefix}-later")

    async def run() -> None:
        async with running(tmp_path, later) as one:
            one.put("waits")
            await one.until(lambda: bool(one.reports))
            assert f"no topic {later.prefix}.counts, {later.prefix}.raw" in one.reports[0]
            await asyncio.to_thread(make, later)
            await one.sent()
            assert len(one.reports) == 2, "told once, though tried again and again"

    asyncio.run(run())
    assert [batch.lines for batch in batches(read(f"{later.prefix}.raw"))] == [(b"waits",)]


def test_it_goes_on_from_the_stored_position_and_keeps_the_spool_while_that_cannot_be_stored(
    stream: KafkaSettings, read: Read, tmp_path: Path
) -> None:
    async def first() -> None:
        async with running(tmp_path, stream) as one:
            one.put("1", "2")
            await one.sent()
            await one.until(lambda: one.file.read()[0].position == 2)
            (tmp_path / "kafka-sent.tmp").mkdir()
            one.put("3")
            await one.sent()
            await one.until(lambda: any("not stored" in report for report in one.reports))
        assert sent_file(one.settings).read()[0].position == 2

    async def second() -> None:
        (tmp_path / "kafka-sent.tmp").rmdir()
        async with running(tmp_path, stream) as one:
            one.put("4")
            await one.sent()

    asyncio.run(first())
    asyncio.run(second())
    found = batches(read(f"{stream.prefix}.raw"))
    assert [(number, line) for batch in found for number, line in enumerate(batch.lines, batch.position)] == [
        (0, b"1"), (1, b"2"), (2, b"3"), (2, b"3"), (3, b"4"),
    ]  # fmt: skip


def test_a_spool_that_was_lost_numbers_on(stream: KafkaSettings, read: Read, tmp_path: Path) -> None:
    async def run(line: str) -> None:
        async with running(tmp_path, stream) as one:
            one.put(line)
            await one.sent()

    asyncio.run(run("first"))
    for file in (tmp_path / "spool").iterdir():
        file.unlink()
    asyncio.run(run("second"))
    assert [(batch.position, batch.lines) for batch in batches(read(f"{stream.prefix}.raw"))] == [
        (0, (b"first",)),
        (1, (b"second",)),
    ]
