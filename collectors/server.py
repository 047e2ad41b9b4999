"""What the stream inputs share: a TCP port with bounded connections that ends each of them honestly."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable

from collectors.counters import Counters
from collectors.sockets import bind, sender
from collectors.spool import SpoolFailed

MAX_CONNECTIONS = 256
READ_BYTES = 64 * 1024
BACKLOG = 128
# A message that stays half sent this long is taken for a dead or hostile sender; idle connections may stay.
STALLED_SECONDS = 300.0
GRACE_SECONDS = 0.2
HANG_UP_SECONDS = 1.0

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)
_CLOSE_IN_ORDER = struct.pack("ii", 0, 0)


class Draining(Exception):
    """The collector is stopping: read no more."""


class Connection:
    """One sender's connection. Unless it is ended by finish(), it ends with a TCP reset."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, prefix: str) -> None:
        self.reader = reader
        self.writer = writer
        self.origin = f"{prefix}:{sender(writer.get_extra_info('peername'))}"
        self.task = asyncio.current_task()
        self.draining = False
        self._reading = False

    async def read(self, halfway: bool) -> bytes:
        """What came next; b"" when the sender has ended. halfway: a message has begun and is being waited for.

        OSError: it broke or stalled. Draining: the collector is stopping.
        """
        if self.draining:
            raise Draining
        self._reading = True
        try:
            if not halfway:
                return await self.reader.read(READ_BYTES)
            async with asyncio.timeout(STALLED_SECONDS):
                return await self.reader.read(READ_BYTES)
        except asyncio.CancelledError:
            if self.draining:
                raise Draining from None
            raise
        finally:
            self._reading = False

    def drain(self) -> None:
        """Stop reading; what has been read is still stored and answered."""
        self.draining = True
        if self._reading and self.task is not None:
            self.task.cancel()

    async def hang_up(self) -> None:
        """End our side and let the sender end its own: closing over unread bytes would destroy answers on their way."""
        self.writer.write_eof()
        try:
            async with asyncio.timeout(HANG_UP_SECONDS):
                while await self.reader.read(READ_BYTES):
                    pass
        except TimeoutError:
            return

    async def finish(self) -> None:
        """End in order (FIN): for plain syslog this tells the sender that its lines are safe."""
        self.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _CLOSE_IN_ORDER)
        self.writer.close()
        await self.writer.wait_closed()


class StreamServer:
    """Accepts connections and runs serve(connection) for each.

    The listening socket carries SO_LINGER 0, which accepted ones inherit: whenever a connection is closed without
    finish(), also by the kernel after kill -9, the sender gets a reset. Without that, the kernel would end the
    connection of a killed collector with the same FIN that means "safe".
    """

    def __init__(self, prefix: str, serve: Callable[[Connection], Awaitable[None]], counters: Counters) -> None:
        self._prefix = prefix
        self._serve = serve
        self._counters = counters
        self._connections: set[Connection] = set()
        self._server: asyncio.Server | None = None
        self.port = 0

    async def start(self, host: str, port: int) -> None:
        """Listen. SocError when the address is not to be had."""
        listening = bind(socket.SOCK_STREAM, host, port)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 60)
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 20)
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 4)
        self.port = listening.getsockname()[1]
        self._server = await asyncio.start_server(self._accepted, sock=listening, limit=READ_BYTES, backlog=BACKLOG)

    async def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._connections) >= MAX_CONNECTIONS or writer.get_extra_info("peername") is None:
            self._counters.turned_away += 1
            writer.transport.abort()
            return
        connection = Connection(reader, writer, self._prefix)
        self._connections.add(connection)
        self._counters.connections += 1
        self._counters.open += 1
        try:
            await self._serve(connection)
        except (OSError, Draining, SpoolFailed, asyncio.CancelledError):
            # All of them end without finish(), so the sender knows that it cannot count on what it sent. Only stop()
            # cancels, and asyncio would print a traceback of it.
            pass
        finally:
            writer.transport.abort()
            self._connections.discard(connection)
            self._counters.open -= 1

    async def stop(self, timeout: float) -> None:
        """Accept no more, take what has arrived within a moment, let answers go out, end what is left."""
        if self._server is None:
            return
        self._server.close()
        await asyncio.sleep(min(GRACE_SECONDS, timeout))
        tasks = {connection.task for connection in self._connections if connection.task is not None}
        for connection in list(self._connections):
            connection.drain()
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=timeout)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        await self._server.wait_closed()
