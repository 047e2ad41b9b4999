"""``soc stream``: a worker of the distributed engine, started and stopped as a whole."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import faust
from faust.types import TP

from collectors.kafka_producer import connect
from soc.core.clock import Clock
from soc.core.errors import SettingsError, SocError
from soc.core.servers import kafka_options
from soc.core.settings import Settings, duration, zone_seconds
from soc.core.wire import ALERTS, EVENTS, RAW, REJECTED, SIGNALS, STATE_RAW, STATE_SIGNALS, topic
from soc.engines.stream.carrier import carrier
from soc.engines.stream.health import Health, health_server
from soc.engines.stream.indexer import Indexer, event_rows
from soc.engines.stream.kafka import kept, partitions
from soc.engines.stream.outbox import Outbox
from soc.engines.stream.snapshots import TopicSnapshots
from soc.engines.stream.worker import Worker
from soc.enrich import Inventory, read_inventory
from soc.pipeline.conclude import families
from soc.pipeline.content import Content
from soc.pipeline.halves import Conclusion, Detection, Timing

REACH_EVERY: Final = 0.5
ALERTS_EVERY: Final = 0.25
STOP_WITHIN: Final = 8.0


@dataclass(slots=True)
class Stages:
    """What a worker does with the records of each topic. Errors end the worker: what it had goes on elsewhere."""

    worker: Worker
    indexer: Indexer
    outbox: Outbox
    health: Health
    lines_topic: str

    async def lines(self, message: Any) -> None:
        heard = int(message.timestamp * 1_000_000)
        self.worker.on_lines(message.partition, message.offset, heard, message.value)
        await self.outbox.room()

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
    report: Callable[[str], None],
) -> None:
    """Runs until ``stop`` is set, and then hands its partitions over with everything durable.

    started is told the port of health and metrics. SettingsError or SocError if it cannot start; SocError when
    something broke while it ran: whoever started it starts it again, and nothing is lost.
    """
    if not settings.elasticsearch.urls:
        raise SettingsError("elasticsearch.urls: name the address of a node, such as https://localhost:9200")
    options = kafka_options(settings.kafka)
    name = partial(topic, settings.kafka.prefix)
    counted = await partitions(options, [name(one) for one in (RAW, SIGNALS, EVENTS, ALERTS, REJECTED)])
    outbox = Outbox(await connect(settings.kafka, [name(STATE_RAW), name(STATE_SIGNALS)], "soc-worker"))
    indexer = Indexer(settings.elasticsearch, outbox.put, name, clock, report)
    worker = _worker(settings, content, clock, outbox, name, counted)
    health = Health(worker, indexer, clock)
    broken: asyncio.Future[BaseException] = asyncio.get_running_loop().create_future()
    stages = Stages(worker, indexer, outbox, health, name(RAW))

    def failed(error: BaseException) -> None:
        if not broken.done():
            broken.set_result(error)

    async def start_at(assigned: set[TP]) -> dict[TP, int]:
        mine = {one: [tp.partition for tp in assigned if tp.topic == name(one)] for one in (RAW, SIGNALS)}
        lines_kept, signals_kept = await asyncio.gather(
            *(kept(options, name(one), chosen) for one, chosen in mine.items())
        )
        lines_at, signals_at = await worker.take(lines_kept, signals_kept)
        health.assigned(assigned)
        at = {TP(name(RAW), n): offset for n, offset in lines_at.items()}
        return at | {TP(name(SIGNALS), n): offset for n, offset in signals_at.items()}

    with TemporaryDirectory(prefix="soc-worker-") as folder:
        app = carrier(
            settings.kafka,
            {
                name(RAW): stages.lines,
                name(SIGNALS): stages.signals,
                name(EVENTS): stages.events,
                name(ALERTS): stages.alerts,
                name(REJECTED): stages.rejected,
            },
            failed,
            start_at=start_at,
            released=worker.give_up,
            folder=Path(folder),
        )
        server, listening = health_server(health, settings.stream.host, settings.stream.port)
        gc.freeze()
        tasks = [
            asyncio.create_task(_every(REACH_EVERY, lambda: worker.tell_reach(health.ends(app, name(RAW))), failed)),
            asyncio.create_task(_every(ALERTS_EVERY, worker.send_alerts, failed)),
            asyncio.create_task(_storing(duration(settings.stream.snapshot) / 1e6, worker, failed)),
            asyncio.create_task(server.serve([listening])),
        ]
        stopping = asyncio.create_task(stop.wait())
        try:
            await app.start()
            started(listening.getsockname()[1])
            crashed = asyncio.create_task(app.wait_until_stopped())
            ends: set[asyncio.Future[Any]] = {stopping, broken, crashed}
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            if not stop.is_set() and not broken.done():
                failed(app.crash_reason or SocError("Faust ended"))
        finally:
            stopping.cancel()
            await _end(app, worker, indexer, outbox, server, tasks, report, whole=not broken.done())
    if broken.done():
        error = broken.result()
        raise SocError(f"the worker ended: {type(error).__name__}: {error}") from error


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
    inventory = read_inventory(Path(settings.inventory)) if settings.inventory else Inventory.empty()
    options = kafka_options(settings.kafka)
    return Worker(
        outbox,
        TopicSnapshots(name(STATE_RAW), options, outbox),
        TopicSnapshots(name(STATE_SIGNALS), options, outbox),
        clock,
        detection=lambda: Detection(content, inventory, timing),
        conclusion=lambda: Conclusion(content, inventory, timing),
        families=families(content),
        rows=event_rows(settings.elasticsearch.namespace),
        topic=name,
        partitions=counted[name(RAW)],
        signal_partitions=counted[name(SIGNALS)],
        idle=duration(stream.idle),
    )


async def _every(seconds: float, act: Callable[[], None], failed: Callable[[BaseException], None]) -> None:
    while True:
        await asyncio.sleep(seconds)
        try:
            act()
        except Exception as error:  # noqa: BLE001 - a worker that cannot tell is no use
            failed(error)
            return


async def _storing(seconds: float, worker: Worker, failed: Callable[[BaseException], None]) -> None:
    """Stores states; where that takes long, never more than a tenth of the time goes into it."""
    loop = asyncio.get_running_loop()
    pause = seconds
    while True:
        await asyncio.sleep(pause)
        before = loop.time()
        try:
            await worker.store()
        except Exception as error:  # noqa: BLE001 - as above
            failed(error)
            return
        pause = max(seconds, 10 * (loop.time() - before))


async def _end(
    app: faust.App,
    worker: Worker,
    indexer: Indexer,
    outbox: Outbox,
    server: Any,
    tasks: list[asyncio.Task[None]],
    report: Callable[[str], None],
    *,
    whole: bool,
) -> None:
    """Ends everything in the order in which one part needs another. whole: nothing broke, so states are stored."""
    server.should_exit = True
    indexer.stop()
    if whole:
        await _within(STOP_WITHIN / 2, worker.give_up(), report)
    else:
        worker.lines, worker.signals = {}, {}
    await _within(STOP_WITHIN / 2, app.stop(), report)
    for task in tasks[:-1]:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await outbox.stop()
    indexer.close()


async def _within(seconds: float, doing: Awaitable[None], report: Callable[[str], None]) -> None:
    try:
        await asyncio.wait_for(doing, seconds)
    except Exception as error:  # noqa: BLE001 - we are ending anyway, and what is not stored is read again
        report(f"while stopping: {type(error).__name__}: {error}")
