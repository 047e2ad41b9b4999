"""Postfix's doorkeepers: postscreen and its block lists (dnsblog), tlsproxy, and the counters of anvil.

Formats: POSTSCREEN_README, postscreen(8), dnsblog(8), anvil(8) of Postfix 2.8 to 3.10.
"""

from __future__ import annotations

import re
from typing import Final

from soc.core.event import Event
from soc.parsers._address import ip
from soc.parsers._mail import DESTINATION, peer

_VERDICT = re.compile(
    r"(?P<word>PASS OLD|PASS NEW|(?:WHITE|ALLOW)LIST(?:ED| VETO)|(?:BLACK|DENY)LISTED|DISCONNECT) ", re.ASCII
)
_TEST = re.compile(
    r"(?P<word>PREGREET|HANGUP|COMMAND (?:TIME|COUNT|LENGTH) LIMIT|COMMAND PIPELINING|NON-SMTP COMMAND|BARE NEWLINE)"
    r" (?:(?:\d{1,9} )?after [\d.]{1,12} )?from ",
    re.ASCII,
)
_RANK = re.compile(r"DNSBL rank (-?\d{1,6}) for ", re.ASCII)
_AFTER = re.compile(r" (?:after (\S{1,40}?)|in tests (\S{1,20} SMTP handshake))(?::|$)", re.ASCII)
_LISTED = re.compile(r"addr (\S{1,45}) listed by domain (\S{1,255}) as (\S{1,45})", re.ASCII)
_RATE = re.compile(
    r"statistics: max (connection (?:count|rate)|\w{1,20} (?:count|rate)|newtls rate) (\d{1,9})(?:/\d{1,9}[smhdw])?"
    r" for \(([^)]{1,120})\)",
    re.ASCII,
)

_SESSION: Final = ("email", "network")
# The names changed with Postfix 3.6; rules see one.
_ACTIONS: Final = {
    "PASS OLD": "pass",
    "PASS NEW": "pass",
    "WHITELISTED": "allowlisted",
    "ALLOWLISTED": "allowlisted",
    "WHITELIST VETO": "allowlist-veto",
    "ALLOWLIST VETO": "allowlist-veto",
    "BLACKLISTED": "denylisted",
    "DENYLISTED": "denylisted",
    "DISCONNECT": "disconnect",
}
_DENIED: Final = frozenset({"denylisted", "allowlist-veto"})


def connect(event: Event, text: str) -> bool:
    """CONNECT from [192.0.2.1]:53024 to [203.0.113.25]:25"""
    event["event.action"] = "connect"
    event["event.category"] = _SESSION
    event["event.type"] = ("connection", "start")
    event["network.protocol"] = "smtp"
    end = peer(event, text, 13)
    if text[end : end + 4] == " to ":
        peer(event, text, end + 4, DESTINATION)
    return end > 13


def verdict(event: Event, text: str) -> bool:
    """PASS NEW [192.0.2.1]:53024, DENYLISTED [192.0.2.1]:53024, DISCONNECT ..."""
    found = _VERDICT.match(text)
    if not found:
        return False
    action = _ACTIONS[found["word"]]
    event["event.action"] = action
    event["event.category"] = _SESSION
    if action in _DENIED:
        event["event.type"] = ("connection", "denied")
        event["event.outcome"] = "failure"
    elif action == "disconnect":
        event["event.type"] = ("connection", "end")
    else:
        event["event.type"] = ("connection", "allowed")
        event["event.outcome"] = "success"
    return peer(event, text, found.end()) > found.end()


def failed_test(event: Event, text: str) -> bool:
    """PREGREET 6 after 1.2 from [192.0.2.1]:43421: RSET: the client did not behave like a mail server."""
    found = _TEST.match(text)
    if not found:
        return False
    event["event.action"] = found["word"].lower().replace(" ", "-")
    event["event.category"] = _SESSION
    event["event.type"] = ("connection", "denied")
    event["event.outcome"] = "failure"
    end = peer(event, text, found.end())
    if after := _AFTER.match(text, end):
        event["postfix.phase"] = after[1] or after[2]
        end = after.end() - 1
    if said := text[end + 1 :].strip():
        event["event.reason"] = said
    return end > found.end()


def rank(event: Event, text: str) -> bool:
    """DNSBL rank 3 for [192.0.2.1]:1038: the sum of the block lists' weights."""
    found = _RANK.match(text)
    if not found:
        return False
    event["event.action"] = "dnsbl-rank"
    event["event.category"] = _SESSION
    event["postfix.dnsbl.rank"] = int(found[1])
    return peer(event, text, found.end()) > found.end()


def listed(event: Event, text: str) -> bool:
    """addr 192.0.2.1 listed by domain zen.spamhaus.org as 127.0.0.4"""
    found = _LISTED.match(text)
    if not found:
        return False
    event["event.action"] = "dnsbl-listed"
    if address := ip(found[1]):
        event["source.ip"] = address
    event["postfix.dnsbl.list"] = found[2]
    event["postfix.dnsbl.answer"] = found[3]
    return True


def statistics(event: Event, text: str) -> bool:
    """statistics: max connection rate 61/60s for (smtpd:192.0.2.1) at Oct 26 18:13:50"""
    event["event.action"] = "statistics"
    event["event.kind"] = "metric"
    found = _RATE.match(text)
    if not found:
        return False
    event["postfix.statistic"] = found[1]
    event["postfix.count"] = int(found[2])
    # The client stands behind the service: "smtpd:ADDRESS", "ADDRESS:PORT:ADDRESS", IPv6 among them.
    service, _, client = found[3].partition(":")
    if ip(service):
        client = client.partition(":")[2]
    if address := ip(client):
        event["source.ip"] = address
    return True
