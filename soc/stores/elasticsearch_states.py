"""The pipeline's states in Elasticsearch: small ones in one document, large ones in pieces that one document names."""

from __future__ import annotations

from base64 import b64decode, b64encode
from hashlib import blake2b
from typing import Final

import orjson
from elasticsearch import Elasticsearch, NotFoundError

from soc.core.errors import StoreError
from soc.stores import elasticsearch_names as names
from soc.stores.elasticsearch_bulk import Row

PIECE: Final = 4_000_000
"""Bytes of a state in one document."""


def state_rows(namespace: str, name: str, state: bytes) -> list[Row]:
    """In the order to be written: until the last row is there, the name stands for the state before."""
    index = names.states(namespace)
    if len(state) <= PIECE:
        return [_row(index, name, {"name": name, "pieces": 0, "bytes": b64encode(state).decode()})]
    digest = blake2b(state, digest_size=8).hexdigest()
    pieces = [state[start : start + PIECE] for start in range(0, len(state), PIECE)]
    rows = [
        _row(index, f"{name}/{number}/{digest}", {"of": name, "digest": digest, "bytes": b64encode(piece).decode()})
        for number, piece in enumerate(pieces)
    ]
    return [*rows, _row(index, name, {"name": name, "pieces": len(pieces), "digest": digest})]


def get_state(client: Elasticsearch, index: str, name: str) -> bytes | None:
    """The state written last; None if there is none. StoreError if a piece of it is missing."""
    try:
        document = client.get(index=index, id=name)["_source"]
        if not document["pieces"]:
            return b64decode(document["bytes"])
    except NotFoundError:
        return None
    ids = [f"{name}/{number}/{document['digest']}" for number in range(document["pieces"])]
    try:
        pieces = [b64decode(client.get(index=index, id=id)["_source"]["bytes"]) for id in ids]
    except NotFoundError as error:
        raise StoreError("elasticsearch", "the state {name} is not whole", name=name) from error
    return b"".join(pieces)


def remove_pieces(client: Elasticsearch, index: str, name: str) -> None:
    """Deletes the pieces of earlier states of a name; those of the one that it stands for stay."""
    try:
        digest = client.get(index=index, id=name)["_source"].get("digest", "")
    except NotFoundError:
        return
    others = {"bool": {"filter": [{"term": {"of": name}}], "must_not": [{"term": {"digest": digest}}]}}
    client.delete_by_query(index=index, query=others, conflicts="proceed", refresh=True)


def _row(index: str, id: str, document: dict[str, object]) -> Row:
    return Row(index, id, orjson.dumps(document), "index")
