"""RELP: frames at any cut, answers only after the sync, hostile frames bounded."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collectors.relp_frames import Frame, RelpError, RelpFramer
from soc.core.settings import RelpInput

RELP = RelpInput(0)


def frame(number: int, command: bytes, data: bytes = b"") -> bytes:
    return b"%d %s %d %s\n" % (number, command, len(data), data) if data else b"%d %s 0\n" % (number, command)


OPEN = frame(1, b"open", b"relp_version=0\nrelp_software=test\ncommands=syslog")


@settings(deadline=None)
@given(
    sent=st.lists(st.tuples(st.integers(0, 999_999_999), st.binary(max_size=40)), max_size=8),
    cuts=st.lists(st.integers(0, 400), max_size=10),
)
def test_any_chunking_gives_the_same_frames(sent: list[tuple[int, bytes]], cuts: list[int]) -> None:
    raw = b"".join(frame(number, b"syslog", data) for number, data in sent)
    framer, found = RelpFramer(4096), []
    for start, stop in zip([0, *sorted(cuts)], [*sorted(cuts), len(raw)], strict=True):
        found += framer.feed(raw[start:stop])
    assert found == [Frame(number, b"syslog", data) for number, data in sent]
    assert not framer.halfway


@pytest.mark.parametrize(
    "raw",
    [
        b"GET / HTTP/1.1\r\n",
        b"-1 syslog 5 hello\n",
        b"1 syslog -5 hello\n",
        b"1 syslog 2147483648 x",
        b"1 syslog 5\nhello\n",
        b"1 syslog 5 hello!\n",
        b"1234567890 syslog 1 x\n",
        b"1 sys_log 1 x\n",
        b"1 " + b"a" * 100,
        b"\n1 syslog 1 x\n",
        b"\x16\x03\x01\x02\x00",
    ],
)
def test_what_is_not_relp_is_refused(raw: bytes) -> None:
    with pytest.raises(RelpError):
        RelpFramer(4096).feed(raw)


def test_a_huge_frame_is_cut_and_never_held() -> None:
    framer = RelpFramer(4096)
    framer.feed(b"7 syslog 50000000 ")
    for _ in range(1000):
        assert framer.feed(b"x" * 50000) == []
        assert len(framer._data) <= 4096
    assert framer.feed(b"\n8 close 0\n") == [Frame(7, b"syslog", b"x" * 4096, True), Frame(8, b"close", b"")]


def test_a_session_from_open_to_close(collecting) -> None:
    async def run() -> None:
        async with collecting(RELP) as running:
            reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
            writer.write(OPEN)
            number, command, length = (await reader.readuntil(b" 200 OK\n")).split()[:3]
            assert (number, command) == (b"1", b"rsp")
            offers = await reader.readexactly(int(length) - len("200 OK\n") + 1)
            assert offers.endswith(b"\ncommands=syslog\n")
            writer.write(b"".join(frame(2 + i, b"syslog", b"<34>line %d\n" % i) for i in range(300)))
            for i in range(300):
                assert await reader.readline() == b"%d rsp 6 200 OK\n" % (2 + i)
                assert running.spool.durable > i
            writer.write(frame(400, b"close"))
            assert await reader.read() == b"400 rsp 0\n0 serverclose 0\n"
            writer.close()
            assert running.lines() == [b"<34>line %d" % i for i in range(300)]
            assert running.batches()[0].origin == "relp:127.0.0.1"

    asyncio.run(run())


def test_answers_wait_for_the_disk(collecting) -> None:
    async def run() -> None:
        async with collecting(RELP) as running:
            answered_at: list[int] = []
            reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
            writer.write(OPEN)
            await reader.readuntil(b"commands=syslog\n")
            for number in range(2, 200):
                writer.write(frame(number, b"syslog", b"<34>x"))
                await reader.readline()
                answered_at.append(running.spool.durable)
            assert answered_at == list(range(1, 199))
            writer.close()

    asyncio.run(run())


def test_a_collector_that_stops_answers_what_it_took(collecting) -> None:
    async def run() -> None:
        async with collecting(RELP) as running:
            reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
            writer.write(OPEN + b"".join(frame(2 + i, b"syslog", b"<34>x") for i in range(100)))
            stopping = asyncio.create_task(running.agent.stop(5))
            rest = await reader.read()
            writer.close()
            await stopping
            assert rest.count(b"200 OK") == len(running.lines()) + 1 == 101
            assert rest.endswith(b"0 serverclose 0\n")

    asyncio.run(run())


@pytest.mark.parametrize("raw", [b"nonsense\n", frame(1, b"syslog", b"before open"), OPEN + frame(2, b"starttls")])
def test_a_broken_session_ends_and_is_counted(collecting, raw: bytes) -> None:
    async def run() -> None:
        async with collecting(RELP) as running:
            reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
            writer.write(raw)
            with pytest.raises(ConnectionResetError):
                while await reader.read(1000):
                    pass
            writer.close()
            assert next(iter(running.agent.counters().values())).malformed == 1
            assert running.lines() == []

    asyncio.run(run())
