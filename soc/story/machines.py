"""Ordinary scene: machines that talk by the clock. Careless rules take each of these for an attack.

Time servers every 64 s, monitoring every minute, update and anti-virus services, a backup that moves gigabytes,
and the weekly vulnerability scan.
"""

from __future__ import annotations

from soc.story import cast
from soc.story.chance import Dice
from soc.story.sites import ANTIVIRUS_CLOUD, TIME_SERVERS, WINDOWS_UPDATE
from soc.story.stage import BACKUP_JOB, INTERNET, MANAGEMENT, SERVERS_OUT, UNITS, Stage, snat
from soc.story.suricata import EXECUTABLE_DOWNLOAD, Json
from soc.story.times import MINUTE, SECOND, at, regular_moments, working_moments
from soc.story.wire import UDP, Connection

_SCAN_START = at("07:10:00")
_SCAN_PORTS = (21, 22, 23, 25, 53, 80, 110, 111, 135, 139, 143, 443, 445, 465, 587, 993, 995, 1433, 1521, 2049, 3306,
               3389, 5432, 5900, 6379, 8080, 8443, 9200, 10050, 27017)  # fmt: skip

_SIGNATURES = {
    22: (2001219, "ET SCAN Potential SSH Scan"),
    1433: (2010935, "ET SCAN Suspicious inbound to MSSQL port 1433"),
    1521: (2010936, "ET SCAN Suspicious inbound to Oracle SQL port 1521"),
    3306: (2010937, "ET SCAN Suspicious inbound to mySQL port 3306"),
    5432: (2010939, "ET SCAN Suspicious inbound to PostgreSQL port 5432"),
    5900: (2002911, "ET SCAN Potential VNC Scan 5900-5920"),
}


def play(stage: Stage) -> None:
    """Everything that runs without people."""
    dice = stage.dice("machines")
    _time(stage, dice)
    _monitoring(stage, dice)
    _updates(stage, dice)
    _backup(stage, dice)
    _weekly_scan(stage, dice)


def _time(stage: Stage, dice: Dice) -> None:
    for source, server in ((cast.NS1, TIME_SERVERS[0][1]), (cast.NS1_V6, TIME_SERVERS[1][2])):
        for moment in regular_moments(dice, 64 * SECOND, 0.004):
            port = dice.whole(33_000, 60_900)
            wire = Connection(moment, dice.whole(4_000, 30_000), source, port, server, 123, 76, 76, UDP)
            nat = snat(cast.EGRESS, source, port)
            stage.fw113.traffic(wire, SERVERS_OUT, countries=("Reserved", "Vietnam"), nat=nat,
                                app=(16270, "NTP", "Network.Service", "elevated"))  # fmt: skip


def _monitoring(stage: Stage, dice: Dice) -> None:
    """Zabbix asks every agent each minute; the servers behind the firewall show in its log."""
    for host in (cast.MX1, cast.PORTAL, cast.NASATI, cast.RADIATION_DB):
        policy = UNITS if host == cast.NASATI else MANAGEMENT
        for moment in regular_moments(dice, MINUTE, 0.01):
            wire = Connection(moment, dice.whole(2_000, 60_000), cast.MONITOR, dice.whole(33_000, 60_900), host, 10050,
                              412, 388)  # fmt: skip
            stage.fw113.traffic(wire, policy)


def _updates(stage: Stage, dice: Dice) -> None:
    for person in cast.THD113[::4]:
        for moment in regular_moments(dice, 15 * MINUTE, 0.02):
            _heartbeat(stage, dice, person.address, moment)
    for moment in working_moments(dice, 40):
        person = dice.pick(cast.THD113)
        port = dice.whole(49_200, 65_500)
        size = dice.whole(900_000, 48_000_000)
        wire = Connection(moment, size * 2, person.address, port, WINDOWS_UPDATE.address, 80, size // 90, size)
        stage.fw113.traffic(wire, INTERNET, countries=("Reserved", WINDOWS_UPDATE.country),
                            nat=snat(cast.EGRESS, person.address, port), app=WINDOWS_UPDATE.app)  # fmt: skip
        if person.unit == "vp":
            _update_file(stage, dice, wire)


def _heartbeat(stage: Stage, dice: Dice, source: str, moment: int) -> None:
    port = dice.whole(49_200, 65_500)
    wire = Connection(moment, 480_000, source, port, ANTIVIRUS_CLOUD.address, 443, 1_904, 5_310)
    stage.fw113.traffic(wire, INTERNET, countries=("Reserved", ANTIVIRUS_CLOUD.country),
                        nat=snat(cast.EGRESS, source, port), app=ANTIVIRUS_CLOUD.app)  # fmt: skip


def _update_file(stage: Stage, dice: Dice, wire: Connection) -> None:
    name = f"windows10.0-kb50{dice.whole(10_000, 99_999)}-x64_{dice.hexadecimal(40)}"
    kind, magic = dice.pick((("cab", "Microsoft Cabinet archive data"), ("exe", "PE32 executable (GUI) Intel 80386")))
    request: Json = {
        "hostname": WINDOWS_UPDATE.name,
        "url": f"/d/msdownload/update/software/secu/2026/09/{name}.{kind}",
        "http_user_agent": "Microsoft-Delivery-Optimization/10.1",
        "http_content_type": "application/octet-stream",
        "http_method": "GET",
        "protocol": "HTTP/1.1",
        "status": 206,
        "length": wire.received - 700,
    }
    stage.ids.http(wire, request)
    stage.ids.file(wire, request, dice.hexadecimal(64), magic)
    if kind == "exe":
        stage.ids.alert(wire.start + 400_000, wire, EXECUTABLE_DOWNLOAD, "http", {"http": request})
    stage.ids.flow(wire, "http", alerted=kind == "exe")


def _backup(stage: Stage, dice: Dice) -> None:
    """The file server goes to the backup store in thirds, and the radiation database to it as well."""
    for clock, host, size in (
        ("07:04:00", cast.FILE_SERVER, 48_211_004_113),
        ("07:31:00", cast.FILE_SERVER, 51_840_771_250),
        ("07:58:00", cast.RADIATION_DB, 22_904_113_888),
    ):
        wire = Connection(at(clock), 24 * MINUTE, host, dice.whole(33_000, 60_900), cast.BACKUP, 873, size, size // 900)
        stage.fw113.traffic(wire, BACKUP_JOB)


def _weekly_scan(stage: Stage, dice: Dice) -> None:
    """scanner-01 knocks on every port of the DMZ for half an hour; the inventory knows it."""
    moment = _SCAN_START
    for host in (cast.PORTAL, cast.MX1, cast.FILE_SERVER, cast.RADIATION_DB, cast.NASATI):
        for port in dice.some(_SCAN_PORTS, len(_SCAN_PORTS)):
            moment += dice.whole(300_000, 9_000_000)
            wire = Connection(moment, dice.whole(1_000, 400_000), cast.SCANNER, dice.whole(33_000, 60_900), host, port,
                              60 if dice.chance(0.7) else 1_240, 40)  # fmt: skip
            if host == cast.RADIATION_DB and port not in (22, 443, 5432):
                stage.fw113.denied(wire)
            else:
                stage.fw113.traffic(wire, MANAGEMENT, action=dice.pick(("server-rst", "timeout", "close")))
            if host in (cast.PORTAL, cast.MX1, cast.FILE_SERVER) and port in _SIGNATURES:
                number, name = _SIGNATURES[port]
                stage.ids.alert(moment, wire, (number, name, "Potentially Bad Traffic", 2), "", {})
