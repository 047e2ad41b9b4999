"""What the measurements of the distributed engine share: workers to measure, what they have done, and their CPU."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from soc.core.event import RawBatch
from tests.services.elasticsearch_server import Server, elasticsearch_server
from tests.services.fleet import Fleet, Process, until
from tests.services.kafka_server import KafkaServer, kafka_server

TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Servers:
    """Both servers, and the folders by which their processes are known."""

    kafka: KafkaServer
    elasticsearch: Server
    kafka_folder: Path
    elasticsearch_folder: Path


@contextmanager
def servers(folder: Path) -> Iterator[Servers]:
    """A broker and an Elasticsearch as plain processes."""
    kafka, elastic = folder / "kafka", folder / "elasticsearch"
    with kafka_server(kafka, local=True) as broker, elasticsearch_server(elastic) as server:
        yield Servers(broker, server, kafka, elastic)


@dataclass
class Measured(Fleet):
    """A fleet whose workers are measured. rules: further folders; options: of tests.bench.stream_worker."""

    rules: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    hold: str = "1000d"
    lateness: str = "10m"
    shipped: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        stream = msgspec.structs.replace(self.settings.stream, snapshot="5s", hold=self.hold)
        Path(self.settings.data_dir).mkdir(exist_ok=True)
        self.settings = msgspec.structs.replace(
            self.settings, rules=self.rules, shipped_rules=self.shipped, stream=stream, lateness=self.lateness
        )
        written = msgspec.to_builtins(self.settings)
        del written["inputs"]
        self.file.write_bytes(msgspec.yaml.encode(written))

    def start(self) -> Process:
        self.started += 1
        log = self.folder / f"worker-{self.started}.log"
        with log.open("wb") as out:
            process = subprocess.Popen(
                [sys.executable, "-m", "tests.bench.stream_worker", *self.options, str(self.file)],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
            )
        worker = Process(process, log)
        self.running.append(worker)
        return worker

    def done(self) -> Counter[str]:
        """What all workers together have done."""
        total: Counter[str] = Counter()
        for worker in self.running:
            state = worker.health()
            for name, number in state.get("counts", {}).items():
                if isinstance(number, int):
                    total[name] += number
            total["hits"] += sum(state.get("counts", {}).get("hits", {}).values())
            for counts in state.get("written", {}).values():
                total["written"] += counts["written"] + counts["there_already"]
        return total

    def finished(self, lines: int) -> bool:
        """Whether so many lines are dealt with, and all that came of them is handed to Elasticsearch."""
        done = self.done()
        return done["lines"] >= lines and done["written"] >= done["events"] + done["joined"]

    def cpu(self) -> float:
        """Seconds of all workers."""
        return sum(cpu_of(worker.process.pid) for worker in self.running)

    def signal(self, number: signal.Signals) -> None:
        """To those workers that are sampled."""
        for worker in self.running if "--profile" in self.options else ():
            worker.process.send_signal(number)

    def rss(self) -> float:
        """MB of the largest worker."""
        return max(memory_of(worker.process.pid) for worker in self.running)


@dataclass
class Load:
    """What one run came to; CPU in seconds."""

    lines: int
    seconds: float
    workers: float
    broker: float
    elasticsearch: float
    rss: float
    done: Counter[str] = field(default_factory=Counter)
    profile: dict[str, int] = field(default_factory=dict)

    def micro(self, seconds: float) -> float:
        return seconds / self.lines * 1e6


async def load(fleet: Measured, number: int, pieces: Sequence[RawBatch], warm: int, at: Servers) -> Load:
    """Sends the first ``warm`` pieces, waits for them, and measures all others with ``number`` workers."""
    await fleet.prepare()
    try:
        for _ in range(number):
            fleet.start()
        await until(fleet.whole, 120, "the workers did not start")
        first = pieces[:warm]
        await fleet.send(first)
        sent = sum(len(piece.lines) for piece in first)
        await until(lambda: fleet.finished(sent), 300, "the first lines were not dealt with")
        await asyncio.sleep(1.5)
        fleet.signal(signal.SIGUSR1)
        before, began, done = _used(fleet, at), time.monotonic(), fleet.done()
        await fleet.send(pieces[warm:])
        lines = sum(len(piece.lines) for piece in pieces[warm:])
        await until(lambda: fleet.finished(sent + lines), 900, "the lines were not dealt with", 0.2)
        seconds = time.monotonic() - began
        workers, broker, elastic = (after - one for after, one in zip(_used(fleet, at), before, strict=True))
        counted = fleet.done()
        counted.subtract(done)
        fleet.signal(signal.SIGUSR2)
        await asyncio.sleep(1)
        found = fleet.folder / "profile.json"
        profile = json.loads(found.read_text()) if found.is_file() else {}
        return Load(lines, seconds, workers, broker, elastic, fleet.rss(), counted, profile)
    except AssertionError:
        for worker in fleet.running:
            print(worker.log.read_text()[-2000:])
        raise
    finally:
        await fleet.close()


def _used(fleet: Measured, at: Servers) -> tuple[float, float, float]:
    return fleet.cpu(), cpu_under(at.kafka_folder), cpu_under(at.elasticsearch_folder)


def cpu_of(pid: int) -> float:
    """User and system time of a process and all its threads, in seconds."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def memory_of(pid: int) -> float:
    """Resident MB of a process."""
    return int(Path(f"/proc/{pid}/status").read_text().partition("VmRSS:")[2].split()[0]) / 1024


def processes_under(folder: Path) -> list[int]:
    """Java processes whose command line names the folder: a server of this run and no other."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                command = (entry / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if command[0].endswith(b"java") and any(str(folder).encode() in part for part in command):
                found.append(int(entry.name))
    return found


def cpu_under(folder: Path) -> float:
    """Seconds of a server."""
    return sum(cpu_of(pid) for pid in processes_under(folder))


def copies(pieces: Sequence[RawBatch], number: int) -> list[RawBatch]:
    """The same lines from so many places at the same time, each with origins of its own."""
    return [
        RawBatch(f"{copy}/{piece.origin}", piece.device, piece.received, piece.position, piece.lines)
        for piece in pieces
        for copy in range(number)
    ]


def folder_bytes(folder: Path, pattern: str) -> int:
    """Bytes of the log files of topics."""
    return sum(file.stat().st_size for file in folder.glob(pattern))
