"""Lines/s and CPU a line from a socket into the spool, per input: ``python -m tests.bench.collecting [LINES]``.

The sender runs in another process, so the CPU figure is the collector's alone.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import re
import resource
import socket
import sys
import tempfile
import time
from pathlib import Path

from collectors.agent import Agent
from collectors.spool import Spool
from soc.core.clock import SystemClock
from soc.core.settings import FileInput, Input, RelpInput, Settings, SyslogInput

LINE = b"<189>date=2026-10-05 time=08:00:00 devname=FG-HN-01 type=traffic subtype=forward " + b"k=value " * 30
RELP_WINDOW = 128


def send_tcp(port: int, count: int, counted: bool) -> None:
    frame = b"%d %s" % (len(LINE), LINE) if counted else LINE + b"\n"
    with socket.create_connection(("127.0.0.1", port)) as connection:
        for _ in range(count // 1000):
            connection.sendall(frame * 1000)
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(1) == b""


def send_relp(port: int, count: int) -> None:
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(b"1 open 14 relp_version=0\n")
        connection.recv(1000)
        sent = answered = 0
        while answered < count:
            room = min(RELP_WINDOW - (sent - answered), count - sent)
            frames = (b"%d syslog %d %s\n" % (sent + i + 2, len(LINE), LINE) for i in range(room))
            connection.sendall(b"".join(frames))
            sent += room
            answered += len(re.findall(rb"200 OK", connection.recv(65536)))


def send_udp(port: int, count: int, rate: int) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        began = time.perf_counter()
        for number in range(count):
            sender.sendto(LINE, ("127.0.0.1", port))
            if number % 50 == 0 and (early := began + number / rate - time.perf_counter()) > 0:
                time.sleep(early)


async def measure(name: str, source: Input, count: int, send: tuple[object, ...]) -> dict[str, object]:
    with tempfile.TemporaryDirectory() as folder:
        spool = Spool(Path(folder), 4_000_000_000)
        agent = Agent(Settings(inputs=(source,)), spool, SystemClock(), print)
        used, began = cpu(), time.perf_counter()
        await agent.start()
        (counters,) = agent.counters().values()
        sender, before = None, 0
        if len(send) > 1:
            target, *arguments = send
            sender = multiprocessing.get_context("spawn").Process(target=target, args=(agent.ports()[0], *arguments))
            sender.start()
            while not spool.durable:
                await asyncio.sleep(0.001)
            used, began, before = cpu(), time.perf_counter(), counters.lines
        while spool.durable < count and (sender is None or sender.is_alive()):
            await asyncio.sleep(0.01)
        seconds, used = time.perf_counter() - began, cpu() - used
        lines, timed = counters.lines, counters.lines - before
        await agent.stop(5)
        spool.close()
        if sender:
            sender.join()
    return {
        "input": name,
        "lines": lines,
        "lost": count - lines,
        "lines_per_s": round(timed / seconds),
        "cpu_us_per_line": round(used / timed * 1e6, 2),
    }


def cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def run(count: int = 300_000) -> None:
    """Prints a row for each input: the collector's own CPU, from socket or file to the spool on disk."""
    print(f"{'input':24} {'lines':>9} {'lost':>6} {'lines/s':>9} {'µs/line':>8}")
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "app.log"
        log.write_bytes((LINE + b"\n") * count)
        runs = [
            ("tcp newline", SyslogInput("tcp", 0), (send_tcp, count, False)),
            ("tcp octet-counted", SyslogInput("tcp", 0), (send_tcp, count, True)),
            ("relp, window 128", RelpInput(0), (send_relp, count)),
            ("udp at 20,000/s", SyslogInput("udp", 0), (send_udp, count // 2, 20_000)),
            ("udp as fast as it goes", SyslogInput("udp", 0), (send_udp, count // 2, 10**9)),
            ("file", FileInput(str(log)), ()),
        ]
        for name, source, send in runs:
            expected = count // 2 if name.startswith("udp") else count
            row = asyncio.run(measure(name, source, expected, send))
            rate = f"{row['lines_per_s']:9,} {row['cpu_us_per_line']:8.2f}"
            print(f"{row['input']:24} {row['lines']:9,} {row['lost']:6,} {rate}", flush=True)


if __name__ == "__main__":
    run(int(sys.argv[1]) if len(sys.argv) > 1 else 300_000)
