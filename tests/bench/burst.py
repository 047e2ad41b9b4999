"""A real burst against one worker, beside what the simulation says of it: ``python -m tests.bench.burst``.

2,000 lines/s, then 10 times as many for 20 s, then 2,000 again: a real Kafka and one ``soc stream`` without
Elasticsearch. The simulation gets the costs that were measured elsewhere (tests.bench.capacity) and one figure of this
run: how much of a core the worker had while it was behind, since the machine's two are shared.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from soc.core.event import RawBatch
from tests.bench import stages
from tests.bench.capacity import Scene, burst, simulate
from tests.bench.stream_rig import Measured, Servers, servers
from tests.services.fleet import until

RATE, FACTOR, BEGIN, LENGTH, MOST = 2_000, 10.0, 10, 20, 120
WARM = 30_000
Point = tuple[float, int, int, float]
"""Seconds, lines sent, lines dealt with, CPU seconds of the worker."""


def run() -> None:
    """Prints the lag by second, measured and simulated."""
    with tempfile.TemporaryDirectory(prefix="soc-bench-") as name, servers(Path(name)) as at:
        points = asyncio.run(_course(Path(name), stages.story(Path(name) / "story", 10), at))
    lag = {second: sent - done for second, sent, done, _ in points}
    behind = [one for one in points if BEGIN < one[0] < BEGIN + LENGTH]
    core = (behind[-1][3] - behind[0][3]) / (behind[-1][0] - behind[0][0])
    cost = (points[-1][3] - points[0][3]) / (points[-1][2] - points[0][2]) * 1e6
    scene = Scene("", RATE, 1, 4, even=True, seconds=MOST, burst=burst(FACTOR, BEGIN, LENGTH), core=core)
    course = simulate(scene)
    print(f"the worker had {core:.0%} of a core while behind, and took {cost:.0f} µs a line over the whole run")
    print(f"{'second':>8}{'lag, measured':>15}{'simulated':>12}")
    for second in range(0, MOST, 5):
        nearest = min(lag, key=lambda at: abs(at - second))
        if abs(nearest - second) < 1:
            print(f"{second:8}{lag[nearest]:15,}{course.lag[second]:12,.0f}")
    end = BEGIN + LENGTH
    caught = next((f"{s - end:.0f}" for s, one in lag.items() if s > end and one < RATE), "not")
    told = next((f"{s - end}" for s, one in enumerate(course.lag) if s > end and one < RATE), "not")
    print(
        f"most: {max(lag.values()):,} measured, {max(course.lag):,.0f} simulated; caught up so many seconds after the"
    )
    print(f"burst: {caught} measured, {told} simulated; the run ended {points[-1][0] - end:.0f} s after it")


async def _course(folder: Path, pieces: Sequence[RawBatch], at: Servers) -> list[Point]:
    elastic = at.elasticsearch.settings("burst")
    fleet = Measured(folder / "fleet", at.kafka.servers, elastic, "burst", options=("--null",))
    await fleet.prepare()
    try:
        fleet.start()
        await until(fleet.whole, 120, "the worker did not start")
        number, sent = 0, 0
        while sent < WARM:
            sent += len(pieces[number].lines)
            number += 1
        await fleet.send(pieces[:number])
        await until(lambda: fleet.finished(sent), 120, "the first lines were not dealt with")
        before, points, over = sent, list[Point](), asyncio.Event()
        begun, total = time.monotonic(), 0
        looking = asyncio.create_task(_look(fleet, begun, before, lambda: total, points, over))
        wave = burst(FACTOR, BEGIN, LENGTH)
        due, last = 0.0, 0.0
        while (now := time.monotonic() - begun) < MOST and number < len(pieces):
            due, last = due + RATE * wave(now) * (now - last), now
            some = []
            while total + sum(len(one.lines) for one in some) < due and number < len(pieces):
                some.append(pieces[number])
                number += 1
            await fleet.send(some)
            total += sum(len(one.lines) for one in some)
            if now > BEGIN + LENGTH + 5 and points and points[-1][1] - points[-1][2] < RATE:
                break
            await asyncio.sleep(0.1)
        over.set()
        await looking
        return points
    finally:
        await fleet.close()


async def _look(fleet: Measured, begun: float, before: int, sent, points: list[Point], over: asyncio.Event) -> None:
    while not over.is_set():
        done = await asyncio.to_thread(fleet.done)
        if done["lines"] >= before:  # a busy worker may not answer in time
            points.append((time.monotonic() - begun, sent(), done["lines"] - before, fleet.cpu()))
        await asyncio.sleep(0.5)


if __name__ == "__main__":
    run()
