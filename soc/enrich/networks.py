"""Longest-prefix look-up: which of many address ranges, IPv4 and IPv6, holds an address most closely."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Generic, TypeVar

from soc.enrich.inventory_file import Network

Value = TypeVar("Value")

# Addresses that are never somebody else's on the Internet, so they are inside even when no inventory lists them:
# private use (RFC 1918, RFC 4193), carrier-grade NAT (RFC 6598), loopback, link-local, "this network",
# multicast and broadcast.
ALWAYS_INSIDE: tuple[Network, ...] = tuple(
    ip_network(cidr)
    for cidr in (
        "10.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "0.0.0.0/8",
        "224.0.0.0/4",
        "255.255.255.255/32",
        "fc00::/7",
        "fe80::/10",
        "::1/128",
        "::/128",
        "ff00::/8",
    )
)

_BITS = {4: 32, 6: 128}


class PrefixTable(Generic[Value]):
    """Ranges with a value each. A look-up costs one dict access for every prefix length in use."""

    def __init__(self, ranges: Iterable[tuple[Network, Value]]) -> None:
        by_length: dict[int, dict[int, dict[int, Value]]] = {4: {}, 6: {}}
        for network, value in ranges:
            shift = _BITS[network.version] - network.prefixlen
            by_length[network.version].setdefault(shift, {})[int(network.network_address) >> shift] = value
        self._tables = {
            version: [(shift, tables[shift]) for shift in sorted(tables)] for version, tables in by_length.items()
        }

    def look_up(self, text: str) -> Value | None:
        """The value of the most specific range that holds the address; None if none does or it is no address."""
        address = parse_address(text)
        if address is None:
            return None
        number = int(address)
        for shift, table in self._tables[address.version]:
            value = table.get(number >> shift)
            if value is not None:
                return value
        return None


def parse_address(text: str) -> IPv4Address | IPv6Address | None:
    """The address, with ::ffff:192.0.2.1 taken as 192.0.2.1; None if the text is no address."""
    try:
        address = ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address
