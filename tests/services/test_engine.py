"""The distributed engine on a real Kafka and Elasticsearch: the same answer as one process, whatever happens to it."""

import asyncio
import signal
import urllib.request

import orjson
import pytest
from aiokafka import AIOKafkaProducer

from collectors.kafka_producer import abandon
from soc.core.event import RawBatch
from soc.core.ids import event_id
from soc.core.wire import RAW, encode_raw, topic
from soc.story import write
from tests.services.drills import drill, join_and_leave, kill, kill_broker, stop_and_go_on
from tests.services.elasticsearch_server import Server
from tests.services.fixtures_elasticsearch import elasticsearch as elasticsearch
from tests.services.fleet import Fleet, differences, expected, until
from tests.services.kafka_server import KafkaServer, kafka_server

pytestmark = pytest.mark.xdist_group("servers")


@pytest.fixture(scope="module")
def control(tmp_path_factory):
    return expected([write(tmp_path_factory.mktemp("story")).files[0].parent])


def test_the_story_gives_the_same_alerts_and_says_how_it_goes(
    kafka: KafkaServer, elasticsearch: Server, prefix: str, tmp_path, control
):
    fleet = Fleet(tmp_path, kafka.servers, elasticsearch.settings(prefix), prefix, partitions=2)
    line = "Oct  5 11:30:01 web-9 sshd[7]: Failed password for root from 198.51.100.9 port 9 ssh2"
    seen: dict[str, str] = {}

    async def run() -> None:
        await fleet.prepare()
        try:
            first = fleet.start(), fleet.start()
            await until(lambda: all(worker.health().get("partitions") for worker in first), 90, "no workers")
            await fleet.send(control.pieces)
            # what a shipper of another kind sends: one line a record, here in transactions, whose marks take offsets,
            # the last of the partition too
            record = orjson.dumps({"message": line, "@timestamp": "2026-10-05T04:30:01Z"})
            async with AIOKafkaProducer(bootstrap_servers=kafka.servers, transactional_id=prefix) as foreign:
                for _ in range(2):
                    async with foreign.transaction():
                        await foreign.send(topic(prefix, RAW), record, partition=0)
            await until(lambda: len(set(fleet.events()) - control.events) == 2, 150, "the other shipper's lines", 1)
            await until(fleet.quiet, 150, "it did not become quiet")
            await fleet.end(control.pieces)
            shipper = RawBatch(f"kafka:{topic(prefix, RAW)}/0", "auto", 0, 0, ())  # it has ended as well
            await fleet.producer.send_and_wait(topic(prefix, RAW), encode_raw(shipper), partition=0)
            await until(lambda: len(fleet.alerts()) >= len(control.alerts), 60, "alerts are missing", 1)
            await until(lambda: not differences(fleet.alerts(), control.alerts), 60, "alerts differ", 1)
            address = f"http://127.0.0.1:{first[0].port}/metrics"
            seen["metrics"] = urllib.request.urlopen(address).read().decode()
        except AssertionError:
            print(fleet.said())
            raise
        finally:
            await fleet.close()

    asyncio.run(run())
    ids = fleet.events()
    assert len(ids) == len(set(ids))
    foreign = [id for id in ids if id not in control.events]
    assert len(foreign) == 2, "the lines of the other shipper"
    offsets = {event_id(f"kafka:{prefix}.raw/0", offset, line) for offset in range(5000)}
    assert set(foreign) <= offsets
    missing = control.events - set(ids)
    assert len(missing) <= 4, "mails that are still open when the lines end"
    for name in (
        "soc_up 1.0",
        "soc_lag_records{",
        "soc_rule_hits_total{",
        "soc_watermark_seconds{",
        "soc_state_bytes{",
    ):
        assert name in seen["metrics"]


def test_faults_lose_nothing_and_change_no_alert(elasticsearch: Server, prefix: str, tmp_path, control):
    with kafka_server(tmp_path / "kafka", local=True) as broker:
        fleet = Fleet(tmp_path / "fleet", broker.servers, elasticsearch.settings(prefix), prefix, partitions=2)
        faults = [kill, join_and_leave, kill_broker, stop_and_go_on]
        result = asyncio.run(drill("all of them", faults, fleet, broker, control, unheard=True))
    assert (result.lost, result.twice, result.late, result.details) == (0, 0, 0, [])
    assert max(result.takeovers) < 30


def test_a_worker_ends_when_it_is_told_to_though_kafka_is_away(elasticsearch: Server, prefix: str, tmp_path, control):
    """What it could not store is read again by whoever comes next."""

    async def run() -> None:
        await fleet.prepare()
        worker = fleet.start()
        try:
            await until(lambda: bool(worker.health().get("partitions")), 90, "no worker")
            await fleet.send(control.pieces[:20])
            await until(lambda: worker.progress()[0] > 0, 60, "it does not work")
            await asyncio.to_thread(broker.kill)
            worker.process.send_signal(signal.SIGTERM)
            await until(lambda: worker.process.poll() is not None, 75, "it does not end")
        finally:
            worker.process.kill()
            worker.process.wait()
            await abandon(fleet.producer)

    with kafka_server(tmp_path / "kafka", local=True) as broker:
        fleet = Fleet(tmp_path / "fleet", broker.servers, elasticsearch.settings(prefix), prefix, partitions=2)
        asyncio.run(run())
