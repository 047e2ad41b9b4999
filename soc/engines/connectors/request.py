"""One HTTP request to a server that soc.yml names: the address is checked and then used, and no redirect is followed.

A name is resolved once, and the connection goes to the very address that was checked: it cannot resolve to another in
between. Proxies of the environment are not used.
"""

from __future__ import annotations

import http.client
import socket
import ssl
from collections.abc import Mapping
from ipaddress import IPv4Address, ip_address
from urllib.parse import urlsplit

from soc.core.errors import SettingsError
from soc.core.servers import trusting
from soc.engines.connectors.connector import TIMEOUT, Doubtful, NotDone

MAX_ANSWER = 1024 * 1024


def request(
    method: str,
    url: str,
    headers: Mapping[str, str],
    body: bytes | None = None,
    *,
    private: bool = False,
    ca: str = "",
) -> tuple[int, bytes]:
    """Status and body (at most 1 MiB). NotDone: refused before anything was sent; Doubtful: it broke after that.

    Without private, only addresses of the Internet are connected to, and only by https.
    """
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or "@" in parts.netloc:
        raise NotDone("not an address of http or https")
    if parts.scheme == "http" and not private:
        raise NotDone("only https, unless the server is private")
    host, usual = parts.hostname, {"http": 80, "https": 443}[parts.scheme]
    try:
        port = parts.port or usual
    except ValueError as error:
        raise NotDone(str(error)) from error
    connection = http.client.HTTPConnection(host, port, timeout=TIMEOUT)
    try:
        connection.sock = _connected(host, port, private=private)
        if parts.scheme == "https":
            context = trusting(ca, "ca") if ca else ssl.create_default_context()
            connection.sock = context.wrap_socket(connection.sock, server_hostname=host)
        shown = f"[{host}]" if ":" in host else host
        named = shown if port == usual else f"{shown}:{port}"
    except (OSError, ValueError, SettingsError) as error:
        connection.close()
        raise NotDone(f"cannot connect: {error}") from error
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        connection.request(method, target, body, {"Host": named, "Accept": "application/json", **headers})
        answer = connection.getresponse()
        return answer.status, answer.read(MAX_ANSWER)
    except (OSError, http.client.HTTPException) as error:
        raise Doubtful(f"the connection broke: {error or type(error).__name__}") from error
    finally:
        connection.close()


def _connected(host: str, port: int, *, private: bool) -> socket.socket:
    """A connection to the first address of the host that answers; NotDone if one of them may not be used."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    for *_, address in found:
        if not private and not _public(str(address[0])):
            raise NotDone(f"{host} is {address[0]}, which is no address of the Internet")
    wrong: OSError = OSError(f"{host} has no address")
    for family, kind, protocol, _, address in found:
        sock = socket.socket(family, kind, protocol)
        sock.settimeout(TIMEOUT)
        try:
            sock.connect(address)
        except OSError as error:
            sock.close()
            wrong = error
        else:
            return sock
    raise wrong


def _public(text: str) -> bool:
    """Is it an address of the Internet, also where one of IPv4 is wrapped in one of IPv6 (mapped, NAT64, 6to4)?"""
    found = ip_address(text.partition("%")[0])
    if found.version == 6:
        inner = found.ipv4_mapped or found.sixtofour
        if inner is None and int(found) >> 32 == 0x0064FF9B << 64:
            inner = IPv4Address(int(found) & 0xFFFFFFFF)
        if inner is not None:
            return _public(str(inner))
    return found.is_global and not found.is_multicast
