"""The agent: a disk that fails ends collecting without a false acknowledgement; stopping is quick and complete."""

from __future__ import annotations

import asyncio
import os

import pytest

from collectors.counters import MAX_ORIGINS, OTHERS, Counters
from soc.core.settings import FileInput, RelpInput, SyslogInput


def test_a_failing_disk_acknowledges_nothing_and_is_told(collecting) -> None:
    async def run() -> None:
        async with collecting(SyslogInput("tcp", 0), RelpInput(0)) as running:
            tcp, relp = running.agent.ports()
            unwritable = os.open("/dev/null", os.O_RDONLY)
            os.dup2(unwritable, running.spool._handle)
            os.close(unwritable)
            reader, writer = await asyncio.open_connection("127.0.0.1", tcp)
            writer.write(b"<34>lost\n")
            writer.write_eof()
            with pytest.raises(ConnectionResetError):
                await reader.read()
            writer.close()
            async with asyncio.timeout(5):
                assert "Bad file descriptor" in await running.agent.failed()
            reader, writer = await asyncio.open_connection("127.0.0.1", relp)
            writer.write(b"1 open 14 relp_version=0\n2 syslog 4 lost\n")
            with pytest.raises(ConnectionResetError):
                while answer := await reader.readline():
                    assert not answer.startswith(b"2 ")
            writer.close()
            async with asyncio.timeout(2):
                await running.agent.stop(10)
            assert running.lines() == []

    asyncio.run(run())


def test_a_sync_that_fails_releases_those_who_wait_for_it(collecting) -> None:
    async def run() -> None:
        async with collecting(SyslogInput("tcp", 0)) as running:
            reading, _writing = os.pipe()
            os.dup2(_writing, running.spool._handle)  # takes writes, cannot be synced
            reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
            writer.write(b"<34>taken but not safe\n")
            writer.write_eof()
            async with asyncio.timeout(5):
                with pytest.raises(ConnectionResetError):
                    await reader.read()
                assert "Invalid argument" in await running.agent.failed()
            writer.close()
            os.close(reading)
            os.close(_writing)

    asyncio.run(run())


def test_stopping_takes_what_has_arrived(collecting, tmp_path) -> None:
    async def run() -> None:
        (tmp_path / "a.log").write_text("file\n")
        inputs = (SyslogInput("tcp", 0), SyslogInput("udp", 0), FileInput(str(tmp_path / "a.log")))
        async with collecting(*inputs) as running:
            async with asyncio.timeout(5):
                while b"file" not in running.lines():  # files are read at their next turn, after a restart if need be
                    await asyncio.sleep(0.05)
            _, writer = await asyncio.open_connection("127.0.0.1", running.port)
            writer.write(b"<34>tcp\n" * 1000)
            await writer.drain()
            transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
                asyncio.DatagramProtocol, remote_addr=("127.0.0.1", running.agent.ports()[1])
            )
            transport.sendto(b"<34>udp")
            transport.close()
            async with asyncio.timeout(5):
                await running.agent.stop(5)
            writer.close()
            assert sorted(set(running.lines())) == [b"<34>tcp", b"<34>udp", b"file"]
            assert len(running.lines()) == 1002 == running.spool.durable

    asyncio.run(run())


def test_forged_senders_do_not_fill_the_memory() -> None:
    counters = Counters()
    for number in range(MAX_ORIGINS + 500):
        counters.took(f"udp:10.{number // 65536}.{number // 256 % 256}.{number % 256}", (b"x",))
    assert len(counters.origins) == MAX_ORIGINS + 1
    assert counters.origins[OTHERS] == 500
    assert counters.lines == MAX_ORIGINS + 500
