"""``soc run``: the pipeline for good on one machine. Inputs -> spool on disk -> pipeline -> SQLite.

A line is safe once it is in the spool. What follows can be repeated: every few seconds the pipeline's
state is stored together with the spool position it stands for, and after a crash the lines behind that
position are read again. Ids are hashes and alerts are written as absolute values, so a repetition
writes what is already there. A store that fails (disk full, locked) is met in the same way: back to the
last stored state, and again, while the spool holds the lines.
"""

from __future__ import annotations

import threading
import traceback
from collections import Counter, defaultdict, deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Protocol

import msgspec

from soc.core.clock import Clock
from soc.core.errors import SocError, StoreError
from soc.core.event import Event, RawBatch, Rejected
from soc.core.settings import Settings, duration, size
from soc.core.store import Retention, Store
from soc.pipeline.content import Content
from soc.pipeline.pipeline import Outcome, Pipeline, reached
from soc.pipeline.watermark import Watermark

SNAPSHOT = "pipeline"
Snapshot = tuple[int, bytes, bytes]
"""Spool position, watermark, pipeline: one moment of all three."""
BATCH_LINES = 4000
COMMIT_EVERY = 500_000
SNAPSHOT_EVERY = 5_000_000
PURGE_EVERY = 3600_000_000
IDLE = 0.1
RETRY = 1.0
MAX_ORIGINS = 10_000
OTHERS = "(others)"
RECENT = 256
"""Events of each dataset that are remembered, of every RECENT_STEP-th of a batch."""
RECENT_STEP = 8


class Reader(Protocol):
    """The reading side of the spool."""

    def read(self, position: int, max_lines: int) -> list[RawBatch]: ...
    def release(self, position: int) -> None: ...
    @property
    def end(self) -> int:
        """The position after the last durable line."""


@dataclass(slots=True)
class Progress:
    """What the processor has done since it started; read by the health page.

    skew  per origin, µs by which its latest lines' times differ from their receipt: > 0 is a clock that runs
          ahead, < 0 one that is behind, or lines that come late
    pause  the longest time (µs) from one batch carried out to the next since somebody set it to 0
    """

    position: int = 0
    lines: int = 0
    events: int = 0
    rejected: int = 0
    hits: int = 0
    failures: int = 0
    last_failure: str = ""
    watermark: int = 0
    pause: int = 0
    last_seen: dict[str, int] = field(default_factory=dict)
    per_origin: Counter[str] = field(default_factory=Counter)
    skew: dict[str, int] = field(default_factory=dict)


class Processor:
    """Drains the spool into the store. Runs in a thread of its own; ``stop`` lets it finish what is durable."""

    def __init__(self, spool: Reader, pipeline: Pipeline, store: Store, settings: Settings, clock: Clock) -> None:
        self._spool = spool
        self._pipeline = pipeline
        self._store = store
        self._clock = clock
        self._watermark = Watermark(lateness=duration(settings.lateness))
        self._retention = Retention(duration(settings.retention.age), size(settings.retention.size))
        self._stop = threading.Event()
        self._committed = self._purged_at = clock.now()
        self._snapshot_at = self._committed + SNAPSHOT_EVERY
        self._dirty = False
        self._through = self._committed
        self._offered: tuple[Content, Future[None]] | None = None
        self._used: Future[None] | None = None
        self._recent: dict[str, deque[Event]] = defaultdict(lambda: deque(maxlen=RECENT))
        self.progress = Progress()
        self._fresh = (0, self._watermark.state(), pipeline.state())
        self._resume()

    def _resume(self) -> None:
        """Back to the last stored state and the position it stands for; to the beginning if there is none.

        A state that another version wrote and this one cannot read costs the open windows, never the position.
        """
        saved = self._store.state(SNAPSHOT)
        position, watermark, state = msgspec.msgpack.decode(saved, type=Snapshot) if saved else self._fresh
        self.progress.position = position
        try:
            self._watermark.restore(watermark)
            self._pipeline.restore(state)
        except (msgspec.MsgspecError, LookupError, ValueError) as error:
            self._failed(error)
            self._watermark.restore(self._fresh[1])
            self._pipeline.restore(self._fresh[2])

    def run(self) -> None:
        """Until ``stop``: read, process, store, commit. Ends by itself only when the spool cannot be read any more."""
        while not self._stop.is_set():
            try:
                if not self._step():
                    self._stop.wait(IDLE)
            except StoreError as error:
                self._failed(error)
                self._stop.wait(RETRY)
                self._try(self._resume)
            except SocError as error:
                self._failed(error)
                return
        self._try(self._snapshot)

    def _try(self, act: Callable[[], None]) -> None:
        try:
            act()
        except StoreError as error:
            self._failed(error)

    def _step(self) -> bool:
        """One round; False when there was nothing to read."""
        self._use_offered()
        batches = self._spool.read(self.progress.position, BATCH_LINES)
        for batch in batches:
            self._process(batch)
        now = self._clock.now()
        if not batches:
            self._watermark.tick(now)
        self._advance()
        self._commit_when_due(now)
        self._came_through()
        return bool(batches)

    def _came_through(self) -> None:
        """A batch has been carried out, or there was none."""
        now = self._clock.now()
        self.progress.pause = max(self.progress.pause, now - self._through)
        self._through = now
        if self._used:
            self._used.set_result(None)
            self._used = None

    def use(self, content: Content) -> Future[None]:
        """Asks, from any thread, for other rules. The future is done when a batch has come through them; or it has the
        error, and the rules are what they were.
        """
        done: Future[None] = Future()
        self._offered = (content, done)
        return done

    def recent(self) -> list[Event]:
        """Some of the latest events of each kind, to rehearse other rules on; from any thread."""
        return [event for events in list(self._recent.values()) for event in list(events)]

    def _use_offered(self) -> None:
        if self._offered is None:
            return
        (content, done), self._offered = self._offered, None
        try:
            self._pipeline.use(content)
        except Exception as error:  # noqa: BLE001 - a defect in taking over must leave the old rules running
            self._failed(error)
            done.set_exception(error)
        else:
            self._used = done

    def stop(self) -> None:
        """Asks the loop to end; it stores a snapshot first."""
        self._stop.set()

    def _process(self, batch: RawBatch) -> None:
        origin = self._origin(batch.origin)
        for part, outcome in self._fed(batch):
            self._carry_out(outcome)
            self.progress.lines += len(part.lines)
            if time := reached(outcome.events):
                self._watermark.observe(batch.origin, time, batch.received)
                self.progress.skew[origin] = time - batch.received
        self.progress.per_origin[origin] += len(batch.lines)
        self.progress.last_seen[origin] = batch.received
        self.progress.position = batch.position + len(batch.lines)
        self._came_through()

    def _origin(self, name: str) -> str:
        """Senders are told apart up to a bound: addresses of UDP are easily forged."""
        known = self.progress.per_origin
        return name if name in known or len(known) < MAX_ORIGINS else OTHERS

    def _fed(self, batch: RawBatch) -> list[tuple[RawBatch, Outcome]]:
        """The batch's outcome; if something in it breaks the pipeline, line by line, the culprit kept as rejected."""
        try:
            return [(batch, self._pipeline.feed(batch))]
        except Exception as error:  # noqa: BLE001 - a defect must cost one line, not the pipeline
            self._failed(error)
            if len(batch.lines) == 1:
                reason = f"internal error: {type(error).__name__}: {error}"
                lost = Rejected(batch.origin, batch.position, batch.received, batch.device, reason, batch.lines[0])
                return [(batch, Outcome(rejected=[lost]))]
            return [fed for line in batch.cut(1) for fed in self._fed(line)]

    def _advance(self) -> None:
        self.progress.watermark = self._watermark.value
        try:
            outcome = self._pipeline.advance(self._watermark.value, silent=self._watermark.silent)
        except Exception as error:  # noqa: BLE001 - as above; what is left in the windows is tried again
            self._failed(error)
        else:
            self._carry_out(outcome)

    def _failed(self, error: Exception) -> None:
        self.progress.failures += 1
        self.progress.last_failure = "".join(traceback.format_exception(error))[-2000:]

    def _carry_out(self, outcome: Outcome) -> None:
        if outcome.events or outcome.rejected or outcome.alerts:
            self._store.put_events(outcome.events)
            self._store.put_rejected(outcome.rejected)
            self._store.put_alerts(outcome.alerts)
            self._dirty = True
        for event in outcome.events[::RECENT_STEP]:
            self._recent[str(event["event.dataset"])].append(event)
        self.progress.events += len(outcome.events)
        self.progress.rejected += len(outcome.rejected)
        self.progress.hits += outcome.hits

    def _commit_when_due(self, now: int) -> None:
        if now >= self._snapshot_at:
            self._snapshot()
            # a big state takes long to store: never more than a tenth of the time goes into it
            self._snapshot_at = now + max(SNAPSHOT_EVERY, 10 * (self._clock.now() - now))
        elif self._dirty and now - self._committed >= COMMIT_EVERY:
            self._store.commit()
            self._dirty = False
        else:
            return
        self._committed = now
        if now - self._purged_at >= PURGE_EVERY:
            self._purged_at = now
            self._store.purge(self._retention, now)
            self._store.commit()

    def _snapshot(self) -> None:
        """State and position in one transaction; only then may the spool let the lines go."""
        position = self.progress.position
        state = (position, self._watermark.state(), self._pipeline.state())
        self._store.put_state(SNAPSHOT, msgspec.msgpack.encode(state))
        self._store.commit()
        self._dirty = False
        self._spool.release(position)


def stored_position(store: Store) -> int:
    """The spool position that the stored state stands for: lines before it are done, and never numbered again."""
    saved = store.state(SNAPSHOT)
    return msgspec.msgpack.decode(saved, type=Snapshot)[0] if saved else 0
