"""SpamAssassin's spamd: the machine-readable result of each message, and the lines for people beside it.

Format: the SpamAssassin wiki, SpamdSyslogFormat: ``result: Y 21 - TEST,TEST scantime=3.1,size=1098,user=...,mid=<...>``
"""

from __future__ import annotations

import re
from typing import Final

from soc.core.event import Event
from soc.core.logsource import Dataset, LogSource
from soc.parsers._address import ip
from soc.parsers._device import Device, Line, ParseError
from soc.parsers._event import new_event

_NUMBER = r"-?\d{1,9}(?:\.\d{1,9})?"
_RESULT = re.compile(rf"result: ([Y.]) +({_NUMBER}) - (\S*) ?(.*)", re.ASCII | re.DOTALL)
_SUMMARY = re.compile(
    rf"(identified spam|clean message) \(({_NUMBER})/({_NUMBER})\) for ([^\s:]{{1,255}}):(\d{{1,10}}) in"
    rf" ({_NUMBER}) seconds, (\d{{1,15}}) bytes",
    re.ASCII,
)
_CONNECTION = re.compile(
    r"connection from ([^\s\[]{0,255}) ?\[([^\]]{1,64})\](?::(\d{1,5})| at port (\d{1,5}))", re.ASCII
)
_PROCESSING = re.compile(r"(?:processing|checking) message (\S{1,998}) for ([^\s:]{1,255})", re.ASCII)
_VERDICTS: Final = {True: "spam", False: "clean"}


def parse(line: Line) -> Event:
    """An event of dataset "spamassassin.result" for a scored message, else "spamassassin.other"."""
    text = line.text
    program = line.program
    if program not in {"spamd", "spamassassin"}:
        if program or not text.startswith("spamd: "):
            raise ParseError("not a line of spamd")
    elif program == "spamassassin" and not text.startswith("spamd: "):
        raise ParseError("not a line of spamd")
    text = text.removeprefix("spamd: ")
    event = new_event(line, "spamassassin", "spamassassin.other")
    event["process.name"] = "spamd"
    event["event.category"] = ("email",)
    event["event.type"] = ("info",)
    if found := _RESULT.match(text):
        _result(event, found)
    elif found := _SUMMARY.match(text):
        verdict, score, required, user, uid, seconds, size = found.groups()
        _verdict(event, verdict == "identified spam", float(score))
        event["event.action"] = "summary"
        event["spamassassin.required"] = float(required)
        event["user.name"] = user
        event["user.id"] = uid
        event["event.duration"] = round(float(seconds) * 1_000_000_000)
        event["spamassassin.size"] = int(size)
    elif found := _CONNECTION.match(text):
        event["event.action"] = "connect"
        if address := ip(found[2]):
            event["source.ip"] = address
        event["source.port"] = min(int(found[3] or found[4]), 65535)
    elif found := _PROCESSING.match(text):
        event["event.action"] = "scan"
        event["email.message_id"] = found[1].strip("<>")
        event["user.name"] = found[2]
    else:
        event["message"] = text
    return event


def _result(event: Event, found: re.Match[str]) -> None:
    flag, score, tests, details = found.groups()
    _verdict(event, flag == "Y", float(score))
    event["spamassassin.tests"] = tuple(tests.split(",")) if tests else ()
    # mid is the sender's text and nearly last: what it says after "mid=" is not read as further details.
    before, _, message_id = details.partition(",mid=<")
    pairs = dict(pair.split("=", 1) for pair in before.split(",") if "=" in pair)
    if message_id:
        event["email.message_id"] = message_id.partition(">")[0]
    if user := pairs.get("user"):
        event["user.name"] = user
    if uid := pairs.get("uid"):
        event["user.id"] = uid
    if (size := pairs.get("size", "")) and _is_count(size):
        event["spamassassin.size"] = int(size)
    if (required := pairs.get("required_score", "")) and re.fullmatch(_NUMBER, required, re.ASCII):
        event["spamassassin.required"] = float(required)
    if (seconds := pairs.get("scantime", "")) and re.fullmatch(_NUMBER, seconds, re.ASCII):
        event["event.duration"] = round(float(seconds) * 1_000_000_000)
    if address := ip(pairs.get("raddr", "")):
        event["source.ip"] = address


def _is_count(text: str) -> bool:
    return len(text) < 16 and text.isascii() and text.isdigit()


def _verdict(event: Event, spam: bool, score: float) -> None:
    event["event.dataset"] = "spamassassin.result"
    event["event.action"] = _VERDICTS[spam]
    event["event.outcome"] = "success"
    event["event.risk_score"] = event["spamassassin.score"] = score
    event["spamassassin.spam"] = spam


def looks_like(text: str) -> bool:
    """spamd's result line."""
    return text.startswith(("spamd: result: ", "spamd: identified spam (", "spamd: clean message ("))


_SOURCES: Final = (LogSource("antispam", "spamassassin"), LogSource("mail", "spamassassin"))
_BASE: Final = frozenset(
    {
        *("event.category", "event.type", "event.action", "host.name", "process.name", "process.pid"),
        *("email.message_id", "source.ip", "user.name"),
    }
)

DEVICE = Device(
    name="spamassassin",
    title="SpamAssassin 3 and 4 (spamd)",
    parse=parse,
    looks_like=looks_like,
    programs=frozenset({"spamd", "spamassassin"}),
    datasets={
        "spamassassin.result": Dataset(
            _SOURCES,
            _BASE
            | {
                *("event.outcome", "event.duration", "event.risk_score", "user.id"),
                *("spamassassin.score", "spamassassin.required", "spamassassin.spam"),
                *("spamassassin.size", "spamassassin.tests"),
            },
        ),
        "spamassassin.other": Dataset(_SOURCES, _BASE | {"message", "source.port"}),
    },
    joins=True,
)
