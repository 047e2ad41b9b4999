"""Workers of the distributed engine as processes, a feeder, and what came of it: for drills and end-to-end tests."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
from aiokafka import AIOKafkaProducer

from soc.core.alert import Alert, decode
from soc.core.event import RawBatch
from soc.core.ids import id_of
from soc.core.settings import ElasticsearchSettings, KafkaSettings, Settings, StreamSettings
from soc.core.store import AlertFilter
from soc.core.wire import RAW, SIGNALS, encode_raw, topic
from soc.engines.analyze import analyze
from soc.engines.source import expand
from soc.engines.topics import carry_out, look
from soc.pipeline.build import build_pipeline, models_of
from soc.pipeline.content import load_content
from soc.pipeline.normalise import first_time
from soc.stores.elasticsearch import ElasticsearchStore
from soc.stores.elasticsearch_apply import apply, plan
from soc.stores.elasticsearch_client import connect
from soc.stores.encoding import alert_json
from soc.story import INVENTORY, MODELS

ZONE = 7 * 3600
LATENESS = "10m"


@dataclass
class Expected:
    """What one pipeline makes of files. pieces: their lines as collectors send them, in the order of time."""

    pieces: list[RawBatch]
    alerts: dict[str, Alert]
    events: set[str]
    rejected: int


def expected(paths: Sequence[Path], lines: int = 50) -> Expected:
    """Through the embedded pipeline: the control."""
    pipeline = build_pipeline(load_content(), INVENTORY, zone=ZONE, lateness=LATENESS, anomaly=models_of(MODELS))
    read: list[RawBatch] = []
    events: set[str] = set()
    feed = pipeline.feed

    def recording(batch: RawBatch) -> Any:
        read.append(batch)
        return feed(batch)

    pipeline.feed = recording  # type: ignore[method-assign]
    totals = analyze(
        pipeline,
        expand(paths),
        "auto",
        zone=ZONE,
        carry_out=lambda outcome: events.update(map(id_of, outcome.events)),
    )
    cut = [piece for one in read for piece in one.cut(lines)]
    cut.sort(key=lambda piece: first_time(piece.lines[:5], "auto", piece.received, ZONE))
    alerts = {id: decode(alert_json(alert)) for id, alert in totals.alerts.items()}
    return Expected(cut, alerts, events, sum(totals.rejected.values()))


@dataclass
class Process:
    """A worker, as whoever runs it sees it."""

    process: subprocess.Popen[bytes]
    log: Path
    port: int = 0

    def health(self) -> dict[str, Any]:
        """What it says of itself; {} while it says nothing."""
        if not self.port and (found := re.search(rb"on port (\d+)", self.log.read_bytes())):
            self.port = int(found[1])
        if self.port:
            address = f"http://127.0.0.1:{self.port}/health"
            with suppress(OSError, ValueError), urllib.request.urlopen(address, timeout=2) as answer:
                return dict(json.load(answer))
        return {}

    def progress(self) -> tuple[int, int]:
        """Lines detected and events stored since its start."""
        state = self.health()
        return (state["counts"]["lines"], state["written"]["events"]["written"]) if state else (0, 0)


@dataclass
class Fleet:
    """Topics and indices of their own, and as many workers as a test wants."""

    folder: Path
    servers: str
    elasticsearch: ElasticsearchSettings
    prefix: str
    partitions: int = 4
    running: list[Process] = field(default_factory=list)
    gone: list[Process] = field(default_factory=list)
    started: int = 0
    revived: int = 0

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        shutil.copytree(MODELS, self.folder / "data", dirs_exist_ok=True)  # workers keep compiled rules beside them
        self.kafka = KafkaSettings(servers=(self.servers,), prefix=self.prefix, partitions=self.partitions)
        # a file's lines come with pauses that no device makes, so each is waited for, till ``end``
        stream = StreamSettings(idle="1h", hold="1000d", snapshot="2s", port=0)
        self.settings = Settings(
            inventory=str(INVENTORY),
            lateness=LATENESS,
            kafka=self.kafka,
            elasticsearch=self.elasticsearch,
            stream=stream,
            data_dir=str(self.folder / "data"),
        )
        self.file = self.folder / "soc.yml"
        written = msgspec.to_builtins(self.settings)
        del written["inputs"]
        self.file.write_bytes(msgspec.yaml.encode(written))

    async def prepare(self) -> None:
        """Topics and templates."""
        steps, found = await look(self.kafka)
        await carry_out(self.kafka, steps, found)
        with connect(self.elasticsearch) as client:
            list(apply(client, plan(client, self.elasticsearch.namespace)))
        self.producer = AIOKafkaProducer(
            bootstrap_servers=self.servers,
            acks="all",
            enable_idempotence=True,
            compression_type="zstd",
            max_request_size=4 * 1024 * 1024,
        )
        await self.producer.start()

    async def close(self) -> None:
        for worker in (*self.running, *self.gone):
            worker.process.kill()
            worker.process.wait()
        await self.producer.stop()

    async def send(self, pieces: Sequence[RawBatch]) -> None:
        """Each origin is of one collector: its lines stay in one partition, in order. Done when they are there."""
        names: dict[str, int] = self.__dict__.setdefault("_names", {})
        sent = []
        for piece in pieces:
            partition = names.setdefault(piece.origin, len(names)) % self.partitions
            sent.append(await self.producer.send(topic(self.prefix, RAW), encode_raw(piece), partition=partition))
        await asyncio.gather(*sent)

    async def end(self, pieces: Sequence[RawBatch]) -> None:
        """Says of each origin that it has ended, as ``soc ship`` does: all that it sent is decided."""
        origins = dict.fromkeys(piece.origin for piece in pieces)
        await self.send([RawBatch(origin, "auto", pieces[0].received, 0, ()) for origin in origins])

    def start(self) -> Process:
        """Another worker."""
        self.started += 1
        log = self.folder / f"worker-{self.started}.log"
        with log.open("wb") as out:
            process = subprocess.Popen(
                [sys.executable, "-m", "soc", "stream", "--settings", str(self.file)],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
            )
        worker = Process(process, log)
        self.running.append(worker)
        return worker

    def leave(self, worker: Process, how: signal.Signals = signal.SIGTERM) -> None:
        """It ends, and is not waited for."""
        worker.process.send_signal(how)
        self.running.remove(worker)
        self.gone.append(worker)

    def revive(self) -> int:
        """Starts those again that ended by themselves, as a supervisor would; how many."""
        ended = [worker for worker in self.running if worker.process.poll() is not None]
        for worker in ended:
            self.running.remove(worker)
            self.start()
        self.revived += len(ended)
        return len(ended)

    def owned(self) -> set[str]:
        """The partitions of lines and signals that somebody works on, each by one worker only."""
        names = (f"{topic(self.prefix, RAW)}/", f"{topic(self.prefix, SIGNALS)}/")
        return {
            partition
            for worker in self.running
            for partition in worker.health().get("partitions", ())
            if partition.startswith(names)
        }

    def works(self, worker: Process) -> bool:
        """Whether it has partitions of lines."""
        lines = f"{topic(self.prefix, RAW)}/"
        return any(partition.startswith(lines) for partition in worker.health().get("partitions", ()))

    def whole(self) -> bool:
        """Whether all partitions of lines and signals are worked on."""
        return len(self.owned()) == 2 * self.partitions

    def quiet(self) -> bool:
        """Whether everything that was sent is dealt with, up to the documents."""
        states = [worker.health() for worker in self.running]
        return all(states) and all(not sum(state["lag"].values()) for state in states) and self.whole()

    def said(self) -> str:
        """The end of what each worker said, and what those that run say of themselves."""
        logs = sorted(self.folder.glob("worker-*.log"))
        told = [f"{log.name}: {log.read_text('utf-8', 'replace')[-1500:]}" for log in logs]
        return "\n".join([*told, *(str(worker.health())[:1500] for worker in self.running)])

    def store(self) -> ElasticsearchStore:
        store = ElasticsearchStore(connect(self.elasticsearch), self.elasticsearch.namespace)
        store.commit()
        return store

    def alerts(self) -> dict[str, Alert]:
        store = self.store()
        found = {alert.id: alert for alert in store.alerts(AlertFilter(limit=1000))}
        store.close()
        return found

    def events(self) -> list[str]:
        """Ids of all events in Elasticsearch, each as often as it is there."""
        store = self.store()
        found = [id_of(event) for event in store.events(0, 4 * 10**15)]
        store.close()
        return found


async def until(condition: Callable[[], bool], seconds: float, what: str, step: float = 0.25) -> float:
    """Waits for it; how long it took. AssertionError when it does not come to pass."""
    begun = time.monotonic()
    while not await asyncio.to_thread(condition):
        if time.monotonic() - begun > seconds:
            raise AssertionError(f"after {seconds:.0f} s: {what}")
        await asyncio.sleep(step)
    return time.monotonic() - begun


def differences(found: dict[str, Alert], wanted: dict[str, Alert]) -> list[tuple[object, ...]]:
    """(title, key, found, wanted) of whatever differs, alerts that only one of them has included."""
    different: list[tuple[object, ...]] = [(alert.title, "missing") for id, alert in wanted.items() if id not in found]
    different += [(alert.title, "too many") for id, alert in found.items() if id not in wanted]
    for id in found.keys() & wanted.keys():
        one, other = msgspec.structs.asdict(found[id]), msgspec.structs.asdict(wanted[id])
        different += [(other["title"], key, one[key], other[key]) for key in one if one[key] != other[key]]
    return different
