"""Lines to events: take off the syslog header, recognise the device, parse, enrich, join."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

import msgspec

from soc.core.event import Event, RawBatch, Rejected
from soc.parsers import Device, Join, ParseError, devices, read_line, recognise

# What a parser may raise on hostile or truncated text; anything else is a defect of the parser and must be seen.
BAD_DATA = (ValueError, LookupError, TypeError, AttributeError, ArithmeticError)


@dataclass(slots=True)
class Normalised:
    """A batch's events and rejected lines; len(events) - joined + len(rejected) is the number of lines.

    offered: the events, by index, that joins want to see, before any joined one has been put among them.
    """

    events: list[Event] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    joined: int = 0
    offered: list[int] = field(default_factory=list)


class Normaliser:
    """Keeps only what joins need between batches (the open mails of a mail server)."""

    def __init__(self, enrich: Callable[[Event], None], zone: int) -> None:
        self._enrich = enrich
        self._zone = zone
        self._devices: Mapping[str, Device] = devices()
        self._joins: dict[str, Join] = {
            device.name: device.join() for device in self._devices.values() if device.join is not None
        }

    def __call__(self, batch: RawBatch) -> Normalised:
        """Every line becomes an event or a Rejected; joined events come on top."""
        result = self.read(batch)
        events = result.events
        joined = self.join((place, events[place]) for place in result.offered)
        for place, whole in reversed(joined):
            events.insert(place + 1, whole)
        result.joined = len(joined)
        return result

    def join(self, offered: Iterable[tuple[int, Event]]) -> list[tuple[int, Event]]:
        """Offers events to the joins; gives the joined ones, each with the place of the event that it follows."""
        joins, joined = tuple(self._joins.values()), []
        for place, event in offered:
            for join in joins:
                for whole in join.feed(event):
                    whole["soc.joined"] = True
                    self._enrich(whole)
                    joined.append((place, whole))
        return joined

    def part(self, event: Event) -> Event | None:
        """As much of an offered event as the joins look at; None if they pass it over."""
        found: Event | None = None
        for join in self._joins.values():
            part = join.part(event)
            if part is not None:
                found = part if found is None else found | part
        return found

    def read(self, batch: RawBatch) -> Normalised:
        """The part that remembers nothing: every line becomes an event or a Rejected, and no event is joined."""
        result = Normalised()
        events, rejected, offered = result.events, result.rejected, result.offered
        enrich, zone, received, origin = self._enrich, self._zone, batch.received, batch.origin
        fixed = None if batch.device == "auto" else self._devices[batch.device]
        position = batch.position
        device: Device | None = None
        for raw in batch.lines:
            name = batch.device
            try:
                if not raw or raw.isspace():
                    raise ParseError("empty line")
                line = read_line(raw, received, zone)
                device = fixed or recognise(line, device)
                name = device.name
                event = device.parse(line)
            except BAD_DATA as error:
                reason = str(error) if isinstance(error, ValueError) else f"{type(error).__name__}: {error}"
                rejected.append(Rejected(origin, position, received, name, reason, raw))
            else:
                event["soc.origin"] = origin
                event["log.offset"] = position
                enrich(event)
                if device.joins:
                    offered.append(len(events))
                events.append(event)
            position += 1
        return result

    def expire(self, watermark: int) -> list[Event]:
        """Joined events whose remaining lines are not waited for any longer."""
        overdue = [event for join in self._joins.values() for event in join.expire(watermark)]
        for event in overdue:
            event["soc.joined"] = True
            self._enrich(event)
        return overdue

    def state(self) -> bytes:
        """The open joins, to go on after a restart."""
        return msgspec.msgpack.encode({name: join.state() for name, join in self._joins.items()})

    def restore(self, state: bytes) -> None:
        """The inverse of state; joins of devices that are gone are dropped."""
        for name, saved in msgspec.msgpack.decode(state).items():
            if name in self._joins:
                self._joins[name].restore(saved)


def first_time(lines: Iterable[bytes], device: str, received: int, zone: int) -> int:
    """The earliest event time (µs) among some lines; 0 when none of them parses. Leaves no trace in any state."""
    batch = RawBatch("", device, received, 0, tuple(lines))
    events = Normaliser(lambda event: None, zone).read(batch).events
    return min((time for event in events if isinstance(time := event["@timestamp"], int)), default=0)
