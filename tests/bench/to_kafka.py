"""CPU a line from the spool into a real Kafka, compressed: ``python -m tests.bench.to_kafka [LINES]``."""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from itertools import cycle, islice
from pathlib import Path

from collectors.kafka import KafkaOutput, sent_file
from collectors.spool import Spool
from soc.core.clock import SystemClock
from soc.core.settings import KafkaSettings, Settings
from soc.engines.topics import carry_out, look
from soc.story import write
from tests.bench.collecting import cpu
from tests.services.kafka.broker import LIBRARIES, Broker

SIZES = (200, 50, 10)
"""Lines that one sender's read brings into the spool; with several senders their batches take turns there."""


async def measure(settings: Settings, folder: Path, lines: list[bytes], size: int, senders: int) -> None:
    spool = Spool(folder / f"spool-{size}-{senders}", 4_000_000_000)
    clock = SystemClock()
    for number, start in enumerate(range(0, len(lines), size)):
        spool.append(f"tcp:10.0.0.{number % senders}", "auto", clock.now(), tuple(lines[start : start + size]))
    spool.sync()
    file = sent_file(settings)
    output = KafkaOutput(settings, spool, file, file.read()[0], print)
    used, began = cpu(), time.perf_counter()
    task = asyncio.create_task(output.run())
    while output.counters().sent < len(lines):
        await asyncio.sleep(0.01)
    used, seconds = cpu() - used, time.perf_counter() - began
    await output.stop(5)
    await task
    spool.close()
    Path(settings.data_dir, "kafka-sent.json").unlink()
    per_record = len(lines) / output.counters().records
    rate = f"{len(lines) / seconds:9,.0f} {used / len(lines) * 1e6:8.2f}"
    print(f"{senders:7} {size:11} {per_record:12.0f} {rate}", flush=True)


async def _all(folder: Path, address: str, count: int) -> None:
    kafka = KafkaSettings((address,), "bench")
    await carry_out(kafka, *await look(kafka))
    story = [line for file in write(folder / "story").files for line in file.read_bytes().splitlines()]
    lines = list(islice(cycle(story), count))
    settings = Settings(name="bench", data_dir=str(folder), kafka=kafka)
    for senders in (1, 100):
        for size in SIZES:
            await measure(settings, folder, lines, size, senders)


def run(count: int = 300_000) -> None:
    """Prints a row for each mix of senders: the process's own CPU, of which the making of records is a part."""
    if LIBRARIES is None:
        print("needs Java and Kafka's jars: see tests/services/kafka/broker.py")
        return
    print("senders lines a read lines/record   lines/s  µs/line")
    with tempfile.TemporaryDirectory() as folder:
        broker = Broker(Path(folder) / "node")
        broker.start()
        try:
            asyncio.run(_all(Path(folder), broker.address, count))
        finally:
            broker.stop()


if __name__ == "__main__":
    run(int(sys.argv[1]) if len(sys.argv) > 1 else 300_000)
