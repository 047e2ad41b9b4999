"""Drills: what kills, stops and leaves may do to the distributed engine, against the same lines undisturbed.

``python -m tests.services.drills`` prints the table: lines lost, documents twice, hits and partials that came too late,
alerts that differ, takeover.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from soc.core.settings import ElasticsearchSettings
from soc.core.wire import RAW, topic
from soc.story import write
from tests.services.elasticsearch_server import elasticsearch_server
from tests.services.fleet import Expected, Fleet, differences, expected, until
from tests.services.kafka_server import KafkaServer, kafka_server

PACE = 0.04
"""Seconds between two records of 50 lines: about 1,000 lines a second."""
OPEN_MAILS = 4
"""Mails that the story's last lines leave open: their events wait for time to pass."""


@dataclass
class Result:
    """What a drill came to. late: hits and partials that came after their time had been decided, of which there must be
    none; takeovers: s until all partitions were worked on again; revived: workers that ended."""

    name: str
    faults: int = 0
    lost: int = 0
    twice: int = 0
    late: int = 0
    different: int = 0
    takeovers: list[float] = field(default_factory=list)
    revived: int = 0
    seconds: float = 0.0
    details: list[object] = field(default_factory=list)

    def row(self) -> str:
        times = sorted(self.takeovers) or [0.0]
        return (
            f"{self.name:34s} {self.faults:6d} {self.lost:6d} {self.twice:6d} {self.late:6d} {self.different:9d} "
            f"{statistics.median(times):8.1f} {times[-1]:7.1f} {self.revived:8d} {self.seconds:8.0f}"
        )


HEADER = (
    f"{'drill':34s} {'faults':>6s} {'lost':>6s} {'twice':>6s} {'late':>6s} {'different':>9s} "
    f"{'takeover':>8s} {'longest':>7s} {'revived':>8s} {'seconds':>8s}"
)

Fault = Callable[[Fleet, KafkaServer, random.Random], Awaitable[float]]
"""Does one thing; gives the takeover (s)."""


async def whole(fleet: Fleet, what: str) -> float:
    """Until all partitions are worked on; a worker that has ended is started again, as a supervisor would."""
    return await until(lambda: not fleet.revive() and fleet.whole(), 90, what)


async def join_and_leave(fleet: Fleet, kafka: KafkaServer, chance: random.Random) -> float:
    """A third worker joins, works a moment, and one of the three leaves."""
    joined = fleet.start()
    await until(lambda: bool(joined.health().get("partitions")), 60, "the new worker has no partitions")
    await whole(fleet, "partitions without a worker after a join")
    await asyncio.sleep(chance.random())
    fleet.leave(chance.choice(fleet.running))
    return await whole(fleet, "partitions without a worker after a leave")


async def kill(fleet: Fleet, kafka: KafkaServer, chance: random.Random) -> float:
    """kill -9 of a worker; another one is started in its place, as a supervisor would."""
    fleet.leave(chance.choice(fleet.running), signal.SIGKILL)
    takeover = await whole(fleet, "partitions without a worker after a kill")
    joined = fleet.start()
    await until(lambda: bool(joined.health().get("partitions")), 60, "the new worker has no partitions")
    return takeover


async def kill_all(fleet: Fleet, kafka: KafkaServer, chance: random.Random) -> float:
    """kill -9 of all workers at once; as many are started."""
    for worker in list(fleet.running):
        fleet.leave(worker, signal.SIGKILL)
        fleet.start()
    return await whole(fleet, "partitions without a worker after all were killed")


async def stop_and_go_on(fleet: Fleet, kafka: KafkaServer, chance: random.Random) -> float:
    """SIGSTOP until others have its partitions and a while longer, then SIGCONT: a worker that was taken for dead."""
    victim = chance.choice(fleet.running)
    victim.process.send_signal(signal.SIGSTOP)
    fleet.running.remove(victim)
    takeover = await whole(fleet, "partitions without a worker after a stop")
    await asyncio.sleep(3)
    victim.process.send_signal(signal.SIGCONT)
    fleet.running.append(victim)
    await asyncio.sleep(8)
    return takeover


async def kill_broker(fleet: Fleet, kafka: KafkaServer, chance: random.Random) -> float:
    """kill -9 of the broker, which is started again; workers and collector go on by themselves. The takeover is from
    when it answers again until lines are both detected and stored."""
    await asyncio.to_thread(kafka.kill)
    await asyncio.sleep(chance.random())
    await asyncio.to_thread(kafka.start)
    before = {worker.process.pid: worker.progress() for worker in fleet.running}

    def goes_on() -> bool:
        now = [(worker.progress(), before.get(worker.process.pid, (0, 0))) for worker in fleet.running]
        return all(any(found[stage] > old[stage] for found, old in now) for stage in (0, 1))

    return await until(lambda: not fleet.revive() and fleet.whole() and goes_on(), 90, "nothing goes on after a kill")


DRILLS: dict[str, tuple[Fault | None, int, int]] = {
    "kill -9 before the first line": (None, 1, 1),
    "a worker joins, one leaves": (join_and_leave, 20, 1),
    "kill -9 of a worker": (kill, 20, 2),
    "kill -9 of all workers": (kill_all, 5, 1),
    "SIGSTOP past the session, SIGCONT": (stop_and_go_on, 5, 1),
    "kill -9 of the broker": (kill_broker, 10, 1),
}
"""Name -> what is done, how often, and how often in the short form; None: only what ``unheard`` of drill does."""


async def drill(
    name: str,
    faults: Sequence[Fault],
    fleet: Fleet,
    kafka: KafkaServer,
    control: Expected,
    seed: int = 1,
    *,
    unheard: bool = False,
) -> Result:
    """The story is sent at a steady pace while faults happen, and the rest of it afterwards.

    unheard: before that, the worker of the last partition is killed, which has said that there is nothing to read.
    """
    result, chance, begun = Result(name, len(faults) + unheard), random.Random(seed), time.monotonic()
    await fleet.prepare()
    try:
        first = fleet.start(), fleet.start()
        await until(
            lambda: fleet.whole() and all(map(fleet.works, first)),
            90,
            "the workers did not start",
        )
        over = asyncio.Event()
        if unheard:
            last = f"{topic(fleet.prefix, RAW)}/{fleet.partitions - 1}"
            await asyncio.sleep(2)  # it has said so
            fleet.leave(next(one for one in first if last in one.health()["partitions"]), signal.SIGKILL)
        feeding = asyncio.create_task(feed(fleet, control, over))
        if unheard:
            result.takeovers.append(await whole(fleet, "partitions without a worker after a kill"))
            fleet.start()
        for fault in faults:
            result.takeovers.append(await fault(fleet, kafka, chance))
        over.set()
        await feeding
        await until(lambda: not fleet.revive() and fleet.quiet(), 240, "it did not become quiet", 1)
        await fleet.end(control.pieces)
        await until(lambda: len(fleet.alerts()) >= len(control.alerts), 60, "alerts are missing", 2)
        await asyncio.sleep(15)
        found = await asyncio.to_thread(fleet.events)
        result.lost = len(control.events - set(found))
        result.twice = len(found) - len(set(found))
        result.late = sum(worker.health()["late"] for worker in fleet.running)
        result.details = list(differences(await asyncio.to_thread(fleet.alerts), control.alerts))
        result.revived = fleet.revived
        result.different = len({str(one[0]) for one in result.details})
    except AssertionError:
        print(fleet.said())
        raise
    finally:
        await fleet.close()
    result.seconds = time.monotonic() - begun
    return result


async def feed(fleet: Fleet, control: Expected, over: asyncio.Event) -> None:
    """Slower and slower towards the end, so that there is something left while faults last."""
    pieces = control.pieces
    for number, piece in enumerate(pieces):
        await fleet.send([piece])
        if not over.is_set():
            left = (len(pieces) - number) / len(pieces)
            await asyncio.sleep(PACE / max(left, 0.05))


def run(
    short: bool, chosen: list[str], folder: Path, settings: ElasticsearchSettings, kafka: KafkaServer
) -> list[Result]:
    """The drills one after the other, each with topics and indices of its own."""
    control = expected([path.parent for path in write(folder / "story").files][:1])
    results = []
    for number, (name, (fault, times, few)) in enumerate(DRILLS.items()):
        if chosen and not any(part in name for part in chosen):
            continue
        elastic = msgspec.structs.replace(settings, namespace=f"drill{number}")
        fleet = Fleet(folder / f"drill-{number}", kafka.servers, elastic, f"drill{number}")
        faults, unheard = ([], True) if fault is None else ([fault] * (few if short else times), False)
        results.append(asyncio.run(drill(name, faults, fleet, kafka, control, unheard=unheard)))
        print(results[-1].row(), flush=True)
        for detail in results[-1].details[:5]:
            print("   ", str(detail)[:300])
    return results


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--only", action="append", default=[], help="a part of a drill's name")
    options = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="soc-drills-")))
        kafka = stack.enter_context(kafka_server(folder / "kafka", local=True))
        server = stack.enter_context(elasticsearch_server(folder / "elasticsearch"))
        print(HEADER)
        results = run(options.short, options.only, folder, server.settings("drill"), kafka)
    return 1 if any(one.lost or one.twice or one.late or one.different for one in results) else 0


if __name__ == "__main__":
    sys.exit(main())
