"""Postfix as a server: who connects, signs in, is turned away, hands over a message (smtpd, cleanup, pickup).

Formats: smtpd(8), cleanup(8), pickup(8) and header_checks(5) of Postfix 2.5 to 3.10.
"""

from __future__ import annotations

import re
from typing import Final

from soc.core.event import Event
from soc.parsers._mail import ADDRESS, decoded, peer

_ABORTED = re.compile(
    r"(lost connection|timeout|too many errors|improper command pipelining|bare <LF> received)"
    r" after (\S{1,40})(?: \(\d{1,18} bytes\))? from ",
    re.ASCII,
)
_ABORTS: Final = {
    "lost connection": "lost-connection",
    "timeout": "timeout",
    "too many errors": "too-many-errors",
    "improper command pipelining": "pipelining",
    "bare <LF> received": "bare-newline",
}
_SASL = re.compile(r": SASL (\S{1,40}) authentication (?:failed|aborted)(?:: )?", re.ASCII)
_LIMIT = re.compile(r"[A-Za-z ]{4,60} limit exceeded: \d{1,9} from ", re.ASCII)
_TLS = re.compile(
    r"(Anonymous|Untrusted|Trusted|Verified) TLS connection (?:established|reused) (?:from|to) (?P<peer>\S{1,400}?):"
    r" (?P<name>TLS|SSL)v(?P<version>[\d.]{1,5}) with cipher (?P<cipher>[\w-]{1,80})",
    re.ASCII,
)
_TAIL = re.compile(
    rf" ?(?:from={ADDRESS},? ?)?(?:to={ADDRESS},? ?)?(?:proto=([A-Z]{{4,8}}),? ?)?"
    r"(?:helo=<([^>]*+)>,? ?)?(?:sasl_username=<([^>]*+)>)?(?:: (.*))?",
    re.ASCII | re.DOTALL,
)
_REPLY = re.compile(r"(?:([2-5]\d\d) )?(?:([245]\.\d{1,3}\.\d{1,3}) )?", re.ASCII)
_CLIENT = re.compile(r", (sasl_method|sasl_username|orig_queue_id|orig_client)=([^,]*+)")
_FILENAME = re.compile(r'\b(?:file)?name="?([^";]{1,255})', re.IGNORECASE)

EMAIL: Final = ("email",)
INFO: Final = ("info",)
_SESSION: Final = ("email", "network")
_LOGIN: Final = ("authentication", "email")
# Verbs of access(5) and header_checks(5), and of milters, that turn mail away or let it pass changed.
_REFUSALS: Final = frozenset({"reject", "milter-reject", "discard", "milter-discard", "proxy-reject"})


def connect(event: Event, text: str) -> bool:
    """connect from mail.example[192.0.2.1]"""
    if not text.startswith("connect from "):
        return False
    event["event.action"] = "connect"
    event["event.category"] = _SESSION
    event["event.type"] = ("connection", "start")
    event["network.protocol"] = "smtp"
    return peer(event, text, 13) > 13


def disconnect(event: Event, text: str) -> bool:
    """disconnect from mail.example[192.0.2.1] ehlo=1 auth=0/1 commands=1/2 (accepted/all of each command)"""
    event["event.action"] = "disconnect"
    event["event.category"] = _SESSION
    event["event.type"] = ("connection", "end")
    event["network.protocol"] = "smtp"
    end = peer(event, text, 16)
    if len(text) > end + 1:
        event["postfix.commands"] = text[end + 1 :]
    return end > 16


def aborted(event: Event, text: str) -> bool:
    """lost connection after DATA (0 bytes) from unknown[192.0.2.1]"""
    found = _ABORTED.match(text)
    if not found:
        return False
    event["event.action"] = _ABORTS[found[1]]
    event["event.category"] = _SESSION
    event["event.type"] = ("connection", "error")
    event["event.outcome"] = "failure"
    event["network.protocol"] = "smtp"
    event["postfix.phase"] = found[2]
    end = peer(event, text, found.end())
    if text[end : end + 2] == ": ":
        event["event.reason"] = text[end + 2 :]
    return True


def sasl_failure(event: Event, text: str) -> bool:
    """warning: unknown[192.0.2.1]: SASL LOGIN authentication failed: UGFzc3dvcmQ6, sasl_username=lan"""
    end = peer(event, text)
    found = _SASL.match(text, end) if end else None
    if not found:
        return False
    event["event.action"] = "auth-failure"
    event["event.category"] = _LOGIN
    event["event.type"] = ("start",)
    event["event.outcome"] = "failure"
    event["network.protocol"] = "smtp"
    event["postfix.sasl_method"] = found[1]
    reason, separator, user = text[found.end() :].rpartition(", sasl_username=")
    if not separator:
        reason, user = user, ""
    if reason:
        event["event.reason"] = reason
    if user:
        event["user.name"] = user
    return True


def warned(event: Event, text: str) -> bool:
    """What smtpd warns of without a queue id: failed sign-in, exceeded rate, forged names, web requests."""
    if ": SASL " in text:
        return sasl_failure(event, text)
    if found := _LIMIT.match(text):
        event["event.action"] = "rate-limit"
        event["event.category"] = _SESSION
        event["event.type"] = ("denied",)
        event["event.outcome"] = "failure"
        event["event.reason"] = text
        return peer(event, text, found.end()) > found.end()
    if text.startswith("hostname "):
        name, found_it, rest = text[9:].partition(" does not resolve to address ")
        event["event.action"] = "hostname-mismatch"
        event["source.domain"] = name[:255]
        event["event.reason"] = text
        end = peer(event, f"[{rest.partition(': ')[0]}]")
        return bool(found_it and end)
    if text.startswith("non-SMTP command from "):
        event["event.action"] = "non-smtp-command"
        event["event.category"] = _SESSION
        event["event.type"] = ("denied",)
        end = peer(event, text, 22)
        event["event.reason"] = text[end + 2 :]
        return end > 22
    return False


def tls_established(event: Event, text: str, names: tuple[str, str, str]) -> bool:
    """Anonymous TLS connection established from host[192.0.2.1]: TLSv1.3 with cipher ... (256/256 bits)"""
    found = _TLS.match(text)
    if not found:
        return False
    event["event.action"] = "tls-established"
    event["event.category"] = _SESSION
    event["event.type"] = ("connection", "info")
    event["event.outcome"] = "success"
    event["postfix.tls_trust"] = found[1].lower()
    event["tls.established"] = True
    event["tls.version_protocol"] = found["name"].lower()
    event["tls.version"] = found["version"]
    event["tls.cipher"] = found["cipher"]
    peer(event, found["peer"], 0, names)
    return True


def tls_failed(event: Event, text: str) -> bool:
    """SSL_accept error from unknown[192.0.2.1]: Connection timed out"""
    event["event.action"] = "tls-failure"
    event["event.category"] = _SESSION
    event["event.type"] = ("connection", "error")
    event["event.outcome"] = "failure"
    event["tls.established"] = False
    end = peer(event, text, 22)
    event["event.reason"] = text[end + 2 :]
    return end > 22


def queued(event: Event, text: str) -> bool:
    """client=host[192.0.2.1], sasl_method=PLAIN, sasl_username=lan: a message enters the queue."""
    event["event.action"] = "queued"
    event["event.outcome"] = "success"
    end = peer(event, text, 7)
    for name, value in _CLIENT.findall(text, end):
        if name == "sasl_username":
            event["user.name"] = value
            event["event.category"] = _LOGIN
            event["event.type"] = ("start", "info")
        elif name == "sasl_method":
            event["postfix.sasl_method"] = value
        elif name == "orig_queue_id":
            event["postfix.original_id"] = value
        elif name == "orig_client":
            peer(event, value)
    return end > 7


def picked_up(event: Event, text: str) -> bool:
    """uid=33 from=<www-data>: a program on this very host hands a message over."""
    uid, _, rest = text[4:].partition(" from=")
    if not (uid.isascii() and uid.isdigit() and len(uid) < 11):
        return False
    event["event.action"] = "queued"
    event["event.outcome"] = "success"
    event["postfix.uid"] = uid
    if sender := rest.partition(" orig_id=")[0].strip("<>"):
        event["email.from.address"] = (sender,)
    return True


def message_id(event: Event, text: str) -> bool:
    """message-id=<20261005.1@most.gov.vn>, sometimes MIME-encoded by a forger."""
    value = decoded(text.partition("=")[2]).strip()
    event["event.action"] = "message-id"
    if value[:1] == "<" and value[-1:] == ">":
        value = value[1:-1]
    if value:
        event["email.message_id"] = value
    return True


def checked(event: Event, text: str) -> bool:
    """What access tables, header checks and milters did: ``VERB: WHERE from CLIENT: REPLY; from=<> to=<> ...``"""
    verb, _, rest = text.partition(": ")
    if rest.startswith(("header ", "body ")):
        return header(event, verb, rest)
    if verb in _REFUSALS:
        _refused(event)
    else:
        event["event.action"] = verb.replace("_", "-")
        event["event.category"] = _SESSION
    rest = _envelope(event, rest)
    phase, separator, after = rest.partition(" from ")
    end = peer(event, after) if separator and ":" not in phase else 0
    if not end and not verb.startswith("proxy-"):
        return False
    if not end:  # proxy-reject: END-OF-MESSAGE: 554 5.7.0 ...
        phase, _, reply = rest.partition(": ")
    else:
        reply = after[end:].removeprefix(":").lstrip(" ")
    event["postfix.phase"] = phase[:200]
    code = _REPLY.match(reply)
    if code:
        if code[1]:
            event["postfix.reply_code"] = int(code[1])
        if code[2]:
            event["postfix.dsn"] = code[2]
        reply = reply[code.end() :]
    if reply:
        event["event.reason"] = reply
    return True


def header(event: Event, verb: str, text: str) -> bool:
    """``header Subject: Bao gia from host[192.0.2.1]; from=<a@b> ...``: what header_checks and body_checks log."""
    kind, _, rest = text.partition(" ")
    if verb in _REFUSALS:
        _refused(event)
    else:
        event["event.action"] = kind if verb in {"warning", "info"} else verb
    rest = _envelope(event, rest)
    content, separator, origin = rest.rpartition(" from ")
    if not separator or (origin != "local" and not peer(event, origin)):
        content = rest
    if kind == "body":
        event.setdefault("event.reason", content)
        return True
    name, _, value = content.partition(": ")
    value = decoded(value)
    event["postfix.header.name"] = name[:200]
    event["postfix.header.value"] = value
    lower = name.lower()
    if lower == "subject":
        event["email.subject"] = value
    elif lower in {"content-disposition", "content-type"} and (found := _FILENAME.search(value)):
        event["email.attachments.file.name"] = (found[1],)
    return True


def _refused(event: Event) -> None:
    event["event.action"] = "reject"
    event["event.category"] = _SESSION
    event["event.type"] = ("connection", "denied")
    event["event.outcome"] = "failure"


def _envelope(event: Event, text: str) -> str:
    """Takes ``; from=<a> to=<b> proto=ESMTP helo=<c>`` off the end, and gives what stood before it."""
    at = text.rfind("; from=<")
    if at < 0:
        at = text.rfind("; to=<")
    if at < 0:
        at = text.rfind("; proto=")
    if at < 0:
        return text
    found = _TAIL.match(text, at + 1)
    if found:
        sender, recipient, protocol, helo, user, reason = found.groups()
        if sender:
            event["email.from.address"] = (sender,)
        if recipient:
            event["email.to.address"] = (recipient,)
        if protocol:
            event["postfix.protocol"] = protocol
        if helo:
            event["postfix.helo"] = helo
        if user:
            event["user.name"] = user
        if reason:
            event["event.reason"] = reason
    return text[:at]
