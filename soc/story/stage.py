"""The stage: every device of the ministry that logs, ready to write into one journal."""

from __future__ import annotations

from soc.story.chance import Dice
from soc.story.fortigate import Fortigate, Nat, Policy
from soc.story.journal import Journal
from soc.story.linux import Linux
from soc.story.postfix import Postfix
from soc.story.suricata import Suricata

INTERNET = Policy(12, "VanPhong-to-Internet")
SERVERS_OUT = Policy(18, "MayChu-to-Internet")
INSIDE = Policy(21, "VanPhong-to-MayChu")
MANAGEMENT = Policy(7, "QuanTri-to-All")
PORTAL_IN = Policy(31, "Internet-to-Portal")
MAIL_IN = Policy(33, "Internet-to-Mail")
NASATI_IN = Policy(36, "Internet-to-NASATI")
BACKUP_JOB = Policy(41, "SaoLuu")
UNITS = Policy(44, "TrungTam-to-DonVi")

_THD113 = {
    "10.1.50.": ("VP-V50", "lan"),
    "10.1.51.": ("KHTC-V51", "lan"),
    "10.1.52.": ("CNTT-V52", "lan"),
    "10.1.10.": ("DNS-V10", "lan"),
    "10.1.20.": ("DMZ", "dmz"),
    "10.1.40.": ("CSDL-V40", "lan"),
    "10.1.99.": ("QT-V99", "lan"),
    "10.4.": ("MPLS-DONVI", "undefined"),
    "203.0.113.41": ("MPLS-DONVI", "undefined"),
    "203.0.113.": ("DMZ", "dmz"),
    "2001:db8:a113:50:": ("VP-V50", "lan"),
    "2001:db8:a113:10:": ("DNS-V10", "lan"),
    "2001:db8:a113:20:": ("DMZ", "dmz"),
    "2001:db8:a400:": ("MPLS-DONVI", "undefined"),
}
_THD39 = {
    "10.2.50.": ("ATBX-V50", "lan"),
    "10.2.10.": ("DNS-V10", "lan"),
    "10.2.99.": ("QT-V99", "lan"),
    "10.1.": ("TO-THD113", "undefined"),
}


class Stage:
    """All devices; dice(purpose) gives each scene its own chance."""

    def __init__(self, journal: Journal, seed: int) -> None:
        self.journal = journal
        self._seed = seed
        self.fw113 = Fortigate(journal, "FGT-THD113", "FG6H1FTB22900113", _THD113, self.dice("fgt-thd113"))
        self.fw39 = Fortigate(journal, "FGT-THD39", "FGT2KFTK21000039", _THD39, self.dice("fgt-thd39"), "10.2.99.1")
        self.ids = Suricata(journal)
        self.mx1 = Postfix(Linux(journal, "mx1", "mail.log", self.dice("mx1")))
        self.nasati = Linux(journal, "nasati-web-01", "nasati-web-01.auth.log", self.dice("nasati"))
        self.files = Linux(journal, "fs-01", "fs-01.syslog", self.dice("fs-01"))

    def dice(self, purpose: str) -> Dice:
        """A stream of chance of one's own."""
        return Dice(self._seed, purpose)


def snat(address: str, source: str, port: int) -> Nat:
    """Hides an IPv4 client behind the site's public address; IPv6 needs no translation."""
    return Nat() if ":" in source else Nat("snat", address, port)
