"""The two halves of the pipeline on any number of partitions and workers, killed at any moment: the same alerts."""

import asyncio
import random

import msgspec
import pytest

from soc.core.alert import decode
from soc.core.clock import FixedClock
from soc.core.event import RawBatch
from soc.core.ids import event_id, id_of
from soc.core.settings import duration
from soc.engines.analyze import analyze
from soc.engines.source import expand
from soc.engines.stream.worker import Gap
from soc.enrich import read_inventory
from soc.pipeline.build import build_pipeline
from soc.pipeline.content import load_content
from soc.pipeline.normalise import first_time
from soc.stores.encoding import alert_json
from soc.story import INVENTORY
from tests.engines.stream.simulated import SECOND, Log, Process

LINES = 50
NOW = 1_795_000_000 * SECOND


@pytest.fixture(scope="module")
def content():
    return load_content()


@pytest.fixture(scope="module")
def inventory():
    return read_inventory(INVENTORY)


@pytest.fixture(scope="module")
def embedded(content, story):
    """The story through one pipeline: its batches in the order in which they were read, and what came of them."""
    pipeline = build_pipeline(content, INVENTORY, zone=7 * 3600, lateness="10m")
    batches, events, feed = [], set(), pipeline.feed

    def recording(batch):
        batches.append(batch)
        return feed(batch)

    pipeline.feed = recording
    totals = analyze(
        pipeline,
        expand(story.files),
        "auto",
        zone=7 * 3600,
        carry_out=lambda outcome: events.update(map(id_of, outcome.events)),
    )
    totals.alerts = {id: decode(alert_json(alert)) for id, alert in totals.alerts.items()}  # as a store gives them back
    return batches, totals, events


def pieces(batches):
    """Batches as collectors send them, in the order of their beginnings."""
    cut = [
        RawBatch(batch.origin, batch.device, batch.received, batch.position + start, batch.lines[start : start + LINES])
        for batch in batches
        for start in range(0, len(batch.lines), LINES)
    ]
    return sorted(cut, key=lambda piece: first_time(piece.lines[:5], "auto", piece.received, 7 * 3600))


def fill(log, batches):
    """Each file is of one collector, so all its lines are in one partition."""
    names = sorted({batch.origin for batch in batches})
    for batch in pieces(batches):
        log.produce(names.index(batch.origin) % log.lines, [batch])


def share(number, processes):
    return [[n for n in range(number) if n % processes == one] for one in range(processes)]


async def run(log, content, inventory, seed, *, workers=2, faults=0):
    """Reads everything, with so many moments at which a worker dies, is replaced, or wakes up too late."""
    chance, clock, lateness = random.Random(seed), FixedClock(NOW), duration("10m")

    def start():
        return Process(log, content, inventory, clock, lateness)

    async def rebalance(alive):
        for process, lines, signals in zip(
            alive, share(log.lines, len(alive)), share(log.signals, len(alive)), strict=True
        ):
            await process.take(lines, signals)

    alive = [start() for _ in range(workers)]
    await rebalance(alive)
    fault_in, pauses = 120, 0
    while pauses < 20:  # in each, what the one before brought about is read
        moved = False
        for process in alive:
            for _ in range(chance.randrange(1, 12)):
                moved |= process.step(chance)
            process.outbox.flush(chance.randrange(len(process.outbox.waiting) + 1))
        clock.time += SECOND // 10
        if chance.random() < 0.2:
            for process in alive:
                process.tick()
        if chance.random() < 0.05:
            await chance.choice(alive).worker.store()
        fault_in -= 1
        if faults and fault_in <= 0:
            faults, fault_in = faults - 1, 60
            await fault(log, alive, start, chance)
            await rebalance(alive)
        if not moved:
            pauses += 1
            clock.time += 61 * SECOND
            for process in alive:
                process.tick()
                await process.outbox.settled()
    return alive


async def fault(log, alive, start, chance):
    victim = alive.index(chance.choice(alive))
    kind = chance.choice(["kill", "leave", "zombie", "join"])
    if kind == "join" and len(alive) < 4:
        for process in alive:
            await process.worker.give_up()
        alive.append(start())
    elif kind == "leave" and len(alive) > 1:
        for process in alive:
            await process.worker.give_up()
        alive.pop(victim)
    elif kind == "zombie":  # it goes on with what it had in hand, while its partitions are another's already
        late = alive[victim]
        alive[victim] = start()
        for _ in range(30):
            late.step(chance)
        late.tick()
        await (late.worker.store() if chance.random() < 0.5 else late.outbox.settled())
    else:
        alive[victim].outbox.flush(chance.randrange(len(alive[victim].outbox.waiting) + 1))
        alive[victim] = start()


def differences(found, wanted):
    """(title, key, found, wanted) of whatever differs, alerts that only one of them has included."""
    different = [(alert.title, "missing") for id, alert in wanted.items() if id not in found]
    different += [(alert.title, "too many") for id, alert in found.items() if id not in wanted]
    for id in found.keys() & wanted.keys():
        one, other = msgspec.structs.asdict(found[id]), msgspec.structs.asdict(wanted[id])
        different += [(other["title"], key, one[key], other[key]) for key in one if one[key] != other[key]]
    return different


@pytest.mark.parametrize(
    ("lines", "signals", "workers", "waiting"),
    [(1, 1, 1, 0), (2, 2, 2, 0), (4, 4, 3, 0), (9, 3, 2, 2)],  # in its own partition, a log ends with two mails open
)
def test_any_number_of_partitions_and_workers_gives_the_same_alerts(
    content, inventory, embedded, lines, signals, workers, waiting
):
    batches, totals, events = embedded
    log = Log(lines, signals)
    fill(log, batches)
    asyncio.run(run(log, content, inventory, lines, workers=workers))
    assert differences(log.alerts(), totals.alerts) == []
    assert set(log.events()) <= events
    assert len(log.events()) == len(events) - waiting
    assert len(log.rejected()) == sum(totals.rejected.values())


@pytest.mark.parametrize("seed", range(4))
def test_workers_that_die_leave_or_come_back_too_late_change_nothing(content, inventory, embedded, seed):
    batches, totals, events = embedded
    log = Log(4, 3)
    fill(log, batches)
    asyncio.run(run(log, content, inventory, seed, faults=12))
    assert differences(log.alerts(), totals.alerts) == []
    assert set(log.events()) == events
    assert len(log.rejected()) == sum(totals.rejected.values())


def test_a_missing_record_ends_the_worker_before_it_is_passed_over(content, inventory, embedded):
    log = Log(1, 1)
    fill(log, embedded[0][:1])
    process = Process(log, content, inventory, FixedClock(NOW), SECOND)

    async def skip():
        await process.take([0], [0])
        process.worker.on_lines(0, 1, NOW, log.records["raw", 0][1])

    with pytest.raises(Gap, match="record 0 should have come, and 1 did"):
        asyncio.run(skip())


def test_a_record_that_is_no_batch_is_kept_and_the_next_one_read(content, inventory):
    line = "Oct  5 08:45:01 web-1 sshd[7]: Failed password for root from 198.51.100.9"
    log = Log(1, 1)
    log.records["raw", 0] += [b"SOC\x01\xff damaged", b"SOC\x09 of another version"]
    log.records["raw", 0] += [f'{{"message": "{line}"}}'.encode()]
    process = Process(log, content, inventory, FixedClock(NOW), SECOND)

    async def read():
        await process.take([0], [0])
        while process.step(random.Random(1)):
            pass
        await process.outbox.settled()

    asyncio.run(read())
    assert {raw for _, _, raw in log.rejected()} == {b"SOC\x01\xff damaged", b"SOC\x09 of another version"}
    assert list(log.events()) == [event_id("kafka:raw/0", 2, line)]
