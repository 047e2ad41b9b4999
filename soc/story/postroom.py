"""Ordinary scene: the ministry's post. Letters in, out and inside, a newsletter to two hundred, spam that is refused."""

from __future__ import annotations

from base64 import b64encode

from soc.story import cast
from soc.story.cast import Person
from soc.story.chance import Dice
from soc.story.journal import ORDINARY, Plot
from soc.story.postfix import HAM, Client, Mail, Postfix, Verdict
from soc.story.sites import home, stranger
from soc.story.stage import MAIL_IN, SERVERS_OUT, Nat, Stage, snat
from soc.story.times import SECOND, at, regular_moments, working_moments
from soc.story.wire import Connection

PARTNERS = (
    ("vientech.example", "mx.vientech.example", "198.19.70.11"),
    ("daihoc-bachkhoa.example", "mail.daihoc-bachkhoa.example", "198.19.70.25"),
    ("so-khcn-danang.example", "mx1.so-khcn-danang.example", "2001:db8:5e70::25"),
    ("quy-phattrien.example", "smtp.quy-phattrien.example", "198.19.70.60"),
    ("institute-sci.example", "mail2.institute-sci.example", "2001:db8:5e71::7"),
    ("nhaxuatban-khkt.example", "mx.nhaxuatban-khkt.example", "198.19.71.3"),
    ("webmail-vn.example", "out3.webmail-vn.example", "198.19.71.44"),
)
_SUBJECTS = (
    "V/v góp ý dự thảo Thông tư", "Giấy mời họp ngày 07/10", "Báo cáo tuần 40", "Re: Lịch công tác tuần", "Biên bản nghiệm thu",
    "Đề xuất nhiệm vụ KH&CN cấp Bộ năm 2027", "Xin ý kiến tờ trình", "Fwd: Công văn 2211/BKHCN-KHTC", "Meeting minutes",
    "Hồ sơ đăng ký sáng chế", "Kế hoạch kiểm tra an toàn bức xạ quý IV", "Danh sách đại biểu hội thảo", "Thông báo nghỉ phép",
)  # fmt: skip
_SPAM = (
    "=?UTF-8?B?VHLDum5nIHRoxrDhu59uZyAxMDAgdHJp4buHdSE=?=", "Cheap meds online", "RE: invoice overdue", "=?UTF-8?Q?Vay_v=E1=BB=91n?=",
    "You have won", "SEO service for your website",
)  # fmt: skip
_SPAM_SYMBOLS = ("BAYES_SPAM(5.10){100.00%;}", "RBL_SPAMHAUS_XBL(4.00){%s:from;}", "HFILTER_HOSTNAME_UNKNOWN(2.50){}",
                 "R_SPF_FAIL(1.00){-all;}", "FUZZY_DENIED(6.40){1:9a2c:1.00:txt;}", "R_DKIM_NA(0.00){}")  # fmt: skip


def encoded(subject: str) -> str:
    """A subject as it travels: RFC 2047 base64 unless it is ASCII."""
    return subject if subject.isascii() else f"=?UTF-8?B?{b64encode(subject.encode()).decode()}?="


def play(stage: Stage) -> None:
    """The morning's mail through mx1."""
    dice = stage.dice("postroom")
    for moment in working_moments(dice, 270):
        _from_outside(stage, dice, moment)
    for moment in working_moments(dice, 260):
        _from_staff(stage, dice, moment)
    for moment in working_moments(dice, 95):
        _spam(stage.mx1, dice, moment)
    _newsletters(stage.mx1, dice)
    _mailboxes(stage.mx1, dice)
    _infected(stage.mx1)
    _lists(stage.mx1, dice)


def _from_outside(stage: Stage, dice: Dice, moment: int) -> None:
    domain, name, address = dice.pick(PARTNERS)
    client = Client(name, address)
    sender = f"{dice.pick(('thuy.pham', 'h.le', 'office', 'd.nguyen', 'van-thu', 'k.tran'))}@{domain}"
    recipients = tuple(person.mail for person in dice.some(cast.STAFF, dice.pick((1, 1, 1, 1, 2, 3))))
    subject = dice.pick(_SUBJECTS)
    mail = Mail(sender, recipients, dice.skewed(3_200, 4_800_000),
                subject if dice.chance(0.15) else encoded(subject), stage.mx1.message_id(domain))  # fmt: skip
    passed = (
        "R_SPF_ALLOW(-0.20){+mx;}",
        f"R_DKIM_ALLOW(-0.20){{{domain}:s=dkim;}}",
        f"DMARC_POLICY_ALLOW(-0.50){{{domain};none;}}",
    )
    verdict = Verdict(-3.98 + dice.whole(0, 300) / 100, symbols=HAM + passed)
    stage.mx1.say(
        moment - 200_000, "postscreen", 1201, f"CONNECT from [{address}]:{dice.whole(1_100, 65_000)} to [{cast.MX1}]:25"
    )
    stage.mx1.say(moment - 150_000, "postscreen", 1201, f"PASS OLD [{address}]:{dice.whole(1_100, 65_000)}")
    pid = stage.mx1.connect(moment, client)
    end, queue = stage.mx1.accept(moment + 700_000, client, pid, mail, verdict)
    end = stage.mx1.deliver_inside(end, queue, mail)
    stage.mx1.disconnect(end, client, pid, 1)
    smtp_session(stage, dice, client, mail, moment, end)


def smtp_session(
    stage: Stage, dice: Dice, client: Client, mail: Mail, start: int, end: int, plot: Plot = ORDINARY
) -> None:
    """A delivery from outside as the firewall sees it, and the IDS, which reads only the greeting when it is encrypted."""
    six = ":" in client.address
    target = cast.MX1_V6 if six else cast.MX1_PUBLIC
    port = dice.whole(1_100, 65_500)
    wire = Connection(start, end - start, client.address, port, target, 25, mail.size + 2_000, 4_100)
    nat = Nat() if six else Nat("dnat", cast.MX1, 25)
    stage.fw113.traffic(wire, MAIL_IN, countries=("Vietnam", "Vietnam"), nat=nat, plot=plot)
    if not client.encrypts:
        return
    inner = Connection(
        start, end - start, client.address, port, cast.MX1_V6 if six else cast.MX1, 25, wire.sent, wire.received
    )
    stage.ids.record(start + 400_000, inner, "smtp", {"tx_id": 0, "smtp": {"helo": client.helo or client.name}})
    stage.ids.flow(inner, "smtp")


def _from_staff(stage: Stage, dice: Dice, moment: int) -> None:
    """Inside or to partners; now and then to an address that is gone."""
    mx1 = stage.mx1
    person = dice.pick(cast.STAFF)
    client = staff_client(dice, person)
    subject = dice.pick(_SUBJECTS)
    pid = mx1.connect(moment, client)
    if dice.chance(0.45):
        recipients = tuple(other.mail for other in dice.some(cast.STAFF, dice.pick((1, 1, 2, 4))))
        mail = Mail(person.mail, recipients, dice.skewed(2_100, 6_000_000), subject, mx1.message_id(cast.DOMAIN))
        end, queue = mx1.accept(moment + 400_000, client, pid, mail, Verdict(-0.1, symbols=HAM[1:]))
        end = mx1.deliver_inside(end, queue, mail)
    else:
        domain, name, address = dice.pick(PARTNERS)
        recipient = f"{dice.pick(('thuy.pham', 'h.le', 'office', 'd.nguyen'))}@{domain}"
        mail = Mail(person.mail, (recipient,), dice.skewed(2_100, 6_000_000), subject, mx1.message_id(cast.DOMAIN))
        end, queue = mx1.accept(moment + 400_000, client, pid, mail, Verdict(-0.1, symbols=HAM[1:]))
        if dice.chance(0.03):
            gone = f"550 5.1.1 <{recipient}>: Recipient address rejected: User unknown"
            mx1.fail_outside(end, queue, recipient, f"{name}[{address}]", gone, person.mail)
        else:
            end = mx1.deliver_outside(end, queue, recipient, name, address)
            leaves(stage, dice, address, end, mail.size)
    mx1.disconnect(end, client, pid, 1)


def leaves(stage: Stage, dice: Dice, address: str, moment: int, size: int, plot: Plot = ORDINARY) -> None:
    """A delivery to another server as the firewall sees it."""
    source, port = cast.MX1_V6 if ":" in address else cast.MX1, dice.whole(33_000, 60_900)
    wire = Connection(moment - 2 * SECOND, 2 * SECOND, source, port, address, 25, size + 1_900, 3_800)
    nat = snat(cast.MX1_PUBLIC, source, port)
    stage.fw113.traffic(wire, SERVERS_OUT, countries=("Reserved", "Vietnam"), nat=nat, plot=plot)


def staff_client(dice: Dice, person: Person) -> Client:
    """A mail program at the desk, or at home."""
    return Client("unknown", person.address or home(dice), user=person.mail)


def _spam(mx1: Postfix, dice: Dice, moment: int) -> None:
    """Mostly refused; what is only suspicious gets a header. Some hosts are turned away before they say a word."""
    address, _ = stranger(dice)
    if dice.chance(0.35):
        port = dice.whole(1_100, 65_000)
        mx1.say(moment, "postscreen", 1201, f"CONNECT from [{address}]:{port} to [{cast.MX1}]:25")
        mx1.say(moment + 100_000, "dnsblog", 1207, f"addr {address} listed by domain zen.spamhaus.org as 127.0.0.4")
        mx1.say(moment + 6 * SECOND, "postscreen", 1201, f"DNSBL rank 3 for [{address}]:{port}")
        mx1.say(moment + 7 * SECOND, "postscreen", 1201,
                f"NOQUEUE: reject: RCPT from [{address}]:{port}: 550 5.7.1 Service unavailable; client [{address}] blocked "
                f"using zen.spamhaus.org; from=<promo@khuyenmai-{dice.whole(1, 99)}.example>, "
                f"to=<{dice.pick(cast.STAFF).mail}>, proto=ESMTP, helo=<mail.example>")  # fmt: skip
        mx1.say(moment + 8 * SECOND, "postscreen", 1201, f"DISCONNECT [{address}]:{port}")
        return
    client = Client("unknown", address, helo=f"smtp{dice.whole(1, 40)}.khuyenmai.example")
    mail = Mail(f"promo@khuyenmai-{dice.whole(1, 99)}.example", (dice.pick(cast.STAFF).mail,), dice.skewed(1_900, 40_000),
                dice.pick(_SPAM), mx1.message_id("khuyenmai.example"))  # fmt: skip
    refused = dice.chance(0.8)
    symbols = tuple(symbol.replace("%s", address) for symbol in (_SPAM_SYMBOLS if refused else _SPAM_SYMBOLS[::3]))
    score = dice.whole(1_560, 2_400) / 100 if refused else dice.whole(610, 890) / 100
    pid = mx1.connect(moment, client)
    end, queue = mx1.accept(
        moment + 500_000, client, pid, mail, Verdict(score, "reject" if refused else "add header", symbols)
    )
    if queue:
        end = mx1.deliver_inside(end, queue, mail)
    mx1.disconnect(end + 200_000, client, pid, 1)


def _newsletters(mx1: Postfix, dice: Dice) -> None:
    """The internal bulletin to all two hundred at once, and a subscribed newsletter to ninety."""
    bulletin = Client("portal-web-01.most.gov.vn", cast.PORTAL)
    everyone = [person.mail for person in cast.STAFF]
    for turn, start in enumerate(range(0, 200, 50)):
        mail = Mail("bantin@most.gov.vn", tuple(everyone[start : start + 50]), 88_214,
                    encoded("Bản tin nội bộ tuần 40/2026"), mx1.message_id(cast.DOMAIN))  # fmt: skip
        _bulk(mx1, at("09:00:02") + turn * 2 * SECOND, bulletin, mail)
    letter = Client("out7.banthongtin.example", "198.19.72.7")
    mail = Mail("bounce+7711@banthongtin.example", tuple(dice.some(everyone, 90)), 41_008,
                encoded("Điểm tin khoa học ngày 5/10"), mx1.message_id("banthongtin.example"))  # fmt: skip
    _bulk(mx1, at("10:05:40"), letter, mail)


def _bulk(mx1: Postfix, moment: int, client: Client, mail: Mail) -> None:
    pid = mx1.connect(moment, client)
    symbols = (*HAM, "HAS_LIST_UNSUB(-0.01){}", "MAILLIST(-0.20){generic;}")
    end, queue = mx1.accept(moment + 400_000, client, pid, mail, Verdict(-2.9, symbols=symbols))
    end = mx1.deliver_inside(end, queue, mail)
    mx1.disconnect(end, client, pid, 1)


def _mailboxes(mx1: Postfix, dice: Dice) -> None:
    """People open their mailboxes; some mistype once, one person three times."""
    for moment in working_moments(dice, 420):
        person = dice.pick(cast.STAFF)
        remote = person.address or home(dice)
        mx1.host.log(moment, "dovecot", 0, f"imap-login: Login: user=<{person.mail}>, method=PLAIN, rip={remote}, "
                     f"lip={cast.MX1}, mpid={mx1.host.pid()}, TLS, session=<{dice.hexadecimal(16)}>")  # fmt: skip
    for moment in working_moments(dice, 16):
        person = dice.pick(cast.THD113)
        mx1.wrong_password(moment, Client("unknown", person.address), person.mail)
    clumsy = Client("unknown", cast.CLUMSY.address)
    for moment in regular_moments(dice, 11 * SECOND, 0.2, start=at("08:33:10"), end=at("08:33:40")):
        mx1.wrong_password(moment, clumsy, cast.CLUMSY.mail)


def _infected(mx1: Postfix) -> None:
    """One mail with a known virus, refused at the door: the gateway did its work."""
    client = Client("unknown", "198.18.77.140", helo="mail.vanchuyen-nhanh.example")
    mail = Mail(
        "kho@vanchuyen-nhanh.example",
        ("van.thu@most.gov.vn",),
        214_006,
        "Van don DHL 4471",
        "4471@vanchuyen-nhanh.example",
    )
    mx1.infected(at("09:12:41"), client, mail, "Doc.Downloader.Emotet-10033481-0")


def _lists(mx1: Postfix, dice: Dice) -> None:
    """Mailing lists still go through amavis, and an old gateway through spamd."""
    for number, moment in enumerate(working_moments(dice, 28)):
        person, queue = dice.pick(cast.STAFF), mx1.queue_id()
        mx1.host.log(moment, "amavis", 2_977, f"({2_977:05d}-{number:02d}) Passed CLEAN {{RelayedInternal}}, LOCAL "
                     f"[{cast.PORTAL}]:{dice.whole(33_000, 60_000)} <list-bounces@most.gov.vn> -> <{person.mail}>, Queue-ID: {queue}, "
                     f"Message-ID: <{mx1.message_id(cast.DOMAIN)}>, mail_id: {dice.hexadecimal(12)}, Hits: -1.{number:02d}, "
                     f"size: {dice.whole(2_000, 60_000)}, queued_as: {mx1.queue_id()}, {dice.whole(200, 2_400)} ms")  # fmt: skip
        size = dice.whole(2_000, 30_000)
        mx1.host.log(moment + SECOND, "spamd", 1_980, f"spamd: clean message (0.{number % 10}/5.0) for debian-spamd:112 in "
                     f"0.{dice.whole(2, 9)} seconds, {size} bytes.")  # fmt: skip
        mx1.host.log(moment + SECOND, "spamd", 1_980, f"spamd: result: . 0 - HTML_MESSAGE,SPF_PASS scantime=0.{dice.whole(2, 9)},"
                     f"size={size},user=debian-spamd,uid=112,required_score=5.0,rhost=127.0.0.1,raddr=127.0.0.1,"
                     f"rport={dice.whole(33_000, 60_000)},mid=<{mx1.message_id(cast.DOMAIN)}>,autolearn=no autolearn_force=no")  # fmt: skip
