"""Between the inputs and the spool: one sync for many senders, and word to each when its lines are safe."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping

from collectors.counters import Counters
from collectors.spool import Spool, SpoolFailed, SpoolFull
from soc.core.clock import Clock

# Unsynced lines are what a crash may cost senders that do not wait for an answer.
MAX_UNSYNCED = 8 * 1024 * 1024
LAZY_SECONDS = 0.05
EAGER_SECONDS = 0.001
FULL_SECONDS = 0.1
MAX_BATCH_BYTES = 1024 * 1024


class Journal:
    """Group commit: while somebody waits for an answer it syncs back to back, else every 50 ms.

    failed  completes with the reason when the disk fails; from then on nothing is taken or acknowledged
    """

    def __init__(self, spool: Spool, clock: Clock) -> None:
        self.spool = spool
        self.failed: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._clock = clock
        self._waiting: deque[tuple[int, Callable[[], None]]] = deque()
        self._held: set[asyncio.Event] = set()
        self._wanted = asyncio.Event()
        self._dirty = asyncio.Event()
        self._task = asyncio.create_task(self._run())
        self._closing = False

    def put(
        self,
        origin: str,
        device: str,
        lines: tuple[bytes, ...],
        counters: Counters,
        marks: Mapping[str, bytes] | None = None,
    ) -> int:
        """Write lines now; returns the position to wait for. SpoolFull, SpoolFailed: none of them was taken."""
        try:
            position = self.spool.append(origin, device, self._clock.now(), lines, marks)
        except SpoolFailed as error:
            self.give_up(str(error))
            raise
        counters.took(origin, lines)
        self._dirty.set()
        return position

    async def store(
        self,
        origin: str,
        device: str,
        lines: list[bytes],
        counters: Counters,
        marks: Mapping[str, bytes] | None = None,
    ) -> int:
        """Write lines, waiting while the spool is full or the disk is behind: this is what holds a sender back."""
        position = self.spool.end
        parts = _parts(lines)
        for number, part in enumerate(parts, start=1):
            while True:
                try:
                    position = self.put(origin, device, part, counters, marks if number == len(parts) else None)
                    break
                except SpoolFull:
                    await asyncio.sleep(FULL_SECONDS)
            if self.spool.unsynced > MAX_UNSYNCED:
                await self.durable(position)
        return position

    def after(self, position: int, call: Callable[[], None]) -> None:
        """Run call in the event loop once all lines before position are durable; calls keep their order."""
        if self.spool.durable >= position and not self._waiting:
            call()
            return
        self._waiting.append((position, call))
        self._dirty.set()
        self._wanted.set()

    async def durable(self, position: int) -> None:
        """Wait until all lines before position survive a power cut. SpoolFailed when that will not come."""
        done = asyncio.Event()
        self._held.add(done)
        self.after(position, done.set)
        try:
            await done.wait()
        finally:
            self._held.discard(done)
        if self.spool.durable < position:
            raise SpoolFailed(self.failed.result())

    async def _run(self) -> None:
        while True:
            await self._dirty.wait()
            self._dirty.clear()
            try:
                durable = await asyncio.to_thread(self.spool.sync)
            except SpoolFailed as error:
                self.give_up(str(error))
                return
            while self._waiting and self._waiting[0][0] <= durable:
                self._waiting.popleft()[1]()
            if self._closing:
                return
            await self._pause()

    async def _pause(self) -> None:
        """Let lines gather, briefly when somebody waits for an answer."""
        await asyncio.sleep(EAGER_SECONDS)
        if self._waiting:
            self._dirty.set()
            return
        self._wanted.clear()
        try:
            async with asyncio.timeout(LAZY_SECONDS):
                await self._wanted.wait()
        except TimeoutError:
            return

    def give_up(self, reason: str) -> None:
        """Collecting cannot go on; the first reason counts."""
        if not self.failed.done():
            self.failed.set_result(reason)
        for held in self._held:
            held.set()

    async def close(self) -> None:
        """Sync what is left and stop. The spool stays open for its reader."""
        self._closing = True
        self._dirty.set()
        self._wanted.set()
        await self._task


def _parts(lines: list[bytes]) -> list[tuple[bytes, ...]]:
    """Batches of at most about 1 MiB, at least one: a file's mark may have to be written without a line."""
    parts: list[tuple[bytes, ...]] = []
    part: list[bytes] = []
    room = MAX_BATCH_BYTES
    for line in lines:
        if part and len(line) > room:
            parts.append(tuple(part))
            part, room = [], MAX_BATCH_BYTES
        part.append(line)
        room -= len(line)
    return [*parts, tuple(part)]
