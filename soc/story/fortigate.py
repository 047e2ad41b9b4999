"""FortiGate's pen: FortiOS 7.4 log lines in the default syslog format.

Fields and their order follow the FortiOS 7.4 Log Message Reference and the sample logs by type in the
Administration Guide. The number in <...> is facility local7 with the line's level.
"""

from __future__ import annotations

from dataclasses import dataclass

from soc.story.chance import Dice
from soc.story.journal import ORDINARY, Journal, Plot
from soc.story.times import MIDNIGHT, SECOND, fortigate_stamp, syslog_stamp
from soc.story.wire import UDP, Connection, uuid

_PRIORITY = {"alert": 185, "error": 187, "warning": 188, "notice": 189, "information": 190}
_SERVICES = {
    22: "SSH", 25: "SMTP", 80: "HTTP", 123: "NTP", 443: "HTTPS", 445: "SMB", 587: "SMTP_submission", 993: "IMAPS",
    3306: "MYSQL", 3389: "RDP", 21: "FTP", 23: "TELNET", 110: "POP3", 143: "IMAP", 139: "SAMBA", 1433: "MS-SQL",
}  # fmt: skip

App = tuple[int, str, str, str]

# UDP has no end: a session is over, and logged, when nothing has come for so many seconds (FortiOS's default)
_UDP_TIMEOUT = 180


@dataclass(frozen=True, slots=True)
class Policy:
    """A firewall policy: its number and name."""

    id: int
    name: str


@dataclass(frozen=True, slots=True)
class Nat:
    """Address translation of one session; kind is "snat", "dnat" or "noop"."""

    kind: str = "noop"
    address: str = ""
    port: int = 0

    def __str__(self) -> str:
        if self.kind == "snat":
            return f'trandisp="snat" transip={self.address} transport={self.port}'
        if self.kind == "dnat":
            return f'trandisp="dnat" tranip={self.address} tranport={self.port}'
        return 'trandisp="noop"'


NO_NAT = Nat()


class Fortigate:
    """One firewall: knows its interfaces, counts its sessions, writes its lines.

    relay is the address that a syslog server has put before each line, with its own time, when it wrote the file;
    "" keeps the line as it came, with its priority.
    """

    def __init__(
        self,
        journal: Journal,
        name: str,
        serial: str,
        interfaces: dict[str, tuple[str, str]],
        dice: Dice,
        relay: str = "",
    ) -> None:
        self.name = name
        self.file = f"fortigate-{name.rpartition('-')[2].lower()}.log"
        self._journal = journal
        self._serial = serial
        self._interfaces = interfaces
        self._dice = dice
        self._relay = relay
        self._first_session = dice.whole(18_000_000, 90_000_000)
        self._sessions: set[int] = set()

    def session(self, moment: int) -> int:
        """The number of a session that begins at that time: numbers grow, and no two are the same."""
        number = self._first_session + (moment - MIDNIGHT) // 9_000
        while number in self._sessions:
            number += 1
        self._sessions.add(number)
        return number

    def interface(self, address: str) -> tuple[str, str]:
        """The interface behind which an address lies, and its role: the longest known prefix, else the Internet."""
        for prefix, interface in self._interfaces.items():
            if address.startswith(prefix):
                return interface
        return ("port1", "wan")

    def line(self, moment: int, level: str, logid: str, body: str, plot: Plot = ORDINARY) -> None:
        """Any line: body begins with type= and lacks level, vd and the device's own fields."""
        kind, _, rest = body.partition(" | ")
        nanoseconds = moment * 1000 + self._dice.whole(0, 999)
        head = f"<{_PRIORITY[level]}>" if not self._relay else f"{syslog_stamp(moment)} {self._relay} "
        self._journal.add(
            self.file,
            moment,
            f'{head}{fortigate_stamp(moment)} devname="{self.name}" devid="{self._serial}" eventtime={nanoseconds} '
            f'tz="+0700" logid="{logid}" {kind} level="{level}" vd="root" {rest}',
            plot,
        )

    def path(self, wire: Connection, countries: tuple[str, str]) -> str:
        """Where from and where to, as traffic lines say it."""
        here, there = self.interface(wire.source), self.interface(wire.target)
        return (
            f'srcip={wire.source} srcport={wire.source_port} srcintf="{here[0]}" srcintfrole="{here[1]}" '
            f'dstip={wire.target} dstport={wire.target_port} dstintf="{there[0]}" dstintfrole="{there[1]}" '
            f'srcuuid="{uuid("address all")}" dstuuid="{uuid("address all")}" '
            f'srccountry="{countries[0]}" dstcountry="{countries[1]}"'
        )

    def traffic(
        self,
        wire: Connection,
        policy: Policy,
        *,
        countries: tuple[str, str] = ("Reserved", "Reserved"),
        nat: Nat = NO_NAT,
        action: str = "close",
        app: App | None = None,
        utm: str = "",
        device: str = "",
        session: int = 0,
        plot: Plot = ORDINARY,
    ) -> None:
        """A forwarded session at its end."""
        verdict = "accept" if wire.protocol == UDP and action == "close" else action
        known = f'appid={app[0]} app="{app[1]}" appcat="{app[2]}" apprisk="{app[3]}" applist="most-app" ' if app else ""
        number = session or self.session(wire.start)
        lingers = _UDP_TIMEOUT if wire.protocol == UDP else 0
        self.line(
            wire.end + lingers * SECOND,
            "notice",
            "0000000013",
            f'type="traffic" subtype="forward" | {self.path(wire, countries)} sessionid={number} '
            f'proto={wire.protocol} action="{verdict}" policyid={policy.id} policytype="policy" '
            f'poluuid="{uuid(policy.name)}" policyname="{policy.name}" service="{service(wire)}" {nat} {known}'
            f"duration={wire.seconds + lingers} sentbyte={wire.sent} rcvdbyte={wire.received} "
            f"sentpkt={wire.sent_packets} rcvdpkt={wire.received_packets}"
            f"{'' if app else _UNSCANNED}{' ' + utm if utm else ''}{' ' + device if device else ''}",
            plot,
        )

    def denied(
        self, wire: Connection, countries: tuple[str, str] = ("Reserved", "Reserved"), plot: Plot = ORDINARY
    ) -> None:
        """A packet that no policy lets through: the implicit deny at the end of the list."""
        self.line(
            wire.start,
            "warning",
            "0000000013",
            f'type="traffic" subtype="forward" | {self.path(wire, countries)} sessionid={self.session(wire.start)} '
            f'proto={wire.protocol} action="deny" policyid=0 policytype="policy" service="{service(wire)}" '
            f'trandisp="noop" duration=0 sentbyte=0 rcvdbyte=0 sentpkt=0 rcvdpkt=0 appcat="unscanned" '
            f'crscore=30 craction=131072 crlevel="high"',
            plot,
        )

    def local(self, wire: Connection, country: str, action: str = "deny", app: str = "") -> None:
        """Traffic to the firewall itself."""
        here = self.interface(wire.source)
        six = "6" if ":" in wire.source else ""
        number = self.session(wire.start)
        counts = f"duration={wire.seconds} sentbyte={wire.sent} rcvdbyte={wire.received} sentpkt={wire.sent_packets}"
        risk = ' crscore=5 craction=262144 crlevel="low"' if action == "deny" else ""
        self.line(
            wire.end,
            "notice",
            "0001000014",
            f'type="traffic" subtype="local" | srcip={wire.source} srcport={wire.source_port} srcintf="{here[0]}" '
            f'srcintfrole="{here[1]}" dstip={wire.target} dstport={wire.target_port} dstintf="root" '
            f'dstintfrole="undefined" srccountry="{country}" dstcountry="Reserved" sessionid={number} '
            f'proto={wire.protocol} action="{action}" policyid=0 policytype="local-in-policy{six}" '
            f'service="{service(wire)}" trandisp="noop" app="{app or service(wire)}" {counts} '
            f'rcvdpkt={wire.received_packets if action != "deny" else 0} appcat="unscanned"{risk}',
        )


_UNSCANNED = ' appcat="unscanned"'


def service(wire: Connection) -> str:
    """FortiOS's name for a port: "HTTPS", or "tcp/8081" where it has none."""
    if wire.target_port == 53:
        return "DNS"
    return _SERVICES.get(wire.target_port) or f"{'udp' if wire.protocol == UDP else 'tcp'}/{wire.target_port}"
