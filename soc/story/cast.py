"""Who works at the ministry this morning: people, their machines, and the servers. Names are invented."""

from __future__ import annotations

from dataclasses import dataclass

DOMAIN = "most.gov.vn"

_SURNAMES = ("nguyen", "tran", "le", "pham", "hoang", "phan", "vu", "dang", "bui", "do", "ho", "ngo", "duong", "ly")
_MIDDLES = ("thi", "van", "minh", "thu", "quoc", "ngoc", "duc", "thanh", "hai", "kim")
_GIVEN = (
    "anh", "binh", "chi", "dung", "giang", "ha", "hanh", "hieu", "hung", "huong", "khanh", "lan", "linh", "long",
    "mai", "minh", "nga", "phong", "phuong", "quang", "son", "tam", "thao", "trang", "tuan", "tung", "vinh", "yen",
)  # fmt: skip

_AGENTS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 "
    "Safari/537.36 Edg/140.0.0.0",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) coc_coc_browser/141.0.146 "
    "Chrome/135.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:143.0) Gecko/20100101 Firefox/143.0",
)


@dataclass(frozen=True, slots=True)
class Person:
    """A member of staff; address6 is "" on a floor without IPv6, address "" for those of other buildings."""

    login: str
    unit: str
    address: str = ""
    address6: str = ""
    agent: str = _AGENTS[0]

    @property
    def mail(self) -> str:
        """nguyen.thi.hoa@most.gov.vn"""
        return f"{self.login}@{DOMAIN}"

    @property
    def mac(self) -> str:
        """The network card of the machine on the desk."""
        last = [int(part) for part in self.address.split(".")]
        return f"a4:bb:6d:{last[1]:02x}:{last[2]:02x}:{last[3]:02x}"


def _logins(count: int) -> list[str]:
    """Different names, spread over the lists by steps that share no factor with their lengths."""
    names: dict[str, None] = {}
    turn = 0
    while len(names) < count:
        surname = _SURNAMES[turn * 5 % len(_SURNAMES)]
        middle = _MIDDLES[turn * 3 % len(_MIDDLES)]
        given = _GIVEN[(turn * 11 + turn // 28) % len(_GIVEN)]
        names.setdefault(f"{surname}.{middle}.{given}")
        turn += 1
    return list(names)


def _office(unit: str, network: str, network6: str, first: int, logins: list[str]) -> list[Person]:
    return [
        Person(
            login,
            unit,
            f"{network}.{first + desk}",
            f"{network6}::{first + desk}" if network6 and desk % 4 != 2 else "",
            _AGENTS[desk * 7 % 11 % len(_AGENTS)],
        )
        for desk, login in enumerate(logins)
    ]


_LOGINS = [login for login in _logins(205) if login not in ("nguyen.thi.hoa", "tran.van.nam")]
_LOGINS[13] = "nguyen.thi.hoa"
_LOGINS[33] = "tran.van.nam"

OFFICE_VP = tuple(_office("vp", "10.1.50", "2001:db8:a113:50", 10, _LOGINS[:26]))
OFFICE_KHTC = tuple(_office("khtc", "10.1.51", "", 10, _LOGINS[26:44]))
OFFICE_CNTT = tuple(_office("cntt", "10.1.52", "", 20, _LOGINS[44:58]))
OFFICE_ATBX = tuple(_office("atbx", "10.2.50", "", 10, _LOGINS[58:78]))
ELSEWHERE = tuple(Person(login, "cntt") for login in _LOGINS[78:200])

THD113 = OFFICE_VP + OFFICE_KHTC + OFFICE_CNTT
STAFF = THD113 + OFFICE_ATBX + ELSEWHERE

HOA = OFFICE_VP[13]
NAM = OFFICE_KHTC[7]
ADMINS = OFFICE_CNTT[:4]
# one person whose fingers are not awake yet
CLUMSY = OFFICE_KHTC[2]

NS1 = "10.1.10.53"
NS1_V6 = "2001:db8:a113:10::53"
NS39 = "10.2.10.53"
MX1 = "10.1.20.25"
MX1_V6 = "2001:db8:a113:20::25"
MX1_PUBLIC = "203.0.113.25"
PORTAL = "10.1.20.11"
PORTAL_V6 = "2001:db8:a113:20::11"
PORTAL_PUBLIC = "203.0.113.10"
NASATI = "10.4.20.11"
NASATI_V6 = "2001:db8:a400:20::11"
NASATI_PUBLIC = "203.0.113.41"
FILE_SERVER = "10.1.20.40"
BACKUP = "10.1.20.50"
RADIATION_DB = "10.1.40.10"
MONITOR = "10.1.99.10"
SCANNER = "10.1.99.30"
EGRESS = "203.0.113.2"
EGRESS39 = "203.0.113.3"
