"""What 1,000 to 1,000,000 lines a second need, from measured figures: ``python -m tests.bench.capacity_sizes``.

The formulae are in ARCHITECTURE.md, "Capacity"; tests.bench.capacity simulates the same figures to see that they hold.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from soc.engines.topics import MOST_SIGNALS
from tests.bench.capacity import Costs

BYTES = {"raw": (50.0, 7), "events": (145.0, 2), "signals": (7.0, 7)}
"""Topic -> bytes a line on a broker's disk as measured on the story's lines, and days that they stay."""
DOCUMENT = 700.0
"""Bytes of a document in Elasticsearch without replica, as measured."""
BROKER, INDEXING = 6.7, 370.0
"""CPU µs a line of the broker (one copy) and of Elasticsearch (one copy), as measured."""
KEEP = {1: 30, 3: 90, 4: 180, 5: 365}
"""Security level -> days that its events stay in Elasticsearch."""
RSS = 0.3
"""GB of a worker."""
USED, SPREAD, COPIES, CORES = 0.5, 1.5, 3, 8
"""Share of a core that is planned for, the worst worker's load beside the mean one's, copies in Kafka, cores of a
broker or a node of Elasticsearch."""


@dataclass(frozen=True)
class Size:
    """What a rate needs."""

    rate: int
    workers: int
    partitions: int
    signals: float
    brokers: int
    broker_disk: float
    nodes: int
    memory: float


def size(rate: int, costs: Costs, times: float = 2.0) -> Size:
    """workers = (rate x cost x SPREAD + telling) / USED, at least two; partitions: so many times the workers.

    telling: twice a second every partition of lines tells every one of signals (MOST_SIGNALS at most).
    """
    line = costs.detect + costs.carry + costs.index + costs.conclude * costs.hits
    workers = 2
    while True:
        partitions = max(4, math.ceil(times * workers / 4) * 4)
        told = 2.0 * partitions * min(partitions, MOST_SIGNALS)
        needed = (rate * line * SPREAD + told * costs.tell) / 1e6 / USED
        if needed <= workers:
            break
        workers += max(1, workers // 50)
    disk = sum(bytes * days for bytes, days in BYTES.values()) * 86_400 * rate * COPIES
    brokers = max(3, math.ceil(rate * BROKER * COPIES / 1e6 / (CORES * USED)))
    nodes = max(3, math.ceil(rate * INDEXING * 2 / 1e6 / (CORES * USED)))
    return Size(rate, workers, partitions, told, brokers, disk, nodes, workers * RSS)


def sizes() -> None:
    """Prints what four rates need."""
    print(
        f"{'lines/s':>10}{'workers':>9}{'partitions':>11}{'of signals':>11}{'telling/s':>10}{'their GB':>9}"
        f"{'brokers':>8}"
        f"{'Kafka TB':>9}{'ES nodes':>9}" + "".join(f"{f'ES TB L{level}':>10}" for level in KEEP)
    )
    for rate in (1_000, 10_000, 100_000, 1_000_000):
        one = size(rate, Costs())
        kept = "".join(f"{rate * 86_400 * days * DOCUMENT * 2 / 1e12:10,.1f}" for days in KEEP.values())
        print(
            f"{rate:10,}{one.workers:9,}{one.partitions:11,}{min(MOST_SIGNALS, one.partitions):11,}{one.signals:10,.0f}"
            f"{one.memory:9.1f}{one.brokers:8}{one.broker_disk / 1e12:9.2f}{one.nodes:9,}{kept}"
        )


if __name__ == "__main__":
    sizes()
