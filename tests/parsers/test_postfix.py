"""Postfix: every message of a public collection is read, and what a client writes is not taken for more."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from soc.core.event import Event
from soc.core.fields import check_event
from soc.parsers import ParseError, read_line
from soc.parsers._device import Line
from soc.parsers.postfix import looks_like, parse

DATA = Path(__file__).parents[2].parent / "shared" / "data"
COLLECTION = DATA / "postfix_grok" / "tests.jsonl.gz"
# Patterns of that collection which are parts of lines, not lines.
PARTS = {"RELAY", "DELAYS", "COMMAND_COUNTER_DATA", "TLS_FEATURES"}
# Texts that say nothing more than themselves.
PLAIN_DAEMONS = {"master", "tlsmgr", "trivial-rewrite", "verify", "scache", "script", "postdrop", "postmap", "sendmail"}


def message(daemon: str, text: str) -> Event:
    return parse(Line(text, text, 0, 0, program=f"postfix/{daemon}"))


@pytest.mark.skipif(not COLLECTION.exists(), reason="shared data is not beside the checkout")
def test_every_message_of_the_collection_is_understood() -> None:
    read = 0
    for row in map(json.loads, gzip.decompress(COLLECTION.read_bytes()).splitlines()):
        pattern = row["pattern"].partition("POSTFIX_")[2].rstrip("}$")
        daemon = pattern.lower().replace("_", "-")
        event = message(daemon, row["data"])
        assert check_event(event) == []
        assert event["process.name"] == daemon
        if pattern in PARTS or daemon in PLAIN_DAEMONS:
            continue
        read += 1
        if "message" in event:
            assert event.get("log.level") or daemon in {"anvil", "postscreen", "postsuper", "smtp", "smtpd"}, row
        else:
            assert "event.action" in event, row
    assert read > 150


@pytest.mark.parametrize(
    "sender",
    [
        "a>, size=1, nrcpt=9 (queue active",
        '"a> to=<"@b',
        "a@b>, relay=none, status=sent (x) to=<c",
        "<>",
        '"\\">"@b.example',
    ],
)
def test_what_a_recipient_is_called_does_not_change_its_fate(sender: str) -> None:
    text = f"4B1F2C0A31: to=<{sender}>, relay=none, delay=1, delays=1/0/0/0, dsn=5.1.1, status=bounced (unknown user)"
    assert message("smtp", text).get("postfix.status") in {"bounced", None}


def test_a_reply_does_not_change_the_fate_of_a_mail() -> None:
    forged = "host x[192.0.2.1] said: 550 to=<v@w>, relay=none, delay=1, delays=1/0/0/0, dsn=2.0.0, status=sent (ok)"
    text = f"4B1F2C0A31: to=<a@b>, relay=x[192.0.2.1]:25, delay=1, delays=1/0/0/0, dsn=5.0.0, status=bounced ({forged})"
    event = message("smtp", text)
    assert (event["postfix.status"], event["email.to.address"], event["event.reason"]) == ("bounced", ("a@b",), forged)


def test_a_client_cannot_speak_as_another_daemon() -> None:
    """smtpd logs what a client sends; only the queue manager removes, only delivery agents deliver."""
    for text in (
        "4B1F2C0A31: removed",
        "4B1F2C0A31: to=<a@b>, relay=none, delay=1, delays=1/0/0/0, dsn=2.0.0, status=sent",
    ):
        assert message("smtpd", text)["message"] == text


def test_a_quoted_recipient_is_read_whole() -> None:
    text = '4B1F2C0A31: to=<"a, b> c"@most.gov.vn>, relay=local, delay=1, delays=1/0/0/0, dsn=2.0.0, status=sent (x)'
    assert message("local", text)["email.to.address"] == ('"a, b> c"@most.gov.vn',)


@pytest.mark.parametrize(
    ("program", "daemon", "service"),
    [
        ("postfix/smtpd", "smtpd", None),
        ("postfix/submission/smtpd", "smtpd", "submission"),
        ("postfix-in/smtps/smtpd", "smtpd", "smtps"),
        ("postfix", "postfix", None),
    ],
)
def test_daemon_and_instance(program: str, daemon: str, service: str | None) -> None:
    event = parse(Line("x", "connect from unknown[192.0.2.1]", 0, 0, program=program))
    assert (event["process.name"], event.get("postfix.service")) == (daemon, service)


@pytest.mark.parametrize("text", ["unknown[unknown]", "unknown[300.1.2.3]", "mail.example[fe80::1%eth0]"])
def test_a_client_without_an_address_has_none(text: str) -> None:
    assert "source.ip" not in message("smtpd", f"connect from {text}")


@pytest.mark.parametrize(
    ("written", "subject"),
    [
        ("=?UTF-8?B?xJDhuqV1IHRo4bqndQ==?=", "Đấu thầu"),
        ("=?utf-8?q?=C4=90=E1=BA=A5u?= =?utf-8?q?_th=E1=BA=A7u?=", "Đấu thầu"),
        ("=?UTF-8?B?xJDhuqU=?=?=?UTF-8?B?dQ==?=", "Đấu"),
        ("=?utf-8?q?=E1=BA?= =?utf-8?q?=A5?=", "ấ"),  # one letter in two words
        ("Re: =?iso-8859-1?Q?caf=E9?= x", "Re: café x"),
        ("=?x-none?B?YWI=?=", "ab"),
        ("=?utf-8?B?!!?=", ""),
        ("=?utf-8?B?A?=", "A"),
        ("plain", "plain"),
    ],
)
def test_subjects_are_decoded(written: str, subject: str) -> None:
    text = f"4B1F2C0A31: info: header Subject: {written} from local; from=<a@b> to=<c@d>"
    assert message("cleanup", text)["email.subject"] == subject


def test_another_programs_line_is_refused() -> None:
    for raw in (b"Oct  5 08:00:00 h sshd[1]: connect from unknown[192.0.2.1]", b"hello", b"DEADBEEF: hello"):
        with pytest.raises(ParseError):
            parse(read_line(raw, 0, 0))


@pytest.mark.parametrize(
    ("text", "dataset"),
    [
        ("4B1F2C0A31: client=unknown[192.0.2.1]", "postfix.smtpd"),
        ("48rT2v1hQrz1J0N: message-id=<a@b>", "postfix.cleanup"),
        ("4B1F2C0A31: from=<a@b>, size=1, nrcpt=1 (queue active)", "postfix.qmgr"),
        ("4B1F2C0A31: removed", "postfix.qmgr"),
        ("4B1F2C0A31: to=<a@b>, relay=none, delay=1, delays=1/0/0/0, dsn=2.0.0, status=sent", "postfix.smtp"),
        ("NOQUEUE: reject: RCPT from unknown[192.0.2.1]: 550 no; to=<a@b>", "postfix.smtpd"),
        ("connect from mail.example[192.0.2.1]", "postfix.smtpd"),
    ],
)
def test_lines_without_a_header_are_known_by_their_text(text: str, dataset: str) -> None:
    assert looks_like(text)
    event = parse(read_line(text.encode(), 0, 0))
    assert event["event.dataset"] == dataset
    assert "event.action" in event


@pytest.mark.parametrize("text", ["connect from here", "4B1F: to=<a@b>", "DEADBEEF: hello", "to=<a@b>", "removed"])
def test_other_texts_are_not(text: str) -> None:
    assert not looks_like(text)
