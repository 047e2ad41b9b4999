"""What anomaly models are given: one mergeable Partial for each entity and ten minutes of a batch, never one an event.

The entity is the host that acts: ``source.ip``. Of what comes from outside (``network.direction: inbound``) it is our
host, ``destination.ip``, and its peers are the outsiders; of lines without addresses it is ``host.name``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from heapq import nsmallest
from typing import Final

import msgspec

from soc.anomaly.bounded import kept, number
from soc.core.event import Event, Value
from soc.core.storable import storable

BUCKET: Final = 600_000_000
"""µs that a partial covers; buckets begin at its multiples."""
MEMBERS: Final = 256
"""Distinct peers, ports and called peers that a partial names; beyond it their number is estimated."""
CALLS: Final = 64
"""Times of calls to one peer that a partial keeps: the first of its bucket."""
SHOWN: Final = 2
"""Events that a partial carries as evidence: the first ones."""
LONG: Final = 4096
"""Bytes of such an event from which on its texts are cut."""
LONGEST: Final = 1024
"""Characters of a text then."""
REMEMBERED: Final = 20_000
"""Entities and buckets, and calls of such, of which Features knows what evidence it gave."""

_encode = msgspec.json.Encoder().encode

_Key = tuple[str, Value, int]
"""Field, value and number of the bucket."""
_Call = tuple[Value, Value]
"""Peer and its port."""
_Place = tuple[int, str, int]
"""Time, origin, number."""
First = tuple[int, str, int, int, str]
"""The first line of the calls to a peer: time (µs), origin, number; their port (0: none), and the peer's name."""


class Partial(msgspec.Struct, array_like=True):
    """Part of what one entity did in one bucket. Sums, minima, maxima and bounded sets, so parts merge in any order.

    entity    "source.ip=10.1.2.3": field and value
    bucket    µs, its start; first, last: µs of the first and last event in it
    sent, received   bytes; failures, denied: events with that outcome or type
    peers, ports     the other side's addresses and destination ports, ordered, at most MEMBERS
    calls     peer:port -> whole seconds in which the calls to it began, ordered, at most MEMBERS x CALLS
    evidence  (time µs, origin, number, event as JSON with dates in µs) of the first SHOWN events; those that earlier
              partials of the entity gave may be missing
    firsts    peer:port -> the first line of a source's calls to it; those that earlier partials gave may be missing
    """

    entity: str
    bucket: int
    events: int
    first: int
    last: int
    sent: int
    received: int
    failures: int
    denied: int
    peers: list[str]
    ports: list[str]
    calls: dict[str, list[int]]
    evidence: list[tuple[int, str, int, bytes]]
    firsts: dict[str, First] = {}

    @property
    def group(self) -> tuple[tuple[str, str], ...]:
        """Whom it is about, as findings say it."""
        name, _, value = self.entity.partition("=")
        return ((name, value),)

    @property
    def peer_count(self) -> int:
        return number(self.peers, MEMBERS)

    @property
    def port_count(self) -> int:
        return number(self.ports, MEMBERS)


class _Open:
    """A partial in the making: sets and lists that are bounded once, at the end of the batch.

    calls: when each began, and the first event of them with its time
    """

    __slots__ = ("calls", "denied", "events", "failures", "received", "sent", "times")

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.times: list[int] = []
        self.calls: dict[_Call, tuple[list[int], int, Event]] = {}
        self.sent = self.received = self.failures = self.denied = 0


class Features:
    """Partials of batches that follow each other. It remembers which evidence it gave, so as not to give later events
    again and again: whoever merges all partials has the same evidence as without, also when it begins anew.
    """

    def __init__(self) -> None:
        self._given: dict[_Key, list[_Place]] = {}
        self._told: dict[tuple[_Key, _Call], _Place] = {}

    def of(self, events: Iterable[Event]) -> list[Partial]:
        """The partials of a batch, ordered by bucket and entity; events that stand for several lines are left out."""
        opened: dict[_Key, _Open] = {}
        for event in events:
            time = event.get("@timestamp")
            if time.__class__ is not int or "soc.joined" in event:
                continue
            get = event.get
            field, peer = "source.ip", get("destination.ip")
            value = get(field)
            if value is None:
                field = "host.name"
                value = get(field)
                if value is None:
                    continue
            elif get("network.direction") == "inbound" and peer is not None:
                field, value, peer = "destination.ip", peer, value
            key = (field, value, time // BUCKET)
            one = opened.get(key)
            if one is None:
                one = opened[key] = _Open()
            one.events.append(event)
            one.times.append(time)
            if peer is not None:
                began = get("event.start")
                if began.__class__ is not int:
                    lasted = get("event.duration")
                    began = time - lasted // 1000 if lasted.__class__ is int else time
                call = (peer, get("destination.port"))
                known = one.calls.get(call)
                if known is None:
                    one.calls[call] = [began], time, event
                else:
                    times, earliest, first = known
                    times.append(began)
                    if time < earliest or (time == earliest and _place(event) < _place(first)):
                        one.calls[call] = times, time, event
            size = get("source.bytes")
            if size.__class__ is int:
                one.sent += size
            size = get("destination.bytes")
            if size.__class__ is int:
                one.received += size
            if get("event.outcome") == "failure":
                one.failures += 1
            kind = get("event.type")
            if kind.__class__ is tuple and "denied" in kind:
                one.denied += 1
        given = {key: self._earliest(key, one) for key, one in opened.items()}
        if len(self._told) > REMEMBERED:
            self._told.clear()
        made = [_closed(key, one, given[key], self._told) for key, one in opened.items()]
        if len(self._given) + len(given) > REMEMBERED:
            self._given.clear()
        for whom, shown in given.items():
            if shown:
                self._given[whom] = sorted({*self._given.get(whom, ()), *map(_place, shown)})[:SHOWN]
        made.sort(key=lambda part: (part.bucket, part.entity))
        return made

    def _earliest(self, key: _Key, one: _Open) -> list[Event]:
        """Events among which the first SHOWN are that were not given yet, whatever order they come in."""
        before = self._given.get(key, ())
        events: Iterable[Event] = one.events
        if len(before) == SHOWN:
            bound = before[-1]
            if min(one.times) > bound[0]:
                return []
        elif len(one.events) <= SHOWN:
            return one.events
        else:
            latest = nsmallest(SHOWN, one.times)[-1]
            early = [event for event, time in zip(one.events, one.times, strict=True) if time <= latest]
            places = set(map(_place, early))
            if len(places) >= SHOWN:  # else some of them are one line twice
                events = early
            else:
                places.update(map(_place, one.events))
            bound = nsmallest(SHOWN, places.union(before))[-1]
        return [event for event in events if _place(event) <= bound]


def partials(events: Iterable[Event]) -> list[Partial]:
    """The partials of events by themselves, ordered by bucket and entity."""
    return Features().of(events)


def _closed(key: _Key, one: _Open, shown: Sequence[Event], told: dict[tuple[_Key, _Call], _Place]) -> Partial:
    """told: of which calls the first line was given already, which is kept up."""
    field, value, bucket = key
    calls = {f"{peer}:{port}" if port is not None else str(peer): (peer, port) for peer, port in one.calls}
    names = calls if len(calls) <= MEMBERS else kept(calls, MEMBERS)
    firsts: dict[str, First] = {}
    for name in names if field == "source.ip" else ():  # who is called by others says nothing of them
        call = calls[name]
        first = one.calls[call][2]
        before, place = told.get((key, call)), _place(first)
        if before is None or place < before:
            told[key, call] = place
            named = first.get("tls.client.server_name") or first.get("url.domain") or first.get("destination.domain")
            port = call[1] if isinstance(call[1], int) else 0
            firsts[name] = (*place, port, named[:LONGEST] if isinstance(named, str) else "")
    peers, ports = {str(peer) for peer, _ in one.calls}, {str(port) for _, port in one.calls if port is not None}
    return Partial(
        entity=f"{field}={value}",
        bucket=bucket * BUCKET,
        events=len(one.events),
        first=min(one.times),
        last=max(one.times),
        sent=one.sent,
        received=one.received,
        failures=one.failures,
        denied=one.denied,
        peers=list(peers) if len(peers) <= 1 else kept(peers, MEMBERS),
        ports=list(ports) if len(ports) <= 1 else kept(ports, MEMBERS),
        calls={name: _seconds(one.calls[calls[name]][0]) for name in names},
        evidence=_first([_evidence(event) for event in shown]) if shown else [],
        firsts=firsts,
    )


def _seconds(times: list[int]) -> list[int]:
    if len(times) == 1:
        return [times[0] // 1_000_000]
    return sorted({time // 1_000_000 for time in times})[:CALLS]


def _place(event: Event) -> _Place:
    time, number = event["@timestamp"], event.get("log.offset", 0)
    assert isinstance(time, int)
    return time, str(event.get("soc.origin", "")), number if isinstance(number, int) else 0


def _evidence(event: Event) -> tuple[int, str, int, bytes]:
    written = _written(event)
    if len(written) > LONG:
        written = _written(
            {name: value[:LONGEST] if isinstance(value, str) else value for name, value in event.items()}
        )
    return *_place(event), written


def _written(event: Event) -> bytes:
    try:
        return _encode(event)
    except (OverflowError, UnicodeEncodeError):
        return _encode(storable(event))


def _first(evidence: Iterable[tuple[int, str, int, bytes]]) -> list[tuple[int, str, int, bytes]]:
    """The SHOWN first, each once; those of one time and place by what they say."""
    return sorted(set(evidence))[:SHOWN]


def merge(*parts: Partial) -> Partial:
    """What all are part of, at once cheaper than one by one; the arguments stay as they are.

    ValueError if they are of several entities or buckets.
    """
    whole = parts[0]
    peers: list[str] = []
    ports: list[str] = []
    evidence: list[tuple[int, str, int, bytes]] = []
    calls: dict[str, list[int]] = {}
    firsts: dict[str, First] = {}
    for one in parts:
        if (one.entity, one.bucket) != (whole.entity, whole.bucket):
            raise ValueError(f"{one.entity} at {one.bucket} is not {whole.entity} at {whole.bucket}")
        peers += one.peers
        ports += one.ports
        evidence += one.evidence
        for name, times in one.calls.items():
            calls.setdefault(name, []).extend(times)
        for name, line in one.firsts.items():
            if name not in firsts or line < firsts[name]:
                firsts[name] = line
    names = kept(calls, MEMBERS)
    return Partial(
        entity=whole.entity,
        bucket=whole.bucket,
        events=sum([one.events for one in parts]),
        first=min([one.first for one in parts]),
        last=max([one.last for one in parts]),
        sent=sum([one.sent for one in parts]),
        received=sum([one.received for one in parts]),
        failures=sum([one.failures for one in parts]),
        denied=sum([one.denied for one in parts]),
        peers=kept(peers, MEMBERS),
        ports=kept(ports, MEMBERS),
        calls={name: sorted(set(calls[name]))[:CALLS] for name in names},
        evidence=_first(evidence),
        firsts={name: firsts[name] for name in names if name in firsts},
    )


def merged(parts: Sequence[Partial]) -> list[Partial]:
    """One partial for each entity and bucket, ordered by bucket and entity."""
    found: dict[tuple[int, str], list[Partial]] = {}
    for part in parts:
        found.setdefault((part.bucket, part.entity), []).append(part)
    return [some[0] if len(some) == 1 else merge(*some) for _, some in sorted(found.items(), key=lambda one: one[0])]
