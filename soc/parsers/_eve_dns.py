"""DNS as Suricata logs it: EVE's versions 1 (one event an answer), 2 (all answers) and 3 (requests and responses)."""

from __future__ import annotations

from typing import Any, Final

from soc.core.event import Event
from soc.parsers._address import ip
from soc.parsers._eve import MOST_ITEMS, Record, Target, layout, special, strings, text

# Name, type, data, time to live in seconds.
_Row = tuple[str, str, str, int]

_TYPES: Final = {"query": "query", "request": "query", "answer": "answer", "response": "answer"}
_FLAGS: Final = ("aa", "tc", "rd", "ra")

_fill, _SIMPLE_FIELDS = layout({"id": text("dns.id"), "rcode": text("dns.response_code")})


def _put(event: Event, dns: Any) -> None:
    """Version 3 says "queries"; alerts of version 2 hold a list "query" and an object "answer"."""
    if type(dns) is not dict:
        return
    asked = dns
    for key in ("queries", "query"):
        if type(dns.get(key)) is list and dns[key] and type(dns[key][0]) is dict:
            asked = dns[key][0]
    answered = dns["answer"] if type(dns.get("answer")) is dict else dns
    _fill(event, asked)
    _fill(event, answered)
    kind = "answer" if answered is not dns else dns.get("type", asked.get("type"))
    if type(kind) is str and kind in _TYPES:
        event["dns.type"] = _TYPES[kind]
    name, record_type = asked.get("rrname"), asked.get("rrtype")
    if type(name) is str:
        event["dns.question.name"] = name.rstrip(".").lower()
    if type(record_type) is str:
        event["dns.question.type"] = record_type
    if flags := tuple(flag.upper() for flag in _FLAGS if answered.get(flag) is True):
        event["dns.header_flags"] = flags
    _put_answers(event, answered)


def _put_answers(event: Event, dns: Record) -> None:
    rows = [row for row in _rows(dns) if row[1]]
    if not rows:
        return
    event["dns.answers.type"] = tuple(row[1] for row in rows)
    event["dns.answers.data"] = tuple(row[2] for row in rows)
    if rows[0][0]:
        event["dns.answers.name"] = tuple(row[0] for row in rows)
    if rows[0][3] >= 0:
        event["dns.answers.ttl"] = tuple(max(row[3], 0) for row in rows)
    if resolved := tuple(known for row in rows if row[1] in {"A", "AAAA"} and (known := ip(row[2]))):
        event["dns.resolved_ip"] = resolved


def _rows(dns: Record) -> list[_Row]:
    """Version 2 lists answers "detailed" or "grouped" by type; version 1 had one answer an event."""
    if type(answers := dns.get("answers")) is list:
        return [_row(answer) for answer in answers[:MOST_ITEMS] if type(answer) is dict]
    if type(grouped := dns.get("grouped")) is dict:
        return [("", kind, data, -1) for kind, values in grouped.items() for data in strings(values)][:MOST_ITEMS]
    return [_row(dns)] if "rdata" in dns else []


def _row(answer: Record) -> _Row:
    """Data of a SOA record is its primary server; a time to live that is missing is -1."""
    name, kind, data, ttl = (answer.get(key) for key in ("rrname", "rrtype", "rdata", "ttl"))
    if type(soa := answer.get("soa")) is dict:
        data = soa.get("mname")
    return (
        name.rstrip(".").lower() if type(name) is str else "",
        kind if type(kind) is str else "",
        data if type(data) is str else "",
        ttl if type(ttl) is int and 0 <= ttl < 2**32 else -1,
    )


DNS: Final[Target] = special(
    _put,
    *sorted(_SIMPLE_FIELDS),
    "dns.type",
    "dns.question.name",
    "dns.question.type",
    "dns.header_flags",
    "dns.answers.name",
    "dns.answers.type",
    "dns.answers.data",
    "dns.answers.ttl",
    "dns.resolved_ip",
)
