"""Logprep beside our worker on the same events and rules: ``LOGPREP=.../bin/logprep python -m tests.bench.logprep``.

Logprep is no dependency of the project: install it in an environment of its own, and name its program in LOGPREP.
Process-creation rules of SigmaHQ, the same process creations (JSON, 1.1 KB) in Kafka: Logprep gets a record for each
event, as it wants them; we get them as our collectors send them, and in a second row a record for each. Both write
every event and every hit to Kafka. CPU of all of Logprep's processes, and of our worker with everything that it does up
to the bulk for Elasticsearch, after a warm-up of each.
"""

from __future__ import annotations

import asyncio
import os
import signal
import statistics
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Sequence
from pathlib import Path

import msgspec
import orjson
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from soc.core.event import RawBatch
from tests.bench import sigma_events
from tests.bench.logprep_rules import convert
from tests.bench.stream_rig import Measured, Servers, cpu_of, load, servers

RULES = (100, 300)
RUNS = 3
OURS, THEIRS, WARM = 60_000, 6_000, 1_000


def run(rules: Path | None) -> None:
    """Prints a row for each; rules: SigmaHQ's."""
    program = os.environ.get("LOGPREP", "")
    if rules is None:
        print("SigmaHQ's rules are not here: nothing to compare with")
        return
    if not program:
        print("LOGPREP names no program: ours alone")
    print(f"{'engine':34}{'rules':>6}{'events':>8}{'CPU µs':>9}{'(all runs)':>22}{'events/CPU s':>14}{'hits':>8}")
    with tempfile.TemporaryDirectory(prefix="soc-bench-") as name, servers(Path(name)) as at:
        events = [orjson.dumps(one) for one in sigma_events.repetitive(OURS)]
        for number in RULES:
            _compared(program, rules, number, events, Path(name), at)


def _compared(program: str, rules: Path, number: int, events: Sequence[bytes], folder: Path, at: Servers) -> None:
    ours, theirs = folder / f"ours-{number}", folder / f"theirs-{number}"
    passed = convert(rules, number, ours, theirs)
    found = [_theirs(program, folder / f"t{number}-{n}", theirs, events, at) for n in range(RUNS if program else 0)]
    one = _print("Logprep, a record an event", number, THEIRS, found) if found else 0.0
    for size, many in ((500, OURS), (1, OURS // 3)):
        row = [_ours(folder / f"o{number}-{size}-{n}", ours, events[:many], size, at) for n in range(RUNS)]
        title = f"ours, {f'{size} events' if size > 1 else 'an event'} a record"
        other = _print(title, number, many - many // 6, row)
        if one:
            print(f"{'':34}{one / other:.1f} times as many events a CPU second as Logprep")
    print(f"{passed} rules were passed over: they have what Logprep's filters do not")


def _print(title: str, rules: int, number: int, rows: Sequence[tuple[float, int]]) -> float:
    micro = sorted(seconds for seconds, _ in rows)
    middle = statistics.median(micro)
    runs = ", ".join(f"{one:.1f}" for one in micro)
    print(f"{title:34}{rules:6}{number:8,}{middle:9.1f}{runs:>22}{1e6 / middle:14,.0f}{rows[0][1]:8,}", flush=True)
    return middle


def _ours(folder: Path, rules: Path, events: Sequence[bytes], size: int, at: Servers) -> tuple[float, int]:
    pieces = [
        RawBatch(f"{start // size % 4}", "auto", 1_790_000_000_000_000, start, tuple(events[start : start + size]))
        for start in range(0, len(events), size)
    ]
    name = folder.name
    elastic = at.elasticsearch.settings(name.replace("-", "_"))
    fleet = Measured(folder, at.kafka.servers, elastic, name, rules=(str(rules),), options=("--null",), shipped=False)
    found = asyncio.run(load(fleet, 1, pieces, len(pieces) // 6, at))
    return found.micro(found.workers), found.done["hits"]


def _theirs(program: str, folder: Path, rules: Path, events: Sequence[bytes], at: Servers) -> tuple[float, int]:
    folder.mkdir()
    name = folder.name
    config = {
        "version": 1,
        "process_count": 1,
        "logger": {"level": "WARNING"},
        "pipeline": [
            {"detect": {"type": "pre_detector", "rules": [str(rules)], "outputs": [{"out": f"{name}-hits"}]}}
        ],
        "input": {"in": {"type": "confluentkafka_input", "topic": f"{name}-in",
                         "kafka_config": {"bootstrap.servers": at.kafka.servers, "group.id": name}}},
        "output": {"out": {"type": "confluentkafka_output", "topic": f"{name}-out", "flush_timeout": 5,
                           "send_timeout": 0, "kafka_config": {"bootstrap.servers": at.kafka.servers}}},
    }  # fmt: skip
    file = folder / "pipeline.yml"
    file.write_bytes(msgspec.yaml.encode(config))
    return asyncio.run(_logprep(program, file, name, events[: WARM + THEIRS], at.kafka.servers))


async def _logprep(program: str, file: Path, name: str, events: Sequence[bytes], kafka: str) -> tuple[float, int]:
    async def ends(topic: str) -> int:
        tp = TopicPartition(topic, 0)
        return int((await consumer.end_offsets([tp]))[tp])

    async def written(number: int) -> None:
        async with asyncio.timeout(300):
            while await ends(f"{name}-out") < number:
                await asyncio.sleep(0.2)

    producer = AIOKafkaProducer(bootstrap_servers=kafka)
    await producer.start()
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    await admin.create_topics([NewTopic(f"{name}-{kind}", 1, 1) for kind in ("in", "out", "hits")])
    await admin.close()
    consumer = AIOKafkaConsumer(bootstrap_servers=kafka)
    await consumer.start()
    with (file.parent / "log").open("wb") as log:
        process = subprocess.Popen([program, "run", str(file)], stdout=log, stderr=log, stdin=subprocess.DEVNULL)
    try:
        for event in events[:WARM]:
            await producer.send(f"{name}-in", event)
        await producer.flush()
        await written(WARM)
        before, hits = _tree(process.pid), await ends(f"{name}-hits")
        for event in events[WARM:]:
            await producer.send(f"{name}-in", event)
        await producer.flush()
        await written(len(events))
        used = _tree(process.pid) - before
        return used / (len(events) - WARM) * 1e6, await ends(f"{name}-hits") - hits
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
        await consumer.stop()
        await producer.stop()


def _tree(pid: int) -> float:
    """CPU seconds of a process and all below it."""
    below = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return cpu_of(pid) + sum(_tree(int(one)) for one in below)


def main() -> None:
    archive = Path(__file__).resolve().parents[3] / "shared" / "data" / "sigma" / "sigma-rules.tar.xz"
    with tempfile.TemporaryDirectory() as folder:
        if archive.is_file():
            with tarfile.open(archive) as opened:
                opened.extractall(folder, filter="data")
        run(Path(folder) / "rules" if archive.is_file() else None)


if __name__ == "__main__":
    sys.exit(main())
