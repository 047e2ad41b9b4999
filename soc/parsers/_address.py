"""Addresses as every device should have written them, so that one host is one value across all logs."""

from __future__ import annotations

from functools import lru_cache
from socket import AF_INET, AF_INET6, inet_ntop, inet_pton

_LONGEST = 45  # 0000:0000:0000:0000:0000:ffff:255.255.255.255
_MAPPED = bytes(10) + b"\xff\xff"


def ip(text: str) -> str | None:
    """The address in canonical form (RFC 5952), an IPv4-mapped one as IPv4; None if it is no address.

    Suricata writes IPv6 in full, nginx on a dual-stack socket writes ``::ffff:192.0.2.1``.
    """
    return _canonical(text) if len(text) <= _LONGEST else None


@lru_cache(maxsize=16_384)
def _canonical(text: str) -> str | None:
    try:
        if ":" not in text:
            inet_pton(AF_INET, text)
            return text
        packed = inet_pton(AF_INET6, text)
    except (OSError, ValueError):
        return None
    return inet_ntop(AF_INET, packed[12:]) if packed[:12] == _MAPPED else inet_ntop(AF_INET6, packed)
