"""The broker that other tests rely on: it keeps acknowledged records through a kill, and answers on the same port."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.services.kafka_server import KafkaServer, kafka_server
from tests.services.topics import consume_all, create_topic, produce

pytestmark = pytest.mark.xdist_group("servers")


def test_records_come_back_in_order(kafka: KafkaServer, prefix: str) -> None:
    topic = f"{prefix}-order"
    create_topic(kafka.servers, topic, 2)
    produce(kafka.servers, topic, [(None, b"%d" % n) for n in range(10)], partition=1)
    produce(kafka.servers, topic, [(b"k", b"first")], partition=0)
    found = [(record.partition, record.value) for record in consume_all(kafka.servers, topic)]
    assert found == [(0, b"first"), *((1, b"%d" % n) for n in range(10))]


def test_a_killed_broker_comes_back_with_its_records(tmp_path: Path) -> None:
    with kafka_server(tmp_path, local=True) as server:
        create_topic(server.servers, "kept")
        produce(server.servers, "kept", [(None, b"before")])
        address = server.servers
        server.kill()
        with pytest.raises(Exception, match="Unable to bootstrap"):
            produce(address, "kept", [(None, b"nobody hears this")])
        server.start()
        assert server.servers == address
        produce(server.servers, "kept", [(None, b"after")])
        assert [record.value for record in consume_all(server.servers, "kept")] == [b"before", b"after"]
