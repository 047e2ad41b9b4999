"""How far event time has come: a time before which no event is still expected.

Each source has reached the latest event time that it sent. The watermark is the time that all sources heard of
lately have reached, less the lateness. It never goes back, no source can push it past the clock that receives,
and none can hold it far behind the others.
"""

from __future__ import annotations

import msgspec

SECOND = 1_000_000
MAX_SOURCES = 100_000
SILENCE = 10
"""Times ``idle`` after which silence of all sources is taken for their end, until they are heard of again."""


class _Source(msgspec.Struct, array_like=True):
    """reached: latest event time; heard: when it was last received (both µs)."""

    reached: int
    heard: int


class _State(msgspec.Struct, array_like=True):
    value: int
    now: int
    latest: int
    sources: dict[str, _Source]
    last: int = 0
    ended: bool = False


class Watermark:
    """The watermark of all sources together. All times are µs since the epoch.

    lateness  how long events of a source may come after later ones of it
    idle      a source that was not heard of for so long is not waited for
    hold      how far a source may be behind the one furthest ahead and still be waited for; the events of one
              further behind (a stopped clock, a backlog) are late, and counted as such
    """

    def __init__(self, lateness: int, idle: int = 60 * SECOND, hold: int = 600 * SECOND) -> None:
        self._lateness = lateness
        self._idle = idle
        self._hold = hold
        self._now = 0
        self._value = 0
        self._latest = 0  # event time that any source has ever reached
        self._sources: dict[str, _Source] = {}
        self._slowest: _Source | None = None  # the one that the watermark waits for; None: to be found again
        self._furthest = 0  # event time that any of the sources has reached
        self._idle_at = 0  # until the clock passes this, no source is idle
        self._last = 0  # event time of the last line of any source, as ``observe`` was told
        self._ended = False  # whether the last source that was left has ended by itself
        self._heard = 0  # when any source was last heard of, by the clock

    @property
    def value(self) -> int:
        """No event older than this is still expected; 0 until something is known."""
        return self._value

    @property
    def sources(self) -> int:
        """How many sources were heard of lately."""
        return len(self._sources)

    @property
    def ended(self) -> bool:
        """Whether no source is left, and the last one was closed: nothing is expected, until a source is heard of."""
        return self._ended

    @property
    def silent(self) -> bool:
        """Whether no source has been heard of for SILENCE times idle: nothing is expected at all."""
        return not self._sources and self._now - self._heard >= SILENCE * self._idle

    def observe(
        self, source: str, event_time: int, received: int, clock: int | None = None, last: int | None = None
    ) -> None:
        """A batch of a source: its latest event time, and when it was received.

        clock: the time by which sources become idle, as ``tick`` has it; when it was received, unless given.
        last: where event_time stands for a whole batch, the time of its last event, up to which all is decided when
        every source has ended.

        A time in the future of the receiving clock counts as now: such an event waits until time has caught up,
        and a forged one moves nothing. Costs the same however many sources there are, except when the slowest
        one moves on. Beyond 100,000 sources, new ones are not waited for.
        """
        reached, clock = min(event_time, received), received if clock is None else clock
        self.tick(clock)
        self._heard = self._now
        self._ended = False
        self._last = max(self._last, min(event_time if last is None else last, received))
        known = self._sources.get(source)
        if known is None:
            if len(self._sources) >= MAX_SOURCES:
                return
            known = self._sources[source] = _Source(reached, clock)
            if self._slowest and self._furthest - self._hold <= reached < self._slowest.reached:
                self._slowest = known
        else:
            known.heard = max(known.heard, clock)
            if reached > known.reached:
                known.reached = reached
                if known is self._slowest:
                    self._slowest = None
        self._furthest = max(self._furthest, reached)
        self._latest = max(self._latest, reached)
        self._update()

    def tick(self, now: int) -> None:
        """Time passes without a batch: sources become idle. When all are, everything they sent can be decided."""
        self._now = max(self._now, now)
        self._update()

    def close(self, source: str) -> None:
        """The source has ended (a file read to its end) and is not waited for any longer."""
        if self._sources.pop(source, None) is not None:
            self._slowest = None
            self._ended = not self._sources
            self._update()

    def _update(self) -> None:
        slowest = self._slowest
        if slowest is None or self._now > self._idle_at or slowest.reached < self._furthest - self._hold:
            slowest = self._slowest = self._find_slowest()
        if slowest is not None:
            self._value = max(self._value, slowest.reached - self._lateness)
        elif self._ended:
            self._value = max(self._value, self._last + 1)
        elif self._latest:
            self._value = max(self._value, self._latest + 1)

    def _find_slowest(self) -> _Source | None:
        """Looks at every source once, and forgets those that are idle."""
        since = self._now - self._idle
        self._sources = {name: known for name, known in self._sources.items() if known.heard >= since}
        sources = self._sources.values()
        if not sources:
            return None
        self._idle_at = min(known.heard for known in sources) + self._idle
        self._furthest = max(known.reached for known in sources)
        waited = [known for known in sources if known.reached >= self._furthest - self._hold]
        return min(waited, key=lambda known: known.reached)

    def state(self) -> bytes:
        """What it knows, as bytes."""
        return msgspec.msgpack.encode(
            _State(self._value, self._now, self._latest, self._sources, self._last, self._ended)
        )

    def restore(self, state: bytes) -> None:
        """Takes the place of what it knows now. msgspec.DecodeError if it is no state of ours."""
        saved = msgspec.msgpack.decode(state, type=_State)
        self._value, self._now, self._latest, self._sources = saved.value, saved.now, saved.latest, saved.sources
        self._heard, self._last, self._ended = saved.now, saved.last, saved.ended
        self._slowest = None
        self._update()
