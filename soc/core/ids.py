"""Ids are hashes of content, so doing a thing twice writes it once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from hashlib import blake2b


def content_id(parts: Iterable[str], size: int = 16) -> str:
    """A hex id of 2 x size digits for an ordered list of texts; ["ab", "c"] and ["a", "bc"] differ."""
    digest = blake2b(digest_size=size)
    for part in parts:
        raw = part.encode("utf-8", "surrogatepass")
        digest.update(len(raw).to_bytes(8, "big"))
        digest.update(raw)
    return digest.hexdigest()


def event_id(origin: str, position: int, original: str) -> str:
    """Where a line came from, its number there, and the line itself: the same on every replay."""
    return blake2b(f"{origin}\0{position}\0{original}".encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def rejected_id(origin: str, position: int, raw: bytes) -> str:
    """The event_id of a line that is no event; an origin counts as UTF-8 can hold it, so that it is the same later."""
    return event_id(origin.encode("utf-8", "replace").decode(), position, raw.decode("latin-1"))


def id_of(event: Mapping[str, object]) -> str:
    """The event_id of a finished event, from soc.origin, log.offset (the line's number) and event.original.

    One that stands for several lines has an id of its own beside that of the line which it bears.
    """
    origin, position = event.get("soc.origin", ""), event.get("log.offset", 0)
    joined = "\0joined" if "soc.joined" in event else ""
    text = f"{origin}\0{position}\0{event.get('event.original', '')}{joined}"
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def alert_id(rule: str, group: Iterable[str], bucket: int) -> str:
    """One alert per rule, group of field values and time bucket (its start in µs)."""
    return content_id([rule, str(bucket), *group], size=8)
