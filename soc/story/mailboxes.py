"""Ordinary scene: mailboxes opened, passwords mistyped, a bulletin to two hundred people, one virus at the door."""

from __future__ import annotations

from soc.story import cast
from soc.story.chance import Dice
from soc.story.postfix import HAM, Client, Mail, Postfix, Symbol
from soc.story.postroom import encoded
from soc.story.sites import home
from soc.story.stage import Stage
from soc.story.times import SECOND, at, regular_moments, working_moments


def play(stage: Stage) -> None:
    """What mx1 does besides letters."""
    dice = stage.dice("mailboxes")
    _opened(stage.mx1, dice)
    _bulletins(stage.mx1, dice)
    _infected(stage.mx1)
    _old_filters(stage.mx1, dice)


def _opened(mx1: Postfix, dice: Dice) -> None:
    """People open their mailboxes; some mistype once, one person three times in a row."""
    for moment in working_moments(dice, 450):
        person = dice.pick(cast.STAFF)
        remote = person.address or home(dice)
        mx1.host.log(
            moment,
            "dovecot",
            0,
            f"imap-login: Login: user=<{person.mail}>, method=PLAIN, rip={remote}, lip={cast.MX1}, "
            f"mpid={mx1.host.pid(moment)}, TLS, session=<{dice.hexadecimal(16)}>",
        )
    for moment in working_moments(dice, 16):
        person = dice.pick(cast.THD113)
        mx1.wrong_password(moment, Client("unknown", person.address), person.mail)
    clumsy = Client("unknown", cast.CLUMSY.address)
    for moment in regular_moments(dice, 11 * SECOND, 0.2, start=at("08:33:10"), end=at("08:33:40")):
        mx1.wrong_password(moment, clumsy, cast.CLUMSY.mail)


def _bulletins(mx1: Postfix, dice: Dice) -> None:
    """The ministry's bulletin to all two hundred at once, and a subscribed newsletter to ninety."""
    everyone = [person.mail for person in cast.STAFF]
    portal = Client("portal-web-01.most.gov.vn", cast.PORTAL)
    for turn, first in enumerate(range(0, len(everyone), 50)):
        subject = encoded("Bản tin nội bộ tuần 40/2026")
        readers = tuple(everyone[first : first + 50])
        mail = Mail("bantin@most.gov.vn", readers, 88_214, subject, mx1.message_id(cast.DOMAIN))
        _bulk(mx1, at("09:00:02") + turn * 2 * SECOND, portal, mail)
    publisher = Client("out7.banthongtin.example", "198.19.72.7")
    subject, number = encoded("Điểm tin khoa học ngày 5/10"), mx1.message_id("banthongtin.example")
    mail = Mail("bounce+7711@banthongtin.example", tuple(dice.some(everyone, 90)), 41_008, subject, number)
    _bulk(mx1, at("10:05:40"), publisher, mail)


def _bulk(mx1: Postfix, moment: int, client: Client, mail: Mail) -> None:
    listed: tuple[Symbol, ...] = (("HAS_LIST_UNSUB", -1, ""), ("MAILLIST", -20, "generic;"))
    pid = mx1.connect(moment, client)
    end, queue = mx1.accept(moment + 400_000, client, pid, mail, HAM + listed)
    mx1.disconnect(end + 50_000, client, pid, len(mail.recipients))
    mx1.deliver_inside(end, queue, mail)


def _infected(mx1: Postfix) -> None:
    """One mail with a known virus, refused at the door: the gateway did its work."""
    client = Client("unknown", "198.18.77.140", helo="mail.vanchuyen-nhanh.example")
    number = mx1.message_id("vanchuyen-nhanh.example")
    mail = Mail("kho@vanchuyen-nhanh.example", ("van.thu@most.gov.vn",), 214_006, "Van don DHL 4471", number)
    mx1.infected(at("09:12:41"), client, mail, "Doc.Downloader.Emotet-10033481-0")


def _old_filters(mx1: Postfix, dice: Dice) -> None:
    """Mailing lists still go through amavis and spamd."""
    for number, moment in enumerate(working_moments(dice, 28)):
        reader, size = dice.pick(cast.STAFF).mail, dice.whole(2_000, 60_000)
        message = mx1.message_id(cast.DOMAIN)
        first, second = mx1.queue_id(moment - SECOND), mx1.queue_id(moment)
        mx1.host.log(
            moment,
            "amavis",
            2_977,
            f"(02977-{number:02d}) Passed CLEAN {{RelayedInternal}}, LOCAL [{cast.PORTAL}]:{33_004 + number * 31} "
            f"<list-bounces@most.gov.vn> -> <{reader}>, Queue-ID: {first}, Message-ID: <{message}>, "
            f"mail_id: {dice.hexadecimal(12)}, Hits: -1.{number:02d}, size: {size}, queued_as: {second}, "
            f"{dice.whole(200, 2_400)} ms",
        )
        took = f"{dice.whole(0, 1)}.{dice.whole(1, 9)}"
        clean = f"clean message (0.{number % 10}/5.0) for debian-spamd:112 in {took} seconds, {size} bytes."
        mx1.host.log(moment + SECOND, "spamd", 1_980, f"spamd: {clean}")
        mx1.host.log(
            moment + SECOND,
            "spamd",
            1_980,
            f"spamd: result: . 0 - HTML_MESSAGE,SPF_PASS scantime={took},size={size},user=debian-spamd,uid=112,"
            f"required_score=5.0,rhost=127.0.0.1,raddr=127.0.0.1,rport={dice.whole(33_000, 60_000)},mid=<{message}>,"
            f"autolearn=no autolearn_force=no",
        )
