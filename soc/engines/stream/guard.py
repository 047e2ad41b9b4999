"""Faust without its losses: no record is lost or read twice when a worker joins or leaves.

Faust 0.15.3 as it is loses records when partitions move (measured: 8 records in 3 of 24 joins for good, and some 760
twice each time). Four causes in ``faust/transport/consumer.py``:

1. ``on_partitions_revoked`` forgets what was acknowledged before it commits, so all since the last commit comes again,
   and a young partition stays without any committed offset.
2. What a fetch from before the revocation brings is thrown away in reliance on a seek to the committed offset, but
   aiokafka seeks only if there is one: a partition without one never reads those records again.
3. With no committed offset, the next commit goes past the hole.
4. Nothing waits for a stopped flow: a fetch, a delivery or a seek of the old assignment may end in the new one.

What mends them, as subclasses that nothing in Faust has to be patched for:

F1  revocation   stop the flow, wait for the events that are being processed, call ``released``, commit, then revoke
F2  start        with the flow held and no fetch under way, every partition is sought: to what ``start_at`` says, else
                 to its committed offset, else to the beginning
F3  assignment   the flow is held again, and only F2 lets it go

``start_at`` and ``released`` run in the app's event loop; the thread of the Kafka client goes on with its heartbeats
meanwhile. An exception in either, or more than START_SECONDS and RELEASE_SECONDS, ends the worker without a commit, as
a kill would.

- ``start_at`` is asked at each assignment, also for partitions that stay. Another rebalance cancels it and asks anew.
- ``released`` is called for what was started only. It holds up the rebalance of the whole group: with the wait for
  events in work it must stay below the rebalance timeout. Otherwise the group goes on without us: nothing hangs, but
  the next owner starts from what was stored before. It is also called late, after a session that ended unnoticed; so
  whoever stores state must refuse one that stands for less than what is stored already.
- Commits at an interval run ahead of stored state. Who keeps state names every partition, 0 for one without any.
- Agents must acknowledge (no ``noack``), and catch what they raise: Faust takes a failed event for done.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from importlib.metadata import version
from typing import Any, cast

import faust
from aiokafka.errors import IllegalStateError  # type: ignore[import-untyped,unused-ignore]
from faust.transport.consumer import RecordMap
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread, Consumer, Producer, Transport
from faust.types import TP, EventT, StreamT

from soc.core.errors import SocError

PINNED = "0.15.3"
START_SECONDS = 60.0  # below Faust's own limit of 90, after which it would wait for ever without a word
RELEASE_SECONDS = 20.0  # a stop that takes longer is none
FETCH_SECONDS = 0.25  # the longest that one fetch waits, and so the longest that a start waits for it

StartAt = Callable[[set[TP]], Awaitable[Mapping[TP, int]]]
Released = Callable[[set[TP]], Awaitable[None]]


class InFlight(faust.Sensor):  # type: ignore[misc,unused-ignore]
    """The events that an agent works on now. Faust also acknowledges those it skips; those are taken back."""

    def __init__(self) -> None:
        super().__init__()
        self.events: dict[int, EventT[Any]] = {}

    def on_stream_event_in(self, tp: TP, offset: int, stream: StreamT[Any], event: EventT[Any]) -> None:
        self.events[id(event)] = event

    def on_stream_event_out(
        self, tp: TP, offset: int, stream: StreamT[Any], event: EventT[Any], state: dict[Any, Any] | None = None
    ) -> None:
        consumer = cast(GuardedConsumer, stream.app.consumer)
        if self.events.pop(id(event), None) is None or consumer.left:
            consumer.unack(tp, offset)


class GuardedThread(AIOKafkaConsumerThread):
    """The thread of the Kafka client; F2's seeks."""

    async def seek_to_starts(self, starts: Mapping[TP, int], still: Callable[[], bool]) -> dict[TP, int]:
        """Seek every assigned partition, and say where each stands; IllegalStateError once ``still`` is false."""
        return cast(dict[TP, int], await self.call_thread(self._seek_to_starts, starts, still))

    async def _seek_to_starts(self, starts: Mapping[TP, int], still: Callable[[], bool]) -> dict[TP, int]:
        consumer = self._ensure_consumer()
        positions: dict[TP, int] = {}
        for partition in consumer.assignment():
            tp = TP(partition.topic, partition.partition)
            offset = starts[tp] if tp in starts else await consumer.committed(partition)
            if not still():  # an older seek must not end in a newer assignment
                raise IllegalStateError("partitions were revoked during a seek")
            if offset:
                consumer.seek(partition, offset)
            else:
                await consumer.seek_to_beginning(partition)
            positions[tp] = await consumer.position(partition)
        return positions


class GuardedConsumer(Consumer):
    """F1, F2 and F3. All of it runs in the app's loop, so that what stands between two awaits is one step."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.held = False  # between a revocation and the seek of the next assignment nothing flows
        self.left = False  # what still ends after we have left counts as not done
        self.rebalances = 0
        self.owned: set[TP] = set()  # what has been started and not released
        self.begun_at: dict[TP, int] = {}  # the offsets at which it was
        self.seeking: asyncio.Task[None] | None = None
        self.releasing = asyncio.Lock()
        self.no_fetch = asyncio.Event()
        self.no_fetch.set()
        super().__init__(*args, **kwargs)

    def _new_consumer_thread(self) -> GuardedThread:
        return GuardedThread(self, loop=self.loop, beacon=self.beacon)

    def end(self, tp: TP) -> tuple[int, int] | None:
        """The offset after the last record of a partition, and when the latest fetch said so (ms); None before any."""
        client = cast(GuardedThread, self._thread)._ensure_consumer()
        end, at = client.highwater(tp), client.last_poll_timestamp(tp)
        return None if end is None or at is None else (end, at)

    def hold(self) -> None:
        """Nothing is delivered or fetched from now on, and what waits for an agent is forgotten: it is read again."""
        self.held = True
        self.stop_flow()
        self.app.flow_control.suspend()
        self.app.flow_control.clear()

    def resume_flow(self) -> None:
        if not self.held:  # Faust resumes after any seek, also when the next revocation has begun meanwhile
            super().resume_flow()

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        await self.release(revoked)
        await super().on_partitions_revoked(revoked)

    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        self.hold()
        await super().on_partitions_assigned(assigned, generation_id)

    async def release(self, partitions: set[TP]) -> None:
        """F1: finish what is being processed, hand it over, commit it. Nothing of that after a crash."""
        self.hold()
        self.rebalances += 1
        if self.seeking is not None and not self.seeking.done():
            self.seeking.cancel()
            await asyncio.wait({self.seeking}, timeout=self.app.conf.broker_rebalance_timeout)
        async with self.releasing:  # a stop and a rebalance may come together
            await self.wait_for_events()
            mine, self.owned = self.owned & partitions, self.owned - partitions
            if not self.app.crashed and await self.hand_over(mine):
                await self.maybe_wait_for_commit_to_finish()
                await self.force_commit()

    async def hand_over(self, mine: set[TP]) -> bool:
        """Have our caller store what it knows of these partitions; if that fails, nothing more is committed."""
        app = cast(GuardedApp, self.app)
        try:
            if app.released is not None and mine:
                async with asyncio.timeout(RELEASE_SECONDS):
                    await app.released(mine)
        except Exception as error:
            self.log.exception("released() failed: %r", error)
            self.forget()
            await app.crash(error)
            return False
        return True

    async def wait_for_events(self) -> None:
        """Until no agent works on an event. One that takes too long is read again by whoever comes next."""
        working = cast(GuardedApp, self.app).in_flight.events
        deadline = self.loop.time() + self.app.conf.broker_rebalance_timeout
        while working and self.loop.time() < deadline:
            await asyncio.sleep(0.005)
        if working:
            self.log.error("%d events still in work at the end of the rebalance timeout", len(working))

    async def leave(self) -> None:
        """F1 for an orderly stop, which Faust would do after it has cancelled the agents."""
        if not self.crashed:
            await self.release(set(self.owned))
        self.left = True

    async def perform_seek(self) -> None:
        """F2. Faust calls this before it lets the flow go, and waits for the next assignment on IllegalStateError."""
        seeking = self.seeking = asyncio.ensure_future(self.start_partitions(self.rebalances))
        try:
            await asyncio.wait({seeking})
        except asyncio.CancelledError:
            seeking.cancel()
            raise
        if seeking.cancelled():
            raise IllegalStateError("partitions were revoked before they had started")
        error = seeking.exception()
        if error is not None and not isinstance(error, IllegalStateError):
            self.log.error("start_at() or a seek failed: %r", error, exc_info=error)
            await self.app.crash(error)
        if error is not None:
            raise error

    async def start_partitions(self, rebalance: int) -> None:
        """Ask where to start, seek there, and let the flow go."""
        app, thread = cast(GuardedApp, self.app), cast(GuardedThread, self._thread)
        stage = "a fetch to end"
        try:
            async with asyncio.timeout(START_SECONDS):
                await self.no_fetch.wait()
                mine = {tp for tp in self.assignment() if app.topics.acks_enabled_for(tp.topic)}
                stage = "start_at"
                starts = await app.start_at(set(mine)) if app.start_at is not None and mine else {}
                stage = "seeks"
                positions = await thread.seek_to_starts(starts, lambda: self.rebalances == rebalance)
        except TimeoutError as error:
            raise SocError(
                "partitions did not start within {seconds} s: waiting for {stage}",
                seconds=f"{START_SECONDS:.0f}",
                stage=stage,
            ) from error
        if self.rebalances != rebalance:
            raise IllegalStateError("partitions were revoked after a seek")
        self.forget()
        self._read_offset.update(positions)
        self._committed_offset.update(positions)
        self.owned, self.begun_at = mine, positions
        self.held = False

    async def commit(self, topics: Any = None, start_new_transaction: bool = True) -> bool:
        """The commits at an interval rest while the flow is held: ``release`` commits what ``released`` has stored."""
        return False if self.held else await super().commit(topics, start_new_transaction)

    def forget(self) -> None:
        """What was acknowledged and not committed belongs to an assignment that has ended."""
        self._acked.clear()
        self._acked_index.clear()
        self._gap.clear()

    def unack(self, tp: TP, offset: int) -> None:
        """Take an acknowledgement back, in the same step of the loop that gave it."""
        if offset in self._acked_index[tp]:
            self._acked_index[tp].discard(offset)
            self._acked[tp].remove(offset)

    async def _getmany(self, active_partitions: set[TP] | None, timeout: float) -> RecordMap:
        self.no_fetch.clear()
        try:
            return await super()._getmany(active_partitions, min(timeout, FETCH_SECONDS))
        finally:
            self.no_fetch.set()

    async def _wait_next_records(self, timeout: float) -> tuple[RecordMap | None, set[TP] | None]:
        """What a fetch brings into a held flow is dropped: the seek that ends the hold is still to come."""
        records, active = await super()._wait_next_records(timeout)
        return (None if self.held or not self.flow_active else records), active


class GuardedProducer(Producer):
    """Writes each record once, in order, also when an answer of the broker is lost."""

    def _settings_extra(self) -> Mapping[str, Any]:
        return {"acks": "all", "enable_idempotence": True}


class GuardedTransport(Transport):
    """Faust's Kafka driver with the consumer and producer of this module."""

    Consumer = GuardedConsumer
    Producer = GuardedProducer


class GuardedApp(faust.App):
    """A Faust app on ``GuardedTransport``. Set ``start_at`` and ``released`` before it starts."""

    start_at: StartAt | None = None
    released: Released | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        require_pinned()
        super().__init__(*args, **kwargs)
        self.in_flight = InFlight()
        self.sensors.add(self.in_flight)

    def _new_transport(self) -> GuardedTransport:
        return GuardedTransport(self.conf.broker_consumer, self)

    def _new_producer_transport(self) -> GuardedTransport:
        return GuardedTransport(self.conf.broker_producer, self)

    async def on_stop(self) -> None:
        if self._consumer is not None:
            await cast(GuardedConsumer, self._consumer).leave()
        await super().on_stop()


def require_pinned() -> None:
    """The guard stands on the inner parts of one version of Faust: SocError with any other."""
    if (found := version("faust-streaming")) != PINNED:
        raise SocError(
            "faust-streaming {found} is installed, but the guard against losses knows {known} only",
            found=found,
            known=PINNED,
        )
