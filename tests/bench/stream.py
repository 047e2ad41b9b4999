"""The distributed engine on a real Kafka and Elasticsearch: ``python -m tests.bench.stream``.

Events a second and CPU µs an event of the workers, from Kafka to Elasticsearch; the same stages carried by a plain
consumer instead of Faust, which tells Faust's own share; and the latency of one line a second, collector included.
CPU time is that of the processes; the broker and Elasticsearch have the same two cores, so rates are theirs as well.
"""

from __future__ import annotations

import asyncio
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition

from soc.core.event import RawBatch
from soc.story import write
from tests.services.elasticsearch_server import Server, elasticsearch_server
from tests.services.fleet import Fleet, expected, until
from tests.services.kafka_server import KafkaServer, kafka_server

REPEATS = 3
"""How often the story's 56,644 lines are sent, under other numbers each time."""
TRICKLE = 90
PACE = 1.0
_TICK = os.sysconf("SC_CLK_TCK")


def cpu_of(pid: int) -> float:
    """Seconds of CPU of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICK


def memory_of(pid: int) -> float:
    """MB that a process had at most."""
    found = [line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmHWM")]
    return int(found[0].split()[1]) / 1000


async def throughput(fleet: Fleet, pieces: list[RawBatch], workers: int, plain: bool = False) -> str:
    """One row: all lines are there before the clock starts, and it stops with the last document written."""
    await fleet.prepare()
    lines = sum(len(piece.lines) for piece in pieces)
    try:
        running = [start(fleet, plain) for _ in range(workers)]
        await until(lambda: all(worker.health().get("partitions") for worker in running), 120, "no workers")
        await asyncio.sleep(3)
        before, begun = sum(cpu_of(worker.process.pid) for worker in running), time.monotonic()
        for first in range(0, len(pieces), 50):
            await fleet.send(pieces[first : first + 50])
        await until(lambda: _written(running) >= lines, 600, "not everything was written", 0.2)
        seconds = time.monotonic() - begun
        used = sum(cpu_of(worker.process.pid) for worker in running) - before
        memory = max(memory_of(worker.process.pid) for worker in running)
    finally:
        await fleet.close()
    carrier = "plain consumer" if plain else "Faust"
    return f"{carrier:15s} {workers:7d} {lines:9,d} {lines / seconds:10,.0f} {used / lines * 1e6:8.1f} {memory:8.0f}"


def _written(running: list[Any]) -> int:
    states = [worker.health() for worker in running]
    return sum(state["written"]["events"]["written"] for state in states if state)


def start(fleet: Fleet, plain: bool) -> Any:
    """A worker: the product's, or the same with the plain carrier."""
    worker = fleet.start()
    if not plain:
        return worker
    worker.process.kill()
    worker.process.wait()
    fleet.running.remove(worker)
    with worker.log.open("wb") as log:
        worker.process = subprocess.Popen(
            [sys.executable, "-m", "tests.bench.stream", "--plain", str(fleet.file)],
            stdout=log,
            stderr=subprocess.STDOUT,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        )
    fleet.running.append(worker)
    return worker


def repeated(pieces: list[RawBatch], times: int) -> list[RawBatch]:
    """The same lines under other numbers, as other events."""
    return [
        replace(piece, position=piece.position + turn * 10_000_000, origin=f"{piece.origin}")
        for turn in range(times)
        for piece in pieces
    ]


async def trickle(fleet: Fleet, folder: Path) -> list[str]:
    """One line a second into a collector; until its event, and the alert about it, can be read in Elasticsearch."""
    await fleet.prepare()
    file = folder / "collector.yml"
    file.write_text(
        f"name: c1\ninputs:\n  - {{type: syslog, protocol: tcp, port: 0}}\ndata_dir: {folder}/collector\n"
        f"kafka: {{servers: ['{fleet.servers}'], prefix: {fleet.prefix}, partitions: {fleet.partitions}}}\n"
    )
    command = [sys.executable, "-m", "collectors", "--settings", str(file), "--every", "1"]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    collector = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment)
    try:
        worker = fleet.start()
        await until(lambda: bool(worker.health().get("partitions")), 90, "no worker")
        assert collector.stdout is not None
        port = int(collector.stdout.readline().split(b"syslog tcp 127.0.0.1:")[1].split(b'"')[0])
        store = fleet.store()
        events, alerts = [], []
        with socket.create_connection(("127.0.0.1", port)) as connection:
            for number in range(TRICKLE):
                stamp = time.strftime("%b %d %H:%M:%S", time.gmtime(time.time() + 25200))
                address = f"203.0.113.{number + 1}"
                line = f"<86>{stamp} mx1 sshd[9]: Accepted password for root from {address} port 4000 ssh2\n"
                sent = time.monotonic()
                connection.sendall(line.encode())
                await until(partial(_more, worker, "events", number), 30, "no event", 0.02)
                events.append(time.monotonic() - sent)
                await until(partial(_more, worker, "alerts", number), 30, "no alert", 0.02)
                alerts.append(time.monotonic() - sent)
                await asyncio.sleep(max(0.0, PACE - (time.monotonic() - sent)))
        store.close()
    finally:
        collector.kill()
        collector.wait()
        if collector.stdout:
            collector.stdout.close()
        await fleet.close()
    return [_quantiles("its event is in Elasticsearch", events), _quantiles("an alert about it is there", alerts)]


def _more(worker: Any, kind: str, number: int) -> bool:
    found = worker.health()
    return bool(found) and found["written"][kind]["written"] > number


def _quantiles(what: str, seconds: list[float]) -> str:
    cuts = statistics.quantiles(seconds, n=100)
    return f"{what:32s} {len(seconds):6d} {cuts[49]:7.2f} {cuts[98]:7.2f} {max(seconds):7.2f}"


class Message(NamedTuple):
    """What stages read of a message of Faust."""

    topic: str
    partition: int
    offset: int
    timestamp: float
    value: bytes


async def plain(path: Path) -> None:
    """A worker whose records are carried by one plain consumer, without a group: the control."""
    from collectors.kafka_producer import connect
    from soc.core.clock import SystemClock
    from soc.core.servers import kafka_options
    from soc.core.settings import read_settings
    from soc.core.wire import ALERTS, EVENTS, RAW, REJECTED, SIGNALS, topic
    from soc.engines.stream import service
    from soc.engines.stream.health import Health, health_server
    from soc.engines.stream.indexer import Indexer
    from soc.engines.stream.kafka import kept, partitions
    from soc.engines.stream.outbox import Outbox
    from soc.pipeline.build import content_of

    settings, clock = read_settings(path), SystemClock()
    content = content_of(settings, clock.now())
    options, name = kafka_options(settings.kafka), partial(topic, settings.kafka.prefix)
    topics = [name(one) for one in (RAW, SIGNALS, EVENTS, ALERTS, REJECTED)]
    counted = await partitions(options, topics)
    outbox = Outbox(await connect(settings.kafka, [], "plain"))
    indexer = Indexer(settings.elasticsearch, outbox.put, name, clock, print)
    worker = service._worker(settings, content, clock, outbox, name, counted)
    health = Health(worker, indexer, clock)
    stages = service.Stages(worker, indexer, outbox, health, name(RAW), None)  # type: ignore[arg-type]
    does = (stages.lines, stages.signals, stages.events, stages.alerts, stages.rejected)
    takes = dict(zip(topics, does, strict=True))
    mine = [await kept(options, name(one), range(counted[name(one)])) for one in (RAW, SIGNALS)]
    await worker.take(*mine)
    wanted = [TopicPartition(one, number) for one in topics for number in range(counted[one])]
    health.assigned("detect", set(wanted))

    async def carry(chosen: list[TopicPartition]) -> None:
        consumer = AIOKafkaConsumer(auto_offset_reset="earliest", max_partition_fetch_bytes=4 << 20, **options)
        await consumer.start()
        consumer.assign(chosen)
        await consumer.seek_to_beginning(*chosen)
        while True:
            for found in (await consumer.getmany(timeout_ms=250, max_records=32)).values():
                for record in found:
                    message = Message(
                        record.topic, record.partition, record.offset, record.timestamp / 1000, record.value
                    )
                    await takes[record.topic](message)

    server, listening = health_server(health, "127.0.0.1", 0)
    print(f"working; health and metrics on port {listening.getsockname()[1]}", flush=True)
    await asyncio.gather(
        server.serve([listening]),
        carry([tp for tp in wanted if tp.topic in topics[:2]]),
        *(carry([tp for tp in wanted if tp.topic == one]) for one in topics[2:]),
        service._every(service.REACH_EVERY, lambda: worker.tell_reach({})),
        service._every(service.ALERTS_EVERY, worker.send_alerts),
        service._storing(2.0, worker),
    )


def run() -> None:
    """All tables, where a Kafka and an Elasticsearch can be had."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="soc-bench-")))
        kafka = stack.enter_context(kafka_server(folder / "kafka", local=True))
        server = stack.enter_context(elasticsearch_server(folder / "elasticsearch"))
        control = expected([write(folder / "story").files[0].parent], 500)
        pieces = repeated(control.pieces, REPEATS)
        print(f"{'carried by':15s} {'workers':>7s} {'lines':>9s} {'lines/s':>10s} {'CPU µs':>8s} {'RSS MB':>8s}")
        for number, (workers, is_plain) in enumerate(((1, True), (1, False), (2, False))):
            fleet = _fleet(folder, kafka, server, f"b{number}")
            print(asyncio.run(throughput(fleet, pieces, workers, is_plain)), flush=True)
        print(f"\n{'one line a second, until':32s} {'lines':>6s} {'p50 s':>7s} {'p99 s':>7s} {'max s':>7s}")
        for row in asyncio.run(trickle(_fleet(folder, kafka, server, "trickle"), folder)):
            print(row)


def _fleet(folder: Path, kafka: KafkaServer, server: Server, name: str) -> Fleet:
    elastic = msgspec.structs.replace(server.settings("x"), namespace=name)
    return Fleet(folder / name, kafka.servers, elastic, name)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--plain"]:
        asyncio.run(plain(Path(sys.argv[2])))
    else:
        run()
