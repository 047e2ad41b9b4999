"""Attack, first half: a letter to the Ministry Office, a click, a dropper, and a stranger's hands on one desk.

All names end in .example or are invented, all addresses are for documentation.
"""

from __future__ import annotations

from soc.story import cast, fortigate_utm
from soc.story.cast import HOA
from soc.story.chance import Dice
from soc.story.journal import Plot
from soc.story.office import lookup
from soc.story.postfix import Client, Mail, Symbol
from soc.story.postroom import arrives, encoded
from soc.story.sites import Site
from soc.story.stage import INTERNET, Stage, snat
from soc.story.suricata import EXECUTABLE_DOWNLOAD, Json
from soc.story.times import MINUTE, at, regular_moments
from soc.story.wire import Connection

LURE = Site(
    "capnhat-vanban.example", "198.51.100.66", "", (90, "Newly Observed Domain"), (0, "", "", ""), "Netherlands", 80
)
CONTROL = Site(
    "cdn-dongbo.example", "198.51.100.77", "2001:db8:bad::77", (0, "Unrated"), (0, "", "", ""), "Netherlands"
)
MAILER = Client("mail-01.most-gov-vn.example", "198.51.100.41", encrypts=False)
CONTROL_JA3 = "a0e9f5d64349fb13191bc781f81f42e1"

ISO_SHA256 = "5b1f3ad60c0f5d1c9ea2c4b7781d06e4f3a9b0527cd86e1f44a2b90d3c75e881"
EXE_SHA256 = "e7c2a40918f6b35d2f01c88ab9d47e6350af12c97bd8e4436591fc0a7e2db316"

PHISHING = Plot("phishing-mail", (MAILER.address,), ("vanphong@most-gov-vn.example", HOA.mail))
CLICK = Plot("click", (HOA.address, LURE.address))
DROPPER = Plot("dropper", (HOA.address, LURE.address), (HOA.login,))
C2 = Plot("c2-alert", (HOA.address, HOA.address6, CONTROL.address, CONTROL.address6))
BEACON = Plot("beacon", (HOA.address, HOA.address6, CONTROL.address, CONTROL.address6))
PORT_SCAN = Plot("port-scan", (HOA.address,))

_SYMBOLS: tuple[Symbol, ...] = (
    ("R_SUSPICIOUS_URL", 300, "capnhat-vanban.example;"),
    ("HTML_SHORT_LINK_IMG_2", 100, ""),
    ("MIME_HTML_ONLY", 20, ""),
    ("RCVD_NO_TLS_LAST", 10, ""),
    ("DMARC_POLICY_SOFTFAIL", 10, "most-gov-vn.example : No valid SPF, No valid DKIM,none;"),
    ("R_SPF_SOFTFAIL", 0, "~all:c;"),
    ("R_DKIM_NA", 0, ""),
    ("FROM_HAS_DN", 0, ""),
)
_OLD_AGENT = "Mozilla/4.0 (compatible; MSIE 7.0; Windows NT 6.1)"


def play(stage: Stage) -> None:
    """From the letter to the scan."""
    dice = stage.dice("attack on the office")
    _letter(stage, dice)
    _click(stage, dice)
    _dropper(stage, dice)
    _control(stage, dice)
    _beacons(stage, dice)
    _port_scan(stage, dice)


def _letter(stage: Stage, dice: Dice) -> None:
    """Two waves to seven people: the first is marked as suspicious, the second slips under the threshold."""
    mx1, people = stage.mx1, (HOA, *cast.OFFICE_VP[2:5], *cast.OFFICE_VP[19:22])
    subject = "Khẩn: Quyết định 1742/QĐ-BKHCN về chi trả thu nhập tăng thêm quý III"
    for clock, readers, bayes in (
        ("08:02:14", people[:4], ("BAYES_SPAM", 272, "91.10%;")),
        ("08:03:41", people[4:], ("BAYES_SPAM", 98, "67.00%;")),
    ):
        start, recipients = at(clock), tuple(person.mail for person in readers)
        number = mx1.message_id("most-gov-vn.example")
        mail = Mail("vanphong@most-gov-vn.example", recipients, 41_877, encoded(subject), number)
        pid = mx1.connect(start, MAILER, PHISHING)
        end, queue = mx1.accept(start + 800_000, MAILER, pid, mail, (bayes, *_SYMBOLS), PHISHING)
        end = mx1.deliver_inside(end, queue, mail, PHISHING)
        mx1.disconnect(end, MAILER, pid, len(recipients), plot=PHISHING)
        port = dice.whole(33_000, 60_900)
        arrives(stage, MAILER, port, mail.size, start, end, PHISHING)
        _letter_read(
            stage, mail, subject, Connection(start, end - start, MAILER.address, port, cast.MX1, 25, 43_877, 4_100)
        )


def _letter_read(stage: Stage, mail: Mail, subject: str, wire: Connection) -> None:
    """Sent without encryption, so the IDS reads it all."""
    email: Json = {
        "status": "PARSE_DONE",
        "from": '"Văn phòng Bộ" <vanphong@most-gov-vn.example>',
        "to": list(mail.recipients),
        "subject": subject,
        "url": [f"{LURE.name}/vb/1742/QD-1742-BKHCN.html"],
    }
    smtp = {"helo": MAILER.name, "mail_from": f"<{mail.sender}>", "rcpt_to": [f"<{rcpt}>" for rcpt in mail.recipients]}
    stage.ids.record(wire.start + 900_000, wire, "smtp", {"tx_id": 0, "smtp": smtp, "email": email}, PHISHING)
    stage.ids.flow(wire, "smtp", plot=PHISHING)


def _download(
    stage: Stage, wire: Connection, path: str, kind: str, agent: str, sha256: str, magic: str, plot: Plot
) -> int:
    """A file comes over plain HTTP; gives the firewall's session number."""
    session = stage.fw113.session(wire.start)
    url = f"http://{LURE.name}{path}"
    fortigate_utm.webfilter(
        stage.fw113, wire, INTERNET, session, url, LURE.category, country=LURE.country, agent=agent, plot=plot
    )
    stage.fw113.traffic(
        wire, INTERNET, countries=("Reserved", LURE.country), nat=snat(cast.EGRESS, wire.source, wire.source_port),
        utm='utmaction="allow" countweb=1', device=f'srcmac="{HOA.mac}" srcserver=0', session=session, plot=plot,
    )  # fmt: skip
    request: Json = {
        "hostname": LURE.name,
        "url": path,
        "http_user_agent": agent,
        "http_content_type": kind,
        "http_method": "GET",
        "protocol": "HTTP/1.1",
        "status": 200,
        "length": wire.received - 420,
    }
    stage.ids.http(wire, request, plot=plot)
    if sha256:
        stage.ids.file(wire, request, sha256, magic, plot)
    stage.ids.flow(wire, "http", alerted=False, plot=plot)
    return session


def _click(stage: Stage, dice: Dice) -> None:
    lookup(stage, dice, at("08:20:13.9"), HOA.address, LURE, CLICK)
    page = Connection(at("08:20:14"), 2_300_000, HOA.address, 51_877, LURE.address, 80, 1_412, 18_220)
    _download(stage, page, "/vb/1742/QD-1742-BKHCN.html", "text/html", HOA.agent, "", "", CLICK)
    image = Connection(at("08:20:31"), 4_100_000, HOA.address, 51_881, LURE.address, 80, 9_870, 1_843_620)
    _download(stage, image, "/vb/1742/QD-1742-BKHCN.iso", "application/x-iso9660-image", HOA.agent, ISO_SHA256,
              "ISO 9660 CD-ROM filesystem data 'QD1742'", CLICK)  # fmt: skip


def _dropper(stage: Stage, dice: Dice) -> None:
    """The shortcut in the image fetches the loader; she also saves the image to the office's share."""
    wire = Connection(at("08:23:02"), 3_200_000, HOA.address, 51_902, LURE.address, 80, 3_310, 642_104)
    path = "/up/svc-dongbo.exe"
    session = _download(stage, wire, path, "application/x-msdownload", _OLD_AGENT, EXE_SHA256,
                        "PE32 executable (GUI) Intel 80386, for MS Windows", DROPPER)  # fmt: skip
    fortigate_utm.virus(
        stage.fw113, wire, INTERNET, session, "W32/DongBo.A!tr.dldr", f"http://{LURE.name}{path}", EXE_SHA256,
        country=LURE.country, agent=_OLD_AGENT, plot=DROPPER,
    )  # fmt: skip
    stage.ids.alert(
        wire.start + 900_000, wire, EXECUTABLE_DOWNLOAD,
        "http", {"http": {"hostname": LURE.name, "url": path, "http_user_agent": _OLD_AGENT, "http_method": "GET",
                          "protocol": "HTTP/1.1", "status": 200, "length": 4_096}}, plot=DROPPER,
    )  # fmt: skip
    share = "vanphong/2026/10/QD-1742-BKHCN.iso"
    stage.files.log(
        at("08:24:36"), "smbd_audit", 2_204, f"{HOA.login}|{HOA.address}|vanphong|openat|ok|w|{share}", DROPPER
    )
    found = "Win.Dropper.DongBo-10042117-0(5b1f3ad60c0f5d1c9ea2c4b7781d06e4:1843200) FOUND"
    stage.files.log(at("08:24:40"), "clamd", 611, f"/srv/share/{share}: {found}", DROPPER)


def _handshake() -> Json:
    return {
        "subject": f"CN={CONTROL.name}",
        "issuerdn": f"CN={CONTROL.name}",
        "serial": "00:9A:41:7C:EE:02:5D:11",
        "fingerprint": "3c:41:9f:0b:aa:70:18:5e:d2:67:b4:91:0c:8a:2f:6e:57:13:c9:d0",
        "sni": CONTROL.name,
        "version": "TLS 1.2",
        "notbefore": "2026-10-02T03:11:40",
        "notafter": "2027-10-02T03:11:40",
        "ja3": {"hash": CONTROL_JA3, "string": "771,49196-49195-49200-157-156-61-53-10,0-10-11-13-23-65281,29-23-24,0"},
        "ja3s": {"hash": "ec74a5c51106f0419184d0dd08fb05bc", "string": "771,49199,65281-0-11"},
    }  # fmt: skip


def _call(stage: Stage, dice: Dice, moment: int, six: bool, plot: Plot) -> Connection:
    """One call home: always the same few bytes."""
    source, target = (HOA.address6, CONTROL.address6) if six else (HOA.address, CONTROL.address)
    port = dice.whole(49_200, 65_500)
    wire = Connection(moment, dice.whole(1_050_000, 1_900_000), source, port, target, 443, 1_417, 2_103)
    stage.fw113.traffic(
        wire, INTERNET, countries=("Reserved", CONTROL.country), nat=snat(cast.EGRESS, source, port),
        app=(41539, "SSL_TLSv1.2", "Network.Service", "medium"), device=f'srcmac="{HOA.mac}" srcserver=0', plot=plot,
    )  # fmt: skip
    stage.ids.tls(wire, _handshake(), plot)
    stage.ids.flow(wire, "tls", alerted=plot is C2, plot=plot)
    return wire


def _control(stage: Stage, dice: Dice) -> None:
    lookup(stage, dice, at("08:31:05.8"), HOA.address, CONTROL, C2)
    name = "ET MALWARE Win32/DongBo Loader CnC Activity (TLS SNI cdn-dongbo .example)"
    signature = (2999001, name, "Malware Command and Control Activity Detected", 1)
    metadata = {
        "attack_target": ["Client_Endpoint"],
        "deployment": ["Perimeter"],
        "malware_family": ["DongBo"],
        "mitre_tactic_id": ["TA0011"],
        "mitre_technique_id": ["T1071"],
        "signature_severity": ["Major"],
    }
    for clock, six in (("08:31:06", False), ("08:31:52", True)):
        wire = _call(stage, dice, at(clock), six, C2)
        stage.ids.alert(wire.start + 80_000, wire, signature, "tls", {"tls": _handshake()}, metadata, C2)


def _beacons(stage: Stage, dice: Dice) -> None:
    """Every minute ±10 % over IPv4, every eight minutes over IPv6, until somebody pulls the plug at 11:20."""
    end = at("11:20:00")
    for moment in regular_moments(dice, MINUTE, 0.1, at("08:32:04"), end):
        _call(stage, dice, moment, False, BEACON)
    for moment in regular_moments(dice, 8 * MINUTE, 0.1, at("08:35:31"), end):
        _call(stage, dice, moment, True, BEACON)


def _port_scan(stage: Stage, dice: Dice) -> None:
    """The stranger looks for servers: 138 ports on three of them in two minutes, all refused by the firewall."""
    low = (21, 22, 23, 25, 53, 88, 111, 135, 139, 389, 445, 636, 873, 1433, 1521, 2049, 3306, 3389, 5432, 5985)
    moment = at("09:40:11")
    for target, ports in (
        (cast.PORTAL, (*low, *range(8000, 8030))),
        (cast.FILE_SERVER, (*low, *range(9080, 9104))),
        (cast.RADIATION_DB, (*low, *range(5000, 5024))),
    ):
        for port in dice.some(ports, len(ports)):
            moment += dice.whole(250_000, 1_250_000)
            source_port = dice.whole(49_200, 65_500)
            wire = Connection(moment, 0, HOA.address, source_port, target, port, 0, 0)
            stage.fw113.denied(wire, plot=PORT_SCAN)
