"""Ordinary scene: people at their desks browse, and firewall and IDS write it down."""

from __future__ import annotations

from soc.story import cast, fortigate_utm
from soc.story.cast import Person
from soc.story.chance import Dice
from soc.story.fortigate import Fortigate
from soc.story.journal import ORDINARY, Plot
from soc.story.sites import BLOCKED_SITES, NEW_SITES, RESOLVERS, SITES, Site
from soc.story.stage import INTERNET, SERVERS_OUT, Stage, snat
from soc.story.times import SECOND, working_moments
from soc.story.wire import UDP, Connection

_JA3 = ("9d1c9e0b3f6a47c2a8e7715f0d2b63e4", "3f27ab61d9c84e0b95e2087c6a41bd5f")
_JA3S = "eb1d94daa7e0344597e756a1fb6e7054"
_PATHS = (
    "/",
    "/tin-tuc",
    "/search?q=nghi+dinh+13",
    "/van-ban",
    "/lich-cong-tac",
    "/images/banner.webp",
    "/api/v2/feed",
)
_MONITORED = ("News and Media", "Social Networking", "Streaming Media and Download", "Shopping", "Web-based Email",
              "Finance and Banking", "Search Engines and Portals", "Newly Observed Domain", "Unrated")  # fmt: skip


def play(stage: Stage) -> None:
    """A morning's browsing at both headquarters."""
    dice = stage.dice("office")
    for moment in working_moments(dice, 4_800):
        person = dice.pick(cast.THD113)
        _visit(stage, stage.fw113, dice, person, _choose(dice), moment, cast.EGRESS)
    for moment in working_moments(dice, 1_050):
        _visit(stage, stage.fw39, dice, dice.pick(cast.OFFICE_ATBX), _choose(dice), moment, cast.EGRESS39)
    for moment in working_moments(dice, 14):
        _visit(stage, stage.fw113, dice, dice.pick(cast.THD113), dice.pick(NEW_SITES), moment, cast.EGRESS)
    for moment in working_moments(dice, 22):
        _refused(stage.fw113, dice, dice.pick(cast.OFFICE_KHTC), dice.pick(BLOCKED_SITES), moment)
    _upstream_lookups(stage, dice)


def _choose(dice: Dice) -> Site:
    """The first sites of the list are the popular ones."""
    return SITES[int(dice.random() * dice.random() * len(SITES))] if dice.chance(0.7) else dice.pick(SITES)


def _visit(stage: Stage, firewall: Fortigate, dice: Dice, person: Person, site: Site, moment: int, egress: str) -> None:
    """One visit: the name is looked up, then one to three connections carry the page."""
    six = bool(person.address6 and site.address6 and dice.chance(0.7))
    source, target = (person.address6, site.address6) if six else (person.address, site.address)
    watched = person.unit == "vp"
    if watched and dice.chance(0.6):
        lookup(stage, dice, moment, person.address, site)
    for turn in range(dice.whole(1, 3)):
        start = moment + dice.whole(20_000, 90_000) + turn * dice.whole(100_000, 3_000_000)
        wire = Connection(
            start,
            dice.skewed(700_000, 190 * SECOND),
            source,
            dice.whole(49_200, 65_500),
            target,
            site.port,
            dice.skewed(1_100, 60_000),
            dice.skewed(3_900, 2_400_000),
        )
        _page(stage, firewall, dice, person, site, wire, egress, turn == 0)
        if watched:
            _seen(stage, dice, person, site, wire)


def _page(
    stage: Stage,
    firewall: Fortigate,
    dice: Dice,
    person: Person,
    site: Site,
    wire: Connection,
    egress: str,
    first: bool,
) -> None:
    session = firewall.session(wire.start)
    counts = []
    if first and site.category[1] in _MONITORED and dice.chance(0.5):
        scheme = "http" if site.port == 80 else "https"
        path = dice.pick(_PATHS) if site.port == 80 else "/"
        url = f"{scheme}://{site.name}{path}"
        agent = person.agent if site.port == 80 else ""
        fortigate_utm.webfilter(
            firewall, wire, INTERNET, session, url, site.category, country=site.country, agent=agent
        )
        counts.append("countweb=1")
    if first and dice.chance(0.4):
        fortigate_utm.application(firewall, wire, INTERNET, session, site.app, site.name, site.country)
        counts.append("countapp=1")
    firewall.traffic(
        wire,
        INTERNET,
        countries=("Reserved", site.country),
        nat=snat(egress, wire.source, wire.source_port),
        action=dice.pick(("close", "close", "close", "client-rst", "timeout", "server-rst")),
        app=site.app,
        utm=f'utmaction="allow" {" ".join(counts)}' if counts else "",
        device=f'srchwvendor="Dell" devtype="Computer" osname="Windows" mastersrcmac="{person.mac}" '
        f'srcmac="{person.mac}" srcserver=0',
        session=session,
    )


def _seen(stage: Stage, dice: Dice, person: Person, site: Site, wire: Connection) -> None:
    """What the IDS on the floor's mirror port makes of it."""
    if site.port == 80:
        request = {
            "hostname": site.name,
            "url": dice.pick(_PATHS),
            "http_user_agent": person.agent,
            "http_content_type": "text/html",
            "http_method": "GET",
            "protocol": "HTTP/1.1",
            "status": dice.pick((200, 200, 200, 304, 301)),
            "length": wire.received - 400,
        }
        stage.ids.http(wire, request)
        stage.ids.flow(wire, "http")
        return
    ja3 = _JA3[0] if "Chrome" in person.agent else _JA3[1]
    stage.ids.tls(wire, {"sni": site.name, "version": "TLS 1.3", "ja3": {"hash": ja3}, "ja3s": {"hash": _JA3S}})
    stage.ids.flow(wire, "tls")


def lookup(stage: Stage, dice: Dice, moment: int, client: str, site: Site, plot: Plot = ORDINARY) -> None:
    """The client asks the ministry's own resolver, for both protocols where the name has both."""
    kinds = [("A", site.address)] + ([("AAAA", site.address6)] if site.address6 and dice.chance(0.5) else [])
    for kind, answer in kinds:
        wire = Connection(
            moment - dice.whole(8_000, 19_000), dice.whole(900, 7_000), client, dice.whole(49_200, 65_500),
            cast.NS1, 53, 64 + len(site.name), 96 + len(site.name), UDP,
        )  # fmt: skip
        stage.ids.lookup(wire, site.name, kind, (answer,), dice.whole(1, 65_535), plot)
        stage.ids.flow(wire, "dns", "established", plot=plot)


def _refused(firewall: Fortigate, dice: Dice, person: Person, site: Site, moment: int) -> None:
    """A site that the rules of the house do not allow."""
    wire = Connection(moment, 1_200_000, person.address, dice.whole(49_200, 65_500), site.address, 443, 1_890, 2_740)
    session = firewall.session(wire.start)
    fortigate_utm.webfilter(
        firewall,
        wire,
        INTERNET,
        session,
        f"https://{site.name}/",
        site.category,
        country=site.country,
        event="ftgd_blk",
    )
    firewall.traffic(
        wire,
        INTERNET,
        countries=("Reserved", site.country),
        nat=snat(cast.EGRESS, wire.source, wire.source_port),
        action="client-rst",
        utm='utmaction="block" countweb=1 crscore=30 craction=4194304 crlevel="high"',
        session=session,
    )


def _upstream_lookups(stage: Stage, dice: Dice) -> None:
    """The resolvers ask the providers' resolvers what they have not cached, over both protocols."""
    for moment in working_moments(dice, 1_500):
        upstream = dice.pick(RESOLVERS)
        source = cast.NS1_V6 if ":" in upstream else cast.NS1
        port = dice.whole(1_100, 65_000)
        wire = Connection(moment, dice.whole(9_000, 180_000), source, port, upstream, 53, dice.whole(61, 98),
                          dice.whole(90, 480), UDP)  # fmt: skip
        stage.fw113.traffic(
            wire,
            SERVERS_OUT,
            countries=("Reserved", "Vietnam"),
            nat=snat(cast.EGRESS, source, port),
            app=(16195, "DNS", "Network.Service", "elevated"),
        )
    for moment in working_moments(dice, 420):
        port = dice.whole(1_100, 65_000)
        wire = Connection(moment, dice.whole(9_000, 180_000), cast.NS39, port, RESOLVERS[1], 53, dice.whole(61, 98),
                          dice.whole(90, 480), UDP)  # fmt: skip
        stage.fw39.traffic(
            wire,
            SERVERS_OUT,
            countries=("Reserved", "Vietnam"),
            nat=snat(cast.EGRESS39, cast.NS39, port),
            app=(16195, "DNS", "Network.Service", "elevated"),
        )
