"""The syslog header: taken off a raw line, so that device parsers see only what the device wrote.

RFC 5424; RFC 3164 as it is really sent (with a year, without a host, with rsyslog's RFC 3339 time);
or none. Nothing here raises: what does not read as a header stays in the text, since senders forge.
"""

from __future__ import annotations

import re
from typing import Final

from soc.parsers._device import Line, ParseError
from soc.parsers._time import MONTHS, rfc3339, syslog_time

_MEMO_SIZE: Final = 4096
_BOM: Final = b"\xef\xbb\xbf"
_PRIORITIES: Final = {f"<{number}>": number for number in range(192)}
# Not programs: how the message itself begins, where a device writes "CEF: 0|...".
_FORMATS: Final = frozenset({"CEF", "LEEF"})
_DIGITS: Final = frozenset("0123456789")
# A time that does not take the usual 15 characters: one-digit day unpadded, year, fraction, Cisco's colon.
_STAMP = re.compile(r"([A-Z][a-z]{2} {1,2}\d{1,2} (?:\d{4} )?\d\d:\d\d:\d\d(?:\.\d{1,9})?):? ", re.ASCII)
_HOST = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:%-]{0,254}")
_TAG = re.compile(r"([A-Za-z0-9_%(][A-Za-z0-9_./@%()+-]{0,63})(?:\[([A-Za-z0-9_.-]{1,32})\])?:")
# RFC 5424 6.3: [id name="value" ...], quote, backslash and ] escaped within a value.
_STRUCTURED = re.compile(r'(?:\[[^\]"]*+(?:"(?:[^"\\]|\\.)*+"[^\]"]*+)*+\])++', re.DOTALL)

_tags: dict[str, tuple[str, str] | None] = {}
_hosts: dict[str, bool] = {}


def read_line(raw: bytes, received: int, zone: int) -> Line:
    """The line with its header read. received is µs, zone seconds east of UTC for times without one."""
    if raw[:3] == _BOM:
        raw = raw[3:]
    text = raw.decode("utf-8", "backslashreplace")
    if "\0" in text:
        text = text.replace("\0", "\\x00")
    first = text[:1]
    start, priority = 0, -1
    if first == "<":
        start = text.find(">", 2, 5) + 1
        known = _PRIORITIES.get(text[:start])
        if known is None:
            return Line(text, text, received, zone)
        priority = known
        first = text[start : start + 1]
    if first in _DIGITS:
        if text[start : start + 2] == "1 " and priority >= 0:
            return _rfc5424(text, start, received, zone, priority)
        if text[start + 10 : start + 11] == "T" and text[start + 4 : start + 5] == "-":
            end = text.find(" ", start + 19, start + 40)
            try:
                time = rfc3339(text[start:end] if end > 0 else "")
            except ParseError:
                return Line(text, text[start:], received, zone, priority=priority)
            return _host_and_tag(text, end + 1, received, zone, priority, time)
    elif text[start : start + 3] in MONTHS:
        if text[start + 9 : start + 10] == ":" and text[start + 15 : start + 16] == " ":
            stamp, end = text[start : start + 15], start + 16
        elif found := _STAMP.match(text, start):
            stamp, end = found[1], found.end()
        else:
            return Line(text, text[start:], received, zone, priority=priority)
        try:
            time = syslog_time(stamp, received, zone)
        except ParseError:
            return Line(text, text[start:], received, zone, priority=priority)
        return _host_and_tag(text, end, received, zone, priority, time)
    return Line(text, text[start:] if start else text, received, zone, priority=priority)


def _host_and_tag(text: str, start: int, received: int, zone: int, priority: int, time: int) -> Line:
    """What follows the time: "host program[pid]: message", of which host or tag may be missing."""
    end = text.find(" ", start, start + 256)
    token = text[start:end] if end > 0 else text[start : start + 256]
    host = ""
    tag = _tag(token) if token[-1:] == ":" else None
    if tag is None and end > 0 and _is_host(token):
        host, start = token, end + 1
        end = text.find(" ", start, start + 128)
        token = text[start:end] if end > 0 else text[start : start + 128]
        tag = _tag(token) if token[-1:] == ":" else None
    if tag is None:
        return Line(text, text[start:], received, zone, time, host, priority=priority)
    rest = text[end + 1 :].lstrip(" ") if end > 0 else text[start + len(token) :]
    return Line(text, rest, received, zone, time, host, tag[0], tag[1], priority)


def _rfc5424(text: str, start: int, received: int, zone: int, priority: int) -> Line:
    """ "1 TIME HOST PROGRAM PID MESSAGE-ID STRUCTURED-DATA MESSAGE", where "-" is nothing.

    Where there are structured data and no message, the inside of the former is the text.
    """
    parts = text[start:].split(" ", 6)
    plain = Line(text, text[start:], received, zone, priority=priority)
    if len(parts) < 7:
        return plain
    _, stamp, host, program, pid, _, rest = parts
    try:
        time = None if stamp == "-" else rfc3339(stamp)
    except ParseError:
        return plain
    structured = ""
    if rest[:1] == "[":
        found = _STRUCTURED.match(rest)
        if not found:
            return plain
        structured, rest = found[0][1:-1], rest[found.end() :]
    elif rest[:1] == "-":
        rest = rest[1:]
    else:
        return plain
    if (rest and rest[0] != " ") or len(host) > 255 or len(program) > 48 or len(pid) > 128:
        return plain
    message = rest[1:].removeprefix("\ufeff") or structured
    host, program, pid = ("" if name == "-" else name for name in (host, program, pid))
    return Line(text, message, received, zone, time, host, program, pid, priority)


def _tag(token: str) -> tuple[str, str] | None:
    """ "postfix/smtpd[412]:" -> ("postfix/smtpd", "412"); None if it is no program's tag."""
    try:
        return _tags[token]
    except KeyError:
        found = _TAG.fullmatch(token)
        tag = (found[1], found[2] or "") if found and found[1] not in _FORMATS else None
        if len(_tags) >= _MEMO_SIZE:
            _tags.clear()
        _tags[token] = tag
        return tag


def _is_host(token: str) -> bool:
    known = _hosts.get(token)
    if known is None:
        known = _HOST.fullmatch(token) is not None
        if len(_hosts) >= _MEMO_SIZE:
            _hosts.clear()
        _hosts[token] = known
    return known
