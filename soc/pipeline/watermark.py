"""How far event time has got: no event older than the watermark is expected any more."""

from __future__ import annotations

import msgspec

AHEAD = 300_000_000
IDLE = 60_000_000
MAX_SOURCES = 10_000


class Watermark:
    """The slowest active source's newest event time, minus the lateness; it never goes back. All times in µs.

    A source that has sent nothing for ``idle`` of received time no longer holds the others up. A time that lies
    more than AHEAD after its receipt is forged or a wrong clock, and counts as received + AHEAD.
    """

    def __init__(self, lateness: int, idle: int = IDLE) -> None:
        self._lateness = lateness
        self._idle = idle
        self._sources: dict[str, tuple[int, int]] = {}
        self._now = 0
        self.value = 0

    def observe(self, source: str, event_time: int, received: int) -> None:
        """The newest event time of a batch of one source. Once a batch, not once an event."""
        newest, seen = self._sources.get(source, (0, 0))
        self._sources[source] = (max(newest, min(event_time, received + AHEAD)), max(seen, received))
        self._now = max(self._now, received)
        self._raise()

    def tick(self, now: int) -> None:
        """Time passes without lines: idle sources are left behind, and windows close."""
        self._now = max(self._now, now)
        if self._sources and all(self._now - seen > self._idle for _, seen in self._sources.values()):
            newest = max(newest for newest, _ in self._sources.values())
            self.value = max(self.value, newest + 1)
            self._sources.clear()
        else:
            self._raise()

    def _raise(self) -> None:
        active = {name: times for name, times in self._sources.items() if self._now - times[1] <= self._idle}
        if len(active) > MAX_SOURCES:
            active = dict(sorted(active.items(), key=lambda item: item[1][1])[-MAX_SOURCES:])
        if active:
            self._sources = active
            self.value = max(self.value, min(newest for newest, _ in active.values()) - self._lateness)

    def state(self) -> bytes:
        """To go on after a restart."""
        return msgspec.msgpack.encode((self.value, self._now, self._sources))

    def restore(self, state: bytes) -> None:
        """The inverse of state."""
        kind = tuple[int, int, dict[str, tuple[int, int]]]
        self.value, self._now, self._sources = msgspec.msgpack.decode(state, type=kind)
