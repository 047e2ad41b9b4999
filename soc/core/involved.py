"""Whom events involve: a bounded set of names and addresses, and the event that concerns the most important system.

Both are minima, so neither the order of events nor how often somebody asks in between makes a difference.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import Final

from soc.core.event import Event

MOST_HOSTS: Final = 64
"""A scan touches thousands, an analyst reads some."""
_HOST_FIELDS: Final = ("source.ip", "destination.ip", "host.name", "source.domain", "destination.domain", "url.domain")


def involve(hosts: list[str], event: Event) -> None:
    """Adds the event's hosts to a sorted list, which keeps the first MOST_HOSTS of all."""
    for name in _HOST_FIELDS:
        host = event.get(name)
        if isinstance(host, str) and host:
            add(hosts, host)


def add(hosts: list[str], host: str) -> None:
    """Adds one host."""
    place = bisect_left(hosts, host)
    if place == MOST_HOSTS or (place < len(hosts) and hosts[place] == host):
        return
    hosts.insert(place, host)
    del hosts[MOST_HOSTS:]


def weight(event: Event) -> tuple[int, bool]:
    """The more, the more it concerns: the level of the event's system, then whether that is known at all."""
    level = event.get("soc.level")
    known = bool(event.get("soc.system") or event.get("soc.unit"))
    return (level if isinstance(level, int) else 0), known
