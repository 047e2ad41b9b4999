"""Blocks an address on a FortiGate: an address object named by the key, made a member of a group that a policy denies.

FortiOS REST API, cmdb: firewall/address and firewall/addrgrp, and their twins for IPv6. Both steps look first, so
doing them again changes nothing; removing the object from the group takes the block back.
"""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv4Address, ip_address
from typing import Any
from urllib.parse import quote

import orjson

from soc.core.responding import FortiGateSettings
from soc.core.settings import secret
from soc.engines.connectors.connector import Doubtful, NotDone
from soc.engines.connectors.request import request


class FortiGate:
    """One FortiGate, one virtual domain."""

    def __init__(self, settings: FortiGateSettings) -> None:
        self._settings = settings

    def act(self, parameters: Mapping[str, str], key: str) -> str:
        address, group = ip_address(parameters["address"]), parameters["group"]
        tables = _V4 if isinstance(address, IPv4Address) else _V6
        wanted = f"{address} 255.255.255.255" if isinstance(address, IPv4Address) else f"{address}/128"
        there = self._get(tables.address, key)
        if there is None:
            made = {"name": key, tables.field: wanted, "comment": "Blocked by a SOC playbook"}
            self._post(tables.address, made)
        elif str(there.get(tables.field)) != wanted:
            raise NotDone(f"the FortiGate has an object {key} with another address")
        members = f"{tables.group}/{quote(group, safe='')}/member"
        if self._get(members, key) is None:
            self._post(members, {"name": key})
        return f"{address} is in {group} as {key}"

    def done(self, key: str) -> bool | None:
        """Is the object there, and a member of a group? Objects are referred to by their group once they are in one."""
        for tables in (_V4, _V6):
            if self._get(tables.address, key) is None:
                continue
            groups = self._call("GET", tables.group)[1].get("results", [])
            return any(member.get("name") == key for group in groups for member in group.get("member", []))
        return False

    def _get(self, table: str, name: str) -> dict[str, Any] | None:
        """The entry of this name, or None if there is none."""
        status, answer = self._call("GET", f"{table}/{quote(name, safe='')}")
        found = answer.get("results") or [{}]
        return None if status == 404 else found[0]

    def _post(self, table: str, entry: Mapping[str, str]) -> None:
        status, _ = self._call("POST", table, orjson.dumps(entry))
        if status == 404:
            raise NotDone(f"the FortiGate has no {table}")

    def _call(self, method: str, table: str, body: bytes | None = None) -> tuple[int, dict[str, Any]]:
        own = self._settings
        url = f"{own.url.rstrip('/')}/api/v2/cmdb/{table}?vdom={own.vdom}"
        headers = {"Authorization": f"Bearer {secret(own.token_file)}", "Content-Type": "application/json"}
        status, raw = request(method, url, headers, body, private=True, ca=own.ca)
        if status not in {200, 404}:
            raise (Doubtful if status >= 500 and method != "GET" else NotDone)(f"the FortiGate answered {status}")
        try:
            answer = orjson.loads(raw)
        except orjson.JSONDecodeError:
            if status == 404:
                return status, {}
            raise Doubtful("the FortiGate's answer is no JSON") from None
        return status, answer if isinstance(answer, dict) else {}


class _Tables:
    def __init__(self, address: str, group: str, field: str) -> None:
        self.address, self.group, self.field = address, group, field


_V4 = _Tables("firewall/address", "firewall/addrgrp", "subnet")
_V6 = _Tables("firewall/address6", "firewall/addrgrp6", "ip6")
