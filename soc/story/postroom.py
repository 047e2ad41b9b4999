"""Ordinary scene: the ministry's letters in, out and inside, and the spam that is refused."""

from __future__ import annotations

from base64 import b64encode

from soc.story import cast
from soc.story.cast import Person
from soc.story.chance import Dice
from soc.story.fortigate import Nat
from soc.story.journal import ORDINARY, Plot
from soc.story.postfix import HAM, Client, Mail, Postfix, Symbol
from soc.story.sites import home, stranger
from soc.story.stage import MAIL_IN, SERVERS_OUT, Stage, snat
from soc.story.times import SECOND, working_moments
from soc.story.wire import Connection

PARTNERS = (
    ("vientech.example", ("mx.vientech.example", "198.19.70.11")),
    ("daihoc-bachkhoa.example", ("mail.daihoc-bachkhoa.example", "198.19.70.25")),
    ("so-khcn-danang.example", ("mx1.so-khcn-danang.example", "2001:db8:5e70::25")),
    ("quy-phattrien.example", ("smtp.quy-phattrien.example", "198.19.70.60")),
    ("institute-sci.example", ("mail2.institute-sci.example", "2001:db8:5e71::7")),
    ("nhaxuatban-khkt.example", ("mx.nhaxuatban-khkt.example", "198.19.71.3")),
    ("webmail-vn.example", ("out3.webmail-vn.example", "198.19.71.44")),
)
_WRITERS = ("thuy.pham", "h.le", "office", "d.nguyen", "van-thu", "k.tran")
_SUBJECTS = (
    "V/v góp ý dự thảo Thông tư",
    "Giấy mời họp ngày 07/10",
    "Báo cáo tuần 40",
    "Re: Lịch công tác tuần",
    "Biên bản nghiệm thu",
    "Đề xuất nhiệm vụ KH&CN cấp Bộ năm 2027",
    "Xin ý kiến tờ trình",
    "Fwd: Công văn 2211/BKHCN-KHTC",
    "Meeting minutes",
    "Hồ sơ đăng ký sáng chế",
    "Kế hoạch kiểm tra an toàn bức xạ quý IV",
    "Danh sách đại biểu hội thảo",
)
_SPAM = (
    "Trúng thưởng 100 triệu!",
    "Cheap meds online",
    "RE: invoice overdue",
    "Vay vốn nhanh",
    "You have won",
    "SEO service for your website",
)
_SENT_WELL: tuple[Symbol, ...] = (
    ("R_SPF_ALLOW", -20, "+mx;"),
    ("R_DKIM_ALLOW", -20, ""),
    ("DMARC_POLICY_ALLOW", -50, ""),
)


def encoded(subject: str) -> str:
    """A subject as it travels: RFC 2047 base64 unless it is ASCII."""
    return subject if subject.isascii() else f"=?UTF-8?B?{b64encode(subject.encode()).decode()}?="


def play(stage: Stage) -> None:
    """The morning's letters through mx1."""
    dice = stage.dice("postroom")
    for moment in working_moments(dice, 300):
        _from_outside(stage, dice, moment)
    for moment in working_moments(dice, 290):
        _from_staff(stage, dice, moment)
    for moment in working_moments(dice, 110):
        if dice.chance(0.35):
            _turned_away(stage.mx1, dice, moment)
        else:
            _spam(stage, dice, moment)


def _from_outside(stage: Stage, dice: Dice, moment: int) -> None:
    domain, (name, address) = dice.pick(PARTNERS)
    client, mx1 = Client(name, address), stage.mx1
    recipients = tuple(person.mail for person in dice.some(cast.STAFF, dice.pick((1, 1, 1, 1, 2, 3))))
    subject = dice.pick(_SUBJECTS)
    # some old systems send raw UTF-8 in the header
    subject = subject if dice.chance(0.15) else encoded(subject)
    sender = f"{dice.pick(_WRITERS)}@{domain}"
    mail = Mail(sender, recipients, dice.skewed(3_200, 4_800_000), subject, mx1.message_id(domain))
    port = dice.whole(1_100, 65_500)
    mx1.say(moment - 200_000, "postscreen", 1201, f"CONNECT from [{address}]:{port} to [{cast.MX1}]:25")
    mx1.say(moment - 150_000, "postscreen", 1201, f"PASS OLD [{address}]:{port}")
    pid = mx1.connect(moment, client)
    symbols = (("BAYES_HAM", -dice.whole(40, 300), "99.40%;"), *HAM[1:], *_SENT_WELL)
    end, queue = mx1.accept(moment + 700_000, client, pid, mail, symbols)
    end = mx1.deliver_inside(end, queue, mail)
    mx1.disconnect(end, client, pid, len(recipients))
    arrives(stage, client, port, mail.size, moment, end)


def arrives(stage: Stage, client: Client, port: int, size: int, start: int, end: int, plot: Plot = ORDINARY) -> None:
    """A delivery from outside as the firewall sees it, and the IDS, which reads only the greeting once encrypted."""
    six = ":" in client.address
    target, inside = (cast.MX1_V6, cast.MX1_V6) if six else (cast.MX1_PUBLIC, cast.MX1)
    wire = Connection(start, end - start, client.address, port, target, 25, size + 2_000, 4_100)
    nat = Nat() if six else Nat("dnat", cast.MX1, 25)
    stage.fw113.traffic(wire, MAIL_IN, countries=("Vietnam", "Vietnam"), nat=nat, plot=plot)
    if client.encrypts:
        inner = Connection(start, end - start, client.address, port, inside, 25, size + 2_000, 4_100)
        greeting = {"tx_id": 0, "smtp": {"helo": client.helo or client.name}}
        stage.ids.record(start + 400_000, inner, "smtp", greeting, plot)
        stage.ids.flow(inner, "smtp", plot=plot)


def _from_staff(stage: Stage, dice: Dice, moment: int) -> None:
    """Inside or to partners; now and then to an address that is gone."""
    mx1, person = stage.mx1, dice.pick(cast.STAFF)
    client = _desk(dice, person)
    pid = mx1.connect(moment, client)
    inside = dice.chance(0.45)
    domain, relay = dice.pick(PARTNERS)
    if inside:
        recipients = tuple(other.mail for other in dice.some(cast.STAFF, dice.pick((1, 1, 2, 4))))
    else:
        recipients = (f"{dice.pick(_WRITERS)}@{domain}",)
    size, number = dice.skewed(2_100, 6_000_000), mx1.message_id(cast.DOMAIN)
    mail = Mail(person.mail, recipients, size, encoded(dice.pick(_SUBJECTS)), number)
    end, queue = mx1.accept(moment + 400_000, client, pid, mail, HAM[1:])
    mx1.disconnect(end + 50_000, client, pid, len(recipients))
    if inside:
        mx1.deliver_inside(end, queue, mail)
    elif dice.chance(0.03):
        gone = f"550 5.1.1 <{recipients[0]}>: Recipient address rejected: User unknown"
        mx1.fail_outside(end, queue, mail, relay, gone)
    else:
        end = mx1.deliver_outside(end, queue, recipients[0], relay)
        leaves(stage, dice, relay[1], end, size)


def leaves(stage: Stage, dice: Dice, address: str, moment: int, size: int, plot: Plot = ORDINARY) -> None:
    """A delivery to another server as the firewall sees it."""
    source, port = cast.MX1_V6 if ":" in address else cast.MX1, dice.whole(33_000, 60_900)
    wire = Connection(moment - 2 * SECOND, 2 * SECOND, source, port, address, 25, size + 1_900, 3_800)
    nat = snat(cast.MX1_PUBLIC, source, port)
    stage.fw113.traffic(wire, SERVERS_OUT, countries=("Reserved", "Vietnam"), nat=nat, plot=plot)


def _desk(dice: Dice, person: Person) -> Client:
    """A mail program at the desk, or at home."""
    return Client("unknown", person.address or home(dice), user=person.mail)


def _spam(stage: Stage, dice: Dice, moment: int) -> None:
    """Mostly refused; what is only suspicious gets a header and is delivered."""
    mx1, (address, _) = stage.mx1, stranger(dice)
    client = Client("unknown", address, helo=f"smtp{dice.whole(1, 40)}.khuyenmai.example")
    sender, reader = f"promo@khuyenmai-{dice.whole(1, 99)}.example", dice.pick(cast.STAFF)
    number, size = mx1.message_id("khuyenmai.example"), dice.skewed(1_900, 40_000)
    mail = Mail(sender, (reader.mail,), size, encoded(dice.pick(_SPAM)), number)
    symbols: tuple[Symbol, ...] = (
        ("BAYES_SPAM", dice.whole(480, 510), "100.00%;"),
        ("R_SPF_FAIL", 100, "-all;"),
        ("SUBJ_ALL_CAPS", dice.whole(10, 220), "21;"),
        ("R_DKIM_NA", 0, ""),
    )
    if refused := dice.chance(0.8):
        known: tuple[Symbol, ...] = (
            ("RBL_SPAMHAUS_XBL", 400, f"{address}:from;"),
            ("FUZZY_DENIED", dice.whole(500, 1_200), "1:9a2c51d07b:1.00:txt;"),
            ("HFILTER_HOSTNAME_UNKNOWN", 250, ""),
        )
        symbols = known + symbols
    pid = mx1.connect(moment, client)
    end, queue = mx1.accept(moment + 500_000, client, pid, mail, symbols)
    if queue:
        end = mx1.deliver_inside(end, queue, mail)
    mx1.disconnect(end + 200_000, client, pid, refused=refused)
    arrives(stage, client, dice.whole(1_100, 65_500), mail.size, moment, end + 200_000)


def _turned_away(mx1: Postfix, dice: Dice, moment: int) -> None:
    """A host of bad repute does not get to say a word (postscreen with a DNS block list)."""
    address, _ = stranger(dice)
    peer = f"[{address}]:{dice.whole(1_100, 65_000)}"
    mx1.say(moment, "postscreen", 1201, f"CONNECT from {peer} to [{cast.MX1}]:25")
    mx1.say(moment + 100_000, "dnsblog", 1207, f"addr {address} listed by domain zen.spamhaus.org as 127.0.0.4")
    mx1.say(moment + 6 * SECOND, "postscreen", 1201, f"DNSBL rank 3 for {peer}")
    envelope = f"from=<promo@khuyenmai-{dice.whole(1, 99)}.example>, to=<{dice.pick(cast.STAFF).mail}>, proto=ESMTP"
    mx1.say(
        moment + 7 * SECOND,
        "postscreen",
        1201,
        f"NOQUEUE: reject: RCPT from {peer}: 550 5.7.1 Service unavailable; client [{address}] blocked using "
        f"zen.spamhaus.org; {envelope}, helo=<mail.example>",
    )
    mx1.say(moment + 8 * SECOND, "postscreen", 1201, f"DISCONNECT {peer}")
