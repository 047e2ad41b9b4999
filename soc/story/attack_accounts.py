"""Attack, second half: a password guessed on a unit's web server, and a mailbox that sends for somebody else."""

from __future__ import annotations

from soc.story import cast
from soc.story.cast import NAM
from soc.story.chance import Dice
from soc.story.fortigate import Nat
from soc.story.journal import Plot
from soc.story.postfix import Client, Mail, Symbol
from soc.story.postroom import encoded, leaves
from soc.story.stage import NASATI_IN, Stage
from soc.story.times import SECOND, at
from soc.story.wire import Connection

GUESSER = "198.51.100.23"
GUESSER_V6 = "2001:db8:bad::23"
SENDER = "192.0.2.88"

BRUTE_FORCE = Plot("ssh-brute-force", (GUESSER, GUESSER_V6, cast.NASATI_PUBLIC), ("webadmin", "sysupdate"))
MAIL_BURST = Plot("mail-burst", (SENDER,), (NAM.mail,))

_NAMES = ("root", "root", "root", "webadmin", "webadmin", "quantri", "deploy")
_STRANGERS = ("admin", "nasati", "vista", "mysql", "backup", "ftpuser")
_READERS = ("anh", "binh", "chi", "dung", "hoa", "lan", "minh", "nam")
_SYMBOLS: tuple[Symbol, ...] = (("MIME_HTML_ONLY", 20, ""), ("R_SUSPICIOUS_URL", 300, "capnhat-vanban.example;"))
_BURST = 150


def play(stage: Stage) -> None:
    """Both break-ins."""
    dice = stage.dice("attack on accounts")
    _guess(stage, dice, GUESSER, "08:45:03", 56)
    _guess(stage, dice, GUESSER_V6, "08:49:40", 11)
    _inside(stage, dice)
    _takeover(stage, dice)
    _burst(stage, dice)


def _guess(stage: Stage, dice: Dice, address: str, clock: str, connections: int) -> None:
    """Six passwords on each connection, one connection after the other."""
    host, moment, port = stage.nasati, at(clock), 40_112
    for turn in range(connections):
        port += dice.whole(2, 30)
        known = turn % 6 != 5
        user = dice.pick(_NAMES if known else _STRANGERS)
        end = host.wrong_passwords(moment, user, address, port, 6, known, BRUTE_FORCE)
        _knock(stage, address, port, moment, end)
        moment = end + dice.whole(6_000_000, 11_500_000)


def _knock(stage: Stage, address: str, port: int, start: int, end: int) -> None:
    """The connection as the border firewall sees it."""
    six = ":" in address
    target = cast.NASATI_V6 if six else cast.NASATI_PUBLIC
    wire = Connection(start - 300_000, end - start + 400_000, address, port, target, 22, 3_188, 3_964)
    nat = Nat() if six else Nat("dnat", cast.NASATI, 22)
    stage.fw113.traffic(wire, NASATI_IN, countries=("Russian Federation", "Vietnam"), nat=nat, plot=BRUTE_FORCE)


def _inside(stage: Stage, dice: Dice) -> None:
    """The right one at last; then root, and a new account to come back with."""
    host, moment = stage.nasati, at("09:10:22")
    host.password_login(moment, "webadmin", 1002, GUESSER, 45_518, BRUTE_FORCE)
    _knock(stage, GUESSER, 45_518, moment, moment + 900 * SECOND)
    for clock, command in (
        ("09:11:02", "/usr/bin/id"),
        ("09:11:40", "/usr/sbin/useradd -m -s /bin/bash -G sudo sysupdate"),
        ("09:12:08", "/usr/bin/passwd sysupdate"),
        ("09:13:55", "/usr/bin/tee -a /etc/crontab"),
    ):
        host.sudo(at(clock), "webadmin", 1002, command, "pts/1", BRUTE_FORCE)
    created, pid = at("09:11:40"), host.pid(at("09:11:40"))
    host.log(created, "useradd", pid, "new group: name=sysupdate, GID=1007", BRUTE_FORCE)
    text = "new user: name=sysupdate, UID=1007, GID=1007, home=/home/sysupdate, shell=/bin/bash, from=/dev/pts/1"
    host.log(created, "useradd", pid, text, BRUTE_FORCE)
    host.log(created, "useradd", pid, "add 'sysupdate' to group 'sudo'", BRUTE_FORCE)
    host.log(created, "useradd", pid, "add 'sysupdate' to shadow group 'sudo'", BRUTE_FORCE)
    changed = "pam_unix(passwd:chauthtok): password changed for sysupdate"
    host.log(at("09:12:14"), "passwd", host.pid(at("09:12:08")), changed, BRUTE_FORCE)


def _takeover(stage: Stage, dice: Dice) -> None:
    """Nine wrong passwords from abroad, and then none."""
    moment = at("10:02:31")
    for _ in range(9):
        stage.mx1.wrong_password(moment, Client("unknown", SENDER), NAM.mail, login=True, plot=MAIL_BURST)
        moment += dice.whole(20, 70) * SECOND


def _burst(stage: Stage, dice: Dice) -> None:
    """150 mails in six minutes, fifteen on each connection, to people the ministry has never written to."""
    mx1, client = stage.mx1, Client("unknown", SENDER, user=NAM.mail)
    moment, pid = at("10:15:04"), 0
    for number in range(_BURST):
        if number % 15 == 0:
            pid = mx1.connect(moment, client, MAIL_BURST)
        domain = f"khachhang{number % 41 + 1}.example"
        mail = Mail(
            NAM.mail,
            (f"{dice.pick(_READERS)}{dice.whole(70, 99)}@{domain}",),
            8_410 + number % 7,
            encoded("Thông báo: cập nhật thông tin tài khoản nhận hỗ trợ"),
            mx1.message_id(cast.DOMAIN),
        )
        end, queue = mx1.accept(moment, client, pid, mail, _SYMBOLS, MAIL_BURST)
        _fate(stage, dice, end, queue, mail, (f"mx.{domain}", f"198.19.80.{number % 41 + 1}"))
        moment += dice.whole(1_900_000, 2_800_000)
        if number % 15 == 14:
            mx1.disconnect(moment - 100_000, client, pid, 15, 15, plot=MAIL_BURST)


def _fate(stage: Stage, dice: Dice, moment: int, queue: str, mail: Mail, relay: tuple[str, str]) -> None:
    """Most are taken, some addresses do not exist, and some servers have had enough."""
    recipient, chance = mail.recipients[0], dice.random()
    if chance < 0.18:
        answer = f"550 5.1.1 <{recipient}>: Recipient address rejected: User unknown in virtual mailbox table"
        stage.mx1.fail_outside(moment, queue, mail, relay, answer, MAIL_BURST)
    elif chance < 0.34:
        answer = "451 4.7.1 Too many messages from your address, try again later"
        stage.mx1.fail_outside(moment, queue, mail, relay, answer, MAIL_BURST)
    else:
        end = stage.mx1.deliver_outside(moment, queue, recipient, relay, MAIL_BURST)
        leaves(stage, dice, relay[1], end, mail.size, MAIL_BURST)
