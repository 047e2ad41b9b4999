"""Faust on a real broker: nothing is lost or repeated when workers join and leave; our own offsets are respected."""

from __future__ import annotations

import asyncio
import signal
import ssl
import time
from pathlib import Path

import pytest

from soc.core.errors import SocError
from soc.engines.stream import guard as guard_module
from soc.engines.stream.app import guarded_app
from tests.services.guard_drill import PARTITIONS, RATE, events, running_worker, trials, until_processed
from tests.services.kafka_server import KafkaServer
from tests.services.topics import committed, create_topic, produce

pytestmark = pytest.mark.xdist_group("servers")

COMMIT_SECONDS = 0.5
SLACK_SECONDS = 0.5  # a commit on a busy machine


def test_nothing_is_lost_or_repeated_in_fresh_groups(kafka: KafkaServer, tmp_path: Path) -> None:
    found = asyncio.run(trials(kafka.servers, tmp_path, 4, guard=True, kill=False))
    assert all(one.first and one.second for one in found), found
    assert [(one.lost, one.repeated) for one in found] == [(0, 0)] * 4, found


def test_the_harness_sees_what_faust_does_without_the_guard(kafka: KafkaServer, tmp_path: Path) -> None:
    """Two groups in three lose or repeat something, as measured on twenty: that none of so many does is no chance."""
    pairs = (asyncio.run(trials(kafka.servers, tmp_path, 2, guard=False, kill=False)) for _ in range(10))
    assert any(one.lost + one.repeated for found in pairs for one in found)


def test_a_kill_repeats_no_more_than_a_commit_interval(kafka: KafkaServer, tmp_path: Path) -> None:
    found = asyncio.run(trials(kafka.servers, tmp_path, 2, guard=True, kill=True))
    assert [one.lost for one in found] == [0, 0], found
    bound = (COMMIT_SECONDS + SLACK_SECONDS) * RATE * PARTITIONS
    assert all(one.repeated <= bound for one in found), found


def test_partitions_start_where_our_state_says(kafka: KafkaServer, prefix: str, tmp_path: Path) -> None:
    _filled(kafka.servers, prefix, 50)
    (tmp_path / "state-0").write_text("40")

    async def run() -> None:
        async with running_worker(kafka.servers, prefix, tmp_path, "one", "state") as one:
            await until_processed(tmp_path / "one", 60)
            one.send_signal(signal.SIGTERM)
            assert await one.wait() == 0

    asyncio.run(run())
    wanted = [(0, offset) for offset in range(40, 50)] + [(1, offset) for offset in range(50)]
    assert sorted(events(tmp_path / "one")) == wanted
    assert (tmp_path / "state-1").read_text() == "50"


def test_state_is_released_before_the_next_owner_starts(kafka: KafkaServer, prefix: str, tmp_path: Path) -> None:
    """The committed offset is ahead of no state: a worker that joins goes on where the state was stored."""
    _filled(kafka.servers, prefix, 300)
    options = ("state", "late=1", "slow=0.01")

    async def run() -> None:
        async with running_worker(kafka.servers, prefix, tmp_path, "one", *options) as one:
            await until_processed(tmp_path / "one", 50)
            async with running_worker(kafka.servers, prefix, tmp_path, "two", *options) as two:
                await until_processed(tmp_path / "two", 20)
                two.send_signal(signal.SIGTERM)
                assert await two.wait() == 0
                await _until_all(tmp_path, 600)
                one.send_signal(signal.SIGTERM)
                assert await one.wait() == 0

    asyncio.run(run())
    both = events(tmp_path / "one") + events(tmp_path / "two")
    assert sorted(both) == [(part, offset) for part in range(2) for offset in range(300)]
    moved = events(tmp_path / "two")[0][0]
    released = next(moment for moment, parts in _notes(tmp_path / "one", "released") if moved in parts)
    started = next(moment for moment, parts in _notes(tmp_path / "two", "started") if moved in parts)
    assert released < started


def test_a_stop_finishes_the_event_in_work_and_commits_it(kafka: KafkaServer, prefix: str, tmp_path: Path) -> None:
    create_topic(kafka.servers, prefix, 1)
    produce(kafka.servers, prefix, [(None, b"%d" % number) for number in range(20)])

    async def run() -> float:
        async with running_worker(kafka.servers, prefix, tmp_path, "one", "slow=1") as one:
            await until_processed(tmp_path / "one", 1)
            began = time.monotonic()
            one.send_signal(signal.SIGTERM)
            assert await one.wait() == 0
            return time.monotonic() - began

    assert asyncio.run(run()) < 5
    done = events(tmp_path / "one")
    assert done == [(0, offset) for offset in range(len(done))]
    assert committed(kafka.servers, prefix, prefix, 0) == len(done)


def test_a_failure_to_start_ends_the_worker(kafka: KafkaServer, prefix: str, tmp_path: Path) -> None:
    _filled(kafka.servers, prefix, 5)
    assert asyncio.run(_failing(kafka.servers, prefix, tmp_path, "start_at")) == 1
    assert "no space left for start_at" in (tmp_path / "one.err").read_text()
    assert events(tmp_path / "one") == []
    assert [committed(kafka.servers, prefix, prefix, part) for part in range(2)] == [None, None]


def test_a_failure_to_store_state_ends_the_worker_without_a_commit(
    kafka: KafkaServer, prefix: str, tmp_path: Path
) -> None:
    """The event that was in work is done, but not committed: what it changed in our state is not stored."""
    _filled(kafka.servers, prefix, 100)
    assert asyncio.run(_failing(kafka.servers, prefix, tmp_path, "released")) == 1
    assert "no space left for released" in (tmp_path / "one.err").read_text()
    offsets = [committed(kafka.servers, prefix, prefix, part) or 0 for part in range(2)]
    assert 0 < sum(offsets) < len(events(tmp_path / "one"))


def test_another_version_of_faust_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard_module, "version", {"faust-streaming": "0.15.4"}.__getitem__)
    with pytest.raises(SocError, match=r"0\.15\.4 is installed.*0\.15\.3 only"):
        guarded_app("any", ["127.0.0.1:1"], tmp_path)


def test_credentials_are_scram_over_tls_or_tls_alone(tmp_path: Path) -> None:
    context = ssl.create_default_context()
    scram = guarded_app("any", ["a:1"], tmp_path, user="u", password="p", ssl_context=context).conf.broker_credentials
    assert (scram.protocol.value, scram.mechanism.value, scram.username) == ("SASL_SSL", "SCRAM-SHA-512", "u")
    assert guarded_app("any", ["a:1"], tmp_path, ssl_context=context).conf.broker_credentials.context is context
    assert guarded_app("any", ["a:1", "b:2"], tmp_path).conf.broker_credentials is None


async def _failing(servers: str, name: str, folder: Path, what: str) -> int:
    """How a worker ends whose ``start_at`` or ``released`` fails."""
    async with running_worker(servers, name, folder, "one", "state", f"fail={what}", "late=1", "slow=0.2") as one:
        if what == "released":
            await until_processed(folder / "one", 10)
            one.send_signal(signal.SIGTERM)
        return await asyncio.wait_for(one.wait(), 30)


def _filled(servers: str, topic: str, each: int) -> None:
    create_topic(servers, topic, 2)
    for part in range(2):
        produce(servers, topic, [(None, b"%d" % number) for number in range(each)], partition=part)


async def _until_all(folder: Path, count: int, seconds: float = 40.0) -> None:
    deadline = time.monotonic() + seconds
    while len(set(events(folder / "one") + events(folder / "two"))) < count and time.monotonic() < deadline:
        await asyncio.sleep(0.1)


def _notes(path: Path, word: str) -> list[tuple[float, list[int]]]:
    """When a worker released or started which partitions."""
    lines = [line.split() for line in path.read_text().splitlines() if line.startswith(f"{word} ")]
    return [(float(words[1]), [int(part) for part in words[2:]]) for words in lines]
