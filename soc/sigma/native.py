"""The log source of events with their product's own field names: what the event says of itself.

Windows records: channel, provider and event id. Zeek: the log's name in ``_path``, or in ``@stream`` as some of its
writers have it (Zeek's own ``service`` is a protocol, and no log source). Everything else: fields ``product``,
``service``, ``category`` (or ``logsource.product`` ...), as Sigma's taxonomy names them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from soc.core.batch import Batch
from soc.core.event import Event, Value
from soc.core.logsource import LogSource
from soc.core.windows import number_of, place
from soc.sigma.route import Route

MAX_ROUTES: Final = 4096
_NO_WINDOWS: Final = (None, None, None)
_PARTS: Final = ("category", "product", "service")
_STATED: Final = ("_path", "@stream", "@proc", *_PARTS, *(f"logsource.{part}" for part in _PARTS))


@dataclass(frozen=True, slots=True, eq=False)
class Kind:
    """Events that share a log source: told apart by identity, so that looking one up costs nothing."""

    sources: tuple[LogSource, ...]
    fixed: Event = field(default_factory=dict)


class NativeRouter:
    """otherwise: the log sources of events that state none (unrouted counts them); () offers those to no rule."""

    def __init__(self, otherwise: Iterable[LogSource] = ()) -> None:
        self.unrouted = 0
        self._nowhere = Kind(tuple(otherwise))
        self._windows: dict[tuple[Value, Value, Value], Kind] = {}
        self._others: dict[tuple[Value, ...], Kind] = {}
        self._by_path: dict[Value, Kind] = {}
        self._many: dict[tuple[LogSource, ...], Kind] = {}

    def route(self, event: Event) -> Kind:
        """What decides one event's log sources."""
        get = event.get
        of = get("Channel"), get("EventID"), get("Provider_Name")
        try:
            if of == _NO_WINDOWS:
                return self._by_path.get(get("_path", "")) or self._other(event)
            kind = self._windows.get(of)
            return self._new(event, of) if kind is None else kind
        except TypeError:  # a list where a name belongs
            self.unrouted += 1
            return self._nowhere

    def routes(self, events: Batch) -> Sequence[Route]:
        channels = events.column("Channel")
        if not any(channels):
            return list(map(self.route, events))
        of = zip(channels, events.column("EventID"), events.column("Provider_Name"), strict=True)
        try:
            known = list(map(self._windows.get, of))
        except TypeError:  # a list where a name belongs
            return list(map(self.route, events))
        return [self.route(events[place]) if kind is None else kind for place, kind in enumerate(known)]

    def sources(self, route: Route) -> tuple[LogSource, ...]:
        return route.sources if isinstance(route, Kind) else ()

    def fixed(self, route: Route) -> Event:
        return route.fixed if isinstance(route, Kind) else {}

    def _new(self, event: Event, of: tuple[Value, Value, Value]) -> Kind:
        channel, stated, provider = of
        number = number_of(stated)
        if number is None or (channel is None and provider is None):
            return self._other(event)
        found = place(_text(channel), number, _text(provider))
        fixed: Event = {"EventID": number, "Channel": channel, "Provider_Name": provider}
        if len(self._windows) >= MAX_ROUTES:  # made-up channels and ids: their log sources, and nothing more
            return self._shared(found.sources)
        canonical = channel, number, provider
        kind = self._windows.get(canonical) or Kind(
            found.sources, {name: value for name, value in fixed.items() if value is not None}
        )
        self._windows[canonical] = self._windows[of] = kind
        return kind

    def _other(self, event: Event) -> Kind:
        stated = tuple(map(event.get, _STATED))
        kind = self._others.get(stated)
        if kind is None:
            sources = _sources(*(_text(one).lower() for one in stated))
            if not sources or len(self._others) >= MAX_ROUTES:
                kind = self._nowhere
            else:
                kind = self._others[stated] = self._shared(sources)
                if isinstance(stated[0], str) and stated[0]:  # it decides alone
                    self._by_path[stated[0]] = kind
        if kind is self._nowhere:
            self.unrouted += 1
        return kind

    def _shared(self, sources: tuple[LogSource, ...]) -> Kind:
        """One kind for the same log sources."""
        kind = self._many.get(sources)
        if kind is None:
            kind = self._many[sources] = Kind(sources)
        return kind


def _sources(path: str, stream: str, writer: str, *parts: str) -> tuple[LogSource, ...]:
    if not path and writer == "zeek":
        path = stream
    if path == "dns":
        return LogSource("dns", "zeek", "dns"), LogSource(None, "zeek", "dns")
    if path:
        return (LogSource(None, "zeek", path),)
    category, product, service = (own or below or None for own, below in zip(parts[:3], parts[3:], strict=True))
    return (LogSource(category, product, service),) if category or product or service else ()


def _text(value: Value) -> str:
    return value if isinstance(value, str) else ""
