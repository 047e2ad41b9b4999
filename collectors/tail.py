"""Followed log files: lines go into the spool together with how far the file was read, so a crash repeats none."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator

from collectors.counters import Counters
from collectors.followed import Read
from collectors.follower import Follower
from collectors.journal import Journal
from collectors.spool import SpoolFailed
from soc.core.clock import Clock
from soc.core.settings import FileInput

POLL_SECONDS = 0.25


class TailInput:
    """One file setting of soc.yml (one path or pattern)."""

    def __init__(
        self,
        options: FileInput,
        journal: Journal,
        counters: Counters,
        clock: Clock,
        report: Callable[[str], None],
    ) -> None:
        self.counters = counters
        self._options = options
        self._journal = journal
        self._clock = clock
        self._follower = Follower(options.path, options.start == "end", journal.spool.marks, report)
        self._stopping = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to follow; a file that is not there yet is waited for."""
        self._task = asyncio.create_task(self._run())
        self._task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        """An input that dies must not go unnoticed."""
        if not task.cancelled() and (error := task.exception()):
            self._journal.give_up(f"{self._options.path}: {error!r}")

    async def stop(self, timeout: float) -> None:
        """Stop between two reads. What was not read is read after the next start."""
        self._stopping.set()
        if self._task is not None:
            _, late = await asyncio.wait({self._task}, timeout=timeout)
            for task in late:
                task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        self._follower.close()

    async def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                busy = await self._turn(self._follower.poll(self._clock.now()))
            except SpoolFailed:
                return
            if not busy:
                try:
                    async with asyncio.timeout(POLL_SECONDS):
                        await self._stopping.wait()
                except TimeoutError:
                    continue

    async def _turn(self, reads: Iterator[Read]) -> bool:
        """One look at all files; whether there were lines. Files may be slow (NFS), so they are read in a thread."""
        busy = False
        while (read := await asyncio.to_thread(next, reads, None)) is not None:
            busy |= bool(read.lines)
            self.counters.truncated += read.cut
            await self._journal.store(f"tail:{read.path}", self._options.device, read.lines, self.counters, read.marks)
            if self._stopping.is_set():
                break
        return busy
