"""What it costs that partitions tell each other how far they are: ``python -m tests.bench.telling``.

The same 64 records a second, of one line each, over 4 and over 32 partitions, on one worker without Elasticsearch. Each
partition of lines tells each of signals twice a second, so the second run has 64 times as many signals.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from pathlib import Path

from soc.core.event import RawBatch
from tests.bench.stream_rig import Measured, Servers, servers
from tests.services.fleet import until

PARTITIONS = (4, 32)
ORIGINS, EVERY, SECONDS, WARM = 32, 0.5, 20.0, 5.0


def run() -> None:
    """Prints CPU of the worker, signals a second, and what the difference makes of a signal."""
    with tempfile.TemporaryDirectory(prefix="soc-bench-") as name, servers(Path(name)) as at:
        found = [asyncio.run(_measured(Path(name) / f"t{number}", number, at)) for number in PARTITIONS]
    for number, (used, signals) in zip(PARTITIONS, found, strict=True):
        print(f"{number:3} partitions: {signals:7,.0f} signals/s, {used:.1%} of a core")
    (few, some), (much, many) = found
    print(f"a signal without hits: {(much - few) / (many - some) * 1e6:.0f} µs of the worker, sent and read")


async def _measured(folder: Path, partitions: int, at: Servers) -> tuple[float, float]:
    name = folder.name
    elastic = at.elasticsearch.settings(name)
    fleet = Measured(folder, at.kafka.servers, elastic, name, partitions, options=("--null",))
    await fleet.prepare()
    try:
        fleet.start()
        await until(fleet.whole, 120, "the worker did not start")
        await _feed(fleet, 0, WARM)
        before, signals, begun = fleet.cpu(), fleet.done()["signals"], time.monotonic()
        await _feed(fleet, 1000, SECONDS)
        seconds = time.monotonic() - begun
        return (fleet.cpu() - before) / seconds, (fleet.done()["signals"] - signals) / seconds
    finally:
        await fleet.close()


async def _feed(fleet: Measured, first: int, seconds: float) -> None:
    begun, number = time.monotonic(), first
    while time.monotonic() - begun < seconds:
        now = time.time_ns() // 1000
        line = (b'10.1.52.14 - - [05/Oct/2026:08:14:03 +0700] "GET / HTTP/1.1" 200 1 "-" "Mozilla/5.0"',)
        await fleet.send([RawBatch(f"o{n}", "auto", now, number, line) for n in range(ORIGINS)])
        number += 1
        await asyncio.sleep(max(0.0, begun + (number - first) * EVERY - time.monotonic()))


if __name__ == "__main__":
    run()
