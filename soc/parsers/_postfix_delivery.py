"""Postfix delivering: the queue manager, what became of each recipient, trouble with other servers.

Formats: qmgr(8), smtp(8), lmtp(8), local(8), pipe(8), bounce(8) of Postfix 2.5 to 3.10. ``delays=a/b/c/d`` are the
seconds before the queue manager, in it, in connection set-up, and in transmission (Postfix's release notes 2.3).
"""

from __future__ import annotations

import re
from typing import Final

from soc.core.event import Event
from soc.parsers._mail import ADDRESS, DESTINATION, peer

_NUMBER = r"\d{1,9}(?:\.\d{1,9})?"
_STATUS = re.compile(
    rf"to=(?:{ADDRESS}|([^,\s]*+)), (?:orig_to=(?:{ADDRESS}|([^,\s]*+)), )?relay=([^,]*+), (?:conn_use=\d{{1,9}}, )?"
    rf"delay=({_NUMBER}), delays=({_NUMBER})/({_NUMBER})/({_NUMBER})/({_NUMBER}), (?:tls=([^,]*+), )?"
    r"dsn=([\d.]{1,11}), status=([\w-]{1,40})(?: \((.*)\))?",
    re.ASCII | re.DOTALL,
)
_ACTIVE = re.compile(rf"from={ADDRESS}, size=(\d{{1,15}}), nrcpt=(\d{{1,9}})", re.ASCII)
_EXPIRED = re.compile(rf"from={ADDRESS}, status=((?:force-)?expired)", re.ASCII)
_NEXT = re.compile(r"queued as ([0-9A-Za-z]{5,30})\b", re.ASCII)
_SAID = re.compile(r" (?:said|refused to talk to me): ")
_ANSWER = re.compile(r"([2-5]\d\d)[ -](?:([245]\.\d{1,3}\.\d{1,3}) )?", re.ASCII)
_NOTICE = re.compile(r"(?:sender|postmaster) ([a-z -]{5,40}) notification: ([0-9A-Za-z]{5,30})", re.ASCII)

_TROUBLE: Final = ("email", "network")
_FAILED: Final = frozenset({"bounced", "deferred", "expired", "undeliverable", "undeliverable-but-not-cached"})


def status(event: Event, text: str) -> bool:
    """to=<a@b>, relay=host[192.0.2.1]:25, delay=1.2, delays=0.1/0/1/0.1, dsn=2.0.0, status=sent (250 Ok)"""
    found = _STATUS.match(text)
    if not found:
        return False
    quoted, bare, original, original_bare, relay, *delays, tls, dsn, word, reason = found.groups()
    event["event.action"] = word
    event["event.outcome"] = "failure" if word in _FAILED else "success"
    event["email.to.address"] = (quoted or bare or "",)
    if original := original or original_bare:
        event["postfix.original_recipient"] = original
    event["postfix.relay"] = relay
    peer(event, relay, 0, DESTINATION)
    event["postfix.delay.total"] = float(delays[0])
    event["postfix.delay.before_queue"] = float(delays[1])
    event["postfix.delay.queue"] = float(delays[2])
    event["postfix.delay.connect"] = float(delays[3])
    event["postfix.delay.transmit"] = float(delays[4])
    if tls:
        event["postfix.tls_level"] = tls
    event["postfix.dsn"] = dsn
    event["postfix.status"] = word
    if reason:
        event["event.reason"] = reason
        if "queued as " in reason and (following := _NEXT.search(reason)):
            event["postfix.next_id"] = following[1]
    return True


def sender(event: Event, text: str) -> bool:
    """from=<a@b>, size=5360, nrcpt=1 (queue active), or the end of a message that could not be delivered in time."""
    if found := _ACTIVE.match(text):
        event["event.action"] = "active"
        event["postfix.size"] = int(found[2])
        event["postfix.recipients"] = int(found[3])
    elif found := _EXPIRED.match(text):
        event["event.action"] = "expired"
        event["event.outcome"] = "failure"
        event["postfix.status"] = found[2]
        event["event.reason"] = text.partition(", status=")[2]
    else:
        return False
    if found[1]:
        event["email.from.address"] = (found[1],)
    return True


def removed(event: Event, text: str) -> bool:
    """The last that is said of a message: it left the queue."""
    event["event.action"] = "removed"
    return text == "removed"


def notification(event: Event, text: str) -> bool:
    """sender non-delivery notification: ADD2F8052 (the queue id of the notice itself)"""
    found = _NOTICE.match(text)
    if not found:
        return False
    event["event.action"] = "notification"
    event["event.reason"] = found[1]
    event["postfix.next_id"] = found[2]
    return True


def held(event: Event, text: str) -> bool:
    """What the administrator did with postsuper: held, released, requeued."""
    event["event.action"] = {"placed": "hold", "released": "release", "requeued": "requeue"}.get(
        text.partition(" ")[0], "skip"
    )
    return True


def remote_said(event: Event, text: str) -> bool:
    """host mx.example[192.0.2.1] said: 450 4.7.1 Greylisted (in reply to RCPT TO command)"""
    end = peer(event, text, 5, DESTINATION)
    found = _SAID.match(text, end)
    if not found:
        return False
    _failed(event, "remote-error")
    reason = text[found.end() :]
    event["event.reason"] = reason
    if answer := _ANSWER.match(reason):
        event["postfix.reply_code"] = int(answer[1])
        if answer[2]:
            event["postfix.dsn"] = answer[2]
    return True


def conversation_broken(event: Event, text: str) -> bool:
    """lost connection with HOST while sending RCPT TO; conversation with HOST timed out while ..."""
    start = text.find(" with ") + 6
    end = peer(event, text, start, DESTINATION)
    if end == start:
        return False
    _failed(event, "lost-connection" if text.startswith("lost") else "timeout")
    event["event.reason"] = text[end + 1 :]
    return True


def connect_failed(event: Event, text: str) -> bool:
    """connect to mx.example[192.0.2.1]:25: Connection timed out"""
    end = peer(event, text, 11, DESTINATION)
    if end == 11:
        return False
    _failed(event, "connect")
    event["event.reason"] = text[end + 2 :]
    return True


def certificate_failed(event: Event, text: str) -> bool:
    """certificate verification failed for mx.example[192.0.2.1]:25: self-signed certificate"""
    start = len("certificate verification failed for ")
    end = peer(event, text, start, DESTINATION)
    _failed(event, "certificate-failure")
    event["event.reason"] = text[end + 2 :]
    return end > start


def tls_failed(event: Event, text: str) -> bool:
    """SSL_connect error to mx.example[192.0.2.1]:25: lost connection"""
    end = peer(event, text, 21, DESTINATION)
    _failed(event, "tls-failure")
    event["tls.established"] = False
    event["event.reason"] = text[end + 2 :]
    return end > 21


def sasl_refused(event: Event, text: str) -> bool:
    """SASL authentication failed; server relay.example[192.0.2.1] said: 535 5.7.8 Error"""
    event["event.action"] = "relay-auth-failure"
    event["event.outcome"] = "failure"
    end = peer(event, text, 35, DESTINATION)
    event["event.reason"] = text[end + 7 :]
    return end > 35


def _failed(event: Event, action: str) -> None:
    event["event.action"] = action
    event["event.category"] = _TROUBLE
    event["event.type"] = ("connection", "error")
    event["event.outcome"] = "failure"
