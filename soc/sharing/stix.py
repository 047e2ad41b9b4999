"""An alert as STIX 2.1: who says it, what to look for and until when, how often it was seen, and what it is.

https://docs.oasis-open.org/cti/stix/v2.1/stix-v2.1.html. Ids are UUIDv5 of what an object is about, versions are event
times: the same state of an alert gives the same bytes anywhere, so that sending it twice shares it once.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final, cast
from uuid import UUID, uuid5

import orjson

from soc.core.alert import Alert
from soc.core.errors import SocError
from soc.core.hostile import prose
from soc.sharing.observables import observables
from soc.sharing.tlp import MARKINGS, Object, marking

NAMESPACE: Final = UUID("5f0f6c0e-6a55-5c43-9d0b-3f1c2f6f1a77")
"""Of our UUIDv5; the one that STIX states is for cyber-observable objects only."""

_BEGINNING: Final = "2020-01-01T00:00:00.000000Z"
"""created and modified of what has no time of its own: the organisation, a technique."""
_CONFIDENCE: Final = {"critical": 90, "high": 75, "medium": 50, "low": 30, "informational": 10}
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_DAY: Final = 86_400_000_000
_MOST_SEEN: Final = 999_999_999


def stix_id(kind: str, *about: str) -> str:
    """ "indicator--<uuid5>" of what it is about."""
    return f"{kind}--{uuid5(NAMESPACE, chr(0).join((kind, *about)))}"


def stix_time(micros: int) -> str:
    """µs since the epoch as STIX writes it, 2026-10-05T01:02:03.000000Z; what is past the year 9999 is its end."""
    try:
        moment = _EPOCH + timedelta(microseconds=micros)
    except OverflowError:
        moment = datetime.max.replace(tzinfo=UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def to_bundle(alert: Alert, organisation: str, tlp: str, created: int | None = None) -> Object:
    """The alert as a bundle, all that is of this alert marked. KeyError for a tlp that is no TLP 2.0 word.

    organisation  whose alert it is, in the identity's name
    created       µs: first_seen of the version that was shared first; STIX forbids that it changes afterwards
    """
    who = stix_id("identity", organisation)
    first, last = stix_time(alert.first_seen), stix_time(alert.last_seen)
    common: Object = {
        "spec_version": "2.1",
        "created_by_ref": who,
        "created": stix_time(min(alert.first_seen if created is None else created, alert.last_seen)),
        "modified": last,
        "object_marking_refs": [MARKINGS[tlp]],
    }
    techniques = [_technique(id, name) for id, name in alert.techniques]
    objects = [marking(tlp), _organisation(who, organisation), *techniques]
    about = [str(technique["id"]) for technique in techniques]
    for seen in observables(alert):
        indicator = stix_id("indicator", alert.id, seen.pattern)
        about.append(indicator)
        objects.append(
            {
                **common,
                "type": "indicator",
                "id": indicator,
                "name": f"{seen.kind}: {seen.value}",
                "description": prose(alert.title),
                "indicator_types": ["malicious-activity"],
                "pattern": seen.pattern,
                "pattern_type": "stix",
                "pattern_version": "2.1",
                "valid_from": first,
                "valid_until": stix_time(max(alert.first_seen, alert.last_seen) + seen.days * _DAY),
                "confidence": _CONFIDENCE.get(alert.severity, 0),
                "lang": "en",
            }
        )
        objects.append(
            {
                **common,
                "type": "sighting",
                "id": stix_id("sighting", alert.id, seen.pattern),
                "sighting_of_ref": indicator,
                "where_sighted_refs": [who],
                "first_seen": first,
                "last_seen": last,
                "count": min(alert.count, _MOST_SEEN),
            }
        )
        objects += [_indicates(indicator, str(technique["id"]), common) for technique in techniques]
    objects.append(_note(alert, common, about or [who]))
    return {"type": "bundle", "id": stix_id("bundle", alert.id, last), "objects": objects}


def _indicates(indicator: str, technique: str, common: Object) -> Object:
    return {
        **common,
        "type": "relationship",
        "id": stix_id("relationship", indicator, technique),
        "relationship_type": "indicates",
        "source_ref": indicator,
        "target_ref": technique,
    }


def _organisation(who: str, name: str) -> Object:
    own = {"type": "identity", "id": who, "name": name, "identity_class": "organization", "sectors": ["government"]}
    return {"spec_version": "2.1", "created": _BEGINNING, "modified": _BEGINNING, **own}


def _technique(id: str, name: str) -> Object:
    return {
        "spec_version": "2.1",
        "type": "attack-pattern",
        "id": stix_id("attack-pattern", id),
        "created": _BEGINNING,
        "modified": _BEGINNING,
        "name": name or id,
        "external_references": [{"source_name": "mitre-attack", "external_id": id}],
    }


def _note(alert: Alert, common: Object, about: list[str]) -> Object:
    """What a person at the other end reads, in both languages, and where to ask: rule and alert by id."""
    vietnamese = f"{prose(alert.title_vi or alert.title)}. {prose(alert.description_vi or alert.description)}"
    english = f"{prose(alert.title)}. {prose(alert.description)}"
    first, last = stix_time(alert.first_seen), stix_time(alert.last_seen)
    facts = f"{alert.severity} {alert.score}; {alert.count} x; {first} - {last}; rule {alert.rule_id}; {alert.id}"
    return {
        **common,
        "type": "note",
        "id": stix_id("note", alert.id),
        "abstract": prose(alert.title_vi or alert.title),
        "content": f"vi: {vietnamese}\nen: {english}\n{facts}",
        "authors": ["SOC"],
        "object_refs": about,
    }


def encode(item: Object) -> bytes:
    """Canonical JSON: keys sorted, no spaces; what hashes and receipts are of."""
    return orjson.dumps(item, option=orjson.OPT_SORT_KEYS)


def objects_of(bundle: Object) -> list[Object]:
    """The bundle's objects."""
    return cast("list[Object]", bundle.get("objects", []))


def version_of(item: Object) -> str:
    """What TAXII 2.1 takes for an object's version: modified, else created, else "" (section 3.4)."""
    return str(item.get("modified") or item.get("created") or "")


def check(bundle: Object) -> None:
    """Has the stix2 package read it, patterns included. SocError says what it refuses, or that it is not installed."""
    try:
        import stix2  # half a second, and only of the extra "share"
        from stix2.exceptions import STIXError
    except ImportError as error:
        raise SocError("sharing needs the extra: pip install 'soc-pipeline[share]'") from error
    for item in objects_of(bundle):
        try:
            stix2.parse(item, version="2.1")
        except (STIXError, ValueError) as error:
            raise SocError(item.get("id"), "no STIX 2.1: {why}", why=prose(error)) from error
