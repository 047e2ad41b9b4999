"""amavis: what it did with each message (its level-0 log template), and its other lines as they are.

Format: amavis's default $log_templ: ``(am_id) Blocked INFECTED (names) {actions}, policy bank [client] <from> -> <to>,
key: value, ..., 512 ms``
"""

from __future__ import annotations

import re
from typing import Final

from soc.core.event import Event
from soc.core.logsource import Dataset, LogSource
from soc.parsers._address import ip
from soc.parsers._device import Device, Line, ParseError
from soc.parsers._event import new_event
from soc.parsers._mail import ADDRESS

_ID = re.compile(r"(?:\(!+\))?\((\w{1,10}-\d{1,6}(?:-\d{1,4})?)\) ", re.ASCII)
_DECISION = re.compile(
    r"(Passed|Blocked) ([A-Z][A-Z0-9-]{1,30})(?: \(([^)]*+)\))?(?: \{([^}]*+)\})?, ([^<]{0,300})"
    rf"{ADDRESS}(?: \([^)]{{0,300}}\))? -> ((?:{ADDRESS}(?:,(?=<))?)++)",
    re.ASCII,
)
_CLIENT = re.compile(r"\[([0-9A-Fa-f.:]{2,52})\](?::(\d{1,5}))?", re.ASCII)
_RECIPIENT = re.compile(ADDRESS, re.ASCII)
_DETAIL = re.compile(r", ([A-Za-z][\w-]{1,30}): (?:<([^>]{0,998}+)>|\"([^\"]{0,998}+)\"|([^,]*+))", re.ASCII)
_TIME = re.compile(r", (\d{1,9}) ms\Z", re.ASCII)
_SCORE = re.compile(r"-?\d{1,9}(?:\.\d{1,9})?", re.ASCII)
_WHAT: Final = {"INFECTED": ("email", "malware"), "BANNED": ("email", "file")}


def parse(line: Line) -> Event:
    """An event of dataset "amavis.message" for a decided message, else "amavis.other". ParseError if not amavis's."""
    text = line.text
    began = _ID.match(text)
    if not began and not line.program.startswith("amavis"):
        raise ParseError("not a line of amavis")
    event = new_event(line, "amavis", "amavis.other")
    event["process.name"] = "amavis"
    if began:
        event["amavis.id"] = began[1]
        text = text[began.end() :]
        if found := _DECISION.match(text):
            _decision(event, found, text)
            return event
    event["message"] = text
    return event


def _decision(event: Event, found: re.Match[str], text: str) -> None:
    verb, content, names, actions, route, sender, recipients = found.groups()[:7]
    blocked = verb == "Blocked"
    event["event.dataset"] = "amavis.message"
    event["event.kind"] = "alert" if content == "INFECTED" else "event"
    event["event.category"] = _WHAT.get(content, ("email",))
    event["event.type"] = ("info", "denied") if blocked else ("info", "allowed")
    event["event.action"] = verb.lower()
    event["event.outcome"] = "success"
    event["amavis.content"] = content
    if names and content == "INFECTED":
        event["rule.name"] = names.split(", ")[0]
    elif names:
        event["event.reason"] = names
    if actions:
        event["amavis.actions"] = tuple(actions.split(","))
    if client := _CLIENT.search(route):
        if address := ip(client[1].removeprefix("IPv6:")):
            event["source.ip"] = address
        if client[2]:
            event["source.port"] = min(int(client[2]), 65535)
    if sender:
        event["email.from.address"] = (sender,)
    event["email.to.address"] = tuple(_RECIPIENT.findall(recipients))
    for name, bracketed, quoted, bare in _DETAIL.findall(text, found.end()):
        _detail(event, name, bracketed or quoted or bare)
    if spent := _TIME.search(text, max(0, len(text) - 16)):
        event["event.duration"] = int(spent[1]) * 1_000_000


def _detail(event: Event, name: str, value: str) -> None:
    if not value:
        return
    match name:
        case "Queue-ID":
            event.setdefault("email.local_id", value)
        case "Message-ID":
            event.setdefault("email.message_id", value)
        case "Subject":
            event.setdefault("email.subject", value)
        case "mail_id":
            event.setdefault("amavis.mail_id", value)
        case "queued_as":
            event.setdefault("amavis.queued_as", value)
        case "quarantine":
            event.setdefault("amavis.quarantine", value)
        case "size" if len(value) < 16 and value.isascii() and value.isdigit():
            event.setdefault("amavis.size", int(value))
        case "Hits" if "amavis.score" not in event and _SCORE.fullmatch(value):
            event["event.risk_score"] = event["amavis.score"] = float(value)


def looks_like(text: str) -> bool:
    """An amavis id and a decision."""
    began = _ID.match(text)
    return began is not None and text.startswith(("Passed ", "Blocked "), began.end())


_SOURCES: Final = (LogSource("antispam", "amavis"), LogSource("antivirus", "amavis"), LogSource("mail", "amavis"))
_BASE: Final = frozenset({"host.name", "process.name", "process.pid", "amavis.id"})

DEVICE = Device(
    name="amavis",
    title="amavis and amavisd-new 2.6 and later",
    parse=parse,
    looks_like=looks_like,
    programs=frozenset({"amavis", "amavisd", "amavisd-new"}),
    datasets={
        "amavis.message": Dataset(
            _SOURCES,
            _BASE
            | {
                *("event.category", "event.type", "event.action", "event.outcome", "event.reason"),
                *("event.duration", "event.risk_score", "rule.name", "source.ip", "source.port"),
                *("email.from.address", "email.to.address", "email.subject", "email.local_id"),
                *("email.message_id", "amavis.content", "amavis.actions", "amavis.mail_id", "amavis.score"),
                *("amavis.size", "amavis.queued_as", "amavis.quarantine"),
            },
        ),
        "amavis.other": Dataset(_SOURCES, _BASE | {"message"}),
    },
    joins=True,
)
