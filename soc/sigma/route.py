"""Which rules an event is offered to: its route, and what is known of every event on that route."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Protocol

from soc.core.batch import Batch
from soc.core.event import Event
from soc.core.logsource import Dataset, LogSource

Route = Hashable


class Router(Protocol):
    """The log sources of events. A route is worked out for each event; the rest once a route."""

    def routes(self, events: Batch) -> Sequence[Route]:
        """What decides each event's log sources: its dataset, or channel and event id."""

    def sources(self, route: Route) -> tuple[LogSource, ...]:
        """The log sources that events of the route belong to, possibly several; () offers them to no rule."""

    def fixed(self, route: Route) -> Event:
        """Values that every event of the route has: tests on these fields are decided once, when rules are compiled."""


class DatasetRouter:
    """Events that our parsers made: event.dataset says it all."""

    def __init__(self, datasets: Mapping[str, Dataset]) -> None:
        self._sources = {name: dataset.sources for name, dataset in datasets.items()}

    def routes(self, events: Batch) -> Sequence[Route]:
        return events.column("event.dataset")

    def sources(self, route: Route) -> tuple[LogSource, ...]:
        return self._sources.get(route, ()) if isinstance(route, str) else ()

    def fixed(self, route: Route) -> Event:
        return {"event.dataset": route} if isinstance(route, str) else {}
