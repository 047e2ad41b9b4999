"""Sign-ins: forged user names do not move an attack to another address; public sshd lines are all understood."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from soc.core.event import Event
from soc.core.fields import check_event
from soc.parsers import ParseError, read_line
from soc.parsers._device import Line
from soc.parsers.linux_auth import looks_like, parse

HUB = Path(__file__).parents[2].parent / "shared" / "data" / "crowdsec_hub" / "crowdsec_parsers.jsonl.gz"


def said(program: str, text: str) -> Event:
    return parse(Line(text, text, 0, 0, program=program))


@pytest.mark.skipif(not HUB.exists(), reason="shared data is not beside the checkout")
def test_public_sshd_lines_are_understood() -> None:
    rows = [json.loads(row) for row in gzip.decompress(HUB.read_bytes()).splitlines()]
    lines = [
        row["raw"] for row in rows if row["parser"] in {"crowdsecurity/sshd-logs", "crowdsecurity/sshd-success-logs"}
    ]
    assert lines
    for raw in lines:
        line = read_line(raw.encode(), 0, 0)
        if not line.program.startswith("sshd"):
            continue
        event = parse(line)
        assert check_event(event) == []
        assert "event.action" in event, raw
        assert "source.ip" in event, raw


@pytest.mark.parametrize(
    "name",
    ["root from 10.0.0.1 port 22", "a from b", "x ssh2: RSA SHA256:y", "root from 10.0.0.1 port 22 ssh2", "a: b"],
)
@pytest.mark.parametrize(
    "line",
    [
        "Failed password for invalid user {} from 198.51.100.23 port 4242 ssh2",
        "Invalid user {} from 198.51.100.23 port 4242",
        "error: maximum authentication attempts exceeded for invalid user {} from 198.51.100.23 port 4242 ssh2",
        "Connection closed by invalid user {} 198.51.100.23 port 4242 [preauth]",
        "Disconnected from invalid user {} 198.51.100.23 port 4242 [preauth]",
    ],
)
def test_a_user_name_cannot_forge_the_address(line: str, name: str) -> None:
    event = said("sshd", line.format(name))
    assert (event["source.ip"], event["source.port"]) == ("198.51.100.23", 4242)
    assert event["user.name"] == name
    assert event["linux.auth.invalid_user"] is True


def test_a_banner_cannot_forge_the_address() -> None:
    event = said("sshd", "Bad protocol version identification 'x from 10.0.0.1 port 1' from 198.51.100.23 port 4242")
    assert event["source.ip"] == "198.51.100.23"


@pytest.mark.parametrize("address", ["2001:db8::1", "198.51.100.23"])
def test_a_sign_in_over_either_protocol(address: str) -> None:
    event = said("sshd-session", f"Accepted password for lan from {address} port 4242 ssh2")
    assert (event["source.ip"], event["event.outcome"]) == (address, "success")


def test_a_command_keeps_its_semicolons() -> None:
    event = said(
        "sudo", "lan : TTY=pts/0 ; PWD=/home/lan ; USER=root ; COMMAND=/bin/sh -c id ; USER=nobody ; COMMAND=x"
    )
    assert event["process.command_line"] == "/bin/sh -c id ; USER=nobody ; COMMAND=x"
    assert event["user.effective.name"] == "root"


def test_a_pam_user_may_hold_anything() -> None:
    event = said(
        "sshd",
        "pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost=198.51.100.23"
        "  user=x rhost=10.0.0.1",
    )
    assert (event["source.ip"], event["user.name"]) == ("198.51.100.23", "x rhost=10.0.0.1")


@pytest.mark.parametrize(
    ("text", "user", "reason"),
    [
        ("pam_faillock(sshd:auth): Consecutive login failures for user root account temporarily locked", "root", True),
        ("pam_tally2(login:auth): user lan (1000) tally 5, deny 3", "lan", True),
        ("pam_unix(sshd:account): account hoa has expired (account expired)", "hoa", True),
    ],
)
def test_locked_accounts(text: str, user: str | None, reason: bool) -> None:
    event = said("sshd", text)
    assert (event["event.action"], event.get("user.name")) == ("account_locked", user)
    assert ("event.reason" in event) is reason


def test_a_pam_module_of_any_program_is_read() -> None:
    text = "pam_unix(dovecot:auth): authentication failure; logname= uid=0 euid=0 tty=dovecot ruser=lan rhost=192.0.2.1"
    assert looks_like(text)
    event = said("dovecot", text)
    assert (event["linux.auth.service"], event["source.ip"]) == ("dovecot", "192.0.2.1")


@pytest.mark.parametrize(
    "text",
    [
        "Accepted password for admin from 192.0.2.1 port 2228",  # a web console's log
        "Failed SSH login from 192.0.2.1",
        "Invalid user input from the form",
        "pam_something else",
        "",
    ],
)
def test_other_texts_are_not_taken(text: str) -> None:
    assert not looks_like(text)
    with pytest.raises(ParseError):
        said("other", text)
