"""``soc stream``: a worker of the distributed engine, started and stopped as a whole."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from aiokafka.errors import KafkaError
from faust.types import TP

from collectors.kafka_producer import connect
from soc.core.clock import Clock
from soc.core.errors import SettingsError, SocError
from soc.core.servers import kafka_options
from soc.core.settings import Settings, duration, zone_seconds
from soc.core.wire import ALERTS, EVENTS, RAW, REJECTED, SIGNALS, STATE_RAW, STATE_SIGNALS, topic
from soc.engines.stream.app import run_app
from soc.engines.stream.carrier import carrier
from soc.engines.stream.health import Health, health_server
from soc.engines.stream.indexer import Indexer, event_rows
from soc.engines.stream.kafka import kept, next_record, partitions, patiently
from soc.engines.stream.outbox import Outbox
from soc.engines.stream.snapshots import TopicSnapshots
from soc.engines.stream.worker import Gap, Worker
from soc.enrich import Inventory, read_inventory
from soc.pipeline.build import models_of
from soc.pipeline.conclude import families
from soc.pipeline.content import Content
from soc.pipeline.halves import Conclusion, Detection, Timing

REACH_EVERY: Final = 0.5
ALERTS_EVERY: Final = 0.25
LOOK_EVERY: Final = 2.0
PATIENCE: Final = 45.0
"""Seconds for which Kafka may be away when a worker starts, or is given partitions."""
REBALANCE: Final = 15.0
"""Seconds that a step and the storing of all states may take before a worker is left out of its group."""


@dataclass(slots=True)
class Stages:
    """What a worker does with the records of each topic. Errors end the worker: what it had goes on elsewhere."""

    worker: Worker
    indexer: Indexer
    outbox: Outbox
    health: Health
    lines_topic: str
    next_record: Callable[[int, int], Awaitable[int]]

    async def lines(self, message: Any) -> None:
        heard = int(message.timestamp * 1_000_000)
        try:
            self.worker.on_lines(message.partition, message.offset, heard, message.value)
        except Gap:
            await self.look_on(message.partition)
            self.worker.on_lines(message.partition, message.offset, heard, message.value)
        await self.outbox.room()

    async def look_on(self, partition: int) -> None:
        """What ends a transaction of another shipper takes an offset, and is no record: what follows it counts."""
        if (own := self.worker.lines.get(partition)) is not None:
            at = own.next
            self.worker.nothing_before(partition, at, await self.next_record(partition, at))

    async def look_on_where_nothing_comes(self) -> None:
        """Such marks may be the last that a partition has."""
        stood: dict[int, int] = {}
        while True:
            await asyncio.sleep(LOOK_EVERY)
            stands = {n: own.next for n, own in self.worker.lines.items() if own.behind}
            for partition in [n for n, at in stands.items() if stood.get(n) == at]:
                with suppress(KafkaError, TimeoutError):  # it is asked again
                    await self.look_on(partition)
            stood = stands

    async def signals(self, message: Any) -> None:
        heard = int(message.timestamp * 1_000_000)
        self.worker.on_signal(message.partition, message.offset, heard, message.value)
        await self.outbox.room()

    async def events(self, message: Any) -> None:
        await self.indexer.events(message.value)
        self.health.wrote(message)

    async def rejected(self, message: Any) -> None:
        await self.indexer.rejected(message.value, self.lines_topic)
        self.health.wrote(message)

    async def alerts(self, message: Any) -> None:
        await self.indexer.alert(message.value)
        self.health.wrote(message)


async def work(
    settings: Settings,
    content: Content,
    clock: Clock,
    stop: asyncio.Event,
    started: Callable[[int], None],
    ends: Callable[[], None],
    report: Callable[[str], None],
) -> None:
    """Runs until ``stop`` is set, and then hands its partitions over with everything durable.

    started is told the port of health and metrics. ends is called when it begins to end, for whatever reason: without
    Kafka its clients may wait for ever, even after this has returned, and to be cut off loses nothing. SettingsError
    or SocError if it cannot start; SocError when something broke while it ran: whoever started it starts it again, and
    nothing is lost.
    """
    if not settings.elasticsearch.urls:
        raise SettingsError("elasticsearch.urls", "name the address of a node, such as https://localhost:9200")
    options = kafka_options(settings.kafka)
    name = partial(topic, settings.kafka.prefix)
    topics = [name(one) for one in (RAW, SIGNALS, EVENTS, ALERTS, REJECTED)]
    counted = await patiently(lambda: partitions(options, topics), PATIENCE)
    outbox = Outbox(await connect(settings.kafka, [name(STATE_RAW), name(STATE_SIGNALS)], "soc-worker"))
    indexer = Indexer(settings.elasticsearch, outbox.put, name, clock, report)
    worker = _worker(settings, content, clock, outbox, name, counted)
    health = Health(worker, indexer, clock)
    stages = Stages(worker, indexer, outbox, health, name(RAW), partial(next_record, options, name(RAW)))

    async def start_at(assigned: set[TP]) -> dict[TP, int]:
        return await patiently(lambda: take(assigned), PATIENCE)

    async def take(assigned: set[TP]) -> dict[TP, int]:
        mine = {one: [tp.partition for tp in assigned if tp.topic == name(one)] for one in (RAW, SIGNALS)}
        lines_kept, signals_kept = await asyncio.gather(
            *(kept(options, name(one), chosen) for one, chosen in mine.items())
        )
        lines_at, signals_at = await worker.take(lines_kept, signals_kept)
        health.assigned("detect", assigned)
        at = {TP(name(RAW), n): offset for n, offset in lines_at.items()}
        return at | {TP(name(SIGNALS), n): offset for n, offset in signals_at.items()}

    async def released(_: set[TP]) -> None:
        health.assigned("detect", set())
        await worker.give_up()

    async def indexed(assigned: set[TP]) -> dict[TP, int]:
        health.assigned("index", assigned)
        return {}

    server, listening = health_server(health, settings.stream.host, settings.stream.port)
    with TemporaryDirectory(prefix="soc-worker-") as folder:
        detect = {name(RAW): stages.lines, name(SIGNALS): stages.signals}
        index = {name(EVENTS): stages.events, name(ALERTS): stages.alerts, name(REJECTED): stages.rejected}
        make = partial(carrier, settings.kafka, folder=Path(folder))
        apps = (
            make("detect", detect, start_at=start_at, released=released, rebalance=REBALANCE),
            make("index", index, start_at=indexed),
        )
        gc.freeze()
        ending = asyncio.Event()
        running = [
            *(asyncio.create_task(run_app(app, ending)) for app in apps),
            asyncio.create_task(_every(REACH_EVERY, lambda: worker.tell_reach(health.ends(apps, name(RAW))))),
            asyncio.create_task(_every(ALERTS_EVERY, worker.send_alerts)),
            asyncio.create_task(stages.look_on_where_nothing_comes()),
            asyncio.create_task(_storing(duration(settings.stream.snapshot) / 1e6, worker)),
        ]
        serving = asyncio.create_task(server.serve([listening]))
        stopping = asyncio.create_task(stop.wait())
        started(listening.getsockname()[1])
        try:
            await asyncio.wait({stopping, *running}, return_when=asyncio.FIRST_COMPLETED)
            errors = [task.exception() for task in running if task.done()]
        finally:
            ends()
            stopping.cancel()
            ending.set()
            server.should_exit = True
            for task in running[len(apps) :]:
                task.cancel()
            ended = await asyncio.gather(*running[: len(apps)], return_exceptions=True)
            indexer.stop()
            await asyncio.gather(serving, *running, return_exceptions=True)
            await outbox.stop()
            indexer.close()
    errors += [found for found in ended if isinstance(found, BaseException)]
    if error := next((found for found in errors if found), None):
        raise SocError("the worker ended: {why}", why=error) from error


def _worker(
    settings: Settings,
    content: Content,
    clock: Clock,
    outbox: Outbox,
    name: Callable[[str], str],
    counted: dict[str, int],
) -> Worker:
    stream = settings.stream
    timing = Timing(
        zone_seconds(settings.timezone),
        duration(settings.lateness),
        duration(stream.idle),
        duration(stream.hold),
        duration(settings.fold),
    )
    data = Path(settings.data_dir)
    watching = models_of(data) is not None
    inventory = read_inventory(Path(settings.inventory)) if settings.inventory else Inventory.empty()
    options = kafka_options(settings.kafka)
    return Worker(
        outbox,
        TopicSnapshots(name(STATE_RAW), options, outbox),
        TopicSnapshots(name(STATE_SIGNALS), options, outbox),
        clock,
        detection=lambda: Detection(content, inventory, timing, features=watching),
        conclusion=lambda models: Conclusion(content, inventory, timing, models_of(data) if models else None),
        families=families(content),
        rows=event_rows(settings.elasticsearch.namespace),
        topic=name,
        partitions=counted[name(RAW)],
        signal_partitions=counted[name(SIGNALS)],
        idle=duration(stream.idle),
    )


async def _every(seconds: float, act: Callable[[], None]) -> None:
    while True:
        await asyncio.sleep(seconds)
        act()


async def _storing(seconds: float, worker: Worker) -> None:
    """Stores states; where that takes long, never more than a tenth of the time goes into it."""
    loop = asyncio.get_running_loop()
    pause = seconds
    while True:
        await asyncio.sleep(pause)
        before = loop.time()
        await worker.store()
        pause = max(seconds, 10 * (loop.time() - before))
