"""The contract of every connector, against a stand-in of what it talks to, and each one's own cares."""

import importlib.util
import json
import socket
from contextlib import contextmanager
from email import message_from_bytes, policy
from pathlib import Path

import pytest

from soc.core.responding import FortiGateSettings, HookSettings, SmtpSettings
from soc.engines.connectors import Doubtful, NotDone
from soc.engines.connectors.fortigate import FortiGate
from soc.engines.connectors.request import _public, request
from soc.engines.connectors.smtp import Smtp
from soc.engines.connectors.webhook import Webhook

spec = importlib.util.spec_from_file_location("stand_ins", Path(__file__).with_name("servers.py"))
stand_ins = importlib.util.module_from_spec(spec)
spec.loader.exec_module(stand_ins)

KEY = "soc-0123456789abcdef01234567"
MAIL = {"to": "helpdesk@example.org", "subject": "Mã độc", "text": "câu 1\n.\n.câu 2"}
BLOCK = {"address": "203.0.113.9", "group": "SOC-blocked"}
POST = {"hook": "room", "text": 'a "b" \u202e'}


class Receiver:
    """A hook that can be asked what it has had; with ``breaks`` it takes the message and does not answer."""

    def __init__(self):
        self.had, self.breaks = [], False

    def __call__(self, method, path, headers, body):
        key = headers["Idempotency-Key"]
        if method == "GET":
            return (200 if key in self.had else 404), {}, {}
        if key not in self.had:
            self.had.append(key)
        return None if self.breaks else (200, {}, {})


@contextmanager
def smtp(tmp_path):
    with stand_ins.Mail() as server:
        settings = SmtpSettings("127.0.0.1", "soc@example.org", server.port, "none")
        yield Smtp(settings), MAIL, lambda: len(server.messages)


@contextmanager
def webhook(tmp_path):
    receiver = Receiver()
    with stand_ins.Http(receiver) as server:
        hook = HookSettings(f"{server.url}/hook", private=True, asks=True)
        yield Webhook({"room": hook}), POST, lambda: len(receiver.had)


def fortigate_at(url, tmp_path):
    (tmp_path / "token").write_text("t0ken\n")
    return FortiGate(FortiGateSettings(url, str(tmp_path / "token")))


@contextmanager
def fortigate(tmp_path):
    tables = stand_ins.FortiGateTables()
    with stand_ins.Http(tables) as server:
        yield fortigate_at(server.url, tmp_path), BLOCK, lambda: len(tables.groups["addrgrp"]["SOC-blocked"])


@pytest.fixture(params=[smtp, webhook, fortigate], ids=lambda one: one.__name__)
def connector(request, tmp_path):
    with request.param(tmp_path) as found:
        yield found


def test_it_acts_and_says_what_it_did(connector):
    made, parameters, count = connector
    assert count() == 0
    assert made.act(parameters, KEY)
    assert count() == 1


def test_it_knows_what_was_done_or_that_it_cannot(connector):
    made, parameters, _ = connector
    before = made.done(KEY)
    made.act(parameters, KEY)
    assert (before, made.done(KEY)) in {(False, True), (None, None)}
    assert made.done(KEY[:-1] + "8") is before


def test_one_that_can_be_asked_does_nothing_twice(connector):
    made, parameters, count = connector
    made.act(parameters, KEY)
    if made.done(KEY) is not None:
        made.act(parameters, KEY)
        assert count() == 1
    made.act(parameters, KEY[:-1] + "8")
    assert count() == 2


@pytest.mark.parametrize("kind", ["smtp", "webhook", "fortigate"])
def test_a_server_that_is_away_is_not_done(kind, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    made, parameters = {
        "smtp": (Smtp(SmtpSettings("127.0.0.1", "soc@example.org", port, "none")), MAIL),
        "webhook": (Webhook({"room": HookSettings(f"http://127.0.0.1:{port}", private=True)}), POST),
        "fortigate": (fortigate_at(f"http://127.0.0.1:{port}", tmp_path), BLOCK),
    }[kind]
    with pytest.raises(NotDone):
        made.act(parameters, KEY)


def test_a_mail_as_it_arrives():
    with stand_ins.Mail() as server:
        made = Smtp(SmtpSettings("127.0.0.1", "soc@example.org", server.port, "none"))
        made.act(MAIL | {"subject": "a\r\nBcc: x@evil.example"}, KEY)
        ((to, raw),) = server.messages
    assert to == [b"rcpt TO:<helpdesk@example.org>\r\n"]
    message = message_from_bytes(raw.removesuffix(b".\r\n"), policy=policy.default)
    assert message["Bcc"] is None
    assert message["Subject"] == "a Bcc: x@evil.example"
    assert message["Message-ID"] == f"<{KEY}@example.org>"


def test_a_mail_to_whom_soc_yml_says():
    with stand_ins.Mail() as server:
        settings = SmtpSettings(
            "127.0.0.1", "soc@example.org", server.port, "none", mailboxes={"desk": "d@example.org"}
        )
        assert Smtp(settings).act(MAIL | {"to": "desk"}, KEY) == "sent to d@example.org"
        with pytest.raises(NotDone, match=r"mailboxes\.nobody"):
            Smtp(settings).act(MAIL | {"to": "nobody"}, KEY)
        assert [to for to, _ in server.messages] == [[b"rcpt TO:<d@example.org>\r\n"]]


def test_a_mail_that_is_refused_and_one_that_is_in_doubt():
    with stand_ins.Mail() as server:
        made = Smtp(SmtpSettings("127.0.0.1", "soc@example.org", server.port, "none"))
        with pytest.raises(NotDone):
            made.act(MAIL | {"to": "a@refused.example"}, KEY)
        assert server.messages == []
    with stand_ins.Mail(hangs_up=True) as server:
        made = Smtp(SmtpSettings("127.0.0.1", "soc@example.org", server.port, "none"))
        with pytest.raises(Doubtful):
            made.act(MAIL, KEY)


def test_a_mail_server_without_tls_gets_nothing_unless_told():
    with stand_ins.Mail() as server:
        with pytest.raises(NotDone):
            Smtp(SmtpSettings("127.0.0.1", "soc@example.org", server.port)).act(MAIL, KEY)
        assert server.messages == []


def test_what_a_hook_gets(tmp_path):
    (tmp_path / "token").write_text("s3cret")
    with stand_ins.Http(lambda *_: (200, {}, {})) as server:
        hook = HookSettings(f"{server.url}/hook?room=1", str(tmp_path / "token"), private=True)
        Webhook({"room": hook}).act(POST | {"target": "203.0.113.9"}, KEY)
        ((method, path, headers, body),) = server.requests
    assert (method, path) == ("POST", "/hook?room=1")
    assert headers["Authorization"] == "Bearer s3cret"
    assert headers["Idempotency-Key"] == KEY
    assert json.loads(body) == {"key": KEY, "text": POST["text"], "target": "203.0.113.9"}


@pytest.mark.parametrize(("status", "error"), [(302, NotDone), (307, NotDone), (403, NotDone), (500, Doubtful)])
def test_a_hook_that_answers_otherwise(status, error):
    with (
        stand_ins.Http(lambda *_: (200, {}, {})) as other,
        stand_ins.Http(lambda *_: (status, {}, {"Location": other.url})) as server,
    ):
        with pytest.raises(error, match=str(status)):
            Webhook({"room": HookSettings(server.url, private=True)}).act(POST, KEY)
        assert other.requests == []


def test_an_answer_that_is_lost_is_in_doubt():
    receiver = Receiver()
    receiver.breaks = True
    with stand_ins.Http(receiver) as server:
        made = Webhook({"room": HookSettings(server.url, private=True, asks=True)})
        with pytest.raises(Doubtful):
            made.act(POST, KEY)
        assert made.done(KEY) is True


def test_an_unknown_hook():
    with pytest.raises(NotDone, match="nowhere"):
        Webhook({}).act({"hook": "nowhere", "text": ""}, KEY)


def test_only_the_internet_unless_a_hook_is_private():
    with stand_ins.Http(lambda *_: (200, {}, {})) as server:
        port = server.url.rpartition(":")[2]
        for url in (
            server.url,
            f"https://127.0.0.1:{port}",
            f"https://localhost:{port}",
            f"https://[::ffff:7f00:1]:{port}",
        ):
            with pytest.raises(NotDone):
                request("POST", url, {})
        assert server.requests == []


@pytest.mark.parametrize(
    "url", ["ftp://example.org", "file:///etc/passwd", "https://a@example.org/", "https://", "https://h:99999"]
)
def test_addresses_of_another_kind(url):
    with pytest.raises(NotDone):
        request("GET", url, {}, private=True)


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("8.8.8.8", True), ("2001:4860:4860::8888", True), ("10.0.0.1", False), ("127.0.0.1", False),
        ("169.254.169.254", False), ("100.64.0.1", False), ("0.0.0.0", False), ("224.0.0.1", False), ("::1", False),
        ("fe80::1%eth0", False), ("fd00::1", False), ("::ffff:10.0.0.1", False), ("64:ff9b::a00:1", False),
        ("64:ff9b::808:808", True), ("2002:a00:1::", False),
    ],
)  # fmt: skip
def test_what_is_an_address_of_the_internet(address, public):
    assert _public(address) is public


def test_a_block_is_finished_wherever_it_broke(tmp_path):
    """Each lost answer, in turn: the block is found undone or done, and doing it again makes no second object."""
    for lost in (1, 2):
        tables = stand_ins.FortiGateTables()
        tables.breaks = {lost}
        with stand_ins.Http(tables) as server:
            made = fortigate_at(server.url, tmp_path)
            with pytest.raises(Doubtful):
                made.act(BLOCK, KEY)
            assert made.done(KEY) is (lost == 2)
            made.act(BLOCK, KEY)
            assert made.done(KEY) is True
        assert tables.changes == [("address", KEY), ("addrgrp", KEY)]
        assert tables.addresses["address"][KEY]["subnet"] == "203.0.113.9 255.255.255.255"


def test_a_block_of_ipv6(tmp_path):
    tables = stand_ins.FortiGateTables()
    with stand_ins.Http(tables) as server:
        made = fortigate_at(server.url, tmp_path)
        made.act(BLOCK | {"address": "2001:db8::9"}, KEY)
        assert made.done(KEY) is True
    assert tables.addresses["address6"][KEY]["ip6"] == "2001:db8::9/128"


def test_a_block_that_is_refused(tmp_path):
    tables = stand_ins.FortiGateTables()
    with stand_ins.Http(tables) as server:
        made = fortigate_at(server.url, tmp_path)
        with pytest.raises(NotDone, match="no firewall/addrgrp/a%2Fb/member"):
            made.act(BLOCK | {"group": "a/b"}, KEY)
        with pytest.raises(NotDone, match="another address"):
            made.act(BLOCK | {"address": "203.0.113.10"}, KEY)
        tables.token = "other"
        with pytest.raises(NotDone, match="401"):
            made.act(BLOCK, "soc-other")
