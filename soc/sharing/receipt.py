"""A receipt: the national centre's signed word that it has this version of this object, to be kept as proof.

HMAC-SHA-256 (RFC 2104) over canonical JSON with a key that both sides have in a file. It proves the receipt to us, not
to a third party, who would need a signature by a private key.
"""

from __future__ import annotations

import hmac
from hashlib import sha256

import msgspec

from soc.sharing.stix import encode
from soc.sharing.tlp import Object


class Receipt(msgspec.Struct, frozen=True):
    """What was received: where, which object and version, its SHA-256 as canonical JSON, from whom, when."""

    collection: str
    id: str
    version: str
    sha256: str
    sender: str
    received: str
    signature: str = ""


def digest(item: Object) -> str:
    """The SHA-256 of an object's canonical JSON, in hex."""
    return sha256(encode(item)).hexdigest()


def sign(receipt: Receipt, key: bytes) -> Receipt:
    """The receipt with its signature."""
    return msgspec.structs.replace(receipt, signature=_signature(receipt, key))


def genuine(receipt: Receipt, key: bytes) -> bool:
    """Whether the holder of the key signed exactly this; takes the same time for every wrong signature."""
    return hmac.compare_digest(receipt.signature.encode(), _signature(receipt, key).encode())


def _signature(receipt: Receipt, key: bytes) -> str:
    document = msgspec.to_builtins(msgspec.structs.replace(receipt, signature=""))
    return hmac.new(key, encode(document), sha256).hexdigest()
