"""Reads files in advance of their turns, so that workers have something to do while the order stays what it is."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from soc.engines.reader import Reader
from soc.engines.source import UnusableInput
from soc.engines.workers import AHEAD, Workers
from soc.pipeline.digest import Digest

MAX_READY = 64 * 1024 * 1024
"""Bytes of digests that may wait for their turn before no further batch is read in advance."""
MINUTE = 60_000_000


@dataclass(slots=True, eq=False)
class _Plan:
    """A file that was opened. pending: tickets of batches, then how the file ended.

    began      event time at which it begins, µs
    concluded  batches that had their turn
    """

    reader: Reader
    began: int
    concluded: int = 0
    pending: deque[int | UnusableInput | None] = field(default_factory=deque)
    ended: bool = False

    @property
    def step(self) -> int:
        """How far a batch of it comes in event time, µs; a guess before the first."""
        return (self.reader.reached - self.began) // self.concluded if self.concluded else MINUTE

    def due(self) -> tuple[int, int]:
        """When its next batch is likely to be wanted, in the order of ``Reader``."""
        return self.reader.reached + len(self.pending) * self.step, self.reader.order


class Ahead:
    """Gives each file's digests in their order, whichever file is asked for; what is due first is read first.

    What is read in advance rests on a guess of how fast the files go through time. A wrong guess costs time, and
    changes nothing in what is given.
    """

    def __init__(self, workers: Workers, readers: Iterable[Reader]) -> None:
        self._workers = workers
        self._unopened = sorted(readers, reverse=True)
        self._plans: dict[int, _Plan] = {}

    def next(self, reader: Reader) -> Digest | None:
        """The file's next batch, or None at its end. UnusableInput where it cannot be read, or not any further."""
        while reader.order not in self._plans:  # it is the first of those not opened: both lists have one order
            self._open()
        plan = self._plans[reader.order]
        if not plan.pending:
            self._read(plan)
        self._fill()
        ticket = plan.pending.popleft()
        if not isinstance(ticket, int):
            del self._plans[reader.order]
            if ticket:
                raise ticket
            return None
        while not self._workers.done(ticket):
            self._workers.wait()
            self._fill()
        plan.concluded += 1
        return self._workers.result(ticket)

    def _open(self) -> _Plan:
        reader = self._unopened.pop()
        plan = self._plans[reader.order] = _Plan(reader, reader.reached)
        return plan

    def _fill(self) -> None:
        """Gives the workers as much as they take."""
        while self._workers.free and self._workers.waiting_bytes < MAX_READY:
            plan = min((plan for plan in self._plans.values() if self._may_go_on(plan)), key=_Plan.due, default=None)
            if self._unopened:
                first = self._unopened[-1]
                if plan is None or (first.reached, first.order) < plan.due():
                    plan = self._open()
            if plan is None:
                return
            self._read(plan)

    def _may_go_on(self, plan: _Plan) -> bool:
        """Of a file whose speed is not known, no more is read than keeps the workers busy."""
        return not plan.ended and (plan.concluded > 0 or len(plan.pending) < AHEAD * self._workers.jobs)

    def _read(self, plan: _Plan) -> None:
        try:
            batch = plan.reader.read()
        except UnusableInput as error:
            plan.pending.append(error)
            plan.ended = True
            return
        plan.ended = batch is None
        plan.pending.append(None if batch is None else self._workers.submit(batch))
