"""Ports to listen on, IPv4 and IPv6, and the senders' addresses as they are recorded."""

from __future__ import annotations

import ipaddress
import socket

from soc.core.errors import SocError


def bind(kind: socket.SocketKind, host: str, port: int) -> socket.socket:
    """A bound, non-blocking socket; "::" takes IPv4 as well. SocError says which address is not to be had, and why."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=kind, flags=socket.AI_PASSIVE)[0]
        bound = socket.socket(family, kind)
    except OSError as error:
        raise SocError(f"{host} port {port}", error.strerror) from error
    try:
        if kind == socket.SOCK_STREAM:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, host != "::")
        bound.bind(address)
    except OSError as error:
        bound.close()
        raise SocError(f"{host} port {port}", error.strerror) from error
    bound.setblocking(False)
    return bound


def sender(address: tuple[object, ...]) -> str:
    """A socket address as an IP: no port, no scope, and an IPv4 sender on an IPv6 port is IPv4."""
    host = str(address[0]).partition("%")[0]
    if ":" in host:
        mapped = ipaddress.IPv6Address(host).ipv4_mapped
        return str(mapped) if mapped else host
    return host
