"""When time moves on for correlations and models, though workers die: what is decided must have been complete."""

import asyncio
import random

import pytest

from soc.anomaly.features import BUCKET, partials
from soc.anomaly.watch import Watch
from soc.core.clock import FixedClock
from soc.core.event import RawBatch, iso
from soc.enrich import Inventory
from soc.pipeline.content import load_content
from soc.pipeline.halves import SETTLE, Conclusion, Timing
from soc.pipeline.signal import VERSION, Reach, Signal, decode_signal
from tests.engines.stream.simulated import SECOND, Log, Process

NOW = 1_795_000_000 * SECOND // BUCKET * BUCKET
HOUR = 3600 * SECOND


@pytest.fixture(scope="module")
def content():
    return load_content()


def concluding(content):
    timing = Timing(0, lateness=0, idle=60 * SECOND, hold=86_400 * SECOND, fold=86_400 * SECOND)
    return Conclusion(content, Inventory.empty(), timing, Watch([]))


def told(partition, offset, watermark, reach, seen=None):
    """How far a partition is; seen: when an event was, of which it bears the partial."""
    event = {"@timestamp": seen, "source.ip": "10.0.0.1", "destination.ip": "10.0.0.2"}
    return Signal(VERSION, partition, offset, 0, watermark, reach, [], partials([event]) if seen else [])


@pytest.mark.parametrize("reach", [Reach.IDLE, Reach.ENDED])
def test_a_partition_that_had_nothing_to_read_is_not_passed_over_once_it_is_silent(content, reach):
    """Its worker may have died, and lines wait there for whoever takes over."""
    conclusion, second = concluding(content), iter(range(100))

    def feed(signal):
        conclusion.feed(signal, NOW + next(second) * SECOND, 2)

    feed(told(1, -1, 0, reach))
    for number in range(10):
        feed(told(0, number, NOW + number * BUCKET, Reach.LIVE, NOW + number * BUCKET))
    feed(told(1, -1, 0, Reach.BEHIND))
    feed(told(1, 0, NOW, Reach.LIVE, NOW))
    assert conclusion.late == 0


def test_time_goes_on_while_a_partition_says_that_it_has_nothing_to_read(content):
    conclusion = concluding(content)
    for number in range(10):
        at = NOW + number * SECOND
        conclusion.feed(told(1, -1, 0, Reach.IDLE), at, 2)
        conclusion.feed(told(0, number, NOW + number * BUCKET, Reach.LIVE, NOW + number * BUCKET), at, 2)
    behind = 10 - SETTLE // SECOND
    conclusion.feed(told(1, 0, NOW, Reach.LIVE, NOW + (behind - 3) * BUCKET), NOW + 10 * SECOND, 2)
    assert conclusion.late == 1, "all but what has not settled is decided"


def test_a_pause_of_hours_makes_the_state_no_larger_without_bound(content):
    conclusion = concluding(content)
    conclusion.feed(told(1, -1, 0, Reach.IDLE), NOW, 2)
    sizes = []
    for number in range(20_000):
        conclusion.feed(told(0, number, NOW + number * SECOND, Reach.LIVE), NOW + number * SECOND, 2)
        sizes.append(len(conclusion.state()) if number % 5_000 == 4_999 else 0)
    assert len({size for size in sizes if size}) == 1


def test_of_a_record_all_is_there_before_time_moves_on_by_it(content):
    """A worker may die after it has sent the hits, and before the partials: these come when others are long on."""
    times = [NOW - 3 * HOUR, *[NOW] * 3]
    lines = [
        f"<34>{iso(time)} web-1 sshd[7]: Failed password for root from 198.51.100.9 port 22 ssh2".encode()
        for time in times
    ]
    log = Log(1, 1)
    log.produce(0, [RawBatch("a", "auto", NOW, 0, tuple(lines))])
    worker = Process(log, content, Inventory.empty(), FixedClock(NOW), SECOND, lambda: Watch([]))

    async def work():
        await worker.take([0], [])
        worker.step(random.Random(1))
        await worker.outbox.settled()

    asyncio.run(work())
    hits, parts = map(decode_signal, log.records["signals", 0])
    assert hits.hits
    assert parts.partials
    conclusion = concluding(content)
    conclusion.feed(told(1, -1, 0, Reach.IDLE), NOW, 2)
    conclusion.feed(hits, NOW + SECOND, 2)
    for second in range(2, 10):
        conclusion.feed(told(1, -1, 0, Reach.IDLE), NOW + second * SECOND, 2)
    conclusion.feed(parts, NOW + 10 * SECOND, 2)
    assert conclusion.late == 0
