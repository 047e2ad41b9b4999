"""RELP (rsyslog's omrelp): every line is answered "200 OK" after the sync that put it on disk, never before.

A collector that dies between the sync and the answer is sent the line again: RELP is at least once.
"""

from __future__ import annotations

from functools import partial
from importlib.metadata import PackageNotFoundError, version

from collectors.counters import Counters
from collectors.journal import Journal
from collectors.relp_frames import SERVER_CLOSE, Frame, RelpError, RelpFramer, answer
from collectors.server import Connection, Draining, StreamServer
from soc.core.settings import RelpInput

OK = b"200 OK"
# A sender may have this many unanswered lines; librelp's window is 128.
MAX_UNANSWERED = 4096

_EDGES = b"\r\n\0"


class RelpServer:
    """One RELP port of soc.yml; port is the bound one after start."""

    def __init__(self, options: RelpInput, journal: Journal, counters: Counters) -> None:
        self._options = options
        self._journal = journal
        self.counters = counters
        self._server = StreamServer("relp", self._serve, counters)

    @property
    def port(self) -> int:
        return self._server.port

    async def start(self) -> None:
        """Listen. SocError when the address is not to be had."""
        await self._server.start(self._options.host, self._options.port)

    async def stop(self, timeout: float) -> None:
        """Answer what has been taken, tell the senders, close."""
        await self._server.stop(timeout)

    async def _serve(self, connection: Connection) -> None:
        session = _Session(connection, self._options, self._journal, self.counters)
        try:
            await session.run()
        except RelpError:
            self.counters.malformed += 1


class _Session:
    """One connection: open, many syslog frames, close."""

    def __init__(self, connection: Connection, options: RelpInput, journal: Journal, counters: Counters) -> None:
        self._connection = connection
        self._options = options
        self._journal = journal
        self._counters = counters
        self._framer = RelpFramer(options.max_line)
        self._opened = False
        self._closed = False
        self._unanswered = 0
        self._position = 0

    async def run(self) -> None:
        try:
            while not self._closed and (data := await self._connection.read(self._framer.halfway)):
                await self._take(self._framer.feed(data))
                if self._unanswered > MAX_UNANSWERED:
                    await self._journal.durable(self._position)
                await self._connection.writer.drain()
        except Draining:
            pass
        await self._journal.durable(self._position)
        self._connection.writer.write(SERVER_CLOSE)
        await self._connection.hang_up()
        await self._connection.finish()

    async def _take(self, frames: list[Frame]) -> None:
        """Store runs of syslog frames together; other commands in their place between them."""
        run: list[Frame] = []
        for frame in frames:
            if frame.command == b"syslog" and self._opened:
                run.append(frame)
                continue
            await self._store(run)
            run = []
            self._command(frame)
            if self._closed:
                return
        await self._store(run)

    def _command(self, frame: Frame) -> None:
        if frame.command == b"open":
            self._opened = True
            self._answer([(frame.number, OK + b"\n" + _offers())])
        elif frame.command == b"close":
            self._closed = True
            self._journal.after(self._position, partial(self._answer, [(frame.number, b"")]))
        else:
            raise RelpError(f"command {frame.command!r}")

    async def _store(self, run: list[Frame]) -> None:
        if not run:
            return
        lines = []
        for frame in run:
            self._counters.truncated += frame.cut or len(frame.data) > self._options.max_line
            if line := frame.data.strip(_EDGES)[: self._options.max_line]:
                lines.append(line)
        if lines:
            self._position = await self._journal.store(
                self._connection.origin, self._options.device, lines, self._counters
            )
        self._unanswered += len(run)
        answers = [(frame.number, OK) for frame in run]
        self._journal.after(self._position, partial(self._answered, answers))

    def _answered(self, answers: list[tuple[int, bytes]]) -> None:
        self._unanswered -= len(answers)
        self._answer(answers)

    def _answer(self, answers: list[tuple[int, bytes]]) -> None:
        if not self._connection.writer.is_closing():
            self._connection.writer.write(b"".join(answer(number, text) for number, text in answers))


def _offers() -> bytes:
    """What we can do, as the answer to "open" states it."""
    try:
        ours = version("soc-collector")
    except PackageNotFoundError:
        ours = "0"
    return f"relp_version=0\nrelp_software=soc-collector,{ours}\ncommands=syslog".encode()
