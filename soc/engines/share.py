"""Sharing as soc.yml says: alerts through the exit gate into the outbox, and the outbox to the national centre."""

from __future__ import annotations

import fcntl
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from soc.core.alert import Alert
from soc.core.clock import Clock
from soc.core.errors import SettingsError, SocError
from soc.core.settings import Settings, ShareSettings, secret, zone_seconds
from soc.core.store import AlertFilter, Store
from soc.enrich.inventory import Inventory, read_inventory
from soc.sharing.courier import Courier
from soc.sharing.gate import RULES, Ours, Rule, gate
from soc.sharing.outbox import OUTBOX_FILE, Item, Outbox
from soc.sharing.stix import check, to_bundle
from soc.sharing.taxii import Collection, UrllibHttp

_PAGE: Final = 500


@dataclass(slots=True)
class Queued:
    """How many alerts: queued, of those held for a person, and there already."""

    queued: int = 0
    held: int = 0
    known: int = 0


def outbox_of(settings: Settings) -> Outbox:
    """The outbox in data_dir; StoreError if it cannot be opened."""
    return Outbox(Path(settings.data_dir) / OUTBOX_FILE)


def inventory_of(settings: Settings) -> Inventory:
    """The inventory, or an empty one, for which private addresses are inside all the same."""
    zone = zone_seconds(settings.timezone)
    return read_inventory(Path(settings.inventory), zone) if settings.inventory else Inventory.empty()


def ours_of(inventory: Inventory) -> Ours:
    """What the gate takes for ours: the inventory's networks, domains and hosts."""
    return Ours(
        address=lambda address: inventory.look_up(address) is not None,
        domain=inventory.owns_domain,
        host=lambda name: inventory.by_host(name) is not None,
    )


def queue(alerts: Iterable[Alert], outbox: Outbox, settings: Settings, clock: Clock, tlp: str = "") -> Queued:
    """Puts alerts through the gate into the outbox. tlp: another word than soc.yml's. SocError if one makes no STIX."""
    inventory = inventory_of(settings)
    ours, who = ours_of(inventory), inventory.file.organisation
    organisation = settings.share.organisation or who.name or who.name_en or settings.name or "SOC"
    done = Queued()
    for alert in alerts:
        whole = to_bundle(alert, organisation, tlp or settings.share.tlp, outbox.first(alert.id))
        verdict = gate(whole, ours)
        check(verdict.bundle)
        if not outbox.put(alert, whole, verdict, clock.now()):
            done.known += 1
            continue
        done.queued += 1
        done.held += verdict.held
    return done


def since(store: Store, begin: int, min_severity: str) -> Iterator[Alert]:
    """The stored alerts seen since then (µs), of this severity and worse."""
    offset = 0
    while page := store.alerts(AlertFilter(min_severity=min_severity, since=begin, limit=_PAGE, offset=offset)):
        yield from page
        offset += len(page)


def release(outbox: Outbox, item: Item, settings: Settings, clock: Clock, by: str, reason: str, *, whole: bool) -> None:
    """Lets a held item go: in spite of its TLP, without what is ours; or, with whole, with everything."""
    allow: frozenset[Rule] = RULES if whole else frozenset({"tlp"})
    outbox.release(item, gate(item.whole, ours_of(inventory_of(settings)), allow), by, reason, clock.now())


@contextmanager
def alone(settings: Settings) -> Iterator[None]:
    """Only one process sends at a time. SocError if another does."""
    path = Path(settings.data_dir) / "outbox.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise SocError(path, "another soc share send is running") from error
        yield


def courier_of(settings: Settings, outbox: Outbox, clock: Clock, timeout: float) -> Courier:
    """The way to the centre of soc.yml; SettingsError names the key that is missing."""
    share = settings.share
    for key in ("url", "collection", "token_file"):
        if not getattr(share, key):
            raise SettingsError(f"share.{key}", "is not set")
    http = UrllibHttp(timeout, share.ca)
    collection = Collection(http, share.url.rstrip("/") + "/", share.collection, secret(share.token_file))
    return Courier(outbox, collection, clock, _key(share))


def _key(share: ShareSettings) -> bytes:
    return secret(share.receipt_key_file).encode() if share.receipt_key_file else b""


@contextmanager
def sending(settings: Settings, outbox: Outbox, clock: Clock, timeout: float) -> Iterator[Courier]:
    """A courier, alone. SocError when another process sends; timeout in seconds."""
    with alone(settings):
        yield courier_of(settings, outbox, clock, timeout)
