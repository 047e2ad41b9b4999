"""CPU µs of each stage of a worker by itself, without Kafka, Faust or Elasticsearch: ``python -m tests.bench.stages``.

The records are those that collectors would send. detect: lines to events and signals, as bytes; conclude: signals to
alerts; index: records of events to bulks, without sending them. What a worker costs beyond their sum carries records.
"""

from __future__ import annotations

import asyncio
import gc
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from soc.core.clock import SystemClock
from soc.core.event import RawBatch
from soc.core.settings import ElasticsearchSettings, KafkaSettings, Settings, StreamSettings
from soc.core.wire import ALERTS, EVENTS, RAW, SIGNALS, encode_raw, topic
from soc.engines.stream.indexer import Indexer
from soc.engines.stream.kafka import End
from soc.engines.stream.service import _worker
from soc.engines.stream.worker import Lines, Signals
from soc.pipeline.content import load_content
from soc.stores.elasticsearch_client import ClientSender
from soc.story import INVENTORY, MODELS, write
from tests.bench.stream_rig import copies
from tests.services.fleet import LATENESS, expected

PARTITIONS = 4
COPIES = 4


class Kept:
    """An outbox that keeps everything."""

    def __init__(self) -> None:
        self.records: list[tuple[str, bytes, int | None]] = []

    def put(self, topic: str, value: bytes | None, *, key: bytes | None = None, partition: int | None = None) -> None:
        self.records.append((topic, value or b"", partition))

    async def settled(self) -> None: ...

    async def room(self) -> None: ...


def run(rules: Path | None = None, runs: int = 3) -> None:
    """Prints a row for our rules, and one with SigmaHQ's."""
    print(
        f"{'rules':14} {'lines':>8} {'detect':>8} {'conclude':>9} {'index':>8} {'sum':>7}  µs a line (median of {runs})"
    )
    print(f"{'':14} {'hits/line':>9} {'conclude µs a hit':>18} {'bytes a line: raw':>18} {'events':>8} {'signals':>8}")
    for name, folders in {"own": [], "own + SigmaHQ": [rules]}.items():
        if folders == [None]:
            continue
        rows = [measured([str(one) for one in folders if one]) for _ in range(runs)]
        row = {key: statistics.median(one[key] for one in rows) for key in rows[0]}
        whole = row["detect"] + row["conclude"] + row["index"]
        print(f"{name:14} {row['lines']:8,.0f} {row['detect']:8.1f} {row['conclude']:9.2f} {row['index']:8.1f}", end="")
        print(f" {whole:7.1f}")
        print(f"{'':14} {row['hits']:9.3f} {row['conclude'] / row['hits']:18.1f} {row['raw_bytes']:18.0f}", end="")
        print(f" {row['event_bytes']:8.0f} {row['signal_bytes']:8.0f}", flush=True)


def measured(rules: Sequence[str], *, models: bool = False) -> dict[str, float]:
    """In a process of its own. models: with the demo's anomaly models."""
    command = [sys.executable, "-m", "tests.bench.stages", "--child", *["--models"] * models, *rules]
    figures: dict[str, float] = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    return figures


def story(folder: Path, number: int = COPIES, lines: int = 500) -> list[RawBatch]:
    """The story's lines as records of so many at most, from several ministries at a time, in the order of time."""
    write(folder)
    return copies(expected([folder], lines).pieces, number)


def _child(rules: Sequence[str], models: bool) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        pieces = story(Path(folder))
    settings = Settings(
        inventory=str(INVENTORY),
        lateness=LATENESS,
        kafka=KafkaSettings(("127.0.0.1:9",), partitions=PARTITIONS),
        elasticsearch=ElasticsearchSettings(urls=("http://127.0.0.1:9",)),
        stream=StreamSettings(hold="1000d"),
        data_dir=str(MODELS) if models else "none",
    )
    content = load_content([Path(one) for one in rules])
    sent, clock = Kept(), SystemClock()

    def name(one: str) -> str:
        return topic("soc", one)

    counted = {name(one): PARTITIONS for one in (RAW, SIGNALS, EVENTS, ALERTS)}
    worker = _worker(settings, content, clock, sent, name, counted)  # type: ignore[arg-type]
    worker.lines = {n: Lines(worker._detection(), 0, 0, clock.now()) for n in range(PARTITIONS)}
    worker.signals = {n: Signals(worker._conclusion(models and n == worker._models_at), 0) for n in range(PARTITIONS)}
    records = [(n % PARTITIONS, n // PARTITIONS, encode_raw(piece)) for n, piece in enumerate(pieces)]
    warm = len(records) // 6 // PARTITIONS * PARTITIONS
    lines = sum(len(piece.lines) for piece in pieces[warm:])
    gc.collect()
    gc.freeze()  # as the worker does: what was there before is not looked through again and again
    detect = 0.0
    for number, (partition, offset, value) in enumerate(records):
        if number == warm:
            sent.records.clear()
            worker.counts.hits.clear()
            detect = time.process_time()
        worker.on_lines(partition, offset, clock.now(), value)
        if number % (10 * PARTITIONS) == 0:  # in life twice a second, which is 10 to 20 records each
            worker.tell_reach(dict.fromkeys(range(PARTITIONS), End(1 << 40, clock.now())))
    detect = time.process_time() - detect
    produced, sent.records = sent.records, []
    at = [0] * PARTITIONS
    conclude = time.process_time()
    for number, (kind, value, partition) in enumerate(produced):
        if kind == name(SIGNALS) and partition is not None:
            worker.on_signal(partition, at[partition], clock.now(), value)
            at[partition] += 1
        if number % 100 == 0:
            worker.send_alerts()
    conclude = time.process_time() - conclude
    ClientSender.send = lambda self, bulk: (200, {"errors": False})  # type: ignore[method-assign]
    indexer = Indexer(settings.elasticsearch, lambda topic, value: None, name, clock, print)
    index = time.process_time()
    asyncio.run(_index(indexer, [value for kind, value, _ in produced if kind == name(EVENTS)]))
    index = time.process_time() - index
    micro = 1e6 / lines
    return {
        "lines": lines,
        "detect": detect * micro,
        "conclude": conclude * micro,
        "index": index * micro,
        "hits": sum(worker.counts.hits.values()) / lines,
        "raw_bytes": sum(len(value) for _, _, value in records[warm:]) / lines,
        "event_bytes": sum(len(value) for kind, value, _ in produced if kind == name(EVENTS)) / lines,
        "signal_bytes": sum(len(value) for kind, value, _ in produced if kind == name(SIGNALS)) / lines,
    }


async def _index(indexer: Indexer, values: Sequence[bytes]) -> None:
    for value in values:
        await indexer.events(value)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        print(json.dumps(_child([one for one in sys.argv[2:] if one != "--models"], "--models" in sys.argv)))
    else:
        run(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
