"""rspamd: what it decided about each message (its task log line), and its other lines as they are.

Format: rspamd's default ``log_format`` (rspamd.com, Logging), by syslog or in rspamd's own file, where
``2026-10-05 08:14:03 #1234(normal) `` stands in front.
"""

from __future__ import annotations

import re
from typing import Final

from soc.core.event import Event
from soc.core.logsource import Dataset, LogSource
from soc.parsers._address import ip
from soc.parsers._device import Device, Line, ParseError
from soc.parsers._event import new_event
from soc.parsers._time import date_time

_FILE = re.compile(
    r"(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d(?:\.\d{1,9})?) #(\d{1,10})\(([\w ]{1,40})\) (?:rspamd )?", re.ASCII
)
_TAG = re.compile(r"(?:<([^>\s]{0,64})>; )?([\w-]{1,40}); (?:([\w.:-]{1,80}): )?", re.ASCII)
# Message-ID, envelope and symbol options are the sender's words: read forward, field by field.
_TASK = re.compile(
    r"id: <([^>]*+)>,(?: qid: <([^>]*+)>,)?(?: ip: ([^,\s]*+),)?(?: user: ([^,]*+),)?(?: from: <([^>]*+)>,)?"
    r" \([^:)]*+: ([A-Z]) \(([a-z ]{1,30})\): \[(-?\d{1,9}(?:\.\d{1,9})?)/(-?\d{1,9}(?:\.\d{1,9})?|nan)\] \[",
    re.ASCII,
)
_SYMBOL = re.compile(r"(?:^|,)([A-Za-z][A-Za-z0-9_]{1,80})\(-?[\d.]{1,20}\)(?:\{[^}]*+\})?", re.ASCII)
_REST = re.compile(
    r"len: (\d{1,15})(?:, time: (\d{1,9}(?:\.\d{1,9})?)ms(?: real, [\d.]{1,20}ms virtual)?)?(?:, dns req: \d{1,9})?"
    r"(?:, digest: <(\w{1,128})>)?"
    r"(?:, rcpts: <([^>]*+)>)?(?:, mime_rcpts: <([^>]*+)>)?(?:, file: ([^,]*+))?(?:, forced: ([^,]*+))?",
    re.ASCII,
)
_REFUSED: Final = frozenset({"reject", "soft reject", "greylist", "discard", "quarantine"})


def parse(line: Line) -> Event:
    """An event of dataset "rspamd.task" for a decided message, else "rspamd.other". ParseError if not rspamd's."""
    text = line.text
    own = _FILE.match(text)
    start = own.end() if own else 0
    tag = _TAG.match(text, start)
    if not tag and not own and not line.program.startswith("rspamd"):
        raise ParseError("not a line of rspamd")
    event = new_event(line, "rspamd", "rspamd.other")
    event["process.name"] = "rspamd"
    if own:
        event["@timestamp"] = date_time(own[1], own[2], line.zone)
        event["process.pid"] = int(own[3])
    if tag:
        if tag[1]:
            event["rspamd.task"] = tag[1]
        event["log.logger"] = tag[2]
        if tag[3] == "rspamd_task_write_log" and (found := _TASK.match(text, tag.end())):
            _task(event, text, found)
            return event
        start = tag.end()
    event["message"] = text[start:]
    return event


def _task(event: Event, text: str, found: re.Match[str]) -> None:
    message_id, queue_id, address, user, sender, spam, action, score, required = found.groups()
    event["event.dataset"] = "rspamd.task"
    event["event.category"] = ("email",)
    refused = action in _REFUSED
    event["event.type"] = ("info", "denied") if refused else ("info", "allowed")
    event["event.action"] = action
    event["event.outcome"] = "success"
    if message_id and message_id != "undef":
        event["email.message_id"] = message_id
    if queue_id:
        event["email.local_id"] = queue_id
    if address and (known := ip(address)):
        event["source.ip"] = known
    if user:
        event["user.name"] = user
    if sender:
        event["email.from.address"] = (sender,)
    event["event.risk_score"] = event["rspamd.score"] = float(score)
    if required != "nan":
        event["rspamd.required"] = float(required)
    event["rspamd.action"] = action
    event["rspamd.spam"] = spam == "T"
    symbols, _, rest = text[found.end() :].rpartition("]), ")
    if symbols:
        event["rspamd.symbols"] = tuple(_SYMBOL.findall(symbols))
    after = _REST.match(rest)
    if not after:
        return
    event["rspamd.size"] = int(after[1])
    if after[2]:
        event["event.duration"] = round(float(after[2]) * 1_000_000)
    if after[3]:
        event["rspamd.digest"] = after[3]
    if recipients := after[4] or after[5]:
        event["email.to.address"] = tuple(filter(None, recipients.split(",")))
    if after[6]:
        event["rspamd.file"] = after[6]
    if after[7]:
        event["rspamd.forced"] = after[7]


def looks_like(text: str) -> bool:
    """rspamd's own file header with a module behind it, or its task line."""
    if own := _FILE.match(text):
        return _TAG.match(text, own.end()) is not None
    return "; rspamd_task_write_log: id: <" in text[:160]


_SOURCES: Final = (LogSource("antispam", "rspamd"), LogSource("mail", "rspamd"))
_BASE: Final = frozenset({"host.name", "process.name", "process.pid", "log.logger", "rspamd.task"})

DEVICE = Device(
    name="rspamd",
    title="rspamd 1.9 to 3.x",
    parse=parse,
    looks_like=looks_like,
    programs=frozenset({"rspamd"}),
    datasets={
        "rspamd.task": Dataset(
            _SOURCES,
            _BASE
            | {
                *("event.category", "event.type", "event.action", "event.outcome", "event.duration"),
                *("event.risk_score", "email.message_id", "email.local_id", "email.from.address"),
                *("email.to.address", "source.ip", "user.name", "rspamd.score", "rspamd.required"),
                *("rspamd.action", "rspamd.spam", "rspamd.symbols", "rspamd.size", "rspamd.digest"),
                *("rspamd.file", "rspamd.forced"),
            },
        ),
        "rspamd.other": Dataset(_SOURCES, _BASE | {"message"}),
    },
    joins=True,
)
