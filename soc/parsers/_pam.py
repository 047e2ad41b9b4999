"""PAM's modules, whichever program they speak for: ``pam_unix(sshd:auth): authentication failure; ... rhost= user=``

Formats: Linux-PAM 1.3 to 1.7, pam_unix(8), pam_faillock(8), pam_tally2(8), and sssd's pam_sss(8).
"""

from __future__ import annotations

import re

from soc.core.event import Event
from soc.parsers._address import ip

HEAD = re.compile(r"(pam_\w{2,30})\(([\w.@-]{1,60}):(\w{1,20})\): ", re.ASCII)
_SESSION = re.compile(
    r"session (opened|closed) for user ([^\s(]{1,255})(?:\(uid=(\d{1,10})\))?"
    r"(?: by (?:([^\s(]{1,255})?\(uid=(\d{1,10})\)|(\S{1,255})))?",
    re.ASCII,
)
_MORE = re.compile(r"PAM (\d{1,4}) more authentication failures?; ", re.ASCII)
_NAMED = re.compile(r"(?:for user|[Uu]ser|account|for) [\"'`]?([^\s\"'`:;]{1,255})", re.ASCII)


def pam(event: Event, text: str) -> bool:
    """Any line of a PAM module; what is not known of it stays in message."""
    found = HEAD.match(text)
    if not found:
        return False
    event["event.dataset"] = "linux.pam"
    event["linux.auth.module"], event["linux.auth.service"], kind = found.groups()
    rest = text[found.end() :]
    if session := _SESSION.match(rest):
        opened, name, uid, by, by_uid, by_name = session.groups()
        event["event.action"] = f"session_{opened}"
        event["event.category"] = ("session",)
        event["event.type"] = ("start",) if opened == "opened" else ("end",)
        event["event.outcome"] = "success"
        event["user.name"] = name
        if uid:
            event["user.id"] = uid
        if by or by_name:
            event["linux.auth.by"] = by or by_name
        if by_uid:
            event["linux.auth.by_id"] = by_uid
    elif rest.startswith("authentication failure;"):
        _failed(event, rest)
    elif rest.startswith("password changed for "):
        event["event.action"] = "password_changed"
        event["event.category"] = ("iam",)
        event["event.type"] = ("user", "change")
        event["event.outcome"] = "success"
        event["user.target.name"] = rest[len("password changed for ") :]
    elif "locked" in rest or " tally " in rest or "expired" in rest:
        event["event.action"] = "account_locked"
        event["event.category"] = ("authentication",)
        event["event.type"] = ("info",)
        event["event.outcome"] = "failure"
        event["event.reason"] = rest
        if named := _NAMED.search(rest):
            event["user.name"] = named[1]
    else:
        event["event.category"] = ("authentication",) if kind == "auth" else ("session",)
        event["event.type"] = ("info",)
        event["message"] = text
    return True


def more_failures(event: Event, text: str) -> bool:
    """PAM 2 more authentication failures; logname= uid=0 euid=0 tty=ssh ruser= rhost=192.0.2.1  user=root"""
    found = _MORE.match(text)
    if not found:
        return False
    event["event.dataset"] = "linux.pam"
    event["linux.auth.repeated"] = int(found[1])
    _failed(event, text)
    event["event.action"] = "authentication_failures"
    return True


def _failed(event: Event, text: str) -> None:
    """user= is last and the client's text; rhost before it is an address, or a name where sshd resolves names."""
    event["event.action"] = "authentication_failure"
    event["event.category"] = ("authentication",)
    event["event.type"] = ("start",)
    event["event.outcome"] = "failure"
    head, _, user = text.partition(" user=")
    if user:
        event["user.name"] = user
    head, _, host = head.partition(" rhost=")
    if host := host.strip():
        if address := ip(host):
            event["source.ip"] = address
        else:
            event["source.domain"] = host[:255]
    terminal = head.partition(" tty=")[2].partition(" ")[0]
    if terminal:
        event["linux.auth.tty"] = terminal
    remote = head.partition(" ruser=")[2]
    if remote:
        event["linux.auth.by"] = remote
