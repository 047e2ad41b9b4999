"""Apache HTTP Server: access log (common, combined, vhost_combined) and error log of 2.2 and 2.4.

Formats: httpd.apache.org, mod_log_config and core's ErrorLogFormat:
``[time] [module:level] [pid n:tid n] file(line): (status)text: [client a:p] AH00000: message, referer: r``
"""

from __future__ import annotations

import re
from typing import Final

from soc.core.event import Event
from soc.core.logsource import Dataset, LogSource
from soc.parsers import _access
from soc.parsers._device import Device, Line, ParseError
from soc.parsers._time import MONTHS, date_time

_ERROR = re.compile(
    r"\[[A-Z][a-z]{2} ([A-Z][a-z]{2}) ([ \d]\d) (\d\d:\d\d:\d\d(?:\.\d{1,9})?) (\d{4})\] "
    r"\[(?:([\w-]{0,40}):)?(\w{1,10})\] "
    r"(?:\[pid (\d{1,10})(?::tid (\d{1,18}))?\] )?"
    r"(?:[\w.-]{1,60}\.c\(\d+\): )?(?:\((-?\d{1,10})\)([^\[]*+))?"
    r"(?:\[(?:client|remote) ([^\] ]{1,300})\] )?(?:(AH\d{5}): )?(.*)",
    re.DOTALL | re.ASCII,
)
_NO_USER = re.compile(
    r"user [`']?([^ `':]{1,256})'?(?: not found|: authentication failure|: password mismatch| in realm)"
)
_REFERRER: Final = ", referer: "


def parse(line: Line) -> Event:
    """An event of dataset "apache.access" or "apache.error"; ParseError for anything else."""
    return _error(line) if _begins_with_day(line.text) else _access.access(line, "apache")


def looks_like(text: str) -> bool:
    """An Apache error line; or an access line with a virtual host, or without referrer and user agent."""
    if _begins_with_day(text):
        return _ERROR.match(text) is not None
    return _access.is_access(text) and not _access.is_plain_combined(text)


def _begins_with_day(text: str) -> bool:
    return text[:1] == "[" and text[4:5] == " "


def _error(line: Line) -> Event:
    found = _ERROR.match(line.text)
    if not found or found[1] not in MONTHS:
        raise ParseError("not an Apache error line")
    month, day, clock, year, module, level, pid, thread, status, reason, client, code, message = found.groups()
    date = f"{year}-{MONTHS[month]:02d}-{int(day):02d}"
    event: Event = {
        "@timestamp": date_time(date, clock, line.zone),
        "event.kind": "event",
        "event.category": ("web",),
        "event.type": ("error",),
        "event.module": "apache",
        "event.dataset": "apache.error",
        "event.original": line.raw,
        "log.level": level,
    }
    if line.host:
        event["host.name"] = line.host
    if module:
        event["log.logger"] = module
    if pid:
        event["process.pid"] = int(pid)
    if thread:
        event["process.thread.id"] = int(thread)
    if status:
        event["error.code"] = status
        event["error.message"] = reason.rstrip(": ")
    if client:
        _put_client(event, client, with_port=bool(pid))
    if code:
        event["event.code"] = code
    text, found_referrer, referrer = message.rpartition(_REFERRER)
    if found_referrer:
        event["http.request.referrer"] = referrer
        message = text
    event["message"] = message
    if user := _NO_USER.search(message):
        event["event.category"] = ("authentication", "web")
        event["event.outcome"] = "failure"
        event["user.name"] = user[1]
    return event


def _put_client(event: Event, client: str, with_port: bool) -> None:
    """Apache 2.4 writes address:port, with no brackets round IPv6; 2.2 the address alone."""
    address, colon, port = client.rpartition(":")
    if colon and (with_port or ":" not in address) and port.isascii() and port.isdigit() and len(port) <= 5:
        event["source.port"] = int(port)
    else:
        address = client
    _access.put_client_address(event, address)


_ERROR_FILLS: Final = frozenset(
    {
        "@timestamp",
        "event.kind",
        "event.category",
        "event.type",
        "event.module",
        "event.dataset",
        "event.original",
        "event.code",
        "event.outcome",
        "error.code",
        "error.message",
        "host.name",
        "http.request.referrer",
        "log.level",
        "log.logger",
        "message",
        "process.pid",
        "process.thread.id",
        "source.address",
        "source.domain",
        "source.ip",
        "source.port",
        "user.name",
    }
)

DEVICE = Device(
    name="apache",
    title="Apache HTTP Server access and error logs",
    parse=parse,
    looks_like=looks_like,
    programs=frozenset({"apache", "apache2", "httpd"}),
    datasets={
        "apache.access": Dataset((LogSource("webserver", "apache", "access"),), _access.FILLS),
        # Sigma's own rules say only "service: apache", meaning the error log.
        "apache.error": Dataset(
            (LogSource(None, "apache", "error"), LogSource(None, "apache", "apache")), _ERROR_FILLS
        ),
    },
)
