"""Where the distributed engine's limits are, by simulation: ``python -m tests.bench.capacity``. Runs in seconds.

Time goes in ticks of TICK seconds. Lines come from collectors, whose shares follow a Zipf law, and each collector's
lines are in one partition (its key). A partition is worked on by one worker, and a worker is one process on one core:
it shares its second among its partitions of lines, of signals and of events as Faust does, in turn by records. Signals
of a family of rules come to one partition. Service times are the measured ones (COSTS; tests.bench.stages and
tests.bench.stream). What is simulated is waiting; nothing is drawn by chance but which key falls into which partition.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from soc.engines.topics import MOST_SIGNALS

TICK = 0.1


@dataclass(frozen=True)
class Costs:
    """CPU µs in a worker. detect, index and carry: a line; conclude: a hit; tell: a signal that only says how far a
    partition is; writes: documents/s that Elasticsearch takes.
    """

    detect: float = 37.9
    conclude: float = 31.0
    index: float = 1.6
    carry: float = 11.0
    tell: float = 145.0
    hits: float = 0.045
    writes: float = float("inf")


@dataclass(frozen=True)
class Scene:
    """What is simulated. skew: exponent of Zipf; families: of rules, by their share of the hits likewise skewed;
    core: what a worker gets of one, where others want it too; even: every partition has the same share of the lines.
    """

    name: str
    rate: float
    workers: int
    partitions: int
    collectors: int = 200
    skew: float = 0.0
    families: int = 60
    family_skew: float = 1.0
    seconds: float = 180.0
    burst: Callable[[float], float] = lambda second: 1.0
    costs: Costs = Costs()
    seed: int = 1
    core: float = 1.0
    even: bool = False

    @property
    def signals(self) -> int:
        """Partitions of signals."""
        return min(self.partitions, MOST_SIGNALS)


@dataclass
class Course:
    """What came of it, by second: lines, hits and events that wait. busy: share of each worker's time; worst: the
    longest that a line waited (s)."""

    lag: list[float] = field(default_factory=list)
    index_lag: list[float] = field(default_factory=list)
    signal_lag: list[float] = field(default_factory=list)
    busy: list[float] = field(default_factory=list)
    worst: float = 0.0


def zipf(number: int, skew: float) -> list[float]:
    """Shares that sum up to 1."""
    weights = [1 / (rank + 1) ** skew for rank in range(number)]
    return [one / sum(weights) for one in weights]


def spread(shares: Sequence[float], partitions: int, chance: random.Random) -> list[float]:
    """Each key in a partition by its hash; the share of each partition."""
    found = [0.0] * partitions
    for share in shares:
        found[chance.randrange(partitions)] += share
    return found


def _lines(scene: Scene, chance: random.Random) -> list[float]:
    if scene.even:
        return [1 / scene.partitions] * scene.partitions
    return spread(zipf(scene.collectors, scene.skew), scene.partitions, chance)


def simulate(scene: Scene) -> Course:
    """Workers take turns among their queues; what is over waits."""
    chance, costs = random.Random(scene.seed), scene.costs
    lines = _lines(scene, chance)
    signals = spread(zipf(scene.families, scene.family_skew), scene.signals, chance)
    signals += [0.0] * (scene.partitions - scene.signals)
    waiting, hits, events = ([0.0] * scene.partitions for _ in range(3))
    busy = [0.0] * scene.workers
    course = Course()
    came_so_far, reached = [0.0], [0] * scene.partitions
    for tick in range(int(scene.seconds / TICK)):
        came = scene.rate * scene.burst(tick * TICK) * TICK
        for n, share in enumerate(lines):
            waiting[n] += came * share
        written = costs.writes * TICK
        read = 0.0
        telling = 2 * scene.partitions * scene.signals * costs.tell * TICK / scene.workers
        for worker in range(scene.workers):
            mine = range(worker, scene.partitions, scene.workers)
            queues = [
                *((waiting, n, costs.detect + costs.carry) for n in mine),
                *((hits, n, costs.conclude) for n in mine),
                *((events, n, costs.index) for n in mine),
            ]
            spent, did, indexed = _serve(queues, max(0.0, TICK * 1e6 * scene.core - telling), written)
            written -= indexed
            busy[worker] += spent
            for n, number in did.items():
                events[n] += number
                read += number
        for n, share in enumerate(signals):
            hits[n] += read * costs.hits * share
        came_so_far.append(came_so_far[-1] + came)
        for n, share in enumerate(lines):
            if share:
                taken = came_so_far[-1] - waiting[n] / share  # so much of all had come when its next line came
                while came_so_far[reached[n] + 1] < taken - 1e-6:
                    reached[n] += 1
                course.worst = max(course.worst, (tick - reached[n]) * TICK)
        if tick % round(1 / TICK) == 0:
            course.lag.append(sum(waiting))
            course.signal_lag.append(sum(hits))
            course.index_lag.append(sum(events))
    course.busy = [one / (scene.seconds * 1e6) for one in busy]
    return course


def _serve(
    queues: Sequence[tuple[list[float], int, float]], time: float, writes: float
) -> tuple[float, dict[int, float], float]:
    """Shares out a worker's time in turn: who needs less than an equal part leaves the rest to the others."""
    open_, left, did, indexed = list(range(len(queues))), time, {}, 0.0
    first = queues[0][0] if queues else []
    last = queues[-1][0] if queues else []
    while open_ and left > 1e-6:
        part, again = left / len(open_), []
        for at in open_:
            queue, n, cost = queues[at]
            number = min(queue[n], part / cost)
            if queue is last:
                number = min(number, writes - indexed)
                indexed += number
            queue[n] -= number
            left -= number * cost
            if queue is first:
                did[n] = did.get(n, 0.0) + number
            if number * cost >= part * 0.999:
                again.append(at)
        if len(again) == len(open_):
            break
        open_ = again
    return time - left, did, indexed


def burst(factor: float, begin: float, length: float) -> Callable[[float], float]:
    """So many times the rate for so long."""
    return lambda second: factor if begin <= second < begin + length else 1.0


def limit(scene: Scene) -> float:
    """Lines a second that nobody waits long for: found by halving."""
    low, high = 0.0, 5e5
    for _ in range(16):
        middle = (low + high) / 2
        course = simulate(replace(scene, rate=middle, seconds=12.0))
        kept = [sum(at) for at in zip(course.lag, course.signal_lag, course.index_lag, strict=True)]
        if kept[-1] - kept[len(kept) // 2] > middle * 0.002 * len(kept):  # it grows, and would grow for ever
            high = middle
        else:
            low = middle
    return low


def bound(scene: Scene) -> tuple[float, str]:
    """The same by formula, and what sets it: all cores, the hottest partition of lines, or that of signals."""
    chance, costs = random.Random(scene.seed), scene.costs
    lines = _lines(scene, chance)
    signals = spread(zipf(scene.families, scene.family_skew), scene.signals, chance)
    signals += [0.0] * (scene.partitions - scene.signals)
    line, hit = costs.detect + costs.carry, costs.conclude * costs.hits
    loads = [0.0] * scene.workers
    for n in range(scene.partitions):
        loads[n % scene.workers] += lines[n] * (line + costs.index) + signals[n] * hit
    even = (line + costs.index + hit) / scene.workers
    telling = 2 * scene.partitions * scene.signals * costs.tell / scene.workers
    found = max(0.0, 1e6 - telling) / max(loads)
    if telling > 0.5e6:
        return found, "workers telling each other how far they are"
    if costs.writes < found:
        return costs.writes, "Elasticsearch"
    if max(loads) < 1.15 * even:
        return found, "all cores"
    hot = max(lines) * line
    return found, "the hottest partition of lines" if hot > 0.5 * max(loads) else "the worker with most of the load"


def run() -> None:
    """Prints the tables."""
    print(f"{'scene':46}{'workers':>8}{'parts':>6}{'lines/s':>10}{'formula':>10}  what sets the limit")
    for scene in SCENES:
        found, (formula, why) = limit(scene), bound(scene)
        print(f"{scene.name:46}{scene.workers:8}{scene.partitions:6}{found:10,.0f}{formula:10,.0f}  {why}")
    print(f"\n{'burst: 10 times for 60 s, from second 20':46}{'lag (lines) after s 30':>23}{'50':>9}{'80':>9}{'120':>9}"
          f"{'170':>9}  most wait s, caught up after s")  # fmt: skip
    for scene in BURSTS:
        course = simulate(scene)
        marks = "".join(f"{course.lag[second]:9,.0f}" for second in (30, 50, 80, 120, 170))
        over = next((n for n in range(80, len(course.lag)) if course.lag[n] < scene.rate), None)
        caught = f"{over - 80}" if over is not None else f"more than {len(course.lag) - 80}"
        print(f"{scene.name:46}{'':14}{marks}  {course.worst:6.1f}  {caught}")


_even = Scene("even keys, 1 worker", 0, 1, 4)
SCENES = (
    _even,
    Scene("even keys, 4 workers", 0, 4, 24),
    Scene("even keys, 16 workers", 0, 16, 96),
    Scene("Zipf 0.8 over 200 collectors, 16 workers", 0, 16, 96, skew=0.8),
    Scene("Zipf 1.0 over 200 collectors, 16 workers", 0, 16, 96, skew=1.0),
    Scene("Zipf 1.0, 64 workers: no use", 0, 64, 192, skew=1.0),
    Scene("one collector sends 93 %, 16 workers", 0, 16, 96, skew=4.0, collectors=3),
    Scene("as many partitions as workers (16)", 0, 16, 16),
    Scene("twice as many partitions as workers", 0, 16, 32),
    Scene("16 workers, 192 partitions", 0, 16, 192),
    Scene("a flood that hits: a hit a line, 16 workers", 0, 16, 96, costs=Costs(hits=1.0)),
    Scene("the same, all of one family", 0, 16, 96, families=1, costs=Costs(hits=1.0)),
    Scene("Elasticsearch takes 20,000 documents/s", 0, 16, 96, costs=Costs(writes=20_000)),
)
BURSTS = (
    Scene("2,000/s on 1 worker", 2_000, 1, 4, seconds=300, burst=burst(10, 20, 60)),
    Scene("10,000/s on 4 workers", 10_000, 4, 24, seconds=300, burst=burst(10, 20, 60)),
    Scene("10,000/s on 4 workers, Zipf 1.0", 10_000, 4, 24, seconds=300, skew=1.0, burst=burst(10, 20, 60)),
    Scene("10,000/s on 8 workers", 10_000, 8, 48, seconds=300, burst=burst(10, 20, 60)),
)


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__).parse_args()
    run()
