"""What each connector is told by a playbook: its parameters, and which of them name something that can be harmed.

Addresses of servers and their secrets are in soc.yml, never in a playbook, and no text of an alert becomes part of one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from soc.core.hostile import plain
from soc.respond.playbook import Step

_INSIDE = tuple(
    ip_network(text)
    for text in (
        *("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "169.254.0.0/16", "127.0.0.0/8"),
        *("0.0.0.0/8", "224.0.0.0/3", "::/127", "fc00::/7", "fe80::/10", "ff00::/8"),
    )
)
LONGEST = 8000
"""Characters of a parameter once its variables are filled in."""
_VARIABLE = re.compile(r"\{([^{}]*)\}")
_HOST = re.compile(
    r"(?=.{1,253}$)[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?)*"
)
_ACCOUNT = re.compile(r"[^\s\x00-\x1f\x7f<>\"',;:()\[\]{}|&$`]{1,254}")


@dataclass(frozen=True, slots=True)
class Parameter:
    """fixed: written in the playbook, no variables. kind "target" is an address, host or account: what is acted on."""

    kind: str = "text"
    fixed: bool = False
    required: bool = True


@dataclass(frozen=True, slots=True)
class Action:
    """What a connector takes; disruptive if it always is, whatever a playbook says."""

    parameters: Mapping[str, Parameter]
    disruptive: bool = False


ACTIONS: Mapping[str, Action] = {
    "smtp": Action({"to": Parameter("account", fixed=True), "subject": Parameter(), "text": Parameter()}),
    "webhook": Action(
        {
            "hook": Parameter("name", fixed=True),
            "text": Parameter(),
            "target": Parameter("target", required=False),
        }
    ),
    "fortigate": Action({"address": Parameter("address"), "group": Parameter("name", fixed=True)}, disruptive=True),
}


class Unusable(ValueError):
    """A value is missing, or is not what its parameter must be."""


def named(template: str) -> list[str]:
    """The names between braces, as they stand there: "{c2} on {host}" -> ["c2", "host"]."""
    return _VARIABLE.findall(template)


def filled(step: Step, variables: Mapping[str, str]) -> dict[str, str]:
    """An action's parameters with the variables put in, once: braces in a value stay text. Unusable: why not."""
    action = ACTIONS[step.action or ""]
    found = {}
    for name, template in step.parameters.items():
        kind = action.parameters[name].kind

        def value(match: re.Match[str], kind: str = kind) -> str:
            given = variables.get(match[1], "")
            if not given and kind != "text":
                raise Unusable(f"{match[1]} has no value")
            return plain(given, 500) or "-"

        found[name] = checked(kind, _VARIABLE.sub(value, template))
    return found


def checked(kind: str, text: str) -> str:
    """The text, in its usual form, if it is of this kind; Unusable if not."""
    if kind == "address":
        return str(address(text))
    if kind == "outside":
        found = address(text)
        return _refuse(kind, text) if any(found in network for network in _INSIDE) else str(found)
    if kind == "host" and _HOST.fullmatch(text.rstrip(".")):
        return text.rstrip(".").lower()
    if kind == "account" and _ACCOUNT.fullmatch(text):
        return text
    if kind == "target":
        return next(_as_any(text), "") or _refuse(kind, text)
    if kind in {"text", "name"} and len(text) <= LONGEST:
        return text
    return _refuse(kind, text)


def address(text: str) -> IPv4Address | IPv6Address:
    """One IP address; one of IPv4 that is written as IPv6 is what it stands for. Unusable if it is none."""
    try:
        found = ip_address(text.strip())
    except ValueError:
        raise Unusable(f"{plain(text, 80)!r} is no address") from None
    if isinstance(found, IPv6Address):
        if found.scope_id:
            raise Unusable(f"{plain(text, 80)!r} has a zone, so it is an address on one link only")
        return found.ipv4_mapped or found
    return found


def _as_any(text: str) -> Iterator[str]:
    for kind in ("address", "host", "account"):
        try:
            yield checked(kind, text)
        except Unusable:
            continue


def _refuse(kind: str, text: str) -> str:
    raise Unusable(f"{plain(text, 80)!r} is no {kind}")
