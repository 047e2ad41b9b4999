"""The syslog header: every form that devices send is taken off, and nothing that is no header is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from soc.core.event import iso, micros
from soc.parsers import Line, read_line

RECEIVED = micros("2026-10-05T18:00:00+07:00")
HANOI = 7 * 3600
AT = "2026-10-05T01:14:03Z"


def read(text: str | bytes) -> Line:
    return read_line(text if isinstance(text, bytes) else text.encode(), RECEIVED, HANOI)


@pytest.mark.parametrize(
    ("line", "host", "program", "pid", "priority", "text"),
    [
        ("<38>Oct  5 08:14:03 mx1 sshd[812]: Failed", "mx1", "sshd", "812", 38, "Failed"),
        ("Oct  5 08:14:03 mx1 postfix/smtpd[4]: connect", "mx1", "postfix/smtpd", "4", -1, "connect"),
        ("Oct  5 08:14:03 mx1 sudo:   hoalt : TTY=pts/0", "mx1", "sudo", "", -1, "hoalt : TTY=pts/0"),
        ("<13>Oct 5 08:14:03 mx1 kernel: up", "mx1", "kernel", "", 13, "up"),
        ("<13>Oct  5 2026 08:14:03 asa %ASA-6-302013: Built", "asa", "%ASA-6-302013", "", 13, "Built"),
        ("<13>Oct  5 2026 08:14:03: %ASA-6-302013: Built", "", "%ASA-6-302013", "", 13, "Built"),
        ("<38>Oct  5 08:14:03 sshd[812]: no host", "", "sshd", "812", 38, "no host"),
        ("<38>Oct  5 08:14:03 2001:db8::7 sshd[8]: v6", "2001:db8::7", "sshd", "8", 38, "v6"),
        ("<38>Oct  5 08:14:03 mx1 no tag at all", "mx1", "", "", 38, "no tag at all"),
        ("<38>Oct  5 08:14:03 mx1 sshd[812]:", "mx1", "sshd", "812", 38, ""),
        ("<38>Oct  5 08:14:03 date=2026-10-05 a=b", "", "", "", 38, "date=2026-10-05 a=b"),
        ('<38>Oct  5 08:14:03 ids {"a": 1}', "ids", "", "", 38, '{"a": 1}'),
        ("2026-10-05T08:14:03+07:00 mx1 sshd[812]: Failed", "mx1", "sshd", "812", -1, "Failed"),
        ("<38>2026-10-05T08:14:03.000000+07:00 mx1 (sd-pam)[8]: x", "mx1", "(sd-pam)", "8", 38, "x"),
        ("<34>1 2026-10-05T01:14:03Z mx1 su - ID47 - \ufeffTừ chối", "mx1", "su", "", 34, "Từ chối"),
        ('<34>1 2026-10-05T01:14:03Z - app 7 - [a b="]\\""][c] x', "", "app", "7", 34, "x"),
        ("<34>1 2026-10-05T01:14:03Z mx1 app 7 - -", "mx1", "app", "7", 34, ""),
        ('<34>1 2026-10-05T01:14:03Z fw - - - [x@1 a="b c"]', "fw", "", "", 34, 'x@1 a="b c"'),
        ("<34>Oct 05 08:14:03 fw CEF: 0|Fortinet|", "fw", "", "", 34, "CEF: 0|Fortinet|"),
    ],
)
def test_headers_are_taken_off(line: str, host: str, program: str, pid: str, priority: int, text: str) -> None:
    found = read(line)
    assert (found.host, found.program, found.pid, found.priority) == (host, program, pid, priority)
    assert found.text == text
    assert found.raw == line
    assert found.time is not None and iso(found.time) == AT


@pytest.mark.parametrize(
    "line",
    [
        "",
        "<",
        "<>",
        "<192>date=2026-10-05",
        "<0189>date=2026-10-05",
        "<-1>Oct  5 08:14:03 mx1 sshd[1]: x",
        '{"timestamp":"2026-10-05T08:14:03.1+0700"}',
        '203.0.113.7 - - [05/Oct/2026:08:14:03 +0700] "GET / HTTP/1.1" 200 1',
        "2026/10/05 08:14:03 [error] 7#7: *1 open() failed",
        "2026-10-05 08:14:03 #412(normal) <a1b2c3>; task; rspamd_task_write_log",
        "[Mon Oct 05 08:14:03.1 2026] [core:error] [pid 7] AH00037",
        "Mon Oct  5 08:14:03 2026 -> instream: OK",
        "Octopus  08:14:03 is no month",
        "Oct 99 08:14:03 mx1 sshd[1]: no such day",
        "2026-99-05T08:14:03+07:00 mx1 sshd[1]: no such month",
        "1 2026-10-05T01:14:03Z mx1 su - - - no priority",
    ],
)
def test_what_is_no_header_stays_in_the_text(line: str) -> None:
    found = read(line)
    assert found.text == found.raw == line
    assert (found.time, found.host, found.program, found.pid, found.priority) == (None, "", "", "", -1)


@pytest.mark.parametrize(
    "rest",
    [
        'date=2026-10-05 time=08:14:03 devname="FGT-THD113"',
        "1 not-a-time mx1 su - - - x",
        "1 2026-10-05T01:14:03Z mx1 su - - [unclosed x",
        "1 2026-10-05T01:14:03Z mx1 su - - x",
        f"1 2026-10-05T01:14:03Z {'h' * 256} su - - - x",
        "1 2026-10-05T01:14:03Z mx1 su",
        "2026-10-05T08:14:03+07:00",
        "Oct  5 08:14",
    ],
)
def test_after_a_priority_a_forged_header_stays_in_the_text(rest: str) -> None:
    found = read("<189>" + rest)
    assert (found.text, found.priority) == (rest, 189)
    assert (found.time, found.host, found.program, found.pid) == (None, "", "", "")


def test_bytes_that_are_no_text_are_shown() -> None:
    assert read(b"\xef\xbb\xbfhost \xff\x00 \xed\xa0\x80").text == "host \\xff\\x00 \\xed\\xa0\\x80"


def test_an_overlong_tag_or_host_is_not_believed() -> None:
    assert read(f"Oct  5 08:14:03 mx1 {'p' * 65}: x").program == ""
    assert read(f"Oct  5 08:14:03 {'h' * 256} sshd[1]: x").host == ""


@given(st.binary(max_size=200), st.sampled_from([b"", b"<13>", b"<13>1 ", b"<13>Oct  5 08:14:03 ", b"2026-10-05T"]))
def test_any_bytes_are_read_without_an_error_and_lose_nothing_but_the_header(raw: bytes, start: bytes) -> None:
    found = read(start + raw)
    assert found.raw.endswith(found.text)
