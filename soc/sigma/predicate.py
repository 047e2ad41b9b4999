"""The tests that a leaf can make on a value, each a plain value itself, so that rules share equal ones."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from functools import cached_property, lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address

import msgspec

from soc.core.event import Scalar, micros
from soc.sigma.regex import Pattern, compile_regex, glob
from soc.sigma.text import Parts, Wildcard, as_text, fold, show

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MANY = Wildcard.MANY
_DECIMAL = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?").fullmatch


class Text(msgspec.Struct, frozen=True, dict=True, cache_hash=True):
    """Text with wildcards; parts are folded already unless cased. Numbers and booleans are their text."""

    parts: Parts
    cased: bool = False

    @cached_property
    def literal(self) -> str | None:
        """The one fixed text of exact, startswith, endswith and contains; None for other forms."""
        fixed = [part for part in self.parts if isinstance(part, str)]
        if Wildcard.ONE in self.parts or len(fixed) > 1:
            return None
        return fixed[0] if fixed else ""

    @cached_property
    def shape(self) -> str:
        """exact, startswith, endswith, contains, any (a lone ``*``) or wildcard."""
        if self.literal is None:
            return "wildcard"
        if not self.parts:
            return "exact"
        first, last = self.parts[0] is _MANY, self.parts[-1] is _MANY
        if self.parts == (_MANY,):
            return "any"
        return ("contains" if last else "endswith") if first else ("startswith" if last else "exact")

    @property
    def fixed(self) -> bool:
        """Whether it is one fixed text: exact, startswith, endswith or contains."""
        return self.shape not in {"wildcard", "any"}

    @property
    def operator(self) -> str:
        word = "=" if self.shape in {"exact", "wildcard", "any"} else self.shape
        return f"{word} cased" if self.cased else word

    @property
    def pattern(self) -> str:
        return show(self.parts) if self.literal is None or self.shape == "any" else self.literal

    def holds(self, value: Scalar) -> bool:
        text = as_text(value)
        return self.holds_text(text if self.cased else fold(text))

    def holds_text(self, text: str) -> bool:
        """On text that is folded already, unless cased."""
        literal, shape = self.literal, self.shape
        if literal is None:
            return glob(self.parts)(text)
        if shape == "contains":
            return literal in text
        if shape == "endswith":
            return text.endswith(literal)
        if shape == "startswith":
            return text.startswith(literal)
        return shape == "any" or text == literal


class Regex(msgspec.Struct, frozen=True, dict=True, cache_hash=True):
    """A regular expression, searched anywhere in the value; ``.``, ``\\w`` and the rest as in RE2."""

    source: str
    flags: str = ""

    @property
    def operator(self) -> str:
        return "re" + "".join(f"|{flag}" for flag in self.flags)

    @property
    def pattern(self) -> str:
        return self.source

    @cached_property
    def compiled(self) -> Pattern:
        return compile_regex(self.source, self.flags)

    def holds(self, value: Scalar) -> bool:
        return self.compiled(as_text(value))


@lru_cache(maxsize=4096)
def _address(text: str) -> tuple[int, int] | None:
    """(version, number) of an IP address, None for anything else; an IPv4-mapped IPv6 address is IPv4."""
    try:
        address = ip_address(text)
    except ValueError:
        return None
    mapped = getattr(address, "ipv4_mapped", None)
    return (4, int(mapped)) if mapped is not None else (address.version, int(address))


def _address_of(value: Scalar) -> tuple[int, int] | None:
    return _address(value) if isinstance(value, str) and len(value) < 64 else None


class Cidr(msgspec.Struct, frozen=True, dict=True, cache_hash=True):
    """An address within a network; an address with a zone, or with a prefix of its own, is none."""

    network: IPv4Network | IPv6Network

    operator = "cidr"

    @property
    def pattern(self) -> str:
        return str(self.network)

    @cached_property
    def range(self) -> tuple[int, int, int]:
        """IP version, first and last address as numbers."""
        return self.network.version, int(self.network.network_address), int(self.network.broadcast_address)

    def holds(self, value: Scalar) -> bool:
        found = _address_of(value)
        version, first, last = self.range
        return found is not None and found[0] == version and first <= found[1] <= last


def within(networks: Iterable[Cidr]) -> Callable[[Scalar], bool]:
    """Whether an address is in one of these networks: it is read once for all of them."""
    ranges: dict[int, list[tuple[int, int]]] = {4: [], 6: []}
    for version, first, last in (one.range for one in networks):
        ranges[version].append((first, last))

    def holds(value: Scalar) -> bool:
        found = _address_of(value)
        return found is not None and any(first <= found[1] <= last for first, last in ranges[found[0]])

    return holds


def _number(value: Scalar) -> int | float | None:
    """A number, or text that is a plain decimal number; booleans are none."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return value
    if isinstance(value, str) and len(value) < 40 and _DECIMAL(value):
        return float(value) if "." in value else int(value)
    return None


def _moment(value: Scalar) -> datetime | None:
    """µs since the epoch, or ISO 8601 text, in UTC."""
    if isinstance(value, bool):
        return None
    try:
        since = micros(value) if isinstance(value, str) and len(value) < 64 else value
        if isinstance(since, float) and since.is_integer():  # 5.0 is 5
            since = int(since)
        return _EPOCH + timedelta(microseconds=since) if isinstance(since, int) else None
    except (ValueError, OverflowError):
        return None


class Compare(msgspec.Struct, frozen=True, cache_hash=True):
    """A comparison of numbers; with a part ("hour"), of that part of a time in UTC."""

    operator: str
    number: int | float
    part: str = ""

    @property
    def pattern(self) -> str:
        return as_text(self.number)

    def holds(self, value: Scalar) -> bool:
        left: int | float | None
        if self.part:
            moment = _moment(value)
            if moment is None:
                return False
            left = moment.isocalendar().week if self.part == "week" else getattr(moment, self.part)
        else:
            left = _number(value)
        if left is None:
            return False
        if self.operator == "lt":
            return left < self.number
        if self.operator == "lte":
            return left <= self.number
        if self.operator == "gt":
            return left > self.number
        return left >= self.number if self.operator == "gte" else left == self.number


class Null(msgspec.Struct, frozen=True):
    """The field is missing, null, or an empty list."""

    operator = "is"
    pattern = "null"


class Exists(msgspec.Struct, frozen=True):
    """The field is there, whatever its value, null too."""

    exists: bool
    operator = "exists"

    @property
    def pattern(self) -> str:
        return "true" if self.exists else "false"


class FieldRef(msgspec.Struct, frozen=True, cache_hash=True):
    """The value equals another field's, or starts, ends with or contains it; never when either is missing."""

    other: str
    shape: str = "exact"

    @property
    def operator(self) -> str:
        return "fieldref" if self.shape == "exact" else f"fieldref|{self.shape}"

    @property
    def pattern(self) -> str:
        return self.other

    def holds(self, value: Scalar, other: Scalar) -> bool:
        left, right = fold(as_text(value)), fold(as_text(other))
        if self.shape == "contains":
            return right in left
        if self.shape == "startswith":
            return left.startswith(right)
        return left.endswith(right) if self.shape == "endswith" else left == right


ValueTest = Text | Regex | Cidr | Compare
Test = ValueTest | Null | Exists | FieldRef
