"""The collector: starts every input of soc.yml, and stops them without losing what has been taken."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

import msgspec

from collectors.counters import Counters
from collectors.journal import Journal
from collectors.relp import RelpServer
from collectors.spool import MIN_LIMIT, Spool
from collectors.syslog_tcp import TcpSyslog
from collectors.syslog_udp import UdpSyslog
from collectors.tail import TailInput
from soc.core.clock import Clock
from soc.core.errors import SettingsError, SocError
from soc.core.settings import FileInput, Input, RelpInput, Settings, SyslogInput, size


class Collecting(Protocol):
    """What an input is to the agent."""

    counters: Counters

    async def start(self) -> None: ...

    async def stop(self, timeout: float) -> None: ...


class Agent:
    """All inputs of one collector, writing into one spool, in the running event loop.

    report  receives one line of English for the operator's log when something deserves a look
    """

    def __init__(self, settings: Settings, spool: Spool, clock: Clock, report: Callable[[str], None]) -> None:
        check(settings)
        self._settings = settings
        self._spool = spool
        self._clock = clock
        self._report = report
        self._inputs: list[tuple[Input, Collecting]] = []
        self._journal: Journal | None = None

    async def start(self) -> None:
        """Open every port and file. SettingsError names the input that cannot start; then none is left running."""
        for damage in self._spool.damage:
            self._report(f"spool: {damage}")
        self._journal = Journal(self._spool, self._clock)
        for number, options in enumerate(self._settings.inputs):
            started = self._made(options, self._journal)
            try:
                await started.start()
            except SocError as error:
                await self.stop(0)
                raise SettingsError(f"inputs[{number}]", error) from error
            if isinstance(started, UdpSyslog | TcpSyslog | RelpServer) and not isinstance(options, FileInput):
                options = msgspec.structs.replace(options, port=started.port)
            self._inputs.append((options, started))

    def _made(self, options: Input, journal: Journal) -> Collecting:
        counters = Counters()
        match options:
            case SyslogInput(protocol="udp"):
                return UdpSyslog(options, journal, counters)
            case SyslogInput():
                return TcpSyslog(options, journal, counters)
            case RelpInput():
                return RelpServer(options, journal, counters)
            case FileInput():
                return TailInput(options, journal, counters, self._clock, self._report)

    async def stop(self, timeout: float) -> None:
        """Take no more, put what was taken on disk, answer the senders that wait for it, close; within timeout s."""
        await asyncio.gather(*(source.stop(timeout) for _, source in self._inputs))
        if self._journal is not None:
            await self._journal.close()

    async def failed(self) -> str:
        """Wait until the disk refuses to keep lines, which ends all collecting; the reason."""
        if self._journal is None:
            raise RuntimeError("the agent has not been started")
        return await asyncio.shield(self._journal.failed)

    def counters(self) -> dict[str, Counters]:
        """Each input's counts, by its description with the port it got ("syslog udp 0.0.0.0:514")."""
        for _, source in self._inputs:
            if isinstance(source, UdpSyslog):
                source.count_drops()
        return {describe(options): source.counters for options, source in self._inputs}

    def ports(self) -> list[int]:
        """The bound ports in the order of the settings; files have none. A port 0 in the settings takes a free one."""
        return [options.port for options, _ in self._inputs if not isinstance(options, FileInput)]


def describe(options: Input) -> str:
    """An input in one line, as counters and --check name it."""
    match options:
        case SyslogInput():
            return f"syslog {options.protocol} {_address(options.host, options.port)}"
        case RelpInput():
            return f"relp {_address(options.host, options.port)}"
        case FileInput():
            return f"file {options.path}"


def _address(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def check(settings: Settings) -> None:
    """What the settings' types cannot say. SettingsError names the key."""
    if size(settings.spool_limit) < MIN_LIMIT:
        raise SettingsError(
            "spool_limit", "{given} is less than {least}", given=settings.spool_limit, least=f"{MIN_LIMIT // 1000**2}MB"
        )
    names = [describe(options) for options in settings.inputs]
    for number, (name, options) in enumerate(zip(names, settings.inputs, strict=True)):
        free_port = not isinstance(options, FileInput) and options.port == 0
        if name in names[:number] and not free_port:
            raise SettingsError(f"inputs[{number}]", "{name} is there twice", name=name)
