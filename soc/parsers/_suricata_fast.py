"""Suricata's one-line alerts: fast.log, and what its "syslog" output sends.

``10/05/2026-08:14:03.123456  [Drop] [**] [1:2034567:1] ET ... [**] [Classification: c] [Priority: 2] {TCP} a:1 -> b:2``
"""

from __future__ import annotations

import re
from typing import Final

from soc.core.event import Event
from soc.parsers._address import ip
from soc.parsers._device import Line, ParseError
from soc.parsers._time import date_time

_FAST = re.compile(
    r"(?:(\d\d)/(\d\d)/(\d{4})-(\d\d:\d\d:\d\d\.\d{1,9}) {1,4})?(?:\[(w?Drop)\] {1,2})?(?:\[\*\*\] )?"
    r"\[(\d{1,10}):(\d{1,10}):(\d{1,10})\] (.*?)(?: \[\*\*\])? "
    r"\[Classification: ([^\]]*+)\] \[Priority: (\d{1,5})\] \{([^}]{1,40})\} (\S{1,80}) -> (\S{1,80})",
    re.DOTALL | re.ASCII,
)
_FRAME: Final = " [Classification: "


def is_fast(text: str) -> bool:
    """True for the frame of a one-line alert, wherever it came from."""
    return _FRAME in text and "] [Priority: " in text and " -> " in text


def put_fast(event: Event, line: Line) -> None:
    """Fills what the line says. Its own time has no zone: the sensor's, taken as the line's zone."""
    found = _FAST.match(line.text)
    if not found:
        raise ParseError("not a Suricata alert line")
    month, day, year, clock, drop, gid, signature, revision, name, category, priority, proto, source, target = (
        found.groups()
    )
    if year:
        event["@timestamp"] = date_time(f"{year}-{month}-{day}", clock, line.zone)
    elif line.time is not None:
        event["@timestamp"] = line.time
    event["event.action"] = "blocked" if drop == "Drop" else "allowed"
    event["event.type"] = ("denied",) if drop == "Drop" else ("allowed",)
    event["event.severity"] = int(priority)
    event["suricata.eve.alert.gid"] = int(gid)
    event["rule.id"] = signature
    event["rule.version"] = revision
    event["rule.name"] = name
    event["rule.category"] = category
    event["network.transport"] = proto.lower()
    _put_end(event, "source", source)
    _put_end(event, "destination", target)


def _put_end(event: Event, side: str, text: str) -> None:
    address, _, port = text.rpartition(":")
    if known := ip(address):
        event[f"{side}.ip"] = known
        if port.isascii() and port.isdigit():
            event[f"{side}.port"] = int(port)
