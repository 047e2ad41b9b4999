"""The stages without memory, for any process to do: a batch in, and out only what the stages with memory need of it.

Most events hit nothing and are joined with nothing, so little has to travel: counts, the time that the batch has
reached, and the few events that hit or that a join waits for. ``Pipeline.conclude`` goes on from there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from soc.core.batch import Batch
from soc.core.event import Event, RawBatch, Rejected
from soc.enrich import Enricher, Inventory
from soc.pipeline.content import Content
from soc.pipeline.normalise import Normaliser


@dataclass(frozen=True, slots=True)
class Digest:
    """A batch that was read and matched. A place is an event's index in its batch.

    lines, events  how many
    datasets  event.dataset -> events
    rejected  reason (see ``why``) -> lines, in the order in which they first came
    times     of the events, µs; of a batch that offers nothing to the joins their median alone
    hits      (place, ids of the rules, event) for each event that hit
    offered   (place, event) for each event that joins want, as much of it as they look at
    """

    lines: int
    events: int
    datasets: dict[str, int]
    rejected: dict[str, int]
    times: tuple[int, ...]
    hits: list[tuple[int, tuple[str, ...], Event]]
    offered: list[tuple[int, Event]]

    def reached(self, joined: Iterable[Event]) -> int:
        """As ``reached`` says of the batch's events, together with those joined when it was concluded."""
        return middle([*self.times, *times(joined)])


class Digester:
    """Reads, enriches and matches batches with the same content as the pipeline that concludes them."""

    def __init__(self, content: Content, inventory: Inventory, zone: int) -> None:
        self._normalise = Normaliser(Enricher(inventory), zone)
        self._matcher = content.matcher

    def __call__(self, batch: RawBatch) -> Digest:
        normal = self._normalise.read(batch)
        events, part = normal.events, self._normalise.part
        found = self._matcher.hits(Batch(events))
        offered = [(place, wanted) for place in normal.offered if (wanted := part(events[place])) is not None]
        when = times(events)
        return Digest(
            lines=len(batch.lines),
            events=len(events),
            datasets=dict(Counter([str(event["event.dataset"]) for event in events])),
            rejected=dict(Counter(map(why, normal.rejected))),
            times=tuple(when) if offered or not when else (middle(when),),
            hits=[(place, tuple([rule.id for rule in rules]), events[place]) for place, rules in found],
            offered=offered,
        )


def why(rejected: Rejected) -> str:
    """The reason as it is counted; it may quote the line, so its length is bounded."""
    return f"{rejected.device}: {rejected.reason}"[:200]


def times(events: Iterable[Event]) -> list[int]:
    """The events' times, µs."""
    return [time for event in events if isinstance(time := event["@timestamp"], int)]


def middle(times: Sequence[int]) -> int:
    """The median, the upper one of two; 0 of nothing."""
    return sorted(times)[len(times) // 2] if times else 0
