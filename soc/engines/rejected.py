"""Rejected lines again: which of them today's parsers read, and those brought back, exactly once.

What comes back has the origin, number and time of receipt that it had, so its event has the id that it would have had
at first: doing it twice, or dying halfway, writes nothing twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Literal, NamedTuple

from soc.core.event import Event, RawBatch, Rejected
from soc.core.ids import rejected_id
from soc.core.store import LineFilter, Store
from soc.engines.hunt import BATCH, Hunted, record
from soc.parsers import devices
from soc.pipeline.normalise import Normaliser
from soc.pipeline.pipeline import Pipeline

FROM_KAFKA = "kafka:"
"""Begins the origin of a record that is no batch of ours; the topic and its partition follow."""
FROM_ELASTICSEARCH = "elasticsearch:"
"""Begins the origin of a document that Elasticsearch refused; where it was to go and its id follow."""

Kind = Literal["line", "damaged", "refused"]
Fate = Literal["parses", "again", "stays"]

DAMAGED = "this record is no batch of lines and cannot be replayed; whoever sent it has to send it again"


class Tried(NamedTuple):
    """What would become of a rejected line now.

    fate    parses: it is an event now; again: a document that is to be written once more; stays: it does not parse
    device  that read it, or that it is sent with; reason: why it stays; event: what it is
    """

    line: Rejected
    fate: Fate
    device: str = ""
    reason: str = ""
    event: Event | None = None


@dataclass(slots=True)
class Replayed:
    """What a replay did. back: lines that are no longer rejected; alerts: ids of new ones, if rules ran here."""

    tried: int = 0
    back: list[Rejected] = field(default_factory=list)
    stayed: list[Tried] = field(default_factory=list)
    alerts: list[str] = field(default_factory=list)


def id_of_line(line: Rejected) -> str:
    """32 digits, as stores have it."""
    return rejected_id(line.origin, line.position, line.raw)


def kind(line: Rejected) -> Kind:
    """A line of a device, a damaged record of Kafka, or a document that Elasticsearch refused.

    A record of another shipper is a line as well: its origin is Kafka, and it has a device, if only "auto".
    """
    if line.origin.startswith(FROM_ELASTICSEARCH):
        return "refused"
    return "damaged" if line.origin.startswith(FROM_KAFKA) and not line.device else "line"


def find(store: Store, beginning: str) -> Rejected | None:
    """The line by its id or an unambiguous beginning of it (4 digits or more); None if none or several have it."""
    found = store.rejected(2, LineFilter(id=beginning.lower()))
    return found[0] if len(found) == 1 else None


def attempt(lines: Iterable[Rejected], normaliser: Normaliser) -> Iterator[Tried]:
    """Each line with the parsers of now: with the device that it had, else as whoever's it looks like."""
    for line in lines:
        sort = kind(line)
        if sort == "damaged":
            yield Tried(line, "stays", reason=f"{DAMAGED} ({line.reason})")
        elif sort == "refused":
            yield Tried(line, "again", reason=line.reason)
        else:
            yield _attempt(line, normaliser)


def _attempt(line: Rejected, normaliser: Normaliser) -> Tried:
    """A line of a known device is not taken by the device that takes any line: nothing would be learnt from it."""
    had = line.device if line.device in devices() else "auto"
    reason = line.reason
    for device in dict.fromkeys((had, "auto")):
        try:
            result = normaliser.read(RawBatch(line.origin, device, line.received, line.position, (line.raw,)))
        except Exception as error:  # noqa: BLE001 - a defect of a parser is why the line stays, not the end of others
            reason = f"{type(error).__name__}: {error}"
            continue
        if result.events and (device == had or not _anybodys(result.events[0])):
            return Tried(line, "parses", device, event=result.events[0])
        if device == had:
            reason = result.rejected[0].reason
    return Tried(line, "stays", had, reason)


def bring_back(store: Store, pipeline: Pipeline, tried: Sequence[Tried]) -> Replayed:
    """Stores the events of those that parse, runs the rules over them, and removes the lines.

    Rules see these events alone, in order of time: what a correlation would have made of them among others, only
    ``soc hunt`` can tell. Alerts that are there stay; new ones are marked as found late. Dying in between leaves lines
    that are events already, and trying again writes neither anew.
    """
    done = _told(tried)
    events = [one.event for one in tried if one.event is not None]
    events.sort(key=_time)
    found = Hunted()
    rest = iter(events)
    while part := list(islice(rest, BATCH)):
        store.put_events(part)
        found.add(pipeline.replay(part))
        found.add(pipeline.advance(_time(part[-1])))
    if events:
        found.add(pipeline.advance(_time(events[-1]) + 1))
    done.alerts = record(store, found.alerts.values())
    lines = [one.line for one in tried if one.fate == "parses"]
    store.remove_rejected(lines)
    store.commit()
    done.back += lines
    return done


def write_again(store: Store, tried: Iterable[Tried], write: Callable[[Rejected], str], done: Replayed) -> None:
    """What Elasticsearch refused, once more; what it refuses again stays. write: see ElasticsearchStore.write_again."""
    taken = []
    for one in tried:
        if one.fate != "again":
            continue
        if why := write(one.line):
            done.stayed.append(one._replace(fate="stays", reason=why))
        else:
            taken.append(one.line)
    store.remove_rejected(taken)
    store.commit()
    done.back += taken


def _anybodys(event: Event) -> bool:
    """Whether the device has read it that is asked last, and reads anything."""
    return any(event.get("event.dataset") in device.datasets for device in devices().values() if device.fallback)


def _told(tried: Sequence[Tried]) -> Replayed:
    return Replayed(len(tried), stayed=[one for one in tried if one.fate == "stays"])


def _time(event: Event) -> int:
    time = event.get("@timestamp")
    return time if isinstance(time, int) else 0
