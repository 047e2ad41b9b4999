"""inventory.yml as it is written: units, sites, systems with their security level, networks, scanners."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from soc.core.yamlfile import read_struct, wrong_value

Id = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$")]
SecurityLevel = Annotated[int, Meta(ge=1, le=5)]
Network = IPv4Network | IPv6Network


class _Strict(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    pass


class OrganisationEntry(_Strict, frozen=True):
    """Whose inventory it is; its mail domains count as "ours"."""

    name: str = ""
    name_en: str = ""
    domains: tuple[str, ...] = ()


class SiteEntry(_Strict, frozen=True):
    """A place with machines."""

    id: Id
    name: str = ""
    name_en: str = ""


class UnitEntry(_Strict, frozen=True):
    """A part of the organisation; domains are its mail and web domains."""

    id: Id
    name: str = ""
    name_en: str = ""
    domains: tuple[str, ...] = ()


class SystemEntry(_Strict, frozen=True):
    """An information system with its legal security level 1-5 (cấp độ); 0 while it has not been assessed."""

    id: Id
    name: str = ""
    name_en: str = ""
    unit: str = ""
    site: str = ""
    level: SecurityLevel | None = None
    hosts: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()


class NetworkEntry(_Strict, frozen=True):
    """An address range; the most specific range that holds an address says where it is."""

    cidr: str
    name: str = ""
    unit: str = ""
    site: str = ""
    zone: str = ""
    system: str = ""


class ScannerEntry(_Strict, frozen=True):
    """A host whose scans are its job: why, who answers for it, and the last day on which that holds."""

    why: str
    owner: str
    until: date
    address: str = ""
    cidr: str = ""

    @property
    def range(self) -> str:
        return self.address or self.cidr


class InventoryFile(_Strict, frozen=True):
    """The whole of inventory.yml."""

    organisation: OrganisationEntry = OrganisationEntry()
    sites: tuple[SiteEntry, ...] = ()
    units: tuple[UnitEntry, ...] = ()
    systems: tuple[SystemEntry, ...] = ()
    networks: tuple[NetworkEntry, ...] = ()
    scanners: tuple[ScannerEntry, ...] = ()


def read_inventory_file(path: Path) -> InventoryFile:
    """inventory.yml, checked as a whole. SettingsError names file, line and key of the first thing wrong."""
    inventory = read_struct(path, InventoryFile)
    for where, reason in wrong_values(inventory):
        raise wrong_value(path, where, reason)
    return inventory


def parse_network(text: str) -> Network:
    """ "10.1.0.0/16", or one address as a range of its own. ValueError if it is neither."""
    return ip_network(text)


def wrong_values(inventory: InventoryFile) -> Iterable[tuple[str, str]]:
    """(where, what) for ids used twice, references that lead nowhere, and ranges that are none; in file order."""
    units = {unit.id for unit in inventory.units}
    sites = {site.id for site in inventory.sites}
    systems = {system.id for system in inventory.systems}
    known = {"unit": units, "site": sites, "system": systems, "owner": units}

    yield from _repeated((f"sites[{i}].id", site.id) for i, site in enumerate(inventory.sites))
    yield from _repeated((f"units[{i}].id", unit.id) for i, unit in enumerate(inventory.units))
    yield from _repeated((f"systems[{i}].id", system.id) for i, system in enumerate(inventory.systems))
    yield from _repeated(
        (f"systems[{i}].hosts[{j}]", host.lower())
        for i, system in enumerate(inventory.systems)
        for j, host in enumerate(system.hosts)
    )
    for part, keys, entries in (
        ("systems", ("unit", "site"), inventory.systems),
        ("networks", ("unit", "site", "system"), inventory.networks),
        ("scanners", ("owner",), inventory.scanners),
    ):
        for number, entry in enumerate(entries):
            for key in keys:
                named = getattr(entry, key)
                if named and named not in known[key]:
                    what = "unit" if key == "owner" else key
                    yield f"{part}[{number}].{key}", f"there is no {what} {named!r}"
    yield from _wrong_ranges(inventory)


def _wrong_ranges(inventory: InventoryFile) -> Iterable[tuple[str, str]]:
    ranges = [
        (f"systems[{i}].addresses[{j}]", address)
        for i, system in enumerate(inventory.systems)
        for j, address in enumerate(system.addresses)
    ]
    networks = [(f"networks[{i}].cidr", network.cidr) for i, network in enumerate(inventory.networks)]
    for number, scanner in enumerate(inventory.scanners):
        if bool(scanner.address) == bool(scanner.cidr):
            yield f"scanners[{number}]", "needs either address or cidr"
    scanners = [(f"scanners[{i}]", scanner.range) for i, scanner in enumerate(inventory.scanners)]
    for where, text in (*ranges, *networks, *scanners):
        try:
            parse_network(text)
        except ValueError as error:
            yield where, str(error)
    yield from _repeated(ranges)
    yield from _repeated(networks)


def _repeated(values: Iterable[tuple[str, str]]) -> Iterable[tuple[str, str]]:
    seen: dict[str, str] = {}
    for where, value in values:
        if value in seen:
            yield where, f"{value!r} is already at {seen[value]}"
        seen.setdefault(value, where)
