"""Adds what the ministry knows to each event: direction, and the unit, system, site and security level concerned."""

from __future__ import annotations

from soc.core.event import Event, Value
from soc.enrich.direction import direction, mail_direction
from soc.enrich.inventory import Inventory, Place

ENRICHED = frozenset(
    {
        "network.direction",
        "email.direction",
        "source.soc.unit",
        "source.soc.system",
        "destination.soc.unit",
        "destination.soc.system",
        "soc.system",
        "soc.unit",
        "soc.site",
        "soc.level",
    }
)
"""Every field that enrichment can add; to a rule they count as filled in each dataset."""

# Distinct combinations of places and reporting hosts remembered; an inventory has some hundreds.
MEMORY = 20_000

_NOT_NAMED = Place()

_Key = tuple[Place | None, Place | None, Value, Value]


class Enricher:
    """Enriches events in place. Parties at the same places get the same fields, so these are worked out once.

    An event that names only one party happened at the host that reports it, and the reporting host is ours: an SSH
    log-in from 198.51.100.7 is inbound although sshd does not write its own address.
    """

    def __init__(self, inventory: Inventory) -> None:
        self._inventory = inventory
        self._known: dict[_Key, dict[str, Value]] = {}

    def __call__(self, event: Event) -> None:
        """Adds the fields of ENRICHED that apply; what an event already says in them is replaced."""
        get = event.get
        look_up = self._inventory.look_up
        source, destination = get("source.ip"), get("destination.ip")
        key = (
            look_up(source) if isinstance(source, str) else _NOT_NAMED,
            look_up(destination) if isinstance(destination, str) else _NOT_NAMED,
            get("host.name"),
            get("observer.name") or get("observer.hostname"),
        )
        known = self._known.get(key)
        if known is None:
            if len(self._known) >= MEMORY:
                self._known.clear()
            known = self._known[key] = self._fields(*key)
        event.update(known)
        if "email.to.address" in event:
            mail = mail_direction(event, self._inventory)
            if mail is not None:
                event["email.direction"] = mail

    def _fields(
        self, source: Place | None, destination: Place | None, host: Value, observer: Value
    ) -> dict[str, Value]:
        fields: dict[str, Value] = {}
        if source is not _NOT_NAMED or destination is not _NOT_NAMED:
            fields["network.direction"] = direction(source is not None, destination is not None)
        for side, place in (("source", source), ("destination", destination)):
            if place is not None and place.unit:
                fields[f"{side}.soc.unit"] = place.unit
            if place is not None and place.system:
                fields[f"{side}.soc.system"] = place.system
        parties = [place for place in (destination, source) if place is not None]
        if source is _NOT_NAMED or destination is _NOT_NAMED:
            parties += self._reporters(host, observer)
        _describe(_concerned(parties), fields)
        return fields

    def _reporters(self, *names: Value) -> list[Place]:
        found = (self._inventory.by_host(name) for name in names if isinstance(name, str))
        return [place for place in found if place is not None]


def _concerned(parties: list[Place]) -> Place | None:
    """The system that the event is about: of those involved the one with the highest level; the destination among
    equals. A firewall or sensor that only reports what others do is not among them. Without a system: the unit.
    """
    systems = [place for place in parties if place.system]
    if systems:
        return max(systems, key=lambda place: place.level)
    return next((place for place in parties if place.unit), None)


def _describe(place: Place | None, fields: dict[str, Value]) -> None:
    if place is None:
        return
    described: dict[str, Value] = {
        "soc.system": place.system,
        "soc.unit": place.unit,
        "soc.site": place.site,
        "soc.level": place.level,
    }
    fields.update((name, value) for name, value in described.items() if value)
