"""``soc stream`` as a process to be measured: ``python -m tests.bench.stream_worker [--null] [--plain] soc.yml``.

--null   nothing is sent to Elasticsearch: every bulk is made, and counts as written
--plain  aiokafka by itself in place of Faust: no group, no commits, no flow control. The difference is Faust's share
--profile  samples of what it does, into profile.json beside soc.yml, see stream_profile.py
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from aiokafka import AIOKafkaConsumer, TopicPartition
from faust.types import TP

from soc.cli import main
from soc.core.servers import kafka_options
from soc.core.settings import KafkaSettings
from soc.core.wire import LARGEST
from soc.engines.stream import service
from soc.engines.stream.carrier import Take
from soc.engines.stream.guard import FETCH_SECONDS
from soc.engines.stream.kafka import partitions
from soc.stores.elasticsearch_client import ClientSender
from tests.bench import stream_profile


class Message(NamedTuple):
    """What a take wants of a record."""

    topic: str
    partition: int
    offset: int
    timestamp: float
    value: bytes


class Plain:
    """Takes every record of its topics with nothing but the client."""

    consumer: Any

    def __init__(self, settings: KafkaSettings, group: str, takes: Mapping[str, Take], folder: Path, **how: Any):
        self.options, self.takes, self.start_at = kafka_options(settings), dict(takes), how["start_at"]

    async def run(self, stop: asyncio.Event) -> None:
        consumer = AIOKafkaConsumer(
            **self.options,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            max_partition_fetch_bytes=LARGEST,
        )
        await consumer.start()
        numbers = await partitions(self.options, list(self.takes))
        tps = [TopicPartition(topic, n) for topic in self.takes for n in range(numbers[topic])]
        consumer.assign(tps)
        starts = await self.start_at({TP(*tp) for tp in tps})
        for tp in tps:
            consumer.seek(tp, starts.get(TP(*tp), 0))
        self.consumer = _Ends(consumer, starts)
        try:
            while not stop.is_set():
                found = await consumer.getmany(timeout_ms=int(FETCH_SECONDS * 1000), max_records=100)
                for tp, records in found.items():
                    take = self.takes[tp.topic]
                    for one in records:
                        await take(Message(one.topic, one.partition, one.offset, one.timestamp / 1000, one.value))
        finally:
            await consumer.stop()


class _Ends:
    """What health asks of a carrier's consumer; nothing is known before it has started."""

    def __init__(self, client: AIOKafkaConsumer | None = None, begun_at: Mapping[TP, int] | None = None) -> None:
        self._client, self.begun_at = client, dict(begun_at or {})

    def end(self, tp: TP) -> tuple[int, int] | None:
        if self._client is None:
            return None
        end, at = self._client.highwater(tp), self._client.last_poll_timestamp(tp)
        return None if end is None or at is None else (end, at)


def run() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--null", action="store_true")
    parser.add_argument("--plain", action="store_true")
    parser.add_argument("--profile", action="store_true")
    parser.add_argument("settings")
    options = parser.parse_args()
    if options.null:
        ClientSender.send = lambda self, bulk: (200, {"errors": False})  # type: ignore[method-assign]
    if options.plain:
        Plain.consumer = _Ends()
        service.carrier = Plain  # type: ignore[assignment]
        service.run_app = Plain.run  # type: ignore[assignment]
    if options.profile:
        stream_profile.start(Path(options.settings).parent / "profile.json")
    sys.argv = ["soc", "stream", "--settings", options.settings]
    main()


if __name__ == "__main__":
    run()
