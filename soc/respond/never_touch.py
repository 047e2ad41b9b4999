"""What no playbook may ever act on, whoever approved it: name servers, mail relays, national lines, own accounts."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path

import msgspec

from soc.core.yamlfile import read_struct, wrong_value
from soc.respond.actions import ACTIONS, Unusable, address


class NeverTouch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """addresses: single ones or ranges; hosts: names, each with all below it; accounts: names or mailboxes."""

    addresses: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    accounts: tuple[str, ...] = ()

    def forbids(self, value: str) -> str:
        """The entry that covers this address, host or account, or ""; upper and lower case are one."""
        text = value.strip().rstrip(".").casefold()
        try:
            found = address(text)
        except Unusable:
            pass
        else:
            return next((one for one in self.addresses if found in _network(one)), "")
        domain = text.rpartition("@")[2]
        for host in self.hosts:
            name = host.strip().rstrip(".").casefold()
            if domain == name or domain.endswith(f".{name}"):
                return host
        return next((one for one in self.accounts if one.strip().casefold() == text), "")


def forbidden(never: NeverTouch, connector: str, parameters: Mapping[str, str]) -> str:
    """Why this action is not done: "8.8.8.8 is on the never-touch list (8.8.8.0/24)", or "" if nothing forbids it.

    What a person only reads, and a group's or hook's name, is not acted on.
    """
    for name, value in parameters.items():
        if ACTIONS[connector].parameters[name].kind in _ACTED_ON and (entry := never.forbids(value)):
            return f"{value} is on the never-touch list ({entry})"
    return ""


_ACTED_ON = frozenset({"address", "host", "account", "target"})


def read_never_touch(path: Path) -> NeverTouch:
    """The list of a file; SettingsError names file and line of what is no address."""
    found = read_struct(path, NeverTouch)
    for number, one in enumerate(found.addresses):
        try:
            _network(one)
        except ValueError as error:
            raise wrong_value(path, f"addresses[{number}]", str(error)) from error
    for key, names in (("hosts", found.hosts), ("accounts", found.accounts)):
        for number, name in enumerate(names):
            if not name.strip(" ."):
                raise wrong_value(path, f"{key}[{number}]", "is empty")
    return found


def _network(text: str) -> IPv4Network | IPv6Network:
    return ip_network(text.strip())
