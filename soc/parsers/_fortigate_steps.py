"""What follows from the fields of a FortiGate message: transport, totals, verdict, URL parts, who logged in.

A step takes an event that has its own fields and adds to it; STEP_FIELDS says what each may add.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

from soc.core.event import Event, Value
from soc.parsers._address import ip
from soc.parsers._url import ABSOLUTE_FIELDS, TARGET_FIELDS, put_target

Step = Callable[[Event], None]
Words = tuple[str, ...]

# IANA protocol numbers under the names that ECS uses for network.transport.
_TRANSPORTS: Final[Mapping[Value, str]] = {
    "1": "icmp",
    "2": "igmp",
    "6": "tcp",
    "17": "udp",
    "47": "gre",
    "50": "esp",
    "58": "ipv6-icmp",
    "132": "sctp",
}
_DENIED: Final = (
    *("deny", "denied", "block", "blocked", "drop", "dropped", "reset", "reset_client", "reset_server"),
    *("reset_both", "drop_session", "clear_session", "ban", "ban-ip", "quarantine", "server-banned"),
    # To the block page; and what data leak prevention does.
    *("redirect", "ban-sender", "quarantine-ip", "quarantine-interface"),
)
_ENDED: Final = ("close", "client-rst", "server-rst", "timeout")
# Fortinet's words in the order of its FortiGuard severities.
_SEVERITIES: Final[Mapping[Value, int]] = {"info": 1, "low": 2, "medium": 3, "high": 4, "critical": 5}


def verdict(*words: str) -> Step:
    """event.type and event.outcome from what the firewall did: words, and "allowed" or "denied"."""
    allowed, denied = (*words, "allowed"), (*words, "denied")
    by_action: Mapping[Value, tuple[Words, str]] = {
        "start": ((*allowed, "start"), "success"),
        **dict.fromkeys(_ENDED, ((*allowed, "end"), "success")),
        **dict.fromkeys(_DENIED, (denied, "failure")),
        # The policy let it through; nobody answered.
        "ip-conn": ((*allowed, "end"), "failure"),
    }
    other = (allowed, "success")

    def step(event: Event) -> None:
        event["event.type"], event["event.outcome"] = by_action.get(event.get("event.action"), other)

    return step


def flow(event: Event) -> None:
    transport = _TRANSPORTS.get(event.get("network.iana_number"))
    if transport is not None:
        event["network.transport"] = transport
    address = event.get("source.ip")
    if isinstance(address, str):
        event["network.type"] = "ipv6" if ":" in address else "ipv4"


def total_bytes(event: Event) -> None:
    sent, received = event.get("source.bytes"), event.get("destination.bytes")
    if isinstance(sent, int) and isinstance(received, int):
        event["network.bytes"] = sent + received


def total_packets(event: Event) -> None:
    sent, received = event.get("source.packets"), event.get("destination.packets")
    if isinstance(sent, int) and isinstance(received, int):
        event["network.packets"] = sent + received


def url(event: Event) -> None:
    """The parts of a URL that is whole (FortiOS 6.2 and later) or a path beside the host's name (before)."""
    original = event.get("url.original")
    if not isinstance(original, str):
        return
    host = event.get("url.domain")
    put_target(event, original)
    if "://" in original[:16]:
        event["url.full"] = original
    elif original[:1] == "/" and host and event.get("network.protocol") in {"http", "https"}:
        event["url.scheme"] = event["network.protocol"]
        event["url.full"] = f"{event['network.protocol']}://{host}{original}"


def severity(event: Event) -> None:
    number = _SEVERITIES.get(event.get("fortinet.firewall.severity"))
    if number is not None:
        event["event.severity"] = number


def dns(event: Event) -> None:
    kind = event.get("fortinet.firewall.eventtype", event.get("fortinet.firewall.subtype"))
    event["dns.type"] = "answer" if kind == "dns-response" else "query"


def tls(event: Event) -> None:
    if "tls.version" in event:
        event["tls.version_protocol"] = "tls"


_UI_ADDRESS = re.compile(r"\(([0-9A-Fa-f.:]{2,45})\)")
_OUTCOMES: Final[Mapping[Value, str]] = {
    **dict.fromkeys(("success", "succeeded", "authenticated", "up"), "success"),
    **dict.fromkeys(("fail", "failed", "failure", "denied", "timed_out"), "failure"),
    **dict.fromkeys(("negotiate_error", "esp_error"), "failure"),
}
# action -> categories, types, and the outcome where the action says it
_ACTIONS: Final[Mapping[str, tuple[Words, Words, str]]] = {
    "login": (("authentication",), ("start",), ""),
    "logout": (("authentication", "session"), ("end",), "success"),
    "authentication": (("authentication",), ("start",), ""),
    "auth-logon": (("authentication", "session"), ("start",), "success"),
    "auth-logout": (("authentication", "session"), ("end",), "success"),
    "fsso-logon": (("authentication", "session"), ("start",), "success"),
    "fsso-logoff": (("authentication", "session"), ("end",), "success"),
    "client-authentication": (("authentication", "network"), ("start",), "success"),
    "tunnel-up": (("network",), ("connection", "start"), "success"),
    "tunnel-down": (("network",), ("connection", "end"), "success"),
    "tunnel-stats": (("network",), ("connection", "info"), ""),
    "ssl-login-fail": (("authentication", "network"), ("start", "denied"), "failure"),
    "ssl-new-con": (("network",), ("connection", "start"), ""),
    "negotiate": (("network",), ("protocol",), ""),
}
# A person's tunnel is a login: FortiOS has no other message for one that succeeds over SSL-VPN.
_PERSONS_TUNNEL: Final[Words] = ("authentication", "network", "session")
_CHANGES: Final[Mapping[str, str]] = {"add": "creation", "delete": "deletion"}
_ACCOUNTS: Final = frozenset({"system.admin", "user.local", "user.group"})


def administration(event: Event) -> None:
    """Category, type and outcome of an event message; and the administrator's address from ``ui="ssh(10.1.52.9)"``."""
    action = str(event.get("event.action", "")).lower()
    changed = event.get("fortinet.firewall.cfgpath")
    outcome = _OUTCOMES.get(event.get("fortinet.firewall.status"), "")
    if changed is not None:
        change = _CHANGES.get(action, "change")
        account = changed in _ACCOUNTS
        event["event.category"] = ("configuration", "iam") if account else ("configuration",)
        event["event.type"] = ("user", change) if account else (change,)
        outcome = outcome or "success"
    elif action in _ACTIONS:
        categories, types, sure = _ACTIONS[action]
        person = action == "tunnel-up" and "user.name" in event
        event["event.category"] = _PERSONS_TUNNEL if person else categories
        event["event.type"] = types
        outcome = sure or outcome
    elif event.get("fortinet.firewall.subtype") == "cifs-auth-fail":
        event["event.category"], event["event.type"] = ("authentication",), ("start",)
        outcome = "failure"
    if outcome:
        event["event.outcome"] = outcome
    if "source.ip" not in event:
        found = _UI_ADDRESS.search(str(event.get("fortinet.firewall.ui", "")))
        address = ip(found[1]) if found else None
        if address is not None:
            event["source.ip"] = address


VERDICT_FIELDS: Final = frozenset({"event.type", "event.outcome"})
STEP_FIELDS: Final[Mapping[Step, frozenset[str]]] = {
    flow: frozenset({"network.transport", "network.type"}),
    total_bytes: frozenset({"network.bytes"}),
    total_packets: frozenset({"network.packets"}),
    url: TARGET_FIELDS | ABSOLUTE_FIELDS | {"url.full"},
    severity: frozenset({"event.severity"}),
    dns: frozenset({"dns.type"}),
    tls: frozenset({"tls.version_protocol"}),
    administration: frozenset({"event.type", "event.outcome", "source.ip"}),
}
