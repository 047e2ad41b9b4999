"""Postfix, every daemon: one event for each line; MailJoin adds one for each message (dataset postfix.message)."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from soc.core.event import Event
from soc.parsers import _postfix_delivery as delivery
from soc.parsers import _postfix_screen as screen
from soc.parsers import _postfix_smtpd as smtpd
from soc.parsers._device import Device, Line, ParseError
from soc.parsers._event import new_event
from soc.parsers._mail import DESTINATION, SOURCE
from soc.parsers._mail_join import MailJoin
from soc.parsers._postfix_datasets import DATASETS

Handler = Callable[[Event, str], bool]

# Short queue ids are hexadecimal, long ones (enable_long_queue_ids) have digits and consonants.
_QUEUE_ID = re.compile(r"[0-9A-F]{5,21}|[0-9B-DF-HJ-NP-TV-Zb-df-hj-np-tv-z]{10,30}", re.ASCII)
_FIRST_WORD = re.compile(r"[A-Za-z_-]{2,30}", re.ASCII)
_LOOKS = re.compile(
    r"(?:[0-9A-F]{6,21}|[0-9B-DF-HJ-NP-TV-Zb-df-hj-np-tv-z]{12,30}): (?:(?:to|from|client|message-id)=|removed$)"
    r"|NOQUEUE: [a-z_-]{4,20}: "
    r"|(?:dis)?connect from [^\s\[]{1,255}\[[0-9A-Fa-f.:]{2,45}\]"
    r"|warning: [^\s\[]{1,255}\[[0-9A-Fa-f.:]{2,45}\]: SASL ",
    re.ASCII,
)
_LEVELS: Final = frozenset({"warning", "error", "fatal", "panic", "info"})
_LEVEL_NAMES: Final = {"panic": "emergency", "fatal": "critical"}

_DATASETS: Final = {
    "smtpd": "postfix.smtpd",
    "cleanup": "postfix.cleanup",
    "pickup": "postfix.cleanup",
    "qmgr": "postfix.qmgr",
    "oqmgr": "postfix.qmgr",
    "postsuper": "postfix.qmgr",
    "smtp": "postfix.smtp",
    "lmtp": "postfix.smtp",
    "relay": "postfix.smtp",
    "local": "postfix.local",
    "virtual": "postfix.local",
    "pipe": "postfix.local",
    "error": "postfix.local",
    "retry": "postfix.local",
    "discard": "postfix.local",
    "bounce": "postfix.local",
    "defer": "postfix.local",
    "trace": "postfix.local",
    "postscreen": "postfix.postscreen",
    "dnsblog": "postfix.postscreen",
    "tlsproxy": "postfix.postscreen",
}


def _tls(event: Event, text: str) -> bool:
    names = DESTINATION if " to " in text[:60] else SOURCE
    return smtpd.tls_established(event, text, names)


# A line is read as its daemon writes it, so what a client makes another daemon log is not taken for more.
_TLS: Final[dict[str, Handler]] = dict.fromkeys(("Anonymous", "Untrusted", "Trusted", "Verified"), _tls)
_CHECKS: Final[dict[str, Handler]] = dict.fromkeys(
    (
        *("reject", "reject_warning", "abort", "discard", "filter", "hold", "redirect", "prepend", "replace", "strip"),
        *("warn", "bcc", "delay", "info", "warning", "milter-reject", "milter-discard", "milter-hold"),
        *("milter-header-redirect", "milter-header-reject", "proxy-accept", "proxy-reject"),
    ),
    smtpd.checked,
)
_HANDLERS: Final[dict[str, dict[str, Handler]]] = {
    "postfix.smtpd": {
        **_TLS,
        **_CHECKS,
        **dict.fromkeys(("lost", "timeout", "too", "improper", "bare"), smtpd.aborted),
        "client": smtpd.queued,
        "connect": smtpd.connect,
        "disconnect": smtpd.disconnect,
        "SSL_accept": smtpd.tls_failed,
    },
    "postfix.cleanup": {
        **_CHECKS,
        "message-id": smtpd.message_id,
        "resent-message-id": smtpd.message_id,
        "uid": smtpd.picked_up,
    },
    "postfix.qmgr": {
        **dict.fromkeys(("placed", "released", "requeued", "skipped"), delivery.held),
        "from": delivery.sender,
        "removed": delivery.removed,
    },
    "postfix.smtp": {
        **_TLS,
        "to": delivery.status,
        "host": delivery.remote_said,
        "lost": delivery.conversation_broken,
        "conversation": delivery.conversation_broken,
        "connect": delivery.connect_failed,
        "certificate": delivery.certificate_failed,
        "SSL_connect": delivery.tls_failed,
        "SASL": delivery.sasl_refused,
    },
    "postfix.local": {
        "to": delivery.status,
        "sender": delivery.notification,
        "postmaster": delivery.notification,
    },
    "postfix.postscreen": {
        **_TLS,
        **dict.fromkeys(
            ("PASS", "WHITELISTED", "ALLOWLISTED", "WHITELIST", "ALLOWLIST", "BLACKLISTED", "DENYLISTED", "DISCONNECT"),
            screen.verdict,
        ),
        **dict.fromkeys(("PREGREET", "HANGUP", "COMMAND", "NON-SMTP", "BARE"), screen.failed_test),
        "CONNECT": screen.connect,
        "DNSBL": screen.rank,
        "addr": screen.listed,
        "reject": smtpd.checked,
        "SSL_accept": smtpd.tls_failed,
    },
    "postfix.other": {"statistics": screen.statistics},
}
# For lines without a syslog header: who writes what begins with this word.
_WRITERS: Final = {
    "to": "postfix.smtp",
    "from": "postfix.qmgr",
    "removed": "postfix.qmgr",
    "message-id": "postfix.cleanup",
}


def parse(line: Line) -> Event:
    """A line of any Postfix daemon. What its text means beyond the daemon is left to ``message`` if unknown.

    ParseError if the syslog program is another's, or there is none and the text is not Postfix's.
    """
    text = line.text
    level = queue_id = ""
    head, separator, body = text.partition(": ")
    if separator and head in _LEVELS:
        level, text = head, body
        head, separator, body = text.partition(": ")
    if separator:
        if head == "NOQUEUE":
            text = body
        elif len(head) < 31 and _QUEUE_ID.fullmatch(head):
            queue_id, text = head, body
    found = _FIRST_WORD.match(text)
    word = found[0] if found else ""
    event = _begin(line, word)
    if level:
        event["log.level"] = _LEVEL_NAMES.get(level, level)
    if queue_id:
        event["email.local_id"] = queue_id
    dataset = event["event.dataset"]
    handler = _HANDLERS[str(dataset)].get(word)
    if handler is not None and handler(event, text):
        return event
    if not (level and dataset == "postfix.smtpd" and smtpd.warned(event, text)):
        event["message"] = line.text
    return event


def _begin(line: Line, word: str) -> Event:
    """The fields that say which daemon of which instance wrote the line."""
    if not line.program:
        if not _LOOKS.match(line.text):
            raise ParseError("not a line of Postfix")
        event = new_event(line, "postfix", _WRITERS.get(word, "postfix.smtpd"))
    else:
        name, _, rest = line.program.partition("/")
        if not name.startswith("postfix"):
            raise ParseError(f"{line.program} is no Postfix daemon")
        service, _, daemon = rest.rpartition("/")
        daemon = daemon or name
        event = new_event(line, "postfix", _DATASETS.get(daemon, "postfix.other"))
        event["process.name"] = daemon
        if service:
            event["postfix.service"] = service
    event["event.category"] = smtpd.EMAIL
    event["event.type"] = smtpd.INFO
    return event


def looks_like(text: str) -> bool:
    """A queue id before a known word, or a client that comes, goes or fails to sign in."""
    return _LOOKS.match(text) is not None


DEVICE = Device(
    name="postfix",
    title="Postfix 2.5 to 3.10, all daemons",
    parse=parse,
    looks_like=looks_like,
    programs=frozenset({"postfix", "postfix-in", "postfix-out", "postfix-msa", "postfix-mta"}),
    datasets=DATASETS,
    join=MailJoin,
    joins=True,
)
