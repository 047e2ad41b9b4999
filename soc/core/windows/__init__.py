"""Windows event logs: which of Sigma's log sources a record belongs to, by channel, provider and event id."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from pathlib import Path

import msgspec

from soc.core.logsource import LogSource
from soc.core.yamlfile import read_struct

MAX_EVENT_ID = 0xFFFF


class Log(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One log as logs.yml describes it."""

    channels: tuple[str, ...]
    product: str = "windows"
    services: tuple[str, ...] = ()
    providers: tuple[str, ...] = ()
    events: dict[int, tuple[str, ...]] = {}


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    logs: tuple[Log, ...]
    written_to: dict[str, dict[int, str]]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a record was written, and what Sigma calls that.

    dataset  our name of it: windows.security, windows.sysmon.process_creation
    sources  its service, and the same with each of its categories
    """

    dataset: str
    sources: tuple[LogSource, ...]


UNKNOWN = Place("windows.other", (LogSource(product="windows"),))
"""A Windows record of a log that Sigma has no name for: for rules that ask for ``product: windows`` alone."""


@cache
def _read() -> _File:
    return read_struct(Path(str(files("soc.core.windows") / "logs.yml")), _File)


@cache
def _by_channel() -> dict[str, Log]:
    """Channel in lower case -> its log."""
    return {channel.lower(): log for log in logs() for channel in log.channels}


@cache
def _by_provider() -> dict[str, str]:
    return {provider.lower(): log.channels[0].lower() for log in logs() for provider in log.providers}


def logs() -> tuple[Log, ...]:
    """Every log that Sigma's taxonomy or SigmaHQ's rules know."""
    return _read().logs


@lru_cache(4096)
def place(channel: str, event_id: int | None, provider: str) -> Place:
    """Where a record with these values was written; "" and None where it does not state them."""
    elsewhere = _read().written_to.get(provider, {}).get(event_id or 0)
    name = (elsewhere or channel).lower() or _by_provider().get(provider.lower(), "")
    if name not in _by_channel() and provider.lower() in _by_provider():
        name = _by_provider()[provider.lower()]
    if name not in _by_channel():
        return UNKNOWN
    return _place(_by_channel()[name], event_id)


def _place(log: Log, event_id: int | None) -> Place:
    categories = log.events.get(event_id or 0, ())
    name = ".".join((log.product, *log.services[:1], *categories[:1]))
    sources = tuple(
        LogSource(category, log.product, service)
        for service in log.services or (None,)
        for category in (None, *categories)
    )
    return Place(name, sources)


def places() -> Iterator[Place]:
    """Every place that a record can come from."""
    yield UNKNOWN
    for log in logs():
        yield from (_place(log, number) for number in (None, *log.events))


def number_of(event_id: object) -> int | None:
    """An event id as records state it, 4624 or "4624"; None for what is none."""
    if isinstance(event_id, str) and event_id.isascii() and event_id.isdigit() and len(event_id) < 6:
        found = int(event_id)
        return found if str(found) == event_id and found <= MAX_EVENT_ID else None
    return event_id if type(event_id) is int and 0 <= event_id <= MAX_EVENT_ID else None
