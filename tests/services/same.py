"""The same answer: the story, and real lines that nobody here wrote, through one process and through workers on Kafka.

``python -m tests.services.same`` prints a table; with 1, 2 and 4 partitions and as many workers.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

import msgspec

from soc.story import write
from tests.conftest import DATA
from tests.services.elasticsearch_server import Server, elasticsearch_server
from tests.services.fleet import Expected, Fleet, differences, expected, until
from tests.services.kafka_server import KafkaServer, kafka_server

REAL = ("access_logs", "suricata_eve", "zeek_logs", "zeek_apt29_day1", "postfix_grok", "crowdsec_hub", "evtx_to_mitre")


async def compare(fleet: Fleet, control: Expected, workers: int) -> tuple[list[object], int, int, float]:
    """(differences of alerts, events missing, documents twice, seconds) of one run."""
    begun = time.monotonic()
    await fleet.prepare()
    try:
        for start in range(0, len(control.pieces), 200):
            await fleet.send(control.pieces[start : start + 200])
        for _ in range(workers):
            fleet.start()
        await until(fleet.quiet, 900, "it did not become quiet", 2)
        await fleet.end(control.pieces)
        await asyncio.sleep(15)
        before = -1
        while before != (before := len(await asyncio.to_thread(fleet.alerts))):
            await asyncio.sleep(15)
        ids = await asyncio.to_thread(fleet.events)
        different: list[object] = list(differences(await asyncio.to_thread(fleet.alerts), control.alerts))
    finally:
        await fleet.close()
    return different, len(control.events - set(ids)), len(ids) - len(set(ids)), time.monotonic() - begun


def run(folder: Path, kafka: KafkaServer, server: Server, chosen: str = "") -> int:
    story = expected([write(folder / "story").files[0].parent], 500)
    files = [file for name in REAL for file in sorted((DATA / name).rglob("*")) if file.is_file()]
    files = [file for file in files if file.suffix != ".md"]  # several of one name would be one source
    real = expected(files, 500)
    wrong = 0
    print("lines of       lines  partitions  alerts  different  missing  twice  seconds")
    for name, control in (("the story", story), ("real logs", real)):
        if chosen not in name:
            continue
        lines = sum(len(piece.lines) for piece in control.pieces)
        for number in (1, 2, 4):
            prefix = f"same{number}{name[0:4].strip()}"
            elastic = msgspec.structs.replace(server.settings("x"), namespace=prefix.replace(" ", ""))
            fleet = Fleet(folder / prefix, kafka.servers, elastic, prefix.replace(" ", ""), partitions=number)
            different, missing, twice, seconds = asyncio.run(compare(fleet, control, number))
            wrong += len(different)
            row = f"{lines:8,d} {number:11d} {len(control.alerts):7d} {len(different):10d} {missing:8d} {twice:6d}"
            print(f"{name:11s} {row} {seconds:8.0f}", flush=True)
            for one in different[:3]:
                print("   ", str(one)[:300])
    return wrong


def main() -> int:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="soc-same-")))
        kafka = stack.enter_context(kafka_server(folder / "kafka", local=True))
        server = stack.enter_context(elasticsearch_server(folder / "elasticsearch"))
        return 1 if run(folder, kafka, server, *sys.argv[1:2]) else 0


if __name__ == "__main__":
    sys.exit(main())
