"""One mail from many lines: in any order, twice delivered, with ids that return, within bounds, across a restart."""

# ruff: noqa: E501 - log lines are as long as they are

from __future__ import annotations

import random

import msgspec
import pytest

from soc.core.event import Event, micros
from soc.core.fields import check_event
from soc.parsers import _mail_join, amavis, clamav, postfix, read_line, rspamd, spamassassin
from soc.parsers._mail_join import MailJoin

RECEIVED = micros("2026-10-05T18:00:00+07:00")
SECOND = 1_000_000
END = 1 << 62

MAIL = """\
Oct  5 08:14:04 mx1 postfix/smtpd[21]: 4B1F2C0A31: client=mail.example.com[192.0.2.10], sasl_method=PLAIN, sasl_username=lan
Oct  5 08:14:05 mx1 postfix/cleanup[22]: 4B1F2C0A31: message-id=<77@mail.example.com>
Oct  5 08:14:06 mx1 postfix/cleanup[22]: 4B1F2C0A31: info: header Subject: Bao gia from mail.example.com[192.0.2.10]; from=<a@example.com> to=<an@most.gov.vn> proto=ESMTP helo=<mail.example.com>
Oct  5 08:14:07 mx1 postfix/qmgr[91]: 4B1F2C0A31: from=<a@example.com>, size=48213, nrcpt=2 (queue active)
Oct  5 08:14:08 mx1 postfix/lmtp[23]: 4B1F2C0A31: to=<an@most.gov.vn>, relay=lmtp, delay=4, delays=3/0/0/1, dsn=2.0.0, status=sent (250 Saved)
Oct  5 08:14:09 mx1 postfix/lmtp[23]: 4B1F2C0A31: to=<binh@most.gov.vn>, relay=lmtp, delay=5, delays=3/0/0/2, dsn=2.0.0, status=sent (250 Saved)
Oct  5 08:14:09 mx1 postfix/qmgr[91]: 4B1F2C0A31: removed""".splitlines()

PARSERS = {"postfix": postfix, "rspamd": rspamd, "spamd": spamassassin, "amavis": amavis, "clamav-milter": clamav}


def events(lines: list[str]) -> list[Event]:
    made = []
    for number, text in enumerate(lines):
        line = read_line(text.encode(), RECEIVED, 7 * 3600)
        event = PARSERS[line.program.partition("/")[0]].parse(line)
        made.append(event | {"soc.origin": "file:mail.log", "log.offset": number})
    return made


def joined(fed: list[Event], join: MailJoin | None = None) -> list[Event]:
    join = join or MailJoin()
    return [whole for event in fed for whole in join.feed(event)] + list(join.expire(END))


def at(text: str) -> int:
    return micros(f"2026-10-05T{text}+07:00")


def test_a_mail_s_lines_become_one_event() -> None:
    [mail] = joined(events(MAIL))
    assert check_event(mail) == []
    original = mail.pop("event.original")
    assert original == "\n".join(MAIL)
    assert mail == {
        "@timestamp": at("08:14:09"),
        "event.start": at("08:14:04"),
        "event.end": at("08:14:09"),
        "event.duration": 5_000_000_000,
        "event.kind": "event",
        "event.module": "postfix",
        "event.dataset": "postfix.message",
        "event.category": ("email",),
        "event.type": ("info",),
        "event.action": "message",
        "event.outcome": "success",
        "host.name": "mx1",
        "source.domain": "mail.example.com",
        "source.ip": "192.0.2.10",
        "user.name": "lan",
        "email.local_id": "4B1F2C0A31",
        "email.message_id": "77@mail.example.com",
        "email.subject": "Bao gia",
        "email.from.address": ("a@example.com",),
        "email.to.address": ("an@most.gov.vn", "binh@most.gov.vn"),
        "postfix.helo": "mail.example.com",
        "postfix.recipients": 2,
        "postfix.sasl_method": "PLAIN",
        "postfix.size": 48213,
        "postfix.status": "sent",
        "soc.origin": "file:mail.log",
        "log.offset": 0,
    }


@pytest.mark.parametrize("seed", range(20))
def test_order_and_redelivery_change_nothing(seed: int) -> None:
    expected = joined(events(MAIL))
    shuffled = events(MAIL) * 2
    random.Random(seed).shuffle(shuffled)
    assert joined(shuffled) == expected


def test_a_mail_is_concluded_when_the_watermark_has_passed_its_removal() -> None:
    join = MailJoin()
    assert [whole for event in events(MAIL) for whole in join.feed(event)] == []
    assert list(join.expire(at("08:14:09"))) == []
    assert len(list(join.expire(at("08:14:09") + 1))) == 1
    assert list(join.expire(END)) == []


def test_a_deferred_mail_is_concluded_five_minutes_after_its_last_line() -> None:
    join = MailJoin()
    for event in events([*MAIL[:4], MAIL[4].replace("status=sent", "status=deferred")]):
        assert not list(join.feed(event))
    last = at("08:14:08")
    assert list(join.expire(last + _mail_join.PATIENCE)) == []
    [mail] = join.expire(last + _mail_join.PATIENCE + 1)
    assert mail["@timestamp"] == last + _mail_join.PATIENCE
    assert (mail["event.outcome"], mail["postfix.status"]) == ("failure", "deferred")


def test_a_later_attempt_alone_is_no_second_mail() -> None:
    assert joined(events(MAIL[3:])) == []


def test_a_queue_id_that_returns_is_another_mail() -> None:
    again = [line.replace("Oct  5 08:", "Oct  5 09:").replace("a@example.com", "b@example.com") for line in MAIL]
    first, second = joined(events(MAIL + again))
    assert (first["email.from.address"], second["email.from.address"]) == (("a@example.com",), ("b@example.com",))
    assert (first["@timestamp"], second["@timestamp"]) == (at("08:14:09"), at("09:14:09"))


def test_a_queue_id_that_returns_without_its_removal_being_seen() -> None:
    again = [line.replace("Oct  5 08:", "Oct  5 09:") for line in MAIL]
    assert [mail["event.outcome"] for mail in joined(events(MAIL[:4] + again))] == ["unknown", "success"]


def test_the_same_queue_id_on_two_servers_is_two_mails() -> None:
    other = [line.replace(" mx1 ", " mx2 ") for line in MAIL]
    assert sorted(str(mail["host.name"]) for mail in joined(events(MAIL + other))) == ["mx1", "mx2"]


def test_a_refused_mail_says_why() -> None:
    refusal = (
        "Oct  5 08:14:07 mx1 postfix/cleanup[22]: 4B1F2C0A31: milter-reject: END-OF-MESSAGE from mail.example.com"
        "[192.0.2.10]: 5.7.1 Spam message rejected; from=<a@example.com> to=<an@most.gov.vn> proto=ESMTP helo=<x>"
    )
    [mail] = joined(events([*MAIL[:2], refusal]))
    assert mail["event.outcome"] == "failure"
    assert mail["event.reason"] == "Spam message rejected"
    assert mail["postfix.status"] == "rejected"
    assert mail["email.to.address"] == ("an@most.gov.vn",)


def test_recipients_of_unlike_fate() -> None:
    lines = [*MAIL[:5], MAIL[5].replace("status=sent", "status=bounced"), MAIL[6]]
    [mail] = joined(events(lines))
    assert (mail["event.outcome"], mail["postfix.status"]) == ("unknown", "mixed")


VERDICTS = {
    "rspamd": (
        "Oct  5 08:14:06 mx1 rspamd[9]: <a1>; task; rspamd_task_write_log: id: <77@mail.example.com>, qid: <4B1F2C0A31>,"
        " ip: 192.0.2.10, from: <a@example.com>, (default: F (add header): [9.10/15.00] []), len: 1, time: 2.0ms",
        ("rspamd", "add header", 9.1, None),
    ),
    "spamd": (
        "Oct  5 08:14:06 mx9 spamd[9]: spamd: result: Y 15 - BAYES_99 scantime=2.1,size=2,mid=<77@mail.example.com>",
        ("spamassassin", "spam", 15.0, None),
    ),
    "amavis": (
        "Oct  5 08:14:06 mx9 amavis[9]: (09-1) Passed SPAMMY {RelayedTaggedInbound}, [192.0.2.10] <a@example.com> ->"
        " <an@most.gov.vn>, Queue-ID: 4B1F2C0A31, Message-ID: <77@mail.example.com>, Hits: 5.5, size: 9, 77 ms",
        ("amavis", "passed", 5.5, None),
    ),
    "clamav": (
        "Oct  5 08:14:06 mx1 clamav-milter[9]: Message 4B1F2C0A31 from <a@example.com> to <an@most.gov.vn> with subject"
        " 'x' message-id '<77@mail.example.com>' date 'x' infected by Eicar-Signature",
        ("clamav", "detected", None, "Eicar-Signature"),
    ),
}


@pytest.mark.parametrize("name", VERDICTS)
@pytest.mark.parametrize("place", [0, 3, 7])
def test_a_filter_s_verdict_belongs_to_its_mail(name: str, place: int) -> None:
    line, expected = VERDICTS[name]
    [mail] = joined(events([*MAIL[:place], line, *MAIL[place:]]))
    fields = ("postfix.filter.name", "postfix.filter.verdict", "event.risk_score", "rule.name")
    assert tuple(mail.get(name) for name in fields) == expected
    assert check_event(mail) == []


def test_a_verdict_on_another_mail_with_the_same_queue_id_is_not_taken() -> None:
    line = VERDICTS["rspamd"][0].replace("77@mail", "78@mail")
    [mail] = joined(events([line, *MAIL]))
    assert "event.risk_score" not in mail


def test_old_verdicts_are_forgotten() -> None:
    join = MailJoin()
    for event in events([VERDICTS["rspamd"][0]]):
        assert not list(join.feed(event))
    assert join.state() != MailJoin().state()
    join.expire(END)
    assert join.state() == MailJoin().state()


@pytest.mark.parametrize("cut", range(len(MAIL) + 1))
def test_a_restart_loses_nothing(cut: int) -> None:
    fed = events([VERDICTS["rspamd"][0], *MAIL])
    before, after = MailJoin(), MailJoin()
    early = [whole for event in fed[:cut] for whole in before.feed(event)]
    after.restore(msgspec.msgpack.decode(msgspec.msgpack.encode(before.state())))
    assert early + joined(fed[cut:], after) == joined(fed)


def test_a_foreign_state_is_refused() -> None:
    with pytest.raises(TypeError):
        MailJoin().restore([])


def numbered(count: int) -> list[Event]:
    [first] = events(MAIL[:1])
    return [first | {"email.local_id": f"{number:010X}"} for number in range(count)]


def test_the_number_of_open_mails_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_mail_join, "MAX_MAILS", 10)
    join = MailJoin()
    given_up = [whole for event in numbered(25) for whole in join.feed(event)]
    assert [mail["email.local_id"] for mail in given_up] == [f"{number:010X}" for number in range(15)]
    assert len(list(join.expire(END))) == 10


def test_the_text_of_open_mails_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_mail_join, "MAX_TEXT", 3 * len(MAIL[0]))
    join = MailJoin()
    given_up = [whole for event in numbered(10) for whole in join.feed(event)]
    assert len(given_up) + len(list(join.expire(END))) == 10
    assert len(given_up) >= 6


def test_one_mail_s_text_and_recipients_are_bounded() -> None:
    [first, delivery] = events([MAIL[0], MAIL[4]])
    many = [
        delivery | {"email.to.address": (f"u{n}@most.gov.vn",), "event.original": f"{n} " + "x" * 100}
        for n in range(2000)
    ]
    [mail] = joined([first, *many])
    assert len(str(mail["event.original"])) <= _mail_join.MAX_ORIGINAL + 2000
    recipients = mail["email.to.address"]
    assert isinstance(recipients, tuple)
    assert len(recipients) == _mail_join.MAX_RECIPIENTS
