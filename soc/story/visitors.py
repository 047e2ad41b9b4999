"""Ordinary scene: the public visits the ministry's portal and NASATI's, with search engines and stray robots."""

from __future__ import annotations

from dataclasses import dataclass

from soc.story import cast
from soc.story.chance import Dice
from soc.story.fortigate import Nat, Policy
from soc.story.sites import home, stranger
from soc.story.stage import NASATI_IN, PORTAL_IN, Stage
from soc.story.times import (
    MINUTE,
    SECOND,
    access_stamp,
    at,
    error_stamp,
    even_moments,
    regular_moments,
    working_moments,
)
from soc.story.wire import Connection

PORTAL_ACCESS = "web-portal.access.log"
PORTAL_ERRORS = "web-portal.error.log"
NASATI_ACCESS = "nasati-web-01.access.log"

_PAGES = (
    ("/", 24_113), ("/tin-tuc", 31_870), ("/van-ban-phap-luat", 28_455),
    ("/tin-tuc/hoat-dong-khcn/2026/10/4417", 19_204),
    ("/van-ban-phap-luat/quyet-dinh?nam=2026&trang=2", 27_101), ("/thu-tuc-hanh-chinh", 22_940), ("/lien-he", 9_118),
    ("/tim-kiem?q=nghi+dinh+13", 15_667), ("/tim-kiem?q=%C4%91%E1%BB%81+t%C3%A0i+c%E1%BA%A5p+b%E1%BB%99", 14_220),
    ("/files/2026/09/1590-QD-BKHCN.pdf", 811_204), ("/en/news", 17_006), ("/hoi-dap", 12_010),
)  # fmt: skip
_ASSETS = (
    ("/static/css/site.css", 41_022), ("/static/js/app.min.js", 188_410), ("/static/img/quoc-huy.svg", 7_902),
    ("/static/fonts/be-vietnam-pro.woff2", 63_344), ("/favicon.ico", 1_150),
)  # fmt: skip
_AGENTS = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 "
    "Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (Linux; Android 15; SM-A556E) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Mobile "
    "Safari/537.36",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 "
    "Safari/605.1.15",
)
_ROBOTS = (
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
    "Mozilla/5.0 (compatible; coccocbot-web/1.0; +http://help.coccoc.com/searchengine)",
)
_STRAYS = ("/wp-login.php", "/.env", "/.git/config", "/robots.txt", "/xmlrpc.php", "/admin/", "/old/index.aspx",
           "/apple-touch-icon.png", "/phpmyadmin/", "/boaform/admin/formLogin")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Portal:
    """A published web server and where its visits are written."""

    access: str
    name: str
    public: str
    inside: str
    address6: str
    policy: Policy
    watched: bool


PORTAL = Portal(PORTAL_ACCESS, "www.most.gov.vn", cast.PORTAL_PUBLIC, cast.PORTAL, cast.PORTAL_V6, PORTAL_IN, True)
NASATI = Portal(NASATI_ACCESS, "www.vista.gov.vn", cast.NASATI_PUBLIC, cast.NASATI, cast.NASATI_V6, NASATI_IN, False)


def play(stage: Stage) -> None:
    """Citizens, scholars, robots."""
    dice = stage.dice("visitors")
    for moment in working_moments(dice, 520):
        _visit(stage, dice, PORTAL, moment)
    for moment in working_moments(dice, 190):
        _visit(stage, dice, NASATI, moment)
    for portal, count in ((PORTAL, 380), (NASATI, 160)):
        _robots(stage, dice, portal, count)
        _strays(stage, dice, portal, count // 7)
    for moment in regular_moments(dice, MINUTE, 0.002):
        request(stage, NASATI, moment, cast.MONITOR, "/healthz", 200, 2, "Zabbix 7.0.4")
    _scanned(stage, dice)


def request(
    stage: Stage, portal: Portal, moment: int, client: str, path: str, status: int, size: int, agent: str,
    referrer: str = "-", method: str = "GET",
) -> None:  # fmt: skip
    """One line of the combined log format."""
    line = f'{client} - - [{access_stamp(moment)}] "{method} {path} HTTP/1.1" {status} {size} "{referrer}" "{agent}"'
    stage.journal.add(portal.access, moment, line)


def arrive(stage: Stage, dice: Dice, portal: Portal, moment: int, client: str, country: str, seconds: int) -> None:
    """The connection as firewall and IDS see it."""
    six = ":" in client
    public, inside = (portal.address6, portal.address6) if six else (portal.public, portal.inside)
    port = dice.whole(1_100, 65_500)
    sent, received = dice.skewed(1_800, 22_000), dice.skewed(9_000, 3_000_000)
    wire = Connection(moment, seconds * SECOND, client, port, public, 443, sent, received)
    nat = Nat() if six else Nat("dnat", inside, 443)
    stage.fw113.traffic(wire, portal.policy, countries=(country, "Vietnam"), nat=nat)
    if portal.watched:
        inner = Connection(moment, seconds * SECOND, client, port, inside, 443, sent, received)
        ja3 = {"hash": "3f27ab61d9c84e0b95e2087c6a41bd5f"}
        stage.ids.tls(inner, {"sni": portal.name, "version": "TLS 1.3", "ja3": ja3})
        stage.ids.flow(inner, "tls")


def _visit(stage: Stage, dice: Dice, portal: Portal, moment: int) -> None:
    six = dice.chance(0.35)
    client = (
        f"2001:db8:{dice.whole(0x4000, 0x4FFF):x}:{dice.whole(1, 0xFFF):x}::{dice.whole(2, 0xFF):x}"
        if six
        else home(dice)
    )
    agent = dice.pick(_AGENTS)
    seconds = dice.whole(3, 200)
    arrive(stage, dice, portal, moment, client, "Vietnam", seconds)
    page, referrer = moment, dice.pick(("-", "https://www.google.com/", "-"))
    for turn in range(dice.whole(1, 3)):
        path, size = dice.pick(_PAGES)
        request(stage, portal, page, client, path, 200, size, agent, referrer)
        referrer = f"https://{portal.name}{path}"
        for name, length in dice.some(_ASSETS, 4 if turn == 0 else 1):
            status = 304 if dice.chance(0.2) else 200
            request(
                stage, portal, page + 400_000, client, name, status, 0 if status == 304 else length, agent, referrer
            )
        page += dice.whole(4, 40) * SECOND


def _robots(stage: Stage, dice: Dice, portal: Portal, count: int) -> None:
    for moment in even_moments(dice, count):
        agent = dice.pick(_ROBOTS)
        client = f"198.19.{90 + _ROBOTS.index(agent)}.{dice.whole(1, 9)}"
        path, size = dice.pick(_PAGES)
        gone = dice.chance(0.12)
        request(stage, portal, moment, client, path + "/1999" if gone else path, 404 if gone else 200,
                1_422 if gone else size, agent)  # fmt: skip
        if dice.chance(0.25):
            arrive(stage, dice, portal, moment, client, "United States", dice.whole(5, 60))


def _strays(stage: Stage, dice: Dice, portal: Portal, count: int) -> None:
    """Robots that look for what is not here: one or two requests each, all answered 404."""
    for number, moment in enumerate(even_moments(dice, count)):
        client, country = stranger(dice)
        arrive(stage, dice, portal, moment, client, country, 2)
        for path in dice.some(_STRAYS, dice.whole(1, 2)):
            request(stage, portal, moment, client, path, 404, 1_422, "Mozilla/5.0 zgrab/0.x")
            if portal is PORTAL:
                opened = f'open() "/var/www/portal{path}" failed (2: No such file or directory)'
                error(stage, dice, moment, opened, client, f"GET {path} HTTP/1.1")
        if number % 9 == 4:
            hello = r"\x16\x03\x01\x00\xEE\x01\x00\x00\xEA\x03\x03"
            line = f'{client} - - [{access_stamp(moment)}] "{hello}" 400 157 "-" "-"'
            stage.journal.add(portal.access, moment, line)
    if portal is PORTAL:
        for moment in working_moments(dice, 18):
            slow = "upstream timed out (110: Connection timed out) while reading response header from upstream"
            error(stage, dice, moment, slow, home(dice), "GET /tim-kiem?q=de+tai HTTP/1.1")


def error(stage: Stage, dice: Dice, moment: int, text: str, client: str, line: str) -> None:
    """One line of nginx's error log."""
    number = 48_000 + (moment - at("07:00:00")) // SECOND
    worker = dice.pick((1187, 1188))
    stage.journal.add(
        PORTAL_ERRORS,
        moment,
        f"{error_stamp(moment)} [error] {worker}#{worker}: *{number} {text}, client: {client}, "
        f'server: www.most.gov.vn, request: "{line}", host: "www.most.gov.vn"',
    )


def _scanned(stage: Stage, dice: Dice) -> None:
    """The weekly scanner asks the portal for a hundred things that a portal should not have."""
    for moment in regular_moments(dice, 2 * SECOND, 0.3, start=at("07:12:00"), end=at("07:16:00")):
        path = dice.pick(
            (*_STRAYS, "/cgi-bin/test.cgi", "/?id=1%27%20OR%20%271%27=%271", "/server-status", "/backup.zip")
        )
        request(stage, PORTAL, moment, cast.SCANNER, path, 404, 1_422, "Mozilla/5.0 (compatible; OpenVAS-VT 23.10)")
