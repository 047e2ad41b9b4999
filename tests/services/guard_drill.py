"""Fresh groups whose second worker joins and whose first one leaves: what is lost, and what comes twice.

python -m tests.services.guard_drill --groups 20        prints the table, with and without the guard
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import signal
import sys
import tempfile
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from aiokafka import AIOKafkaProducer

from tests.services.kafka_server import kafka_server
from tests.services.topics import new_topic

PARTITIONS = 2
RATE = 100  # records a second and partition
TICK = 0.05
QUIET_SECONDS = 5.0  # so long without any progress, and nothing more will come
KILLED_SECONDS = 16.0  # a session of 6 s has to end first


@dataclass
class Outcome:
    """One group: records acknowledged by the broker, and what the two workers made of them."""

    produced: int
    lost: int
    repeated: int
    first: int
    second: int


async def trial(servers: str, folder: Path, *, guard: bool = True, kill: bool = False, slow: float = 0.0) -> Outcome:
    """One fresh group: a worker, a second one that joins, then the first one leaves (or is killed)."""
    name = f"drill-{uuid.uuid4().hex[:10]}"
    folder = folder / name
    folder.mkdir(parents=True)
    await new_topic(servers, name, PARTITIONS)
    options = [*([] if guard else ["guard=off"]), *([f"slow={slow}"] if slow else [])]
    counts = [0] * PARTITIONS
    filling = asyncio.ensure_future(_fill(servers, name, counts))
    try:
        async with running_worker(servers, name, folder, "one", *options) as one:
            await until_processed(folder / "one", 20)
            await asyncio.sleep(random.uniform(0.0, 1.0))
            async with running_worker(servers, name, folder, "two", *options) as two:
                await until_processed(folder / "two", 1)
                await asyncio.sleep(random.uniform(0.5, 1.5))
                one.send_signal(signal.SIGKILL if kill else signal.SIGTERM)
                await one.wait()
                await asyncio.sleep(1.5)
                filling.cancel()
                await asyncio.wait({filling})
                await _until_quiet(folder, sum(counts), KILLED_SECONDS if kill else QUIET_SECONDS)
                two.send_signal(signal.SIGTERM)
                await two.wait()
    finally:
        filling.cancel()
        await asyncio.wait({filling})
    first, second = events(folder / "one"), events(folder / "two")
    wanted = {(partition, offset) for partition, count in enumerate(counts) for offset in range(count)}
    both = first + second
    return Outcome(len(wanted), len(wanted - set(both)), len(both) - len(set(both)), len(first), len(second))


def events(path: Path) -> list[tuple[int, int]]:
    """Partition and offset of every event that a worker has noted; a line torn by a kill is none."""
    lines = path.read_text().split("\n")[:-1] if path.exists() else []
    return [(int(words[0]), int(words[1])) for line in lines if len(words := line.split()) == 3 and words[0].isdigit()]


async def _fill(servers: str, topic: str, counts: list[int]) -> None:
    """RATE records a second into each partition until cancelled; counts what the broker has acknowledged."""
    producer = AIOKafkaProducer(bootstrap_servers=servers, acks="all")
    await producer.start()
    stop = asyncio.Event()

    async def send() -> None:
        start, sent = time.monotonic(), 0
        while not stop.is_set():
            due = int((time.monotonic() - start) * RATE)
            futures = [
                (part, await producer.send(topic, b"%d-%d" % (part, number), partition=part))
                for number in range(sent, due)
                for part in range(PARTITIONS)
            ]
            for part, future in futures:
                await future
                counts[part] += 1
            sent = due
            await asyncio.sleep(TICK)

    sending = asyncio.ensure_future(send())
    try:
        await asyncio.wait({sending})
    except asyncio.CancelledError:
        stop.set()
        await sending
    finally:
        await producer.stop()


@asynccontextmanager
async def running_worker(
    servers: str, name: str, folder: Path, who: str, *options: str
) -> AsyncIterator[asyncio.subprocess.Process]:
    module = "tests.services.guard_worker"
    with (folder / f"{who}.err").open("wb") as errors:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            module,
            servers,
            name,
            name,
            str(folder),
            who,
            *options,
            stdout=errors,
            stderr=errors,
            env=os.environ | {"PYTHONPATH": str(Path(__file__).resolve().parents[2])},
        )
        try:
            yield process
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()


async def until_processed(path: Path, count: int, seconds: float = 40.0) -> None:
    """Until a worker has processed so many events."""
    deadline = time.monotonic() + seconds
    while len(events(path)) < count:
        if time.monotonic() > deadline:
            errors = path.with_suffix(".err").read_text()
            raise TimeoutError(
                f"{path.name} has processed {len(events(path))} events after {seconds} s: {errors[-3000:]}"
            )
        await asyncio.sleep(0.1)


async def _until_quiet(folder: Path, wanted: int, seconds: float) -> None:
    """Until all events are there, or nothing has come for so long."""
    seen, since = -1, time.monotonic()
    while time.monotonic() - since < seconds:
        both = events(folder / "one") + events(folder / "two")
        if len(set(both)) >= wanted:
            await asyncio.sleep(0.5)  # for repeats that are still to come
            return
        if len(both) != seen:
            seen, since = len(both), time.monotonic()
        await asyncio.sleep(0.2)


async def trials(
    servers: str, folder: Path, groups: int, *, at_once: int = 2, guard: bool, kill: bool
) -> list[Outcome]:
    """So many fresh groups, every other one with workers that take 3 ms an event."""
    gate = asyncio.Semaphore(at_once)

    async def one(number: int) -> Outcome:
        async with gate:
            return await trial(servers, folder, guard=guard, kill=kill, slow=0.003 * (number % 2))

    return list(await asyncio.gather(*(one(number) for number in range(groups))))


def main() -> None:
    """The table: all four ways, on a broker of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--groups", type=int, default=20)
    parser.add_argument("--at-once", type=int, default=2)
    given = parser.parse_args()
    print("| guard | first worker | groups | records | groups that lost | lost | repeated | most in a group |")
    print("|---|---|---|---|---|---|---|---|", flush=True)
    with tempfile.TemporaryDirectory() as name, kafka_server(Path(name) / "kafka", local=True) as server:
        for guard in (True, False):
            for kill in (False, True):
                found = asyncio.run(
                    trials(server.servers, Path(name), given.groups, at_once=given.at_once, guard=guard, kill=kill)
                )
                print(
                    f"| {'on' if guard else 'off'} | {'kill -9' if kill else 'SIGTERM'} | {len(found)} "
                    f"| {sum(one.produced for one in found)} | {sum(one.lost > 0 for one in found)} "
                    f"| {sum(one.lost for one in found)} | {sum(one.repeated for one in found)} "
                    f"| {max(one.repeated for one in found)} |",
                    flush=True,
                )


if __name__ == "__main__":
    main()
