"""Which way traffic and mail go, seen from the ministry: internal, inbound, outbound or external.

The words are ECS's for network.direction, https://www.elastic.co/docs/reference/ecs/ecs-network, from the view of
the perimeter; email.direction uses the same ones for sender and recipients.
"""

from __future__ import annotations

from collections.abc import Iterable

from soc.core.event import Event
from soc.enrich.inventory import Inventory

_WORDS = {
    (True, True): "internal",
    (False, True): "inbound",
    (True, False): "outbound",
    (False, False): "external",
}


def direction(from_us: bool, to_us: bool) -> str:
    """(True, False) -> "outbound": from inside to outside."""
    return _WORDS[from_us, to_us]


def mail_direction(event: Event, inventory: Inventory) -> str | None:
    """A mail's direction by its addresses' domains; None where sender or recipients are not known.

    One recipient outside makes a mail of ours outbound; one recipient of ours makes a foreign mail inbound. A bounce
    (empty sender) comes from outside unless it also goes there.
    """
    recipients = [_ours(address, inventory) for address in _addresses(event.get("email.to.address"))]
    if not recipients:
        return None
    sender = _sender(event)
    if sender is None:
        return None
    if _ours(sender, inventory):
        return direction(True, all(recipients))
    return direction(False, any(recipients))


def _sender(event: Event) -> str | None:
    """The envelope's sender, else the first address of the From header."""
    sender = event.get("email.sender.address")
    if isinstance(sender, str):
        return sender
    return next(iter(_addresses(event.get("email.from.address"))), None)


def _addresses(value: object) -> Iterable[str]:
    values = value if isinstance(value, tuple) else (value,)
    return (item for item in values if isinstance(item, str))


def _ours(address: str, inventory: Inventory) -> bool:
    return inventory.owns_domain(address.rpartition("@")[2].strip("<> "))
