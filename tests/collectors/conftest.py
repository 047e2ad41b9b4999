"""A collector within the test: real sockets and files, its spool in the test's folder."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from collectors.agent import Agent
from collectors.spool import Spool
from soc.core.clock import SystemClock
from soc.core.event import RawBatch
from soc.core.settings import Input, Settings


@dataclass
class Collecting:
    """A running agent and what can be seen of it."""

    agent: Agent
    spool: Spool
    reports: list[str] = field(default_factory=list)

    @property
    def port(self) -> int:
        return self.agent.ports()[0]

    def batches(self) -> list[RawBatch]:
        found, position = [], 0
        while batches := self.spool.read(position):
            found += batches
            position = batches[-1].position + len(batches[-1].lines)
        return found

    def lines(self) -> list[bytes]:
        return [line for batch in self.batches() for line in batch.lines]

    async def until(self, count: int, seconds: float = 10) -> list[bytes]:
        """The lines, once so many are durable."""
        async with asyncio.timeout(seconds):
            while self.spool.durable < count:
                await asyncio.sleep(0.005)
        return self.lines()


Start = Callable[..., AbstractAsyncContextManager[Collecting]]


@pytest.fixture
def collecting(tmp_path: Path) -> Start:
    """``async with collecting(SyslogInput(...)) as running:``"""

    @asynccontextmanager
    async def start(*inputs: Input, limit: int = 100_000_000) -> AsyncIterator[Collecting]:
        spool = Spool(tmp_path / "spool", limit)
        reports: list[str] = []
        agent = Agent(Settings(inputs=inputs), spool, SystemClock(), reports.append)
        await agent.start()
        try:
            yield Collecting(agent, spool, reports)
        finally:
            await agent.stop(5)
            spool.close()

    return start
