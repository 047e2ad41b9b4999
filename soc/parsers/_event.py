"""How the events of syslog programs begin: when, whose line, on which host, by which process."""

from __future__ import annotations

from soc.core.event import Event
from soc.parsers._device import Line


def new_event(line: Line, module: str, dataset: str) -> Event:
    """The fields that the syslog header fills; a line without a time happened when it arrived."""
    event: Event = {
        "@timestamp": line.received if line.time is None else line.time,
        "event.kind": "event",
        "event.module": module,
        "event.dataset": dataset,
        "event.original": line.raw,
    }
    if line.host:
        event["host.name"] = line.host
    pid = line.pid
    if pid and len(pid) < 11 and pid.isascii() and pid.isdigit():
        event["process.pid"] = int(pid)
    return event
