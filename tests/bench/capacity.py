"""How many partitions, workers, brokers and disks a rate of events needs, and a simulation that tries the answer.

``python -m tests.bench.capacity`` prints both. The figures that it starts from are those that ``tests.bench.stream``
measured; change them to what it prints on your machines. ARCHITECTURE.md, "Capacity", explains the formulae.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

RATES = (1_000, 10_000, 100_000, 1_000_000)
DAY = 86_400


@dataclass(frozen=True)
class Measured:
    """CPU in µs on one core of a small virtual machine; bytes of an event as it lies on disk.

    detect    an event from Kafka to Kafka: parse, enrich, all rules, its document
    index     an event from Kafka into Elasticsearch
    conclude  a hit: correlations and triage
    hits      an event
    raw, events   in Kafka, zstd
    stored    in Elasticsearch, one copy
    docs      documents a second that a core of Elasticsearch takes
    """

    detect: float = 60.0
    index: float = 12.0
    conclude: float = 30.0
    hits: float = 0.054
    raw: float = 35.0
    events: float = 90.0
    stored: float = 450.0
    docs: float = 3_500.0

    @property
    def total(self) -> float:
        """µs of a worker's core for an event."""
        return self.detect + self.index + self.hits * self.conclude


BUSY = 0.6
"""How busy a core is planned to be: the rest is for bursts, takeovers and growth."""


def plan(rate: int, measured: Measured, *, copies: int = 3) -> dict[str, float]:
    """What a steady rate of events a second needs. Memory and disk in GB."""
    cores = rate * measured.total / 1e6 / BUSY
    workers = max(2, math.ceil(cores))
    kafka_bytes = rate * (measured.raw * 7 * DAY + measured.events * 2 * DAY) * copies
    elastic_cores = rate / measured.docs / BUSY
    return {
        "workers": workers,
        "partitions": max(4, 2 ** math.ceil(math.log2(workers * 2))),
        "brokers": max(1 if rate < 10_000 else 3, math.ceil(rate * (measured.raw + measured.events) * copies / 100e6)),
        "kafka GB": kafka_bytes / 1e9,
        "elastic cores": max(2, math.ceil(elastic_cores)),
        "elastic GB": rate * measured.stored * 90 * DAY * 2 / 1e9,
        "memory GB": workers * 0.3 + 2 + math.ceil(elastic_cores) * 4,
    }


@dataclass
class Simulation:
    """Lines come to partitions, workers take them in the order in which they came; steps of a second.

    shares   of the rate that each collector sends; a collector's lines stay in one partition
    workers  each with one core, which its partitions share
    """

    shares: list[float]
    partitions: int
    workers: int
    measured: Measured

    def run(self, rate: float, seconds: int, burst: tuple[int, int, float] = (0, 0, 1.0)) -> list[float]:
        """The lag (events) of the fullest partition after each second. burst: (from, to, times the rate)."""
        arriving = [0.0] * self.partitions
        for number, share in enumerate(self.shares):
            arriving[number % self.partitions] += share * rate
        waiting, lags = [0.0] * self.partitions, []
        for second in range(seconds):
            times = burst[2] if burst[0] <= second < burst[1] else 1.0
            waiting = [had + new * times for had, new in zip(waiting, arriving, strict=True)]
            for worker in range(self.workers):
                self._work(waiting, [n for n in range(self.partitions) if n % self.workers == worker])
            lags.append(max(waiting))
        return lags

    def _work(self, waiting: list[float], mine: list[int]) -> None:
        """A second of a core, shared out among the partitions that have something."""
        left = 1e6 / self.measured.total
        while left > 1e-6 and (full := [n for n in mine if waiting[n] > 1e-6]):
            part = left / len(full)
            for n in full:
                taken = min(part, waiting[n])
                waiting[n] -= taken
                left -= taken


def skewed(number: int, exponent: float, seed: int = 1) -> list[float]:
    """Shares of so many collectors, the largest first by Zipf's law, in a shuffled order."""
    weights = [1 / (rank + 1) ** exponent for rank in range(number)]
    random.Random(seed).shuffle(weights)
    return [weight / sum(weights) for weight in weights]


def limit(simulation: Simulation) -> float:
    """The highest steady rate (events/s) at which nothing piles up."""
    low, high = 0.0, 1e8
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if simulation.run(middle, 20)[-1] < 1 else (low, middle)
    return low


def run(measured: Measured | None = None) -> None:
    """Both tables."""
    measured = measured or Measured()
    print(f"{measured.total:.0f} µs of a worker's core for an event, planned {BUSY:.0%} busy")
    print("events/s   workers partitions brokers  Kafka GB  ES cores     ES GB  memory GB")
    for rate in RATES:
        p = plan(rate, measured)
        print(
            f"{rate:9,d} {p['workers']:9.0f} {p['partitions']:10.0f} {p['brokers']:7.0f} {p['kafka GB']:9,.0f} "
            f"{p['elastic cores']:9.0f} {p['elastic GB']:9,.0f} {p['memory GB']:10,.0f}"
        )
    print(f"one partition: {1e6 / measured.total:,.0f} events/s of one collector")
    print(f"one family of rules: {1e6 / measured.conclude:,.0f} hits/s")
    print("\nsimulated with as many collectors as stated, sharing the rate by Zipf's law (exponent)")
    print(
        "events/s   workers collectors exponent  limit events/s  what fails first        burst x10, 60 s: lag, drained"
    )
    for rate in RATES:
        p = plan(rate, measured)
        for collectors, exponent in ((int(p["partitions"]) * 8, 0.0), (int(p["partitions"]) * 8, 1.0)):
            print(_row(rate, p, collectors, exponent, measured))


def _row(rate: int, p: dict[str, float], collectors: int, exponent: float, measured: Measured) -> str:
    workers, partitions = int(p["workers"]), int(p["partitions"])
    shares = skewed(collectors, exponent)
    simulation = Simulation(shares, partitions, workers, measured)
    highest = limit(simulation)
    one_core = 1e6 / measured.total
    hottest = max(shares) * highest
    cause = (
        "one collector" if hottest > 0.9 * one_core else "one worker" if highest < 0.8 * workers * one_core else "all"
    )
    lags = simulation.run(rate, 3600, (60, 120, 10.0))
    drained = next((second - 120 for second in range(120, 3600) if lags[second] < 1), None)
    told = "never" if drained is None else f"{drained:,d} s"
    return (
        f"{rate:9,d} {workers:9d} {collectors:10,d} {exponent:8.1f} {highest:15,.0f}  {cause:22s} "
        f"{max(lags):14,.0f}, {told}"
    )


if __name__ == "__main__":
    run()
