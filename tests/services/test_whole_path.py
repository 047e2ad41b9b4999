"""One phishing mail all the way, each part the real program in a process of its own: its lines from a mail server to a
collector, through Kafka and a worker into Elasticsearch; the alert in the console, a playbook with two approvals, the
verdict; and what the national centre has of it in the end, once, without anything of ours.
"""

from __future__ import annotations

import asyncio
import json
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import SimpleNamespace

import httpx2
import msgspec
import pytest

from soc.engines.centre_server import KEY_FILE, TOKENS_FILE, prepare, read_tokens
from soc.engines.national_centre import COLLECTION
from soc.story import write
from tests.engines.connectors.servers import FortiGateTables, Http, Mail
from tests.services.elasticsearch_server import Server
from tests.services.fixtures_elasticsearch import elasticsearch as elasticsearch
from tests.services.fleet import Fleet, until
from tests.services.kafka_server import KafkaServer, free_port
from tests.web.forms import answers, send

pytestmark = pytest.mark.xdist_group("servers")
RULE = "lookalike_sender_domain"
SENDER = "vanphong@most-gov-vn.example"
PEOPLE = {"lan": "analyst", "minh": "responder", "hoa": "responder", "an": "auditor"}
WORD = "correct horse battery"


@contextmanager
def program(folder: Path, name: str, *words: str) -> Iterator[subprocess.Popen[bytes]]:
    """A program of ours until the block ends; what it says is in a file."""
    with (folder / f"{name}.log").open("wb") as log:
        process = subprocess.Popen([sys.executable, "-m", *words], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        yield process
    finally:
        process.terminate()
        try:
            assert process.wait(20) == 0, (folder / f"{name}.log").read_text()[-2000:]
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise


def soc(*words: str | Path, code: int = 0) -> str:
    command = [sys.executable, "-m", "soc", *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def stage(kafka: KafkaServer, elasticsearch: Server, prefix: str, tmp_path: Path) -> Iterator[SimpleNamespace]:
    """soc.yml for all of it, with a mail server and a FortiGate to act on, and folders for everybody."""
    fleet = Fleet(tmp_path / "fleet", kafka.servers, elasticsearch.settings(prefix), prefix, partitions=2)
    centre = tmp_path / "centre"
    prepare(centre)
    token = read_tokens(centre / TOKENS_FILE)["soc"]
    for name, text in {
        "token": token,
        "fortigate": "t0ken",
        "word": WORD,
        "never.yml": "addresses: [10.0.0.0/8]\n",
    }.items():
        (tmp_path / name).write_text(text)
    port = free_port()
    tables = FortiGateTables()
    with Mail() as mail, Http(tables) as fortigate:
        settings = msgspec.yaml.decode(fleet.file.read_bytes())
        settings["share"] = {
            "url": f"http://127.0.0.1:{port}/api/",
            "collection": COLLECTION,
            "token_file": str(tmp_path / "token"),
            "receipt_key_file": str(centre / KEY_FILE),
            "min_severity": "low",
        }
        settings["playbooks"] = {
            "never_touch": str(tmp_path / "never.yml"),
            "smtp": {
                "host": "127.0.0.1",
                "port": mail.port,
                "tls": "none",
                "sender": "soc@example.vn",
                "mailboxes": {"mail_admin": "postmaster@example.vn"},
            },
            "fortigate": {"url": fortigate.url, "token_file": str(tmp_path / "fortigate")},
        }
        fleet.file.write_bytes(msgspec.yaml.encode(settings))
        yield SimpleNamespace(
            fleet=fleet, centre=centre, centre_port=port, token=token, tables=tables, mail=mail, folder=tmp_path,
            console=free_port(),
        )  # fmt: skip
        for worker in fleet.running:
            worker.process.kill()
            worker.process.wait()


def test_a_phishing_mail_from_the_mail_server_to_the_national_centre(stage: SimpleNamespace) -> None:
    asyncio.run(_detected(stage))
    settings = ("--settings", stage.fleet.file)
    for name, role in PEOPLE.items():
        soc("account", "add", name, "--role", role, "--password-file", stage.folder / "word", *settings)
    with ExitStack() as stack:
        words = ("soc", "console", "--settings", str(stage.fleet.file), "--port", str(stage.console))
        stack.enter_context(program(stage.folder, "console", *words))
        answers(f"http://127.0.0.1:{stage.console}")
        alert = _in_the_console(stage)
        _by_a_playbook(stage, alert)
        _closed(stage, alert)
    _shared(stage, alert)


async def _detected(stage: SimpleNamespace) -> None:
    """The mail server's log of the story over TCP to a collector, through Kafka and a worker into Elasticsearch."""
    fleet, port = stage.fleet, free_port()
    (stage.folder / "collector.yml").write_text(
        f"name: hq\ndata_dir: collected\ninputs: [{{type: syslog, protocol: tcp, port: {port}}}]\n"
        f"kafka: {{servers: ['{fleet.servers}'], prefix: {fleet.prefix}, partitions: 2}}\n"
    )
    log = next(file for file in write(stage.folder / "story").files if file.name == "mail.log")
    lines = log.read_bytes()
    await fleet.prepare()
    await fleet.producer.stop()
    with program(stage.folder, "collector", "collectors", "--settings", str(stage.folder / "collector.yml")):
        worker = fleet.start()
        await until(lambda: _open(port), 30, "the collector does not listen")
        await asyncio.to_thread(_sent, port, lines)
        await until(lambda: any(one.rule_name == RULE for one in fleet.alerts().values()), 120, "there is no alert")
        await until(lambda: len(fleet.events()) >= lines.count(b"\n"), 120, "not every line is an event")
        await until(fleet.quiet, 60, "it did not become quiet")
        fleet.leave(worker)
        assert await asyncio.to_thread(worker.process.wait, 30) == 0


def _open(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


def _sent(port: int, lines: bytes) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(lines)
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(1) == b"", "it has taken all of it"


@contextmanager
def _browser(stage: SimpleNamespace, name: str) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=f"http://127.0.0.1:{stage.console}", timeout=60) as client:
        assert send(client, "/login", {"name": name, "password": WORD}).headers["location"] == "/alerts"
        yield client


def _in_the_console(stage: SimpleNamespace) -> str:
    """The analyst finds it in the queue, and takes it. Its id."""
    with _browser(stage, "lan") as client:
        page = client.get("/alerts").text
        (id,) = {found[1] for found in re.finditer(r'href="/alerts/([0-9a-f]{16})"[^>]*>[^<]*Look-Alike', page)}
        assert SENDER in client.get(f"/alerts/{id}").text
        done = send(client, f"/alerts/{id}/acts", {"act": "acknowledge", "version": "0"})
        assert done.status_code == 303, done.text
    return id


def _by_a_playbook(stage: SimpleNamespace, alert: str) -> None:
    """Started and answered by the analyst; the block is done once two responders have approved it."""

    def say(name: str, what: str, step: str, **more: str) -> int:
        with _browser(stage, name) as client:
            return int(send(client, run, {"what": what, "step": step} | more).status_code)

    with _browser(stage, "lan") as client:
        assert "after approval by 2" in client.get(f"/alerts/{alert}/playbooks/phishing").text
        run = send(client, f"/alerts/{alert}/playbooks/phishing").headers["location"]
    assert say("lan", "done", "assess", choice="phishing") == 303
    ((to, message),) = stage.mail.messages
    assert b"postmaster@example.vn" in b"".join(to)
    assert SENDER.encode() in message
    assert say("lan", "done", "take_back") == 303
    assert say("lan", "done", "who_fell", choice="nobody") == 303
    assert [say(name, "approve", "block_relay") for name in ("lan", "an", "minh")] == [403, 403, 303]
    assert stage.tables.changes == []
    assert say("hoa", "approve", "block_relay") == 303
    assert len(stage.tables.changes) == 2, "an address, and its place in the group"
    with _browser(stage, "an") as client:
        assert "<b>done</b>" in client.get(run).text
        assert client.get(f"/alerts/{alert}").text.count(run) == 1


def _closed(stage: SimpleNamespace, alert: str) -> None:
    with _browser(stage, "minh") as client:
        close = {"act": "close", "version": "1", "verdict": "true_positive", "text": "chặn máy chủ gửi"}
        assert send(client, f"/alerts/{alert}/acts", close).status_code == 303
    store = stage.fleet.store()
    life = store.life(alert)
    store.close()
    assert (life.status, life.verdict) == ("closed", "true_positive")
    assert [(one.act, one.by) for one in life.entries] == [("acknowledge", "lan"), ("close", "minh")]


def _shared(stage: SimpleNamespace, alert: str) -> None:
    """Sent twice, accepted once, with receipts that are genuine; and nothing in it is ours."""
    centre = ("soc", "national-centre", "--data", str(stage.centre), "--port", str(stage.centre_port))
    with program(stage.folder, "centre", *centre):
        answers(f"http://127.0.0.1:{stage.centre_port}")
        for _ in range(2):
            soc("share", "send", "--settings", stage.fleet.file, "--queue", "3650d")
        status = json.loads(soc("share", "status", "--settings", stage.fleet.file, "--json"))
        assert status["attention"] is False
        found = httpx2.get(
            f"http://127.0.0.1:{stage.centre_port}/api/collections/{COLLECTION}/objects/",
            headers={"Authorization": f"Bearer {stage.token}", "Accept": "application/taxii+json;version=2.1"},
        ).json()["objects"]
        page = httpx2.get(f"http://127.0.0.1:{stage.centre_port}/", auth=("admin", _admin(stage))).text
    notes = [one for one in found if one["type"] == "note" and alert in one["content"]]
    assert len(notes) == 1
    about = {one["id"]: one for one in found}
    patterns = [about[id]["pattern"] for id in notes[0]["object_refs"] if id.startswith("indicator--")]
    assert any(SENDER in pattern or "most-gov-vn.example" in pattern for pattern in patterns)
    said = json.dumps(found)
    assert not re.search(r"\b10\.\d+\.\d+\.\d+\b|mx1\b", said), "no address and no host of ours"
    assert "đã nhận" in page


def _admin(stage: SimpleNamespace) -> str:
    return read_tokens(stage.centre / TOKENS_FILE)["admin"]
