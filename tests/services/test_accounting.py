"""On real servers: rejected lines come back once their parser is mended, and reconciliation finds what was lost."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner

from soc.cli import main
from soc.core.errors import StoreError
from soc.core.event import RawBatch, Rejected
from soc.core.ids import event_id, id_of, rejected_id
from soc.core.wire import COUNTS, RAW, Count, encode_count, topic
from soc.pipeline.build import build_normaliser
from soc.stores import elasticsearch_names as names
from soc.stores.elasticsearch_apply import apply, plan
from soc.stores.elasticsearch_client import connect
from soc.story import INVENTORY
from tests.services.elasticsearch_server import Server
from tests.services.fixtures_elasticsearch import elasticsearch as elasticsearch
from tests.services.fleet import Fleet, until
from tests.services.kafka_server import KafkaServer

pytestmark = pytest.mark.xdist_group("servers")
MINUTE = 60_000_000
ORIGIN = "hq-1/tcp:10.1.0.1"
BREAKS = '''
"""What a worker of yesterday was like: it cannot read the lines of root."""
from dataclasses import replace
import soc.parsers.linux_auth as module
from soc.parsers import ParseError
reads = module.DEVICE.parse
def parse(line):
    if "for root" in line.text:
        raise ParseError("no such sign-in is known")
    return reads(line)
module.DEVICE = replace(module.DEVICE, parse=parse)
'''


@pytest.fixture
def fleet(kafka: KafkaServer, elasticsearch: Server, prefix: str, tmp_path: Path) -> Iterator[Fleet]:
    made = Fleet(tmp_path / "fleet", kafka.servers, elasticsearch.settings(prefix), prefix, partitions=2)
    yield made
    for worker in made.running:
        worker.process.kill()
        worker.process.wait()


def sign_in(number: int, user: str) -> bytes:
    return (
        f"<86>{time.strftime('%b %d %H:%M:%S', time.gmtime(time.time() + 25200))} mx1 sshd[{4000 + number}]: "
        f"Accepted password for {user} from 203.0.113.9 port {40000 + number} ssh2"
    ).encode()


def batch(first: int, lines: list[bytes], received: int, origin: str = ORIGIN, device: str = "auto") -> RawBatch:
    return RawBatch(origin, device, received, first, tuple(lines))


def earlier(minutes: int) -> int:
    """µs, in the middle of a minute."""
    return (time.time_ns() // 1000 // MINUTE - minutes) * MINUTE + MINUTE // 2


async def soc(fleet: Fleet, *words: str) -> tuple[int, Any]:
    """The exit status of a verb and what it says as JSON; in a thread, since it has a loop of its own."""
    call = [*words, "--settings", str(fleet.file), "--json"]
    result = await asyncio.to_thread(CliRunner().invoke, main, call)
    assert result.exit_code in (0, 1), result.output + repr(result.exception)
    return result.exit_code, json.loads(result.stdout)


def rejected(fleet: Fleet) -> dict[str, Rejected]:
    store = fleet.store()
    found = {rejected_id(line.origin, line.position, line.raw): line for line in store.rejected(1000)}
    store.close()
    return found


def stored(fleet: Fleet) -> tuple[int, int]:
    """How many events and rejected lines there are; (-1, -1) while the shards of a new stream are not there yet."""
    try:
        return len(fleet.events()), len(rejected(fleet))
    except StoreError:
        return -1, -1


def refresh(fleet: Fleet) -> None:
    with connect(fleet.elasticsearch) as client:
        client.indices.refresh(index=f"{names.events(fleet.elasticsearch.namespace)}", ignore_unavailable=True)


def test_exactly_the_lines_of_a_mended_parser_come_back(
    fleet: Fleet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "sitecustomize.py").write_text(BREAKS)
    received = earlier(3)
    lines = [sign_in(n, "root" if n % 3 == 0 else "lan") for n in range(30)]
    garbage = [b"no log of a firewall %d \xff\x1b[31m" % n for n in range(5)]
    fixable = {rejected_id(ORIGIN, n, line) for n, line in enumerate(lines) if n % 3 == 0}
    hopeless = {rejected_id("hq-1/udp:fw", n, line) for n, line in enumerate(garbage)}
    wanted = {event_id(ORIGIN, n, line.decode()) for n, line in enumerate(lines)}

    async def run() -> None:
        await fleet.prepare()
        try:
            await fleet.send([batch(0, lines, received), batch(0, garbage, received, "hq-1/udp:fw", "fortigate")])
            await fleet.producer.send_and_wait(topic(fleet.prefix, RAW), b"SOC\x01\xff damaged", partition=1)
            monkeypatch.syspath_prepend(str(broken))
            worker = fleet.start()
            sys.path.remove(str(broken))
            await until(lambda: stored(fleet)[1] == 16 and fleet.quiet(), 90, "not all lines were rejected")
            fleet.leave(worker)
            await until(lambda: worker.process.poll() is not None, 30, "the broken worker does not end")

            found = rejected(fleet)
            assert fixable | hopeless < set(found)
            (damaged,) = set(found) - fixable - hopeless
            line = found[next(iter(fixable))]
            assert (line.topic, line.partition, line.offset) == (topic(fleet.prefix, RAW), 0, 0)
            code, dry = await soc(fleet, "rejected", "replay", "--dry-run")
            assert (code, set(dry["back"])) == (1, fixable) and set(rejected(fleet)) == set(found)

            fleet.start()
            code, done = await soc(fleet, "rejected", "replay")
            assert (code, set(done["back"])) == (1, fixable)
            assert {one["id"] for one in done["stayed"]} == hopeless | {damaged}
            await until(lambda: stored(fleet)[0] >= 30, 90, "the lines did not come back")
            await until(fleet.quiet, 60, "it did not become quiet")
            assert sorted(fleet.events()) == sorted(wanted)
            assert set(rejected(fleet)) == hopeless | {damaged}
            code, again = await soc(fleet, "rejected", "replay")
            assert (again["back"], again["tried"]) == ([], 6)
            await asyncio.to_thread(refresh, fleet)
            code, told = await soc(fleet, "reconcile", "--grace", "0s")
            assert told["gaps"] == 0, told
            row = next(one for one in told["rows"] if one["origin"] == ORIGIN)
            assert (row["kafka"], row["detected"], row["stored"], row["rejected"]) == (30, 30, 30, 0)
        finally:
            await fleet.close()

    asyncio.run(run())


def test_reconciliation_finds_exactly_what_was_lost_and_where(fleet: Fleet) -> None:
    received = earlier(4)
    minute = received // MINUTE * 60
    first = [sign_in(n, "lan") for n in range(40)]
    later = [sign_in(n, "lan") for n in range(40, 65)]
    other = "hq-1/udp:10.9.9.9"

    async def tell(origin: str, minute: int, lines: int) -> None:
        count = Count("collector", "hq-1", origin, minute, lines)
        await fleet.producer.send_and_wait(topic(fleet.prefix, COUNTS), encode_count(count), key=count.key)

    async def gaps() -> list[tuple[str, int, str, int]]:
        _, told = await soc(fleet, "reconcile", "--grace", "0s")
        return [
            (row["origin"], (row["minute"] > told["since"]) + 0, gap["stage"], gap["lines"])
            for row in told["rows"]
            for gap in row["gaps"]
        ]

    async def run() -> None:
        await fleet.prepare()
        try:
            sent = [
                batch(0, first, received),
                batch(20, first[20:], received),  # as after a crash of the collector: under the same numbers
                batch(40, later, received + MINUTE),
                batch(7, [b"garbage", *first[:2]], received, other, "fortigate"),
            ]
            await fleet.send(sent)
            for origin, at, lines in ((ORIGIN, minute, 40), (ORIGIN, minute + 60, 25), (other, minute, 3)):
                await tell(origin, at, lines)
            assert await gaps() == [
                (ORIGIN, 1, "kafka->detect", 40),
                (other, 1, "kafka->detect", 3),
                (ORIGIN, 1, "kafka->detect", 25),
            ]
            code, told = await soc(fleet, "reconcile", "--grace", "1h")
            assert (code, told["gaps"], told["pending"]) == (0, 0, 3)

            fleet.start()
            await until(lambda: stored(fleet) == (65, 3), 90, "not all is stored")
            await until(fleet.quiet, 60, "it did not become quiet")
            code, told = await soc(fleet, "reconcile", "--grace", "0s")
            assert (code, told["gaps"], told["unreadable"]) == (0, 0, 0), told
            assert [
                (row["origin"], row["received"], row["kafka"], row["detected"], row["stored"], row["rejected"])
                for row in told["rows"]
            ] == [(ORIGIN, 40, 40, 40, 40, 0), (other, 3, 3, 3, 0, 3), (ORIGIN, 25, 25, 25, 25, 0)]

            with connect(fleet.elasticsearch) as client:
                lost = event_id(ORIGIN, 44, later[4].decode())
                events = names.events(fleet.elasticsearch.namespace)
                gone = client.delete_by_query(index=events, query={"ids": {"values": [lost]}}, refresh=True)
                assert gone["deleted"] == 1
            code, told = await soc(fleet, "reconcile", "--grace", "0s")
            (row,) = [row for row in told["rows"] if row["gaps"]]
            assert code == 1 and row["gaps"] == [{"stage": "detect->index", "lines": 1}]
            assert (row["origin"], row["stored"], row["kafka"]) == (ORIGIN, 24, 25)

            await tell(other, minute, 5)
            found = await gaps()
            assert found == [(other, 1, "collector->kafka", 2), (ORIGIN, 1, "detect->index", 1)]
            result = await asyncio.to_thread(
                CliRunner().invoke, main, ["reconcile", "--settings", str(fleet.file), "--grace", "0s"]
            )
            assert result.exit_code == 1 and f"{other}, minute " in result.stdout
            assert "2 lines missing at collector->kafka" in result.stdout
        finally:
            await fleet.close()

    asyncio.run(run())


def test_what_elasticsearch_refused_is_counted_and_can_be_written_again(fleet: Fleet) -> None:
    """A mapping by hand that no text fits refuses a document; once it is mended, the document is written again."""
    received = earlier(3)
    lines = [sign_in(n, "lan") for n in range(6)]

    async def run() -> None:
        await fleet.prepare()
        try:
            # The stream is there once anything is in it: one of these events, without what will be in the way
            (event,) = build_normaliser(INVENTORY, zone=25200).read(batch(0, lines[:1], received, "seed")).events
            del event["user.name"]
            stream = names.stream(*names.place(event, fleet.elasticsearch.namespace))
            store = fleet.store()
            store.put_events([event])
            store.commit()
            store.close()
            with connect(fleet.elasticsearch) as client:
                client.indices.put_mapping(index=stream, properties={"user.name": {"type": "long"}})
            await fleet.send([batch(0, lines, received)])
            fleet.start()
            await until(lambda: stored(fleet)[1] == 6, 90, "they were not refused")
            await until(fleet.quiet, 60, "it did not become quiet")
            code, told = await soc(fleet, "reconcile", "--grace", "0s")
            (row,) = [row for row in told["rows"] if row["origin"] == ORIGIN]
            assert (code, row["stored"], row["refused"], row["gaps"]) == (0, 0, 6, [])
            code, done = await soc(fleet, "rejected", "replay")
            assert (code, done["back"], len(done["stayed"])) == (1, [], 6)
            assert "user.name" in done["stayed"][0]["reason"]
            with connect(fleet.elasticsearch) as client:
                client.indices.rollover(alias=stream)
            code, done = await soc(fleet, "rejected", "replay")
            assert (code, len(done["back"])) == (0, 6)
            assert rejected(fleet) == {}
            store = fleet.store()
            found = {id_of(one) for one in store.events(0, 4 * 10**15)}
            store.close()
            assert found - {id_of(event)} == {event_id(ORIGIN, n, line.decode()) for n, line in enumerate(lines)}
            code, told = await soc(fleet, "reconcile", "--grace", "0s")
            (row,) = [row for row in told["rows"] if row["origin"] == ORIGIN]
            assert (code, row["stored"], row["refused"]) == (0, 6, 0)
        finally:
            await fleet.close()

    asyncio.run(run())


def test_a_missing_topic_or_broker_is_told_and_nothing_is_removed(fleet: Fleet, elasticsearch: Server) -> None:
    with connect(fleet.elasticsearch) as client:
        list(apply(client, plan(client, fleet.elasticsearch.namespace)))
    line = Rejected(ORIGIN, 1, earlier(1), "suricata", "not valid JSON", sign_in(1, "lan"))
    store = fleet.store()
    store.put_rejected([line])
    store.commit()
    for verb in (["reconcile"], ["rejected", "replay"]):
        result = CliRunner().invoke(main, [*verb, "--settings", str(fleet.file)])
        assert result.exit_code == 2 and f"no topic {fleet.prefix}." in result.stderr, result.output
    away = fleet.folder / "away.yml"
    away.write_text(fleet.file.read_text().replace(fleet.servers, "localhost:1"))
    for verb in (["reconcile"], ["rejected", "replay"]):
        result = CliRunner().invoke(main, [*verb, "--settings", str(away)])
        assert result.exit_code == 2 and "localhost:1" in result.stderr, result.output
    assert store.rejected(10) == [line]
    store.close()


def test_wrong_usage(tmp_path: Path) -> None:
    file = tmp_path / "soc.yml"
    file.write_bytes(msgspec.yaml.encode({"kafka": {"servers": ["localhost:1"]}}))
    result = CliRunner().invoke(main, ["reconcile", "--settings", str(file)])
    assert result.exit_code == 2 and "elasticsearch.urls" in result.output
    for words in (["--since", "x"], ["--grace", "x"]):
        assert CliRunner().invoke(main, ["reconcile", "--settings", str(file), *words]).exit_code == 2
