"""Events that come together, of which mostly single fields are asked for: what an event holds besides is not made."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from soc.core.event import Event, Value


class Batch:
    """Some events in their order. Subclasses make an event when it is asked for as a whole.

    apart  the fields that a subclass keeps elsewhere: they are in the event as a whole, not among its own fields
    """

    __slots__ = ("_events", "_gets")
    apart: frozenset[str] = frozenset()

    def __init__(self, events: Sequence[Event]) -> None:
        self._events = events
        self._gets: list[Callable[[str], Value]] = [event.get for event in events]

    def __len__(self) -> int:
        return len(self._gets)

    def __iter__(self) -> Iterator[Event]:
        return map(self.__getitem__, range(len(self)))

    def __getitem__(self, place: int) -> Event:
        """The whole event."""
        return self._events[place]

    def own(self, place: int) -> Event:
        """The event, of which those fields may be missing that are kept apart."""
        return self._events[place]

    def column(self, name: str) -> list[Value]:
        """The field's value in each event, None where there is none."""
        return [get(name) for get in self._gets]

    def at(self, places: Sequence[int]) -> Batch:
        """The events at these places."""
        return _Chosen(self, places)


class _Chosen(Batch):
    """Some events of a batch."""

    __slots__ = ("_batch", "_places")

    def __init__(self, batch: Batch, places: Sequence[int]) -> None:
        self._batch = batch
        self._places = places
        self._gets = [batch._gets[place] for place in places]

    def __getitem__(self, place: int) -> Event:
        return self._batch[self._places[place]]

    def own(self, place: int) -> Event:
        return self._batch.own(self._places[place])

    def column(self, name: str) -> list[Value]:
        if name in self._batch.apart:
            column = self._batch.column(name)
            return [column[place] for place in self._places]
        return super().column(name)
