"""Syslog over UDP and TCP on real sockets: who sent it, what is counted, when a sender may forget a line."""

from __future__ import annotations

import asyncio
import socket
import struct
from pathlib import Path

import pytest

from collectors.agent import Agent
from collectors.server import MAX_CONNECTIONS
from collectors.sockets import sender
from collectors.spool import Spool
from soc.core.clock import FixedClock
from soc.core.errors import SettingsError
from soc.core.settings import Settings, SyslogInput

UDP = SyslogInput("udp", 0)
TCP = SyslogInput("tcp", 0)


async def deliver(port: int, raw: bytes, host: str = "127.0.0.1") -> bytes:
    """What a careful sender does: send, shut down sending, read to the end; b"" means everything is on disk."""
    reader, writer = await asyncio.open_connection(host, port)
    writer.write(raw)
    writer.write_eof()
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer


def test_datagrams_are_lines_by_sender(collecting) -> None:
    async def run() -> None:
        async with collecting(UDP) as running:
            port = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            for raw in (b"<34>one\n", b"<34>two\r\n\0", b"", b"\n", b"forged\n<34>line", b"\xff\0\x1b[2J"):
                port.sendto(raw, ("127.0.0.1", running.port))
            port.close()
            assert await running.until(4) == [b"<34>one", b"<34>two", b"forged\n<34>line", b"\xff\0\x1b[2J"]
            assert {batch.origin for batch in running.batches()} == {"udp:127.0.0.1"}
            (counters,) = running.agent.counters().values()
            assert (counters.lines, counters.udp_drops, counters.origins) == (4, 0, {"udp:127.0.0.1": 4})

    asyncio.run(run())


def test_a_datagram_over_the_limit_is_cut(collecting) -> None:
    async def run() -> None:
        async with collecting(SyslogInput("udp", 0, max_line=500)) as running:
            port = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            port.sendto(b"x" * 60000, ("127.0.0.1", running.port))
            port.close()
            assert await running.until(1) == [b"x" * 500]
            assert next(iter(running.agent.counters().values())).truncated == 1

    asyncio.run(run())


def test_what_the_kernel_drops_is_counted(collecting) -> None:
    async def run() -> None:
        async with collecting(UDP) as running:
            port = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            sent = 20_000
            for _ in range(sent):  # the event loop does not run meanwhile, so the kernel's buffer overflows
                port.sendto(b"<34>" + b"x" * 3000, ("127.0.0.1", running.port))
            port.close()
            await asyncio.sleep(0)
            (counters,) = running.agent.counters().values()
            await running.until(sent - counters.udp_drops)
            assert counters.udp_drops > 0
            assert counters.lines + counters.udp_drops == sent

    asyncio.run(run())


@pytest.mark.parametrize("host", ["::1", "::"])
def test_ipv6_and_both_at_once(collecting, host: str) -> None:
    async def run() -> None:
        async with collecting(SyslogInput("tcp", 0, host=host), SyslogInput("udp", 0, host=host)) as running:
            tcp, udp = running.agent.ports()
            await deliver(tcp, b"six\n", "::1")
            port = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
            port.sendto(b"six", ("::1", udp))
            port.close()
            expected = {"tcp:::1", "udp:::1"}
            if host == "::":
                await deliver(tcp, b"four\n")
                expected.add("tcp:127.0.0.1")
            await running.until(len(expected))
            assert {batch.origin for batch in running.batches()} == expected

    asyncio.run(run())


def test_senders_addresses() -> None:
    assert sender(("10.0.0.1", 5)) == "10.0.0.1"
    assert sender(("fe80::1%eth0", 5, 0, 2)) == "fe80::1"
    assert sender(("::ffff:10.0.0.1", 5, 0, 0)) == "10.0.0.1"


def test_end_of_file_after_shutdown_means_durable(collecting) -> None:
    async def run() -> None:
        async with collecting(TCP) as running:
            for number in range(30):
                assert await deliver(running.port, b"<34>line\n" * 10 + b"<34>rest") == b""
                assert running.spool.durable == 11 * (number + 1)

    asyncio.run(run())


def test_many_connections_of_both_framings(collecting) -> None:
    async def run() -> None:
        async with collecting(TCP) as running:
            lines = [[b"<34>%d %d" % (sender, number) for number in range(200)] for sender in range(40)]
            raw = [
                b"".join(b"%d %s" % (len(line), line) if sender % 2 else line + b"\n" for line in sent)
                for sender, sent in enumerate(lines)
            ]
            assert set(await asyncio.gather(*(deliver(running.port, one) for one in raw))) == {b""}
            assert sorted(running.lines()) == sorted(line for sent in lines for line in sent)
            (counters,) = running.agent.counters().values()
            assert (counters.connections, counters.open, counters.malformed) == (40, 0, 0)

    asyncio.run(run())


def test_without_the_senders_end_the_connection_ends_with_a_reset(collecting) -> None:
    """A collector that stops must not look like one that has everything."""

    async def run() -> None:
        async with collecting(TCP) as running:
            reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
            writer.write(b"<34>whole\n<34>half")
            await running.until(1)
            await running.agent.stop(5)
            with pytest.raises(ConnectionResetError):
                await reader.read()
            writer.close()
            assert running.lines() == [b"<34>whole"]

    asyncio.run(run())


def test_a_reset_in_the_middle_of_a_message_leaves_no_false_line(collecting) -> None:
    async def run() -> None:
        async with collecting(TCP) as running:
            client = socket.create_connection(("127.0.0.1", running.port))
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            client.sendall(b"<34>seq=1\n<34>seq=2 and mo")
            await running.until(1)
            client.close()
            assert await deliver(running.port, b"<34>seq=2\n") == b""
            (counters,) = running.agent.counters().values()
            async with asyncio.timeout(5):
                while counters.open:
                    await asyncio.sleep(0.01)
            assert running.lines() == [b"<34>seq=1", b"<34>seq=2"]
            assert counters.malformed == 1

    asyncio.run(run())


def test_a_full_spool_holds_the_sender_back_and_loses_nothing(collecting) -> None:
    async def run() -> None:
        async with collecting(TCP, limit=16_000_000) as running:
            line = b"<34>" + b"x" * 996 + b"\n"
            delivery = asyncio.create_task(deliver(running.port, line * 40_000))
            position, seen = 0, 0
            while not delivery.done():
                await asyncio.sleep(0.01)
                if running.spool.size < 14_000_000 and not seen:
                    continue
                for batch in running.spool.read(position, 2000):
                    position = batch.position + len(batch.lines)
                    seen += len(batch.lines)
                running.spool.release(position)
                assert running.spool.size <= 16_000_000
            assert await delivery == b""
            assert running.spool.end == 40_000

    asyncio.run(run())


def test_connections_are_bounded(collecting) -> None:
    async def run() -> None:
        async with collecting(TCP) as running:
            held = []
            for _ in range(MAX_CONNECTIONS):
                held.append(await asyncio.open_connection("127.0.0.1", running.port))
                held[-1][1].write(b"<34>slow")
            (counters,) = running.agent.counters().values()
            async with asyncio.timeout(5):
                while counters.open < MAX_CONNECTIONS:
                    await asyncio.sleep(0.01)
            with pytest.raises(ConnectionResetError):
                await deliver(running.port, b"one too many\n")
            assert counters.turned_away == 1
            for _, writer in held:
                writer.write_eof()
            await running.until(MAX_CONNECTIONS)
            for _, writer in held:
                writer.close()

    asyncio.run(run())


def test_a_port_in_use_is_named(collecting, tmp_path: Path) -> None:
    async def run() -> None:
        async with collecting(TCP) as running:
            settings = Settings(inputs=(TCP, SyslogInput("tcp", running.port)))
            spool = Spool(tmp_path / "other", 20_000_000)
            reason = rf"inputs\[1\]: 127.0.0.1 port {running.port}: Address already in use"
            with pytest.raises(SettingsError, match=reason):
                await Agent(settings, spool, FixedClock(1), running.reports.append).start()
            spool.close()

    asyncio.run(run())
