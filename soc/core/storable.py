"""Values that JSON and MessagePack can hold, whatever a hostile line put into them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_MOST = 2**63


def storable_text(text: str) -> str:
    """Text that UTF-8 can hold: lone surrogates become a question mark."""
    return text.encode("utf-8", "replace").decode()


def storable(value: Any) -> Any:
    """The same with what cannot be held replaced: lone surrogates by ?, numbers beyond 64 bits by their digits."""
    if isinstance(value, str):
        return storable_text(value)
    if isinstance(value, Mapping):
        return {storable(key): storable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [storable(item) for item in value]
    if isinstance(value, int) and not -_MOST <= value < _MOST:
        return str(value)
    return value
