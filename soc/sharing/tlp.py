"""The Traffic Light Protocol 2.0 in STIX 2.1: who may be told, as the marking objects that everybody knows by id.

Ids: OASIS extension-definition--60a3c5c5-0d10-413e-aab3-9e08dde9e88d, github.com/oasis-open/cti-stix-common-objects.
"""

from __future__ import annotations

from typing import Final

Object = dict[str, object]
"""A STIX object as JSON has it."""

EXTENSION: Final = "extension-definition--60a3c5c5-0d10-413e-aab3-9e08dde9e88d"

MARKINGS: Final[dict[str, str]] = {
    "clear": "marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487",
    "green": "marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb",
    "amber": "marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421",
    "amber+strict": "marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003",
    "red": "marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1",
}
"""Word -> id, from what anybody may know to what nobody else may."""

LEVELS: Final = {id: word for word, id in MARKINGS.items()}

STAYS: Final = frozenset({"amber+strict", "red"})
"""What may not leave the organisation: FIRST TLP 2.0, "restricts sharing to the organization only" and to persons."""


def marking(word: str) -> Object:
    """The marking object of a word; KeyError for a word that TLP 2.0 does not have."""
    return {
        "type": "marking-definition",
        "spec_version": "2.1",
        "id": MARKINGS[word],
        "created": "2022-10-01T00:00:00.000Z",
        "name": f"TLP:{word.upper()}",
        "extensions": {EXTENSION: {"extension_type": "property-extension", "tlp_2_0": word}},
    }
