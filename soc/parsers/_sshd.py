"""sshd: who signs in by which means, who fails, who only knocks. Formats: OpenSSH 6 to 10, auth.c, packet.c, sshd.c.

A user name is the client's text and may hold " from 10.0.0.1 port 22"; so the last " from " of a line counts.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from soc.core.event import Event
from soc.parsers._address import ip

Handler = Callable[[Event, str], bool]

_LOGIN: Final = ("authentication",)
_NETWORK: Final = ("network",)
_END: Final = ("connection", "end")
_DENIED: Final = ("connection", "denied")
_START: Final = ("start",)
_ENDPOINT = re.compile(r"\[?([0-9A-Za-z.:_%-]{0,254}[0-9A-Za-z._%-])\]?(?::(\d{1,5}))?(?: port (\d{1,5}))?", re.ASCII)
_KEY = re.compile(r" ssh2: ([\w-]{1,40}) (\S{1,120})", re.ASCII)
_STATES: Final = (("authenticating user ", False), ("invalid user ", True), ("user ", False))


def endpoint(event: Event, text: str) -> int:
    """Fills source.* from "192.0.2.1 port 4242 ..." or, with UseDNS, a name; gives where it ends, 0 if nowhere."""
    found = _ENDPOINT.match(text)
    if not found:
        return 0
    host, port, named_port = found.groups()
    if address := ip(host):
        event["source.ip"] = address
    elif host != "UNKNOWN":
        event["source.domain"] = host
    number = int(named_port or port or 0)
    if 0 < number < 65536:
        event["source.port"] = number
    return found.end()


def _user(event: Event, name: str) -> None:
    """The name that was tried; "invalid user" says that no such account exists."""
    bare = name.removeprefix("invalid user ").removeprefix("illegal user ")
    if bare is not name and len(bare) < len(name):
        event["linux.auth.invalid_user"] = True
    if bare:
        event["user.name"] = bare


def _attempt(event: Event, text: str) -> bool:
    """Accepted publickey for lan from 192.0.2.1 port 4242 ssh2: ED25519 SHA256:..."""
    word, _, rest = text.partition(" ")
    method, _, rest = rest.partition(" for ")
    user, separator, origin = rest.rpartition(" from ")
    if not separator or not endpoint(event, origin):
        return False
    event["event.action"] = "ssh_login"
    event["event.category"] = _LOGIN
    event["event.type"] = _START
    event["event.outcome"] = "success" if word == "Accepted" else "failure"
    if word in {"Postponed", "Partial"}:
        event["event.action"] = "ssh_login_continued"
        event["event.outcome"] = "unknown"
    event["linux.auth.method"] = method.removesuffix("/pam")
    _user(event, user)
    if key := _KEY.search(origin):
        event["linux.auth.key_type"], event["linux.auth.key"] = key.groups()
    return True


def _invalid_user(event: Event, text: str) -> bool:
    """Invalid user admin from 192.0.2.1 port 4242"""
    user, separator, origin = text.rpartition(" from ")
    if not separator or not endpoint(event, origin):
        return False
    _failure(event, "ssh_invalid_user")
    event["linux.auth.invalid_user"] = True
    if name := user[len("Invalid user ") :]:
        event["user.name"] = name
    return True


def _not_allowed(event: Event, text: str) -> bool:
    """User lan from 192.0.2.1 not allowed because not listed in AllowUsers"""
    head, separator, reason = text.rpartition(" not allowed because ")
    user, found_origin, origin = head.rpartition(" from ")
    if not separator or not found_origin:
        return False
    _failure(event, "ssh_login")
    event["user.name"] = user[5:]
    event["event.reason"] = reason
    return endpoint(event, origin) > 0


def _closed(event: Event, text: str) -> bool:
    """Connection closed by authenticating user root 192.0.2.1 port 4242 [preauth], and every such end."""
    preauth = text.endswith("[preauth]")
    if preauth:
        event["linux.auth.preauth"] = True
        text = text[:-9].rstrip()
    for start in ("Connection closed by ", "Connection reset by ", "Disconnected from ", "Disconnecting "):
        if text.startswith(start):
            break
    else:
        return text.startswith("Connection from ") and _opened(event, text)
    reset = start == "Connection reset by "
    rest = text[len(start) :]
    event["event.action"] = "ssh_reset" if reset else "ssh_disconnected"
    event["event.category"] = _NETWORK
    event["event.type"] = _END
    if preauth:
        event["event.outcome"] = "failure"
    # "USER ADDRESS port N[: reason]": the user's text ends before the last address.
    rest, separator, reason = rest.partition(": ") if start == "Disconnecting " else (rest, "", "")
    if separator:
        event["event.reason"] = reason
    head, found_port, port = rest.rpartition(" port ")
    if not found_port:
        return endpoint(event, rest) > 0
    user, _, address = head.rpartition(" ")
    for words, invalid in _STATES:
        if user.startswith(words[:-1]):
            if invalid:
                event["linux.auth.invalid_user"] = True
            if name := user[len(words) :]:
                event["user.name"] = name
            break
    return endpoint(event, f"{address} port {port}") > 0


def _opened(event: Event, text: str) -> bool:
    event["event.action"] = "ssh_connected"
    event["event.category"] = _NETWORK
    event["event.type"] = ("connection", "start")
    return endpoint(event, text[len("Connection from ") :]) > 0


def _received(event: Event, text: str) -> bool:
    """Received disconnect from 192.0.2.1 port 4242:11: Bye Bye [preauth]"""
    start = len("Received disconnect from ")
    if not text.startswith("Received disconnect from "):
        return False
    end = endpoint(event, text[start:])
    event["event.action"] = "ssh_disconnected"
    event["event.category"] = _NETWORK
    event["event.type"] = _END
    reason = text[start + end :].lstrip(": ")
    if reason.endswith(" [preauth]"):
        event["linux.auth.preauth"] = True
        reason = reason[:-10]
    if reason:
        event["event.reason"] = reason
    return end > 0


def _knock(event: Event, text: str) -> bool:
    """A client that is none: no or a wrong banner, no common algorithm, a scanner's bytes."""
    event["event.action"] = "ssh_protocol_error"
    event["event.category"] = _NETWORK
    event["event.type"] = _DENIED
    event["event.outcome"] = "failure"
    event["event.reason"] = text
    # The address follows the last " from " or " with "; a banner that the client sent stands before it.
    for mark in (" from ", "Connection from ", "negotiate with "):
        _, separator, origin = text.rpartition(mark)
        if separator and origin[:1] not in {"", "'"} and endpoint(event, origin):
            break
    return True


def _timeout(event: Event, text: str) -> bool:
    """Timeout before authentication for 192.0.2.1 port 4242; since 9.8 "for connection from ADDRESS to ADDRESS" """
    _, separator, origin = text.partition("before authentication for ")
    if not separator:
        return False
    _failure(event, "ssh_timeout")
    return endpoint(event, origin.removeprefix("connection from ")) > 0


def _too_many(event: Event, text: str) -> bool:
    """maximum authentication attempts exceeded for invalid user x from 192.0.2.1 port 4242 ssh2 [preauth]"""
    _, separator, rest = text.partition("attempts exceeded for ")
    user, _, origin = rest.rpartition(" from ")
    if not separator or not user:
        return False
    _failure(event, "ssh_too_many_attempts")
    _user(event, user)
    return endpoint(event, origin) > 0


def _drop(event: Event, text: str) -> bool:
    """drop connection #10 from [192.0.2.1]:4242 on [10.1.20.11]:22 past MaxStartups (or penalty: ...)"""
    _, separator, origin = text.partition(" from ")
    if not separator:
        return False
    event["event.action"] = "ssh_dropped"
    event["event.category"] = _NETWORK
    event["event.type"] = _DENIED
    event["event.outcome"] = "failure"
    event["event.reason"] = text
    return endpoint(event, origin) > 0


def _mismatch(event: Event, text: str) -> bool:
    """reverse mapping checking getaddrinfo for host.example [192.0.2.1] failed"""
    name, separator, rest = text.partition(" [")
    if not separator:
        return False
    event["event.action"] = "ssh_name_mismatch"
    event["event.category"] = _NETWORK
    event["event.type"] = ("connection", "info")
    event["event.reason"] = text
    event["source.domain"] = name.rpartition(" ")[2][:255]
    if address := ip(rest.partition("]")[0]):
        event["source.ip"] = address
    return True


def _session(event: Event, text: str) -> bool:
    """Starting session: shell on pts/0 for lan from 192.0.2.1 port 4242 id 0; Close session: user lan from ..."""
    head, separator, origin = text.rpartition(" from ")
    if not separator or not text.startswith(("Starting session: ", "Close session: ")):
        return False
    starting = text[0] == "S"
    event["event.action"] = "ssh_session_started" if starting else "ssh_session_closed"
    event["event.category"] = ("session",)
    event["event.type"] = _START if starting else ("end",)
    event["user.name"] = head.rpartition(" ")[2]
    return endpoint(event, origin) > 0


def _access_denied(event: Event, text: str) -> bool:
    """Access denied for user hoa by PAM account configuration [preauth]"""
    user, separator, _ = text[len("Access denied for user ") :].rpartition(" by PAM account")
    if not separator:
        return False
    _failure(event, "ssh_login")
    event["user.name"] = user
    event["event.reason"] = text
    return True


def _failure(event: Event, action: str) -> None:
    event["event.action"] = action
    event["event.category"] = _LOGIN
    event["event.type"] = _START
    event["event.outcome"] = "failure"


HANDLERS: Final[dict[str, Handler]] = {
    **dict.fromkeys(("Accepted", "Failed", "Postponed", "Partial"), _attempt),
    **dict.fromkeys(("Connection", "Disconnected", "Disconnecting"), _closed),
    **dict.fromkeys(
        (
            "Did",
            "Bad",
            "Unable",
            "banner",
            "ssh_dispatch_run_fatal:",
            "kex_exchange_identification:",
            "kex_protocol_error:",
            "Protocol",
        ),
        _knock,
    ),
    "Access": _access_denied,
    "Close": _session,
    "Starting": _session,
    "Invalid": _invalid_user,
    "User": _not_allowed,
    "Received": _received,
    "Timeout": _timeout,
    "maximum": _too_many,
    "drop": _drop,
    "reverse": _mismatch,
}
LOOKS = re.compile(
    r"(?:Accepted|Failed|Postponed) [\w/-]{1,40} for .{1,300} from \S{1,255} port \d{1,5} ssh2\b"
    r"|Invalid user .{0,300} from \S{1,255}(?: port \d{1,5})?\Z",
    re.ASCII,
)
