"""Processes that read and match batches, so that an analysis uses more than one core.

They are forked once the rules are loaded, so they share them. Lines go to them through shared memory, and digests come
back through a pipe. Neither side can block the other for good: what is sent to a worker is a few bytes for each batch,
and the parent reads whenever it waits.
"""

from __future__ import annotations

import gc
import mmap
import os
import pickle
import signal
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing import connection, get_all_start_methods, get_context
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import NoReturn

from soc.core.errors import SocError
from soc.core.event import RawBatch
from soc.pipeline.digest import Digest

SLOT = 16 * 1024 * 1024
"""Bytes of lines that a batch may have to be sent to another process; only what is used takes memory."""
AHEAD = 2
"""Batches that a worker has at a time, so that it never waits for the next one."""
MAX_JOBS = 256

Work = Callable[[RawBatch], Digest]


class WorkerDied(SocError):
    """A process ended before its work was done."""


@dataclass(slots=True)
class _Worker:
    """tickets: of the batches it has, in the order of its work; given: how many it ever had, for the slot."""

    process: BaseProcess
    pipe: Connection
    slots: Sequence[mmap.mmap]
    given: int = 0
    tickets: deque[int] = field(default_factory=deque)


def usable_processors() -> int:
    """How many processors this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Workers:
    """Takes batches, and gives their digests for the tickets, in whatever order they are asked for.

    A context manager: none of the processes outlives it, however it is left. Should the parent be killed, they end
    with their next batch. WorkerDied if one of them is.
    """

    def __init__(self, jobs: int, work: Work) -> None:
        """SocError where processes cannot be forked."""
        if "fork" not in get_all_start_methods():
            raise SocError("this system cannot fork processes; leave --jobs out")
        self.jobs = jobs
        self.waiting_bytes = 0  # of digests that nobody has asked for yet
        self._work = work
        self._next = 0
        self._done: dict[int, bytes] = {}
        self._workers: list[_Worker] = []
        with _uninterrupted():
            for _ in range(jobs):
                self._workers.append(self._start())

    def _start(self) -> _Worker:
        context = get_context("fork")
        here, there = context.Pipe()
        slots = tuple(mmap.mmap(-1, SLOT) for _ in range(AHEAD))
        foreign = [here, *(worker.pipe for worker in self._workers)]
        process = context.Process(target=_serve, args=(there, slots, self._work, foreign), daemon=True)
        process.start()
        there.close()
        return _Worker(process, here, slots)

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self._workers:
            worker.process.kill()
        for worker in self._workers:
            worker.process.join()
            worker.pipe.close()
            for slot in worker.slots:
                slot.close()

    @property
    def free(self) -> bool:
        """Whether a batch can be submitted without waiting. Takes what has come back meanwhile."""
        self._collect(0)
        return any(len(worker.tickets) < AHEAD for worker in self._workers)

    def submit(self, batch: RawBatch) -> int:
        """Hands a batch to the worker that has least to do; the ticket for its digest. Waits for a free one."""
        ticket = self._next
        self._next += 1
        data = b"\n".join(batch.lines)
        if len(data) > SLOT:
            self._keep(ticket, _packed(self._work(batch)))
            return ticket
        while not self.free:
            self.wait()
        worker = min(self._workers, key=lambda worker: len(worker.tickets))
        slot = worker.given % AHEAD
        worker.slots[slot][: len(data)] = data
        try:
            worker.pipe.send((slot, len(data), batch.origin, batch.device, batch.received, batch.position))
        except OSError:
            self._died(worker)
        worker.given += 1
        worker.tickets.append(ticket)
        return ticket

    def done(self, ticket: int) -> bool:
        """Whether the digest is there."""
        return ticket in self._done

    def wait(self) -> None:
        """Until some worker has finished a batch."""
        self._collect(None)

    def result(self, ticket: int) -> Digest:
        """The digest of a batch that is done. Each can be asked for once."""
        data = self._done.pop(ticket)
        self.waiting_bytes -= len(data)
        digest = pickle.loads(data)  # noqa: S301 - from a process of ours
        assert isinstance(digest, Digest)
        return digest

    def _keep(self, ticket: int, data: bytes) -> None:
        self._done[ticket] = data
        self.waiting_bytes += len(data)

    def _collect(self, timeout: float | None) -> None:
        """Takes what workers have finished; waits for at least one of them unless timeout (s) says otherwise."""
        by_pipe = {worker.pipe: worker for worker in self._workers if worker.tickets}
        for pipe in connection.wait(list(by_pipe), timeout):
            assert isinstance(pipe, Connection)
            worker = by_pipe[pipe]
            try:
                data = pipe.recv_bytes()
            except (EOFError, OSError):
                self._died(worker)
            self._keep(worker.tickets.popleft(), data)

    def _died(self, worker: _Worker) -> NoReturn:
        worker.process.join(5)
        status = worker.process.exitcode or 0
        how = f"killed by signal {-status}; perhaps memory ran out" if status < 0 else f"exit status {status}"
        raise WorkerDied("a worker process ended ({how}); the analysis was stopped", how=how)


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Ctrl-C waits until every worker has been told to leave it to the parent."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _serve(pipe: Connection, slots: Sequence[mmap.mmap], work: Work, foreign: Sequence[Connection]) -> None:
    """A worker's life. It ends when the parent's side of the pipe is closed, which none of the others holds open."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    gc.freeze()  # the rules stay shared: a collection would write to their pages
    for other in foreign:
        other.close()
    try:
        while True:
            slot, length, origin, device, received, position = pipe.recv()
            lines = tuple(slots[slot][:length].split(b"\n"))
            digest = work(RawBatch(origin, device, received, position, lines))
            pipe.send_bytes(_packed(digest))
    except (EOFError, ConnectionError):
        return


def _packed(digest: Digest) -> bytes:
    return pickle.dumps(digest, pickle.HIGHEST_PROTOCOL)
