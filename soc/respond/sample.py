"""The evidence kept with an alert: its first three and its latest seven events, whatever order they come in."""

from __future__ import annotations

from bisect import bisect_left

import msgspec

from soc.core.alert import EventRef
from soc.core.event import Event, to_wire
from soc.core.ids import id_of

FIRST, LATEST = 3, 7

# Longer texts are cut in the evidence (the store has the whole event), so 64 KB lines cannot fill the memory.
LONGEST = 4096


class Evidence(msgspec.Struct, frozen=True):
    """One event of a sample; time in µs."""

    time: int
    id: str
    event: Event


class Sample(msgspec.Struct):
    """Distinct events ordered by time, then id: the FIRST earliest and the LATEST latest of all that were added."""

    kept: list[Evidence] = []

    def add(self, event: Event) -> None:
        """Takes an event if it belongs to the sample; one that is already there changes nothing."""
        kept = self.kept
        time = time_of(event)
        full = len(kept) == FIRST + LATEST
        if full and kept[FIRST - 1].time < time < kept[FIRST].time:
            return
        id = id_of(event)
        place = bisect_left(kept, (time, id), key=_order)
        if place < len(kept) and kept[place].id == id:
            return
        kept.insert(place, Evidence(time, id, _bounded(event)))
        if full:
            del kept[FIRST]

    def references(self) -> tuple[EventRef, ...]:
        """The sample as an alert shows it: events in wire form, ordered by time, fields by name.

        A parser may fill fields in another order once it has learned a device's habits; an alert is the same bytes.
        """
        return tuple(EventRef(item.id, item.time, dict(sorted(to_wire(item.event).items()))) for item in self.kept)


def time_of(event: Event) -> int:
    """Event time in µs; 0 for an event without one."""
    time = event.get("@timestamp")
    return time if isinstance(time, int) else 0


def _order(item: Evidence) -> tuple[int, str]:
    return item.time, item.id


def _bounded(event: Event) -> Event:
    original = event.get("event.original")
    if isinstance(original, str) and len(original) <= LONGEST:
        return event
    return {
        name: value[:LONGEST] + "…" if isinstance(value, str) and len(value) > LONGEST else value
        for name, value in event.items()
    }
