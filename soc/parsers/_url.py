"""The parts of a requested URL: path, query, extension, and the host where the request names one."""

from __future__ import annotations

from soc.core.event import Event

_LONGEST_EXTENSION = 16
_LONGEST_SCHEME = 16

HOST_FIELDS = frozenset({"url.domain", "url.port"})
TARGET_FIELDS = frozenset({"url.original", "url.path", "url.query", "url.extension"})
# Only in requests made of a proxy, or by those who look for an open one.
ABSOLUTE_FIELDS = HOST_FIELDS | {"url.scheme", "url.username"}


def put_target(event: Event, target: str) -> None:
    """Fills url.* from a request target in any of the four forms of RFC 9112, section 3.2."""
    event["url.original"] = target
    if target[:1] != "/":
        scheme, found, rest = target.partition("://")
        if found and len(scheme) <= _LONGEST_SCHEME and scheme.isascii() and scheme.isalnum():
            event["url.scheme"] = scheme.lower()
            authority, slash, path = rest.partition("/")
            authority, mark, query = authority.partition("?")
            put_host(event, authority)
            target = f"/{mark}{query}{slash}{path}" if mark else f"/{path}"
    path, mark, query = target.partition("?")
    event["url.path"] = path
    if mark:
        event["url.query"] = query
    dot = path.rfind(".") + 1
    if dot > path.rfind("/") + 2 and 0 < len(path) - dot <= _LONGEST_EXTENSION:
        event["url.extension"] = path[dot:]


def put_host(event: Event, authority: str) -> None:
    """Fills url.domain and url.port from "host", "host:port", "[2001:db8::1]:443" or "user@host"."""
    user, at, host = authority.rpartition("@")
    if at:
        event["url.username"] = user.partition(":")[0]
    name, colon, port = host.rpartition(":")
    if not colon or "]" in port or (":" in name and name[-1:] != "]"):
        name = host
    elif port.isascii() and port.isdigit() and len(port) <= 5:
        event["url.port"] = int(port)
    name = name.strip("[]").lower()
    if name:
        event["url.domain"] = name
