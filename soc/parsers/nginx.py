"""nginx: access log (combined, with or without a virtual host, and more behind it) and error log.

Formats: nginx.org, ngx_http_log_module and "Debugging log"; error lines as ngx_log_error writes them.
An access line that could be Apache's as well is taken for nginx's: see ``looks_like``.
"""

from __future__ import annotations

import re
from typing import Final

from soc.core.event import Event
from soc.core.logsource import Dataset, LogSource
from soc.parsers import _access
from soc.parsers._device import Device, Line, ParseError
from soc.parsers._time import date_time
from soc.parsers._url import put_host

_ERROR = re.compile(
    r"(\d{4})/(\d\d)/(\d\d) (\d\d:\d\d:\d\d) \[([a-z]{3,6})\] (\d{1,10})#(\d{1,10}): (?:\*\d+ )?(.*)",
    re.DOTALL | re.ASCII,
)
_ERRNO = re.compile(r"\((\d{1,5}): ", re.ASCII)
_NO_USER = re.compile(r'user "([^"]*+)"(?: was not found|: password mismatch)')
_CLIENT: Final = ", client: "


def parse(line: Line) -> Event:
    """An event of dataset "nginx.access" or "nginx.error"; ParseError for anything else."""
    text = line.text
    if text[4:5] == "/" and text[7:8] == "/" and text[19:21] == " [":
        return _error(line)
    return _access.access(line, "nginx")


def looks_like(text: str) -> bool:
    """An nginx error line; or a combined access line without a virtual host, which Apache writes just so.

    Nothing in such a line tells the two apart, and their fields are the same; Apache gets the common
    format and the lines that begin with a virtual host. A syslog program or ``--device`` settles it.
    """
    if text[4:5] == "/" and text[19:21] == " [":
        return _ERROR.match(text) is not None
    return _access.is_access(text) and _access.is_plain_combined(text)


def _error(line: Line) -> Event:
    found = _ERROR.match(line.text)
    if not found:
        raise ParseError("not an nginx error line")
    year, month, day, clock, level, pid, thread, text = found.groups()
    event: Event = {
        "@timestamp": date_time(f"{year}-{month}-{day}", clock, line.zone),
        "event.kind": "event",
        "event.category": ("web",),
        "event.type": ("error",),
        "event.module": "nginx",
        "event.dataset": "nginx.error",
        "event.original": line.raw,
        "log.level": level,
        "process.pid": int(pid),
        "process.thread.id": int(thread),
    }
    if line.host:
        event["host.name"] = line.host
    message, found_client, details = text.partition(_CLIENT)
    if _CLIENT in details:
        # nginx escapes nothing here: a path or a referrer may forge this, and then no part of it is to be trusted.
        message, found_client = text, ""
    event["message"] = message
    if errno := _ERRNO.search(message):
        event["error.code"] = errno[1]
    if found_client:
        _put_details(event, details)
    user = _NO_USER.search(message)
    if user or "login failed" in message:
        event["event.category"] = ("authentication", "web")
        event["event.outcome"] = "failure"
        if user:
            event["user.name"] = user[1]
    return event


def _put_details(event: Event, details: str) -> None:
    """'192.0.2.1, server: _, request: "GET / HTTP/1.1", host: "h", referrer: "r"', as far as it goes."""
    _access.put_client_address(event, details.partition(",")[0])
    if request := _quoted(details, ', request: "'):
        _access.put_request(event, request)
    if host := _quoted(details, ', host: "'):
        put_host(event, host)
    if referrer := _quoted(details, ', referrer: "'):
        event["http.request.referrer"] = referrer
    if login := _quoted(details, ', login: "'):
        event["user.name"] = login


def _quoted(details: str, label: str) -> str:
    return details.partition(label)[2].partition('"')[0]


_ERROR_FILLS: Final = (
    _access.FILLS
    - {"http.response.body.bytes", "http.response.status_code", "network.forwarded_ip", "user_agent.original"}
) | {"message", "log.level", "error.code", "process.pid", "process.thread.id"}

DEVICE = Device(
    name="nginx",
    title="nginx access and error logs",
    parse=parse,
    looks_like=looks_like,
    programs=frozenset({"nginx"}),
    datasets={
        "nginx.access": Dataset((LogSource("webserver", "nginx", "access"),), _access.FILLS),
        # Sigma's own rules say only "service: nginx", meaning the error log.
        "nginx.error": Dataset((LogSource(None, "nginx", "error"), LogSource(None, "nginx", "nginx")), _ERROR_FILLS),
    },
)
