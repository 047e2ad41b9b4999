"""Sigma's log source: which rules a kind of event is offered to."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LogSource:
    """category, product and service as Sigma's taxonomy names them; None means "any" in a rule."""

    category: str | None = None
    product: str | None = None
    service: str | None = None

    def covers(self, other: LogSource) -> bool:
        """True when every part that this (a rule's) states is the same in other (an event's)."""
        return (
            (self.category is None or self.category == other.category)
            and (self.product is None or self.product == other.product)
            and (self.service is None or self.service == other.service)
        )

    def __str__(self) -> str:
        parts = (("category", self.category), ("product", self.product), ("service", self.service))
        return " ".join(f"{name}={value}" for name, value in parts if value is not None) or "any"


@dataclass(frozen=True, slots=True)
class Dataset:
    """What a parser says of one kind of event that it makes (one value of event.dataset).

    sources  the Sigma log sources it belongs to (several are normal: a URL filter is a proxy and a firewall)
    fills    every field that such an event can carry; a test compares it with the parser's samples
    open     it also carries its record's own fields under their own names, whichever those are
    """

    sources: tuple[LogSource, ...]
    fills: frozenset[str]
    open: bool = False
