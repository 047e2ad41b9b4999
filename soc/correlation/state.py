"""A correlator's state as bytes: MessagePack, each event once."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import msgspec

from soc.core.event import Event, with_tuples
from soc.core.storable import storable
from soc.correlation.condition import Number
from soc.correlation.episode import Episode, Sample
from soc.correlation.lane import Group, Lane


class SavedEpisode(msgspec.Struct, array_like=True):
    """An Episode; samples None: those of its group."""

    key: tuple[str, ...]
    anchor: int
    last: int
    count: int
    value: str
    seen: tuple[int | None, ...]
    changed: bool
    samples: list[tuple[int, int]] | None
    hosts: list[str] = []
    about: int | None = None


class SavedGroup(msgspec.Struct, array_like=True):
    """A Group; samples are (time, row of the event table)."""

    key: tuple[str, ...]
    hits: list[list[int]]
    measure: list[Any] | None
    samples: list[tuple[int, int]]
    episode: SavedEpisode | None


class SavedLane(msgspec.Struct, array_like=True):
    """A Lane; groups stalest first. hash: of the correlation's content."""

    hash: str
    groups: list[SavedGroup]
    evicted: int
    ungrouped: int
    unusable: int
    entries: int
    since: int = 0
    alarmed: int = 0


class Saved(msgspec.Struct):
    """The whole of it. lanes: a SavedLane each, read one by one, so that one that cannot be read costs no other."""

    horizon: int
    number: int
    arrival: int
    position: tuple[int, str, int, str]
    late: dict[str, int]
    early: int
    waiting: list[tuple[int, str, int, str, str, int, int]]
    lanes: dict[str, msgspec.Raw]
    ended: list[tuple[str, SavedEpisode]]
    events: list[dict[str, Any]]
    version: int = 1

    def restored_events(self) -> list[Event]:
        """The event table with its arrays as tuples again."""
        return [with_tuples(row) for row in self.events]


class EventTable:
    """Numbers events, so that one that is kept in several places is written once."""

    def __init__(self) -> None:
        self.rows: list[Event] = []
        self._row: dict[int, int] = {}

    def add(self, event: Event) -> int:
        """The event's row. Events are told apart by identity: they stay alive while the table does."""
        row = self._row.get(id(event))
        if row is None:
            row = self._row[id(event)] = len(self.rows)
            self.rows.append(event)
        return row


@dataclass(slots=True)
class Restored:
    """What became of each correlation's windows (ids): the first three are of those that are loaded now.

    kept        went on
    fresh       there were none: it is new
    changed     its content is another, so its windows were let go
    unreadable  they could not be read, so they were let go
    dropped     the correlation is gone, and its windows with it
    """

    kept: list[str] = field(default_factory=list)
    fresh: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)

    def outcome(self, loaded: bool | None) -> list[str]:
        """The list for what ``load_lane`` said."""
        return self.unreadable if loaded is None else self.kept if loaded else self.changed


def encode(saved: Saved | SavedLane) -> bytes:
    """As bytes. What MessagePack cannot hold (whole numbers beyond 64 bits, broken text) is made text that it can."""
    try:
        return msgspec.msgpack.encode(saved)
    except (OverflowError, UnicodeEncodeError):
        return msgspec.msgpack.encode(storable(msgspec.to_builtins(saved, builtin_types=(msgspec.Raw,))))


def decode(state: bytes) -> Saved | None:
    """The inverse of encode; None when it is something else, or of a version that had other parts."""
    try:
        return msgspec.msgpack.decode(state, type=Saved)
    except msgspec.MsgspecError:
        return None


def dump_lane(lane: Lane, events: EventTable) -> msgspec.Raw:
    """A lane's groups and counters."""
    groups = [
        SavedGroup(
            key=key,
            hits=group.hits.dump(),
            measure=group.measure.dump() if group.measure is not None else None,
            samples=_rows(group.samples, events),
            episode=_dump_running(group, events),
        )
        for key, group in lane.groups.items()
    ]
    saved = SavedLane(
        hash=lane.correlation.info.hash,
        groups=groups,
        evicted=lane.evicted,
        ungrouped=lane.ungrouped,
        unusable=lane.unusable,
        entries=lane.entries,
        since=lane.since,
        alarmed=lane.alarmed,
    )
    return msgspec.Raw(encode(saved))


def load_lane(lane: Lane, part: msgspec.Raw, events: list[Event]) -> bool | None:
    """Fills a fresh lane; False when the correlation was another then, None when its part cannot be read."""
    try:
        saved = msgspec.msgpack.decode(part, type=SavedLane)
        if saved.hash != lane.correlation.info.hash:
            return False
        _fill(lane, saved, events)
    except (msgspec.MsgspecError, ValueError, TypeError, LookupError, AttributeError):
        lane.clear()  # another version's, or damaged: what a measure finds in it may be of any shape
        return None
    return True


def _fill(lane: Lane, saved: SavedLane, events: list[Event]) -> None:
    lane.since, lane.alarmed = saved.since, saved.alarmed
    lane.evicted, lane.ungrouped, lane.unusable = saved.evicted, saved.ungrouped, saved.unusable
    for row in saved.groups:
        group: Group = lane.open(row.key)
        group.hits.load(row.hits)
        if group.measure is not None and row.measure is not None:
            group.measure.load(row.measure)
        group.samples = [(time, events[place]) for time, place in row.samples]
        if row.episode is not None:
            shared = group.samples if row.episode.samples is None else None
            group.episode = load_episode(row.episode, events, shared)
        lane.sampled += group.sampled
    lane.entries = saved.entries


def dump_episode(episode: Episode, events: EventTable, shared: bool = False) -> SavedEpisode:
    """An episode, without its samples where it shares its group's."""
    return SavedEpisode(
        key=episode.key,
        anchor=episode.anchor,
        last=episode.last,
        count=episode.count,
        value=repr(episode.value),
        seen=episode.seen,
        changed=episode.changed,
        samples=None if shared else _rows(episode.samples, events),
        hosts=episode.hosts,
        about=None if episode.about is None else events.add(episode.about),
    )


def _dump_running(group: Group, events: EventTable) -> SavedEpisode | None:
    if group.episode is None:
        return None
    return dump_episode(group.episode, events, group.episode.samples is group.samples)


def load_episode(saved: SavedEpisode, events: list[Event], samples: list[Sample] | None = None) -> Episode:
    """The inverse; samples: its group's list, which it goes on sharing."""
    own = [(time, events[row]) for time, row in saved.samples or []]
    return Episode(
        key=saved.key,
        anchor=saved.anchor,
        last=saved.last,
        count=saved.count,
        value=_number(saved.value),
        samples=own if samples is None else samples,
        seen=saved.seen,
        changed=saved.changed,
        hosts=saved.hosts,
        about=None if saved.about is None else events[saved.about],
    )


def _rows(samples: list[Sample], events: EventTable) -> list[tuple[int, int]]:
    return [(time, events.add(event)) for time, event in samples]


def _number(text: str) -> Number:
    """A whole number may be longer than MessagePack's 64 bits, so numbers are kept as Python writes them."""
    return int(text) if text.lstrip("-").isdigit() else float(text)
