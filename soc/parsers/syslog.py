"""Any line at all: the fallback that keeps what no other parser reads, with what its syslog header says."""

from __future__ import annotations

from typing import Final

from soc.core.event import Event
from soc.core.logsource import Dataset, LogSource
from soc.parsers._device import Device, Line

# RFC 5424, section 6.2.1, under the names that syslog.h gives them.
_FACILITIES: Final = (
    *("kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp"),
    *("ntp", "audit", "alert", "clock", *(f"local{number}" for number in range(8))),
)
_SEVERITIES: Final = ("emerg", "alert", "crit", "err", "warning", "notice", "info", "debug")


def parse(line: Line) -> Event:
    """An event of dataset "syslog.generic"; never fails. Without a time of its own it happened on arrival."""
    event: Event = {
        "@timestamp": line.received if line.time is None else line.time,
        "event.kind": "event",
        "event.module": "syslog",
        "event.dataset": "syslog.generic",
        "event.original": line.raw,
        "message": line.text,
    }
    if line.host:
        event["host.name"] = line.host
    if line.program:
        event["process.name"] = line.program
    if line.pid.isascii() and line.pid.isdigit() and len(line.pid) < 11:
        event["process.pid"] = int(line.pid)
    if line.priority >= 0:
        facility, severity = divmod(line.priority, 8)
        event["log.syslog.priority"] = line.priority
        event["log.syslog.facility.code"] = facility
        event["log.syslog.facility.name"] = _FACILITIES[facility]
        event["log.syslog.severity.code"] = severity
        event["log.syslog.severity.name"] = _SEVERITIES[severity]
        event["log.level"] = _SEVERITIES[severity]
    return event


DEVICE = Device(
    name="syslog",
    title="Any syslog sender (RFC 3164, RFC 5424) or plain text",
    parse=parse,
    datasets={
        "syslog.generic": Dataset(
            sources=(LogSource(product="linux", service="syslog"),),
            fills=frozenset(
                {
                    "message",
                    "host.name",
                    "process.name",
                    "process.pid",
                    "log.level",
                    "log.syslog.priority",
                    "log.syslog.facility.code",
                    "log.syslog.facility.name",
                    "log.syslog.severity.code",
                    "log.syslog.severity.name",
                }
            ),
        )
    },
    fallback=True,
)
