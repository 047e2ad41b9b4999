"""The embedded service: inputs, processor and console in one process, started and stopped together."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from functools import partial
from pathlib import Path

import uvicorn

from collectors.agent import Agent
from collectors.counters import Counters
from collectors.spool import Spool
from soc.core.clock import Clock
from soc.core.errors import SocError
from soc.core.settings import Settings, size, zone_seconds
from soc.core.store import STORE_FILE, Store
from soc.engines.desk import Desk
from soc.engines.embedded import Processor, stored_position
from soc.engines.reload import Reloader
from soc.pipeline.build import build_pipeline, models_of
from soc.pipeline.content import Content
from soc.sigma.backtrack import overruns
from soc.stores.sqlite import SqliteStore
from soc.web import Access, Playbooks, Reload, create_app

CARRY_ON_SECONDS = 60
"""Between looks at open runs of playbooks."""
STOP_WITHIN = 8.0
"""Seconds for everything to stop; the promise is 10."""


class Server(uvicorn.Server):
    """uvicorn inside a process that handles its own signals."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def console_server(
    open_store: Callable[[], Store],
    access: Access,
    health: Callable[[], dict[str, object]],
    host: str,
    port: int,
    reload: Reload | None = None,
    *,
    open_to_act: Callable[[], Store] | None = None,
    playbooks: Playbooks | None = None,
    grafana: str = "",
) -> Server:
    """The console on a store, not yet started. open_store: a fresh one for each request, which closes it.

    reload: what loads the rules again, where a service runs. open_to_act: the store for what people do about alerts.
    playbooks: the desk of playbooks. grafana: where the dashboards are.
    """
    app = create_app(open_store, access, health, reload, open_to_act=open_to_act, playbooks=playbooks, grafana=grafana)
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=2,
    )
    return Server(config)


def listen(host: str, port: int) -> socket.socket:
    """A bound socket for the console. SocError when the address is taken or not ours."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except OSError as error:
        listening.close()
        raise SocError("console", f"{host} port {port}", error.strerror) from error
    return listening


async def serve(
    settings: Settings,
    content: Content,
    clock: Clock,
    access: Access,
    stop: asyncio.Event,
    asked: asyncio.Event,
    started: Callable[[Agent], None],
    report: Callable[[str], None],
) -> None:
    """Runs until ``stop`` is set, then ends within STOP_WITHIN seconds with everything durable. ``asked`` set
    means: load the rules again.

    SettingsError if an input cannot start; StoreError if the store cannot be opened; SocError if the disk
    refuses to keep lines, since going on would lose them.
    """
    folder = Path(settings.data_dir)
    folder.mkdir(parents=True, exist_ok=True)
    store_path = folder / STORE_FILE
    store = SqliteStore(store_path)
    spool = Spool(folder / "spool", size(settings.spool_limit), floor=stored_position(store))
    zone = zone_seconds(settings.timezone)
    inventory = Path(settings.inventory) if settings.inventory else None
    pipeline = build_pipeline(
        content,
        inventory,
        zone=zone,
        lateness=settings.lateness,
        fold=settings.fold,
        anomaly=models_of(Path(settings.data_dir)),
    )
    processor = Processor(spool, pipeline, store, settings, clock)
    agent = Agent(settings, spool, clock, report)
    thread = threading.Thread(target=processor.run, name="processor")
    reloader = Reloader(settings, content, processor, clock, report, asked)

    def health() -> dict[str, object]:
        progress = processor.progress
        return {
            "lines": progress.lines,
            "events": progress.events,
            "rejected": progress.rejected,
            "hits": progress.hits,
            "waiting": max(0, spool.end - progress.position),
            "failures": progress.failures,
            "last_failure": progress.last_failure,
            "watermark": progress.watermark,
            "late": sum(pipeline.concluder.late.values()),
            "suppressed": sum(pipeline.concluder.suppressed.values()),
            "windows_given_up": {id: asdict(pressure) for id, pressure in pipeline.concluder.pressure.items()},
            "windows_unreadable": pipeline.concluder.restored.unreadable,
            "slow_expressions": overruns(),
            "damage": [str(damage) for damage in spool.damage[-20:]],
            "sources": [
                (name, lines, progress.last_seen[name], progress.skew.get(name, 0))
                for name, lines in progress.per_origin.most_common(200)
            ],
            "inputs": {name: _numbers(counters) for name, counters in agent.counters().items()},
            "rules": asdict(reloader.status),
            "now": clock.now(),
        }

    console = settings.console
    sockets = [listen(console.host, console.port)] if console.enabled else []
    read = partial(SqliteStore.read_only, store_path)
    write = partial(SqliteStore, store_path)
    desk = Desk(settings, clock=clock)
    server = console_server(
        read, access, health, console.host, console.port, reloader.now, open_to_act=write, playbooks=desk
    )
    await agent.start()
    thread.start()
    tasks = [asyncio.create_task(server.serve(sockets))] if sockets else []
    stopping = asyncio.create_task(stop.wait())
    failed = asyncio.create_task(agent.failed())
    processing = asyncio.create_task(asyncio.to_thread(thread.join))
    background: list[asyncio.Task[None]] = [asyncio.create_task(reloader.run()), asyncio.create_task(carry_on(desk))]
    try:
        started(agent)
        await asyncio.wait({stopping, failed, processing, *tasks}, return_when=asyncio.FIRST_COMPLETED)
        broken = "" if not failed.done() else failed.result()
        if processing.done():
            broken = f"the processor ended: {processor.progress.last_failure}"
    finally:
        for work in background:
            work.cancel()
        server.should_exit = True
        await agent.stop(STOP_WITHIN / 2)
        processor.stop()
        await asyncio.wait({processing}, timeout=STOP_WITHIN / 2)
        if processing.done():
            pipeline.keep()
        await asyncio.gather(*background, *tasks, return_exceptions=True)
        for task in (stopping, failed):
            task.cancel()
        spool.close()
        store.close()
    if broken:
        raise SocError("stopped: {why}", why=broken)


async def carry_on(desk: Desk) -> None:
    """Goes on with what playbooks have open, after a crash and when deadlines pass; for a task, until it is cancelled.
    What cannot be done now is tried again."""
    while True:
        with suppress(SocError):
            await asyncio.to_thread(desk.resume)
        await asyncio.sleep(CARRY_ON_SECONDS)


def _numbers(counters: Counters) -> dict[str, int]:
    return {name: value for name, value in asdict(counters).items() if isinstance(value, int) and value}
