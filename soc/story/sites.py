"""The Internet as seen from the ministry: well-known services, correspondents, and the background noise.

Service names are real where their traffic is ordinary; every address is from ranges kept for documentation and
benchmarks (RFC 2544, RFC 3849, RFC 5737), so that no real machine is accused of anything.
"""

from __future__ import annotations

from dataclasses import dataclass

from soc.story.chance import Dice


@dataclass(frozen=True, slots=True)
class Site:
    """An outside service: how FortiGuard rates it and which application the firewall recognises."""

    name: str
    address: str
    address6: str
    category: tuple[int, str]
    app: tuple[int, str, str, str]
    country: str
    port: int = 443


_SEARCH, _NEWS, _IT = (41, "Search Engines and Portals"), (36, "News and Media"), (52, "Information Technology")
_SOCIAL, _ADS, _STREAM = (37, "Social Networking"), (17, "Advertising"), (25, "Streaming Media and Download")
_LAW, _BUSINESS, _SCHOOL = (51, "Government and Legal Organizations"), (49, "Business"), (30, "Education")
_MAIL, _SHOP, _BANK = (23, "Web-based Email"), (42, "Shopping"), (31, "Finance and Banking")
_NEW = (90, "Newly Observed Domain")

_BROWSER = (40568, "HTTPS.BROWSER", "Web.Client", "medium")
_PLAIN = (34039, "HTTP.BROWSER_Chrome", "Web.Client", "elevated")
_TLS = (41540, "SSL_TLSv1.3", "Network.Service", "medium")
_GOOGLE = (39534, "Google.Services", "General.Interest", "elevated")
_MICROSOFT = (41469, "Microsoft.Portal", "Collaboration", "elevated")

SITES = (
    Site("www.google.com", "198.19.10.4", "2001:db8:5e10::4", _SEARCH, _GOOGLE, "United States"),
    Site("www.gstatic.com", "198.19.10.9", "2001:db8:5e10::9", _SEARCH, _GOOGLE, "United States"),
    Site("mail.google.com", "198.19.10.17", "2001:db8:5e10::17", _MAIL, (15817, "Gmail", "Email", "medium"),
         "United States"),
    Site("www.youtube.com", "198.19.10.36", "2001:db8:5e10::36", _STREAM, (31077, "YouTube", "Video/Audio", "elevated"),
         "United States"),
    Site("vnexpress.vn", "198.19.20.11", "2001:db8:5e20::11", _NEWS, _BROWSER, "Vietnam"),
    Site("tuoitre.vn", "198.19.20.21", "", _NEWS, _BROWSER, "Vietnam"),
    Site("dantri.com.vn", "198.19.20.31", "", _NEWS, _BROWSER, "Vietnam"),
    Site("nhandan.vn", "198.19.20.41", "", _NEWS, _BROWSER, "Vietnam"),
    Site("chinhphu.vn", "198.19.21.5", "2001:db8:5e21::5", _LAW, _BROWSER, "Vietnam"),
    Site("dichvucong.gov.vn", "198.19.21.8", "2001:db8:5e21::8", _LAW, _BROWSER, "Vietnam"),
    Site("thuvienphapluat.vn", "198.19.21.30", "", _LAW, _BROWSER, "Vietnam"),
    Site("vbpl.vn", "198.19.21.33", "", _LAW, _PLAIN, "Vietnam", 80),
    Site("chat.zalo.me", "198.19.22.7", "2001:db8:5e22::7", (69, "Instant Messaging"),
         (46811, "Zalo", "Collaboration", "elevated"), "Vietnam"),
    Site("zalo-media.zadn.vn", "198.19.22.19", "", _IT, (46811, "Zalo", "Collaboration", "elevated"), "Vietnam"),
    Site("www.facebook.com", "198.19.11.35", "2001:db8:5e11::35", _SOCIAL,
         (15832, "Facebook", "Social.Media", "medium"), "Ireland"),
    Site("outlook.office365.com", "198.19.12.2", "2001:db8:5e12::2", _MAIL,
         (41475, "Microsoft.Outlook.Office.365", "Email", "elevated"), "Singapore"),
    Site("teams.microsoft.com", "198.19.12.52", "2001:db8:5e12::52", _IT,
         (43541, "Microsoft.Teams", "Collaboration", "elevated"), "Singapore"),
    Site("login.microsoftonline.com", "198.19.12.20", "2001:db8:5e12::20", _IT, _MICROSOFT, "Singapore"),
    Site("settings-win.data.microsoft.com", "198.19.12.73", "", _IT, _MICROSOFT, "United States"),
    Site("www.bing.com", "198.19.12.100", "", _SEARCH, _BROWSER, "United States"),
    Site("cdn.jsdelivr.net", "198.19.13.85", "2001:db8:5e13::85", _IT, _TLS, "United States"),
    Site("fonts.googleapis.com", "198.19.10.74", "2001:db8:5e10::74", _IT, _GOOGLE, "United States"),
    Site("securepubads.g.doubleclick.net", "198.19.10.130", "", _ADS, _BROWSER, "United States"),
    Site("www.scopus.com", "198.19.14.8", "", _SCHOOL, _BROWSER, "Netherlands"),
    Site("link.springer.com", "198.19.14.21", "2001:db8:5e14::21", _SCHOOL, _BROWSER, "Germany"),
    Site("www.iaea.org", "198.19.14.40", "2001:db8:5e14::40", _LAW, _BROWSER, "Austria"),
    Site("www.wipo.int", "198.19.14.44", "", _LAW, _BROWSER, "Switzerland"),
    Site("vietcombank.com.vn", "198.19.23.10", "", _BANK, _BROWSER, "Vietnam"),
    Site("www.vietnamairlines.com", "198.19.23.40", "", _BUSINESS, _BROWSER, "Vietnam"),
    Site("shopee.vn", "198.19.23.60", "", _SHOP, _BROWSER, "Singapore"),
    Site("raw.githubusercontent.com", "198.19.13.133", "2001:db8:5e13::133", _IT, _TLS, "United States"),
    Site("meet.google.com", "198.19.10.50", "2001:db8:5e10::50", _IT, _GOOGLE, "United States"),
)  # fmt: skip

# new names are not all bad: a conference and two firms that registered last week
NEW_SITES = (
    Site("hoithao-ai2026.example", "198.19.40.12", "", _NEW, _PLAIN, "Vietnam", 80),
    Site("thietbi-phongthinghiem.example", "198.19.40.33", "", _NEW, _BROWSER, "Vietnam"),
    Site("diendan-doimoi.example", "198.19.40.57", "", (0, "Unrated"), _BROWSER, "Vietnam"),
)

BLOCKED_SITES = (
    Site("bong88-keo.example", "198.19.50.8", "", (11, "Gambling"), _BROWSER, "Cambodia"),
    Site("gamevui-online.example", "198.19.50.20", "", (20, "Games"), _BROWSER, "Vietnam"),
)

TIME_SERVERS = (("time.vmi.gov.vn", "198.19.30.123", ""), ("ntp.vnnic.vn", "198.19.30.124", "2001:db8:5e30::123"))
RESOLVERS = ("198.19.31.53", "198.19.31.54", "2001:db8:5e31::53")
WINDOWS_UPDATE = Site("download.windowsupdate.com", "198.19.12.200", "", _IT,
                      (16009, "MS.Windows.Update", "Update", "elevated"), "Singapore", 80)  # fmt: skip
ANTIVIRUS_CLOUD = Site("heartbeat.antivirus-cloud.example", "198.19.60.15", "", _IT,
                       (41999, "Endpoint.Heartbeat", "Update", "low"), "Singapore")  # fmt: skip

_NOISE_COUNTRIES = ("United States", "China", "Russian Federation", "Netherlands", "Brazil", "India", "Germany",
                    "Bulgaria", "Korea, Republic of", "Vietnam", "Indonesia", "Seychelles")  # fmt: skip


def stranger(dice: Dice) -> tuple[str, str]:
    """An address somewhere on the Internet and its country."""
    return f"198.18.{dice.whole(1, 254)}.{dice.whole(1, 254)}", dice.pick(_NOISE_COUNTRIES)


def stranger6(dice: Dice) -> tuple[str, str]:
    """The same over IPv6."""
    return f"2001:db8:{dice.whole(0x2000, 0x3FFF):x}:{dice.whole(1, 0xFFF):x}::{dice.whole(1, 0xFFF):x}", dice.pick(
        _NOISE_COUNTRIES
    )


def home(dice: Dice) -> str:
    """A citizen's line at home or a mobile phone, in Vietnam."""
    return f"198.18.{dice.whole(128, 191)}.{dice.whole(2, 250)}"
