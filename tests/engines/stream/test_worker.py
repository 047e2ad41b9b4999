"""The two halves of the pipeline on any number of partitions and workers, killed at any moment: the same alerts."""

import asyncio
import random
from functools import partial

import msgspec
import pytest

from soc.core.alert import decode
from soc.core.clock import FixedClock
from soc.core.event import RawBatch, iso
from soc.core.ids import event_id, id_of
from soc.core.settings import duration
from soc.core.wire import LARGEST, REJECTED
from soc.engines.analyze import analyze
from soc.engines.source import expand
from soc.engines.stream.archive import MOST_RAW
from soc.engines.stream.kafka import End
from soc.engines.stream.snapshots import Snapshot
from soc.engines.stream.worker import Gap
from soc.enrich import read_inventory
from soc.pipeline.build import build_pipeline, models_of
from soc.pipeline.content import load_content
from soc.pipeline.halves import Detection, Timing
from soc.pipeline.normalise import first_time
from soc.pipeline.signal import Reach, decode_signal
from soc.respond import Triage
from soc.stores.encoding import alert_json
from soc.story import INVENTORY, MODELS
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
    return in_one(content, story, None)


@pytest.fixture(scope="module")
def with_models(content, story):
    """The same with the anomaly models of the demo."""
    return in_one(content, story, models_of(MODELS))


def in_one(content, story, anomaly):
    pipeline = build_pipeline(content, INVENTORY, zone=7 * 3600, lateness="10m", anomaly=anomaly)
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
    cut = [piece for batch in batches for piece in batch.cut(LINES)]
    return sorted(cut, key=lambda piece: first_time(piece.lines[:5], "auto", piece.received, 7 * 3600))


def fill(log, batches):
    """Each file is of one collector, so all its lines are in one partition."""
    names = sorted({batch.origin for batch in batches})
    for batch in pieces(batches):
        log.produce(names.index(batch.origin) % log.lines, [batch])


def share(number, processes):
    return [[n for n in range(number) if n % processes == one] for one in range(processes)]


async def run(log, content, inventory, seed, *, workers=2, faults=0, models=None):
    """Reads everything, with so many moments at which a worker dies, is replaced, or wakes up too late."""
    chance, clock, lateness = random.Random(seed), FixedClock(NOW), duration("10m")

    def start():
        return Process(log, content, inventory, clock, lateness, models)

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


@pytest.mark.parametrize("faults", [0, 8])
def test_anomaly_models_say_the_same_too(content, inventory, embedded, with_models, faults):
    batches, totals, _ = with_models
    unusual = {id for id, alert in totals.alerts.items() if alert.kind == "anomaly"}
    assert unusual
    assert set(totals.alerts) - unusual == set(embedded[1].alerts)
    log = Log(3, 2)
    fill(log, batches)
    asyncio.run(run(log, content, inventory, 5, faults=faults, models=partial(models_of, MODELS)))
    assert differences(log.alerts(), totals.alerts) == []


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
    damaged, other, endless = b"SOC\x01\xff damaged", b"SOC\x09 of another version", b"x" * (LARGEST * 3)
    log = Log(1, 1)
    log.records["raw", 0] += [damaged, other, endless, f'{{"message": "{line}"}}'.encode()]
    process = Process(log, content, inventory, FixedClock(NOW), SECOND)
    asyncio.run(read_all(process))
    found = {raw: reason for _, _, raw, reason in log.rejected_lines()}
    assert set(found) == {damaged, other, endless[:MOST_RAW]}
    assert found[endless[:MOST_RAW]] == (
        "a line of 12582912 bytes; the longest that is read has 65536 (the first 2097152 of 12582912 bytes)"
    )
    assert max(map(len, log.records[REJECTED, 0])) < LARGEST, "Kafka takes it"
    assert list(log.events()) == [event_id("kafka:raw/0", 3, line)]


def test_lines_that_do_not_parse_are_one_record(content, inventory):
    log = Log(1, 1)
    log.produce(0, [RawBatch("fw", "fortigate", NOW, 7, tuple(b"no log %d" % number for number in range(100)))])
    process = Process(log, content, inventory, FixedClock(NOW), SECOND)
    asyncio.run(read_all(process))
    assert len(log.records[REJECTED, 0]) == 1
    assert log.rejected() == {("fw", 7 + number, b"no log %d" % number) for number in range(100)}


@pytest.mark.parametrize(
    "state", [b"", b"\xff\xff", msgspec.msgpack.encode((b"\x91", b"\x90")), b"\x94\x80\x90\xc4\xc4"]
)
def test_a_state_that_cannot_be_read_costs_reading_again_and_is_counted(content, inventory, embedded, state):
    batches, totals, _ = embedded
    log = Log(1, 1)
    fill(log, batches)
    log.kept["raw", 0] = log.kept["signals", 0] = Snapshot(5, state)
    (process,) = asyncio.run(run(log, content, inventory, 1, workers=1))
    assert process.worker.unreadable_states == 2
    assert differences(log.alerts(), totals.alerts) == []


def test_how_far_a_partition_is_said_with_its_hits(content, inventory, embedded):
    """Lines that come after a silence are no longer those of a partition that nobody waits for."""
    line = b"<34>Oct  5 08:45:01 web-1 sshd[7]: Failed password for root from 198.51.100.9 port 22 ssh2"
    log, clock = Log(1, 1), FixedClock(NOW)
    process = Process(log, content, inventory, clock, SECOND)

    def told():
        return [decode_signal(value).reach for value in log.records["signals", 0]]

    async def work():
        await process.take([0], [])
        process.tick()
        await process.outbox.settled()
        assert told() == [Reach.IDLE], "no source was ever heard of"
        log.produce(0, [RawBatch("a", "auto", NOW, 0, (line,) * 3)])
        process.step(random.Random(1))
        await process.outbox.settled()
        assert told() == [Reach.IDLE, Reach.LIVE]
        log.produce(0, [RawBatch("a", "auto", NOW, number, (line,)) for number in (3, 4)])
        process.tick()
        process.step(random.Random(1))
        await process.outbox.settled()
        assert told()[2:] == [Reach.BEHIND] * 2, "there is one more"

    asyncio.run(work())


def test_no_time_passes_while_kafka_is_away(content, inventory):
    """Lines that were written meanwhile are still to come: nothing may be decided without them."""
    line = b"<34>Oct  5 08:45:01 web-1 sshd[7]: Failed password for root from 198.51.100.9 port 22 ssh2"
    log, clock = Log(1, 1), FixedClock(NOW)
    process = Process(log, content, inventory, clock, SECOND)
    log.produce(0, [RawBatch("a", "auto", NOW, 0, (line,))])

    async def work():
        await process.take([0], [0])
        process.step(random.Random(1))
        process.tick()
        last = {0: End(1, clock.now())}
        for _ in range(400):
            clock.time += 2 * SECOND
            process.worker.tell_reach(last)
        await process.outbox.settled()
        assert len(log.records["raw", 0]) == 1
        assert decode_signal(log.records["signals", 0][-1]).reach is Reach.BEHIND
        process.tick()  # it is back
        await process.outbox.settled()
        assert len(log.records["raw", 0]) == 1, "and lines have their time to come"
        for _ in range(7):
            clock.time += 10 * SECOND
            process.tick()
        await process.outbox.settled()
        assert len(log.records["raw", 0]) > 1, "now it is the devices that are silent"

    asyncio.run(work())


def test_an_outage_makes_no_source_idle_and_silence_does(content, inventory):
    detection = Detection(content, inventory, Timing(0, SECOND, 60 * SECOND, 86_400 * SECOND, 86_400 * SECOND))

    def feed(origin, second):
        line = f"<34>{iso(NOW + second * SECOND)} {origin} sshd[7]: Server listening on 0.0.0.0 port 22.".encode()
        detection.feed(RawBatch(origin, "auto", NOW, second, (line,)), NOW + second * SECOND)
        return (detection.watermark - NOW) // SECOND

    assert [feed("a", 0), feed("b", 1)] == [-1, -1]
    assert feed("a", 301) == 0, "after five minutes in which nobody was heard, b is still waited for"
    assert feed("b", 302) == 300
    assert {feed("a", second) for second in range(310, 363, 10)} == {301}
    assert feed("a", 370) == 369, "b has been silent for a minute, in which a was heard"
    detection.feed(RawBatch("", "", NOW + 461 * SECOND, 0, ()), NOW + 461 * SECOND)
    assert detection.idle


def test_a_record_that_breaks_a_stage_costs_no_other(content, inventory, embedded, monkeypatch):
    batches, totals, _ = embedded
    log = Log(1, 1)
    fill(log, batches)
    broken, take = [], Triage.take

    def breaking(self, findings):
        findings = list(findings)
        if findings and not broken:
            broken.append(findings)
            raise ZeroDivisionError
        return take(self, findings)

    monkeypatch.setattr(Triage, "take", breaking)
    (process,) = asyncio.run(run(log, content, inventory, 1, workers=1))
    assert process.worker.signals[0].conclusion.defects == 1
    assert set(log.alerts()) == set(totals.alerts)


async def read_all(process):
    await process.take([0], [0])
    while process.step(random.Random(1)):
        pass
    await process.outbox.settled()
