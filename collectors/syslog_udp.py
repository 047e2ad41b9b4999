"""Syslog over UDP: one datagram, one message (RFC 5426). Nothing is ever acknowledged; every known loss is counted."""

from __future__ import annotations

import asyncio
import os
import socket
from pathlib import Path

from collectors.counters import Counters
from collectors.journal import Journal
from collectors.sockets import bind, sender
from collectors.spool import SpoolFailed, SpoolFull
from soc.core.settings import SyslogInput

BUFFER_BYTES = 16 * 1024 * 1024
DATAGRAM_BYTES = 65536
# Datagrams and bytes taken at one go, so that other inputs get their turn.
AT_ONCE = 512
BYTES_AT_ONCE = 1024 * 1024

_EDGES = b"\r\n\0"


class UdpSyslog:
    """One UDP port of soc.yml; port is the bound one after start. What waits together is written together."""

    def __init__(self, options: SyslogInput, journal: Journal, counters: Counters) -> None:
        self._options = options
        self._journal = journal
        self.counters = counters
        self._socket: socket.socket | None = None
        self._buffer = memoryview(bytearray(DATAGRAM_BYTES))
        self.port = 0

    async def start(self) -> None:
        """Listen, with as large a kernel buffer as we are allowed. SocError when the address is not to be had."""
        self._socket = bind(socket.SOCK_DGRAM, self._options.host, self._options.port)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_BYTES)
        self.port = self._socket.getsockname()[1]
        asyncio.get_running_loop().add_reader(self._socket, self._readable, self._socket)

    async def stop(self, timeout: float) -> None:
        """Take what the kernel still holds, at most for timeout seconds, and close the port."""
        if self._socket is None:
            return
        loop = asyncio.get_running_loop()
        loop.remove_reader(self._socket)
        until = loop.time() + timeout
        while self._readable(self._socket) and loop.time() < until:
            await asyncio.sleep(0)
        self.count_drops()
        self._socket.close()
        self._socket = None

    def count_drops(self) -> None:
        """Bring the count of what the kernel dropped up to date; it is lost with the socket."""
        if self._socket is not None:
            self.counters.udp_drops = kernel_drops(self._socket)

    def _readable(self, port: socket.socket) -> int:
        """Take waiting datagrams; how many there were."""
        waiting: dict[str, list[bytes]] = {}
        buffer, longest = self._buffer, self._options.max_line
        taken = size = 0
        try:
            while taken < AT_ONCE and size < BYTES_AT_ONCE:
                length, address = port.recvfrom_into(buffer)
                taken += 1
                size += length
                line = bytes(buffer[:length]).strip(_EDGES)
                if len(line) > longest:
                    line = line[:longest]
                    self.counters.truncated += 1
                if line:
                    waiting.setdefault(address[0], []).append(line)
        except (BlockingIOError, InterruptedError):
            pass
        for host, lines in waiting.items():
            try:
                self._journal.put(f"udp:{sender((host,))}", self._options.device, tuple(lines), self.counters)
            except (SpoolFull, SpoolFailed):
                self.counters.refused += len(lines)
        return taken


def kernel_drops(port: socket.socket) -> int:
    """Datagrams dropped for want of buffer space, from /proc/net/udp (proc(5)); 0 where that cannot be read."""
    table = Path("/proc/net/udp6" if port.family == socket.AF_INET6 else "/proc/net/udp")
    inode = str(os.fstat(port.fileno()).st_ino)
    try:
        rows = table.read_text("ascii").splitlines()[1:]
    except OSError:
        return 0
    return sum(int(columns[-1]) for row in rows if (columns := row.split())[9] == inode)
