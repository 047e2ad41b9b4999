"""Faust 0.15.3 loses records when a worker joins a young group, and repeats many: the causes, and what mends them.

Causes, in the installed faust-streaming 0.15.3:

1. ``Consumer.on_partitions_revoked`` forgets what was acknowledged before the last commit. Assignment is eager, so all
   partitions are revoked at each join, and everything since the last commit comes again.
2. What was fetched before the revocation and returns during it is thrown away (``Consumer.getmany``), in the trust that
   the partition is sought to its committed offset. aiokafka seeks only where that is over 0, so the records of a
   partition that has none are never read again.
3. Flow that was stopped is resumed by whoever comes first, and nothing waits until it has stopped.

The guard, in a form that could be taken upstream:

F1  before partitions are given up: stop the flow, drop what waits, let what is being processed end, and commit
F2  partitions without a committed offset are sought to their beginning
F3  the flow is stopped at the start of an assignment

Beyond that it is where a worker with state of its own comes in: ``released`` is called between F1 and the end of the
revocation, ``start_at`` before anything is fetched of an assignment, and may say at which offsets to go on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, ClassVar, Final

import faust
from faust.transport.drivers.aiokafka import Consumer, Transport
from faust.types import TP

from soc.core.errors import SocError

PINNED: Final = "0.15.3"
IN_FLIGHT: Final = 4.0
"""Seconds that what is being processed may take to end before its partitions are given up unacknowledged."""

StartAt = Callable[[set[TP]], Awaitable[Mapping[TP, int]]]
Released = Callable[[], Awaitable[None]]


class GuardedConsumer(Consumer):
    """Faust's consumer with F1 to F3."""

    transport: GuardedTransport
    _starts: Mapping[TP, int] = {}

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """F1."""
        self._halt()
        await self._let_end()
        while self._commit_fut is not None:
            await asyncio.wait({self._commit_fut}, timeout=1)
        await self.force_commit()
        await self._engine(self.transport.released)
        await super().on_partitions_revoked(revoked)

    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        """F3, and the offsets of the engine's own."""
        self._halt()
        start_at = self.transport.start_at
        self._starts = (await self._engine(start_at and (lambda: start_at(set(assigned))))) or {}
        await super().on_partitions_assigned(assigned, generation_id)

    async def seek_to_committed(self) -> Mapping[TP, int]:
        """F2: called once partitions are assigned and the engine is ready, and whenever Faust threw records away."""
        found: dict[TP, Any] = dict(await super().seek_to_committed())
        fresh = [tp for tp, offset in found.items() if not offset and tp not in self._starts]
        if fresh:
            await self._thread.seek_to_beginning(*fresh)
        own = {tp: offset for tp, offset in self._starts.items() if tp in self.assignment()}
        if own:
            await self._thread.seek_wait(own)
        return {**found, **own}

    def _halt(self) -> None:
        self.stop_flow()
        self.app.flow_control.suspend()
        self.app.flow_control.clear()

    async def _let_end(self) -> None:
        loop = asyncio.get_running_loop()
        until = loop.time() + IN_FLIGHT
        while loop.time() < until:
            self._clean_unacked_messages()
            if not self._unacked_messages:
                return
            await asyncio.sleep(0.02)

    async def _engine(self, call: Callable[[], Awaitable[Any]] | None) -> Any:
        """What the engine does with its partitions; if it cannot, the worker ends rather than go on without."""
        if call is None:
            return None
        try:
            return await call()
        except Exception as error:
            await self.app.crash(error)
            raise


class GuardedTransport(Transport):
    """Faust's transport with the guarded consumer."""

    Consumer: ClassVar[Any] = GuardedConsumer
    start_at: StartAt | None = None
    released: Released | None = None


def guard(app: faust.App, start_at: StartAt | None = None, released: Released | None = None) -> None:
    """Guards an app, before it is started and before anything else asks for its transport.

    SocError with another version of Faust than the one that it was made for.
    """
    if faust.__version__ != PINNED:
        raise SocError(f"faust-streaming {faust.__version__}: the guard against lost records is made for {PINNED}")
    transport = GuardedTransport(app.conf.broker_consumer, app)
    transport.start_at, transport.released = start_at, released
    app.transport = transport
