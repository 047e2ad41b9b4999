"""An event in one line, for people: who did what to whom, safe to print."""

from __future__ import annotations

from collections.abc import Mapping

from soc.core.hostile import plain

# what an event is about, the most telling first; two of them are shown
_SUBJECTS = (
    "rule.name",
    "url.original",
    "dns.question.name",
    "tls.client.server_name",
    "email.subject",
    "file.name",
    "process.command_line",
    "url.domain",
    "message",
)


def gist(event: Mapping[str, object]) -> str:
    """ "fortinet.traffic · 10.1.50.23 → 198.51.100.77:443 · close": dataset, parties, person, act, subject."""
    sender = _first(event, "source.ip", "source.address", "source.domain", "email.from.address")
    receiver = _first(event, "destination.ip", "destination.domain", "email.to.address")
    port = event.get("destination.port")
    if receiver and port:
        receiver = f"[{receiver}]:{port}" if ":" in receiver else f"{receiver}:{port}"
    parties = " → ".join(party for party in (sender, receiver) if party) or _first(event, "host.name")
    act = " ".join(part for part in (_first(event, "event.action"), _outcome(event)) if part)
    subjects = [text for name in _SUBJECTS if (text := _first(event, name))][:2]
    parts = [_first(event, "event.dataset"), parties, _first(event, "user.name"), act, *subjects]
    return " · ".join(part for part in parts if part)


def _outcome(event: Mapping[str, object]) -> str:
    return "✘" if event.get("event.outcome") == "failure" else ""


def _first(event: Mapping[str, object], *names: str) -> str:
    """The first of the fields that has a value; of several values, the first and how many more there are."""
    for name in names:
        value = event.get(name)
        if isinstance(value, list | tuple):
            more = f" +{len(value) - 1}" if len(value) > 1 else ""
            value = f"{value[0]}{more}" if value else None
        if value not in (None, ""):
            return plain(value, 120)
    return ""
