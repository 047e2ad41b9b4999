"""The access line that nginx and Apache share: Common Log Format and what both add to it.

``[vhost[:port] ]client ident user [time] "request" status bytes[ "referrer"[ "user agent"]][ more]``
(httpd.apache.org: mod_log_config; nginx.org: ngx_http_log_module). Of what follows the user agent, only
``"$http_x_forwarded_for"`` is read, which nginx's packaged configuration logs there.
"""

from __future__ import annotations

import re
from typing import Final

from soc.core.event import Event
from soc.parsers._address import ip
from soc.parsers._device import Line, ParseError
from soc.parsers._time import clf_time
from soc.parsers._url import ABSOLUTE_FIELDS, TARGET_FIELDS, put_host, put_target

_TIME = r"\[(\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4})\]"
# Possessive throughout, so that a line of 64 KB costs one pass. A quote within quotes is \" or \x22; relays cut
# long lines short, so any quoted part may be the last and without its end.
_QUOTED = r'"([^"\\]*+(?:\\.[^"\\]*+)*+)(?:"|$)'
_LINE = re.compile(
    rf"(\S.*?) {_TIME} {_QUOTED}(?: (\d{{3}}|-) (\d{{1,18}}|-)(?!\d)(?: {_QUOTED}(?: {_QUOTED})?)?(.*)|$)",
    re.DOTALL | re.ASCII,
)
_ESCAPED = re.compile(r"((?:\\x[0-9A-Fa-f]{2})+)|\\(.)", re.DOTALL)
_CONTROL = re.compile("[\x00-\x1f\x7f]")
_LONGEST_HEAD: Final = 1024
_STATUS: Final = {str(code): (code, "success" if code < 400 else "failure") for code in range(100, 1000)}

FILLS: Final = (
    TARGET_FIELDS
    | ABSOLUTE_FIELDS
    | {
        "@timestamp",
        "event.kind",
        "event.category",
        "event.type",
        "event.module",
        "event.dataset",
        "event.original",
        "event.outcome",
        "event.reason",
        "host.name",
        "source.address",
        "source.ip",
        "source.domain",
        "user.name",
        "http.request.method",
        "http.request.referrer",
        "http.response.body.bytes",
        "http.response.status_code",
        "http.version",
        "network.forwarded_ip",
        "user_agent.original",
    }
)


def access(line: Line, module: str) -> Event:
    """An event of dataset "<module>.access". A request that is no HTTP has event.reason instead of a method."""
    found = _LINE.match(line.text)
    if not found:
        raise ParseError("not an access line in common or combined format")
    head, time, request, status, size, referrer, agent, more = found.groups()
    event: Event = {
        "@timestamp": clf_time(time),
        "event.kind": "event",
        "event.category": ("web",),
        "event.type": ("access",),
        "event.module": module,
        "event.dataset": module + ".access",
        "event.original": line.raw,
    }
    if line.host:
        event["host.name"] = line.host
    words = head.split(" ")
    if len(words) == 3 and words[2] == "-":
        put_client_address(event, words[0])
    else:
        _put_client(event, words)
    put_request(event, request)
    if status in _STATUS:
        event["http.response.status_code"], event["event.outcome"] = _STATUS[status]
    if size and size != "-":
        event["http.response.body.bytes"] = int(size)
    if referrer and referrer != "-":
        event["http.request.referrer"] = unescaped(referrer) if "\\" in referrer else referrer
    if agent and agent != "-":
        event["user_agent.original"] = unescaped(agent) if "\\" in agent else agent
    if more and more[:2] == ' "' and (forwarded := ip(more[2 : more.find('"', 2)].partition(",")[0].strip())):
        event["network.forwarded_ip"] = forwarded
    return event


def is_access(text: str) -> bool:
    """True if the first '] "' ends an access line's time, whatever user name the client made up before it."""
    end = text.find('] "', 0, _LONGEST_HEAD)
    return end > 27 and text[end - 27] == "[" and text[end - 24] == "/" and text[end - 28] == " "


def is_plain_combined(text: str) -> bool:
    """True if it begins with the client and goes on to the user agent: no vhost, not common, no \\" of Apache's."""
    client = text.partition(" ")[0]
    return (ip(client) is not None or client == "unix:") and text.count('"') >= 5 and '\\"' not in text


def put_client_address(event: Event, address: str) -> None:
    """source.address always; source.ip or, where the server looked the name up, source.domain."""
    if address == "-":
        return
    event["source.address"] = address
    if known := ip(address):
        event["source.ip"] = known
    elif ":" not in address:  # nginx says "unix:" of a client on a local socket
        event["source.domain"] = address.lower()


def put_request(event: Event, request: str) -> None:
    """Fills method, version and url.* from "GET /path HTTP/1.1"; event.reason if it is no such thing."""
    start = request.find(" ")
    method = request[:start]
    end = request.rfind(" HTTP/")
    if not 0 < start <= 32 or start <= end <= start + 1 or not method.isupper() or "\\" in method:
        event["event.reason"] = "malformed request"
        return
    event["http.request.method"] = method
    if end > start:
        version = request[end + 6 :]
        if len(version) <= 8:
            event["http.version"] = version
        target = request[start + 1 : end]
    else:
        target = request[start + 1 :]  # HTTP/0.9 has no version
    if "\\" in target:
        target = unescaped(target)
    if method == "CONNECT":
        event["url.original"] = target
        put_host(event, target)
    else:
        put_target(event, target)


def unescaped(text: str) -> str:
    """What the client sent, of what the server escaped; control characters stay escaped."""
    return _ESCAPED.sub(_plain, text)


def _plain(found: re.Match[str]) -> str:
    if found[1]:
        text = bytes.fromhex(found[1].replace("\\x", "")).decode("utf-8", "backslashreplace")
        return _CONTROL.sub(lambda control: f"\\x{ord(control[0]):02X}", text)
    return found[2] if found[2] in '"\\' else found[0]


def _put_client(event: Event, words: list[str]) -> None:
    """ "[vhost[:port] ]client ident user", where the user, typed by the client, may hold spaces."""
    if len(words) > 3 and ip(words[0]) is None and (ip(words[1]) or words[0].rpartition(":")[2].isdigit()):
        if words[0] != "_":  # nginx's name for "no server name matched"
            put_host(event, words[0])
        del words[0]
    put_client_address(event, words[0])
    user = " ".join(words[2:])
    if user and user != "-" and user != '""' and not user.endswith(" -"):
        event["user.name"] = unescaped(user) if "\\" in user else user
