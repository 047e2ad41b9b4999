"""A connection on the wire, as firewall, IDS and servers each see it and log it in their own words."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b

from soc.story.times import SECOND

TCP = 6
UDP = 17


@dataclass(frozen=True, slots=True)
class Connection:
    """Who talked to whom: start in µs, duration in µs, sent and received in bytes as the client sees them."""

    start: int
    duration: int
    source: str
    source_port: int
    target: str
    target_port: int
    sent: int
    received: int
    protocol: int = TCP

    @property
    def end(self) -> int:
        """µs when it was over, which is when a firewall logs it."""
        return self.start + self.duration

    @property
    def seconds(self) -> int:
        """The duration as firewalls count it."""
        return self.duration // SECOND

    @property
    def sent_packets(self) -> int:
        """Packets from the client: data and acknowledgements."""
        return _packets(self.sent, self.received, self.protocol)

    @property
    def received_packets(self) -> int:
        """Packets from the server."""
        return _packets(self.received, self.sent, self.protocol)

    @property
    def flow_id(self) -> int:
        """One number for all that the IDS logs about this connection."""
        key = f"{self.start} {self.source} {self.source_port} {self.target} {self.target_port}"
        return int.from_bytes(blake2b(key.encode(), digest_size=6).digest(), "big") * 7 + 1


def _packets(mine: int, theirs: int, protocol: int) -> int:
    if protocol == UDP:
        return 1 if mine else 0
    if mine < 120:
        return 1 if mine else 0
    return 4 + mine // 1380 + theirs // 2900


@lru_cache(maxsize=4096)
def uuid(name: str) -> str:
    """A stable UUID-shaped id for a named object of a device's configuration."""
    digits = blake2b(name.encode(), digest_size=16).hexdigest()
    return f"{digits[:8]}-{digits[8:12]}-51ef-{digits[16:20]}-{digits[20:]}"
