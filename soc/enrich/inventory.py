"""Whose address is this? The inventory answers: system, unit, site, zone and security level of an address or host."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from pathlib import Path

from soc.enrich.inventory_file import InventoryFile, Network, ScannerEntry, parse_network, read_inventory_file
from soc.enrich.networks import ALWAYS_INSIDE, PrefixTable

# Distinct addresses remembered; a scan of the whole Internet only empties the memory now and then.
MEMORY = 100_000

_DAY = timedelta(days=1)
_VIETNAM = 25200


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """Where an address or host belongs. level is the system's security level 1-5, 0 when unknown; ids or "".

    An inventory has one Place for each range and host, so places are compared by identity, which is quick.
    """

    unit: str = ""
    site: str = ""
    zone: str = ""
    system: str = ""
    level: int = 0
    network: str = ""


@dataclass(frozen=True, slots=True)
class Scanner:
    """A host that may scan: until is the end of its last day, µs since the epoch."""

    range: str
    why: str
    owner: str
    until: int


class Inventory:
    """Look-ups over one inventory.yml. Private addresses count as inside even if it does not list them."""

    def __init__(self, file: InventoryFile, zone: int = _VIETNAM) -> None:
        """zone: seconds east of UTC, in which a scanner's last day ends."""
        self.file = file
        self._places = PrefixTable(_places(self.file))
        self._scanners = PrefixTable(
            (parse_network(entry.range), _scanner(entry, zone)) for entry in self.file.scanners
        )
        self._hosts = {host.lower(): place for host, place in _hosts(self.file)}
        domains = (self.file.organisation.domains, *(unit.domains for unit in self.file.units))
        self.domains = frozenset(domain.lower() for group in domains for domain in group)
        self._seen: dict[str, Place | None] = {}

    @classmethod
    def empty(cls) -> Inventory:
        """For a machine that nobody has written an inventory for yet."""
        return cls(InventoryFile())

    def look_up(self, ip: str) -> Place | None:
        """Where one of our addresses is, by its most specific network; None for an address outside."""
        try:
            return self._seen[ip]
        except KeyError:
            pass
        if len(self._seen) >= MEMORY:
            self._seen.clear()
        place = self._seen[ip] = self._places.look_up(ip)
        return place

    def by_host(self, name: str) -> Place | None:
        """The system of a host by the exact name that the inventory lists, in any letter case."""
        return self._hosts.get(name.lower())

    def owns_domain(self, domain: str) -> bool:
        """True for a domain of the organisation or a unit, and for every name under one."""
        name = domain.lower().rstrip(".")
        while name:
            if name in self.domains:
                return True
            name = name.partition(".")[2]
        return False

    def scanner(self, ip: str, time: int) -> Scanner | None:
        """The scanner that has this address, if its permission still held at that time (µs)."""
        scanner = self._scanners.look_up(ip)
        return scanner if scanner is not None and time < scanner.until else None


def read_inventory(path: Path, zone: int = _VIETNAM) -> Inventory:
    """The inventory of an inventory.yml; SettingsError names file, line and key of what is wrong in it."""
    return Inventory(read_inventory_file(path), zone)


def _places(file: InventoryFile) -> Iterator[tuple[Network, Place]]:
    """Ranges from general to particular: a later one for the same range replaces an earlier one."""
    for network in ALWAYS_INSIDE:
        yield network, Place()
    systems = {system.id: system for system in file.systems}
    networks: list[tuple[Network, Place]] = []
    for entry in file.networks:
        place = Place(entry.unit, entry.site, entry.zone, network=entry.name)
        if system := systems.get(entry.system):
            unit, site = entry.unit or system.unit, entry.site or system.site
            place = replace(place, unit=unit, site=site, system=system.id, level=system.level or 0)
        networks.append((parse_network(entry.cidr), place))
    yield from networks
    around = PrefixTable(networks)
    for system in file.systems:
        for address in system.addresses:
            network = ip_network(address)
            here = around.look_up(str(network.network_address)) or Place()
            unit, site = system.unit or here.unit, system.site or here.site
            yield network, replace(here, unit=unit, site=site, system=system.id, level=system.level or 0)


def _hosts(file: InventoryFile) -> Iterator[tuple[str, Place]]:
    for system in file.systems:
        for host in system.hosts:
            yield host, Place(system.unit, system.site, system=system.id, level=system.level or 0)


def _scanner(entry: ScannerEntry, zone: int) -> Scanner:
    last_day = datetime(entry.until.year, entry.until.month, entry.until.day, tzinfo=UTC)
    end = int((last_day + _DAY).timestamp()) - zone
    return Scanner(entry.range, entry.why, entry.owner, end * 1_000_000)
