"""What each input took and refused, so that counts reconcile from the sender to the store."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field

MAX_ORIGINS = 4096
OTHERS = "others"


@dataclass(slots=True)
class Counters:
    """One input's counts since the start.

    lines, octets  written to the spool
    truncated      cuts made in messages longer than the input's max_line
    malformed      frames against the protocol, and messages that broke off
    refused        datagrams discarded because the spool was full
    udp_drops      datagrams that the kernel dropped because its buffer was full, where it says so
    connections    accepted so far; open: now; turned_away: over the limit
    origins        lines per sender; senders beyond the first 4,096 are counted as "others"
    """

    lines: int = 0
    octets: int = 0
    truncated: int = 0
    malformed: int = 0
    refused: int = 0
    udp_drops: int = 0
    connections: int = 0
    open: int = 0
    turned_away: int = 0
    origins: dict[str, int] = field(default_factory=dict)

    def took(self, origin: str, lines: tuple[bytes, ...]) -> None:
        """Lines of an origin are in the spool."""
        self.lines += len(lines)
        self.octets += sum(map(len, lines))
        name = origin if origin in self.origins or len(self.origins) < MAX_ORIGINS else OTHERS
        self.origins[name] = self.origins.get(name, 0) + len(lines)

    def as_dict(self) -> dict[str, object]:
        """A copy for a health page or a metric: names as above."""
        return asdict(self)
