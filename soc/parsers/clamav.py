"""ClamAV: what clamd, clamonacc, clamscan and clamav-milter found, and freshclam's updates.

Formats: clamd(8), freshclam(1), clamav-milter.conf(5) LogInfected; ``LogTime`` puts "Mon Oct  5 08:14:03 2026 -> " in
front, ``ExtendedDetectionInfo`` writes the name as ``Name(md5:size)``.
"""

from __future__ import annotations

import re
from typing import Final

from soc.core.event import Event
from soc.core.logsource import Dataset, LogSource
from soc.parsers._address import ip
from soc.parsers._device import Device, Line, ParseError
from soc.parsers._event import new_event
from soc.parsers._mail import decoded
from soc.parsers._time import MONTHS, date_time

_DATE = re.compile(r"[A-Z][a-z]{2} ([A-Z][a-z]{2}) ([ \d]\d) (\d\d:\d\d:\d\d) (\d{4}) -> ", re.ASCII)
_EXTENDED = re.compile(r"(\S{1,300})\(([0-9a-f]{32}):(\d{1,15})\)", re.ASCII)
_STREAM = re.compile(r"(?:in)?stream\((?:local|([0-9A-Fa-f.:]{2,45})@(\d{1,5}))\)", re.ASCII)
_MESSAGE = re.compile(
    r"(Clean m|M)essage (?:(?!from )([0-9A-Za-z]{4,30}) )?from (\S{1,320}) to (\S{1,320})"
    r"(?: with subject '(.*)' message-id '([^']*+)' date '[^']*+')?(?: infected by (\S{1,300}))?\Z",
    re.ASCII | re.DOTALL,
)
_DATABASE = re.compile(
    r"(\w{1,60}\.(?:cvd|cld|cud|[a-z]{2,4}))(?: database)? (updated|is up.to.date)"
    r" \(version: (\d{1,9}|custom database), sigs: (\d{1,12})",
    re.ASCII,
)
_TOTAL = re.compile(r"(?:Database updated|Database correctly reloaded|Loaded) \(?(\d{1,12}) signatures", re.ASCII)
_LEVEL = re.compile(r"(?:LibClamAV )?(WARNING|ERROR|Warning|Error): ")
_PROGRAMS: Final = frozenset({"clamd", "freshclam", "clamav-milter", "clamonacc", "clamscan", "clamdscan"})


def parse(line: Line) -> Event:
    """An event of dataset "clamav.detection", "clamav.update" or "clamav.other". ParseError if not ClamAV's."""
    program = line.program.partition("@")[0]
    if program and program not in _PROGRAMS:
        raise ParseError(f"{program} is no part of ClamAV")
    text = line.text
    event = new_event(line, "clamav", "clamav.other")
    if program:
        event["process.name"] = program
    if found := _DATE.match(text):
        month = MONTHS.get(found[1], 0)
        event["@timestamp"] = date_time(f"{found[4]}-{month:02d}-{int(found[2]):02d}", found[3], line.zone)
        text = text[found.end() :]
    if text.endswith(" FOUND"):
        where, separator, name = text[:-6].rpartition(": ")
        if separator and " " not in name and where:
            _detected(event, where, name)
            return event
    elif text.startswith(("Message ", "Clean message ")) and (mail := _MESSAGE.match(text)):
        _scanned_mail(event, mail)
        return event
    elif found := _DATABASE.match(text):
        event["event.dataset"] = "clamav.update"
        event["event.action"] = "database-updated" if found[2] == "updated" else "database-current"
        event["event.outcome"] = "success"
        event["clamav.database.name"] = found[1]
        event["clamav.database.version"] = found[3]
        event["clamav.database.signatures"] = int(found[4])
    elif found := _TOTAL.match(text):
        event["event.dataset"] = "clamav.update"
        event["event.action"] = "database-loaded"
        event["event.outcome"] = "success"
        event["clamav.database.signatures"] = int(found[1])
    elif (found := _LEVEL.match(text)) and program == "freshclam":
        event["event.dataset"] = "clamav.update"
        event["event.action"] = "update-problem"
        event["event.outcome"] = "failure"
    if found := _LEVEL.match(text):
        event["log.level"] = found[1].lower()
    event["message"] = text
    return event


def _detected(event: Event, where: str, name: str) -> None:
    """Names the signature and what it was found in: a file, or a stream that a program sent to clamd."""
    _alert(event, name)
    if found := _EXTENDED.fullmatch(name):
        event["rule.name"] = found[1]
        event["file.hash.md5"] = found[2]
        event["file.size"] = int(found[3])
    where = where.removeprefix("ScanOnAccess: ")
    if where[:1] == "/":
        event["file.path"] = where
        event["file.name"] = where.rpartition("/")[2]
    elif stream := _STREAM.fullmatch(where):
        if stream[1] and (address := ip(stream[1])):
            event["source.ip"] = address
            event["source.port"] = min(int(stream[2]), 65535)
    elif not where.startswith("fd["):
        event["file.name"] = where


def _scanned_mail(event: Event, found: re.Match[str]) -> None:
    _, queue_id, sender, recipient, subject, message_id, name = found.groups()
    if name:
        _alert(event, name)
        event["event.category"] = ("email", "malware")
    else:
        event["event.category"] = ("email",)
        event["event.type"] = ("info",)
        event["event.action"] = "clean"
    if queue_id:
        event["email.local_id"] = queue_id
    event["email.from.address"] = (sender.strip("<>"),)
    event["email.to.address"] = (recipient.strip("<>"),)
    if subject:
        event["email.subject"] = decoded(subject)
    if message_id:
        event["email.message_id"] = message_id.strip("<>")


def _alert(event: Event, name: str) -> None:
    event["event.dataset"] = "clamav.detection"
    event["event.kind"] = "alert"
    event["event.category"] = ("malware",)
    event["event.type"] = ("info",)
    event["event.action"] = "detected"
    event["rule.name"] = name


def looks_like(text: str) -> bool:
    """Something FOUND in a file or stream, or clamd's own date and arrow."""
    if text.endswith(" FOUND"):
        return (
            text[:1] == "/"
            or text.startswith(("instream(", "stream(", "fd[", "ScanOnAccess: "))
            or bool(_DATE.match(text))
        )
    return text[24:28] == " -> " and _DATE.match(text) is not None


_SOURCES: Final = (LogSource("antivirus", "clamav"), LogSource(None, "linux", "clamav"))
_BASE: Final = frozenset({"host.name", "process.name", "process.pid", "event.action"})
_MAIL: Final = frozenset(
    {"email.local_id", "email.from.address", "email.to.address", "email.subject", "email.message_id"}
)

DEVICE = Device(
    name="clamav",
    title="ClamAV 0.103 to 1.x: clamd, clamonacc, clamscan, clamav-milter, freshclam",
    parse=parse,
    looks_like=looks_like,
    programs=_PROGRAMS,
    datasets={
        "clamav.detection": Dataset(
            _SOURCES,
            _BASE
            | _MAIL
            | {
                *("event.category", "event.type", "rule.name", "source.ip", "source.port"),
                *("file.path", "file.name", "file.size", "file.hash.md5"),
            },
        ),
        "clamav.update": Dataset(
            _SOURCES,
            _BASE
            | {
                *("event.outcome", "log.level", "message", "clamav.database.name"),
                *("clamav.database.version", "clamav.database.signatures"),
            },
        ),
        "clamav.other": Dataset(_SOURCES, _BASE | _MAIL | {"event.category", "event.type", "log.level", "message"}),
    },
    joins=True,
)
