"""Syslog over TCP: plain connections, counted or line-ended messages, held back while the disk is behind.

Plain TCP syslog has no acknowledgement, and what the kernel has accepted dies with the process. A sender that wants
to know shuts down its sending side and reads: end of file (not a reset) means that all its lines are on disk.
"""

from __future__ import annotations

from collectors.counters import Counters
from collectors.framing import Framer
from collectors.journal import Journal
from collectors.server import Connection, StreamServer
from soc.core.settings import SyslogInput


class TcpSyslog:
    """One TCP port of soc.yml; port is the bound one after start."""

    def __init__(self, options: SyslogInput, journal: Journal, counters: Counters) -> None:
        self._options = options
        self._journal = journal
        self.counters = counters
        self._server = StreamServer("tcp", self._serve, counters)

    @property
    def port(self) -> int:
        return self._server.port

    async def start(self) -> None:
        """Listen. SocError when the address is not to be had."""
        await self._server.start(self._options.host, self._options.port)

    async def stop(self, timeout: float) -> None:
        """Accept and read no more; connections end with a reset unless their sender had ended them."""
        await self._server.stop(timeout)

    async def _serve(self, connection: Connection) -> None:
        framer = Framer(self._options.framing, self._options.max_line)
        position = 0
        try:
            while data := await connection.read(framer.halfway):
                if lines := framer.feed(data):
                    position = await self._store(connection, lines)
            if lines := framer.close():
                position = await self._store(connection, lines)
            await self._journal.durable(position)
            await connection.finish()
        finally:
            # A reset in the middle of a message: its beginning is no line, and the sender was not told otherwise.
            self.counters.malformed += framer.malformed + framer.halfway
            self.counters.truncated += framer.truncated

    async def _store(self, connection: Connection, lines: list[bytes]) -> int:
        return await self._journal.store(connection.origin, self._options.device, lines, self.counters)
