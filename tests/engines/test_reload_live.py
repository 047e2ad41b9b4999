"""Rules that change under ``soc run`` as a process, while lines come in: nothing is lost, and nothing told twice."""

import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2 as httpx
import pytest

from soc.core.alert import Alert
from soc.core.store import AlertFilter
from soc.stores.sqlite import SqliteStore
from tests.web.forms import send

CHUNK = 40
ATTACKER = "203.0.113.9"
SETTINGS = """\
inputs: [{{type: syslog, protocol: tcp, port: 0}}]
data_dir: data
rules: [rules]
shipped_rules: false
reload: 1s
lateness: 1s
console: {{port: {port}}}
"""
FAILED = """\
title: Failed password
id: 11111111-1111-4111-8111-111111111111
name: failed_password
logsource: {product: linux, service: sshd}
detection:
  failed: {event.original|contains: 'Failed password'}
  condition: failed
level: low
"""
MANY = """\
title: Ten failed passwords
id: 22222222-2222-4222-8222-222222222222
name: ten_failed
correlation:
  type: event_count
  rules: [failed_password]
  group-by: [source.ip]
  timespan: 12h
  condition: {gte: 10}
level: high
"""
ACCEPTED = """\
title: Accepted password
id: 33333333-3333-4333-8333-333333333333
name: accepted_password
logsource: {product: linux, service: sshd}
detection:
  accepted: {event.original|contains: 'Accepted password'}
  condition: accepted
level: medium
"""


class Service:
    """``soc run`` as a process, with all that it has said."""

    def __init__(self, folder: Path) -> None:
        command = [sys.executable, "-m", "soc", "run", "--settings", str(folder / "soc.yml")]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.said: list[str] = []
        self._listener = threading.Thread(target=self._listen)
        self._listener.start()

    def _listen(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            self.said.append(line)

    def heard(self, pattern: str) -> list[str]:
        """What it said that fits, once it has said it."""
        wait_for(lambda: self.process.poll() is not None or self._found(pattern), lambda: f"{pattern}: {self.said}")
        found = self._found(pattern)
        assert found, "".join(self.said)
        return found

    def _found(self, pattern: str) -> list[str]:
        return re.findall(pattern, "".join(self.said))

    def end(self, number: int) -> int:
        self.process.send_signal(number)
        status = self.process.wait(10)
        self._listener.join()
        assert self.process.stdout
        self.process.stdout.close()
        return status


@contextmanager
def running(folder: Path) -> Iterator[Service]:
    service = Service(folder)
    try:
        yield service
    finally:
        if service.process.poll() is None:
            service.end(signal.SIGKILL)


class Stream:
    """Lines without a pause, each with its number, over connections that are acknowledged; some are made to measure."""

    def __init__(self, port: int) -> None:
        self.sent = 0
        self._port = port
        self._wanted: list[str] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> "Stream":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()

    def say(self, *texts: str) -> None:
        """These among the next lines; returns when they are acknowledged."""
        self._wanted += texts
        wait_for(lambda: not self._wanted, lambda: "the stream has broken off")
        reached = self.sent
        wait_for(lambda: self.sent >= reached + CHUNK, lambda: "the stream has broken off")

    def _run(self) -> None:
        while not self._stop.is_set():
            with socket.create_connection(("127.0.0.1", self._port), timeout=20) as connection:
                numbers = range(self.sent, self.sent + CHUNK)
                connection.sendall(b"".join(map(self._line, numbers)))
                connection.shutdown(socket.SHUT_WR)
                assert connection.recv(1) == b""
            self.sent += CHUNK

    def _line(self, number: int) -> bytes:
        usual = f"Failed password for root from 10.9.{number // 200 % 200}.{number % 200}"
        text = self._wanted.pop(0) if self._wanted else usual
        hour, minute, second = 1 + number // 72_000, number // 1200 % 60, number // 20 % 60
        return f"<38>Oct  5 {hour:02}:{minute:02}:{second:02} web sshd[{number}]: {text} port 22 ssh2\n".encode()


def failed() -> str:
    return f"Failed password for root from {ATTACKER}"


def accepted(address: str) -> str:
    return f"Accepted password for root from {address}"


def wait_for(condition: Callable[[], object], what: Callable[[], str]) -> None:
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end, what()
        time.sleep(0.05)


def alerts(folder: Path) -> dict[tuple[str, str], Alert]:
    """(name of the rule, whom it is about) -> alert; each at most once."""
    store = SqliteStore.read_only(folder / "data" / "soc.db")
    found = store.alerts(AlertFilter(limit=1000))
    store.close()
    named = {(alert.rule_name, alert.group[0][1]): alert for alert in found}
    assert len(named) == len(found)
    return named


def numbers(folder: Path) -> list[int]:
    store = SqliteStore.read_only(folder / "data" / "soc.db")
    events = store.events_around(1_760_000_000_000_000, 10**17, 1_000_000)
    store.close()
    return sorted(int(str(event["event.original"]).partition("sshd[")[2].partition("]")[0]) for event in events)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    (tmp_path / "soc.yml").write_text(SETTINGS.format(port=port))
    rules = tmp_path / "rules"
    rules.mkdir()
    (rules / "failed.yml").write_text(FAILED)
    (rules / "many.yml").write_text(MANY)
    return tmp_path


@pytest.fixture
def console(folder: Path) -> Iterator[httpx.Client]:
    port = re.search(r"port: (\d+)\}\n$", (folder / "soc.yml").read_text())
    assert port
    with httpx.Client(base_url=f"http://127.0.0.1:{port[1]}", timeout=60) as client:
        yield client


def test_three_reloads_under_a_steady_stream(folder: Path, console: httpx.Client) -> None:
    rule = folder / "rules" / "accepted.yml"
    with running(folder) as service, Stream(int(service.heard(r"collecting: \S+ tcp \S+:(\d+)")[0])) as stream:
        stream.say(accepted("10.1.1.1"), *[failed()] * 4)

        rule.write_text(ACCEPTED)
        service.heard(r"rules: reloaded .* 1 new, 0 changed, 0 gone; the longest pause meanwhile was \d+ ms")
        stream.say(accepted("10.1.1.2"), *[failed()] * 3)

        rule.write_text("title: Accepted\ndetection: none\n")
        (reason,) = service.heard(r"rules: not reloaded, the old ones go on: (.*)")
        assert "accepted.yml:1: " in reason
        stream.say(accepted("10.1.1.3"), *[failed()] * 2)

        assert send(console, "/rules/reload").headers["location"] == "/login"
        (password,) = service.heard("sign in once with the password (.*)")
        send(console, "/login", data={"password": password})
        assert send(console, "/rules/reload", headers={"origin": "http://evil.test"}).status_code == 403
        answer = send(console, "/rules/reload")
        assert answer.status_code == 409
        assert "accepted.yml:1: " in answer.json()["refused"][0]
        assert "accepted.yml:1: " in console.get("/health").text

        rule.write_text(ACCEPTED.replace("medium", "high"))
        answer = send(console, "/rules/reload")
        assert (answer.status_code, answer.json()["reloads"], answer.json()["refused"]) == (200, 2, [])
        assert answer.json()["gap"] > 0
        assert answer.json() == console.get("/rules").json()
        stream.say(accepted("10.1.1.4"), failed())

        wait_for(lambda: len(alerts(folder)) == 4, lambda: "the alerts do not come")
        stream.stop()
        wait_for(lambda: len(numbers(folder)) >= stream.sent, lambda: "the events do not come")
        assert service.end(signal.SIGTERM) == 0
    assert numbers(folder) == list(range(stream.sent))
    found = alerts(folder)
    new = [("accepted_password", f"10.1.1.{host}") for host in (2, 3, 4)]
    assert sorted(found) == [*new, ("ten_failed", ATTACKER)]
    assert found["ten_failed", ATTACKER].count == 10
    hashes = [found[name].rule_hash for name in new]
    assert hashes[0] == hashes[1] != hashes[2]


def test_killed_while_it_reloads_it_starts_with_what_is_on_disk(folder: Path) -> None:
    with running(folder) as service:
        service.heard("running")
        (folder / "rules" / "accepted.yml").write_text(ACCEPTED)
        (folder / "rules" / "broken.yml").write_text("title: [")
        service.process.send_signal(signal.SIGHUP)
        time.sleep(0.3)
        service.end(signal.SIGKILL)
    assert "rules: " not in "".join(service.said)
    with running(folder) as service:
        service.heard(r"rejected: \S+broken\.yml:2: not YAML")
        with Stream(int(service.heard(r"collecting: \S+ tcp \S+:(\d+)")[0])) as stream:
            stream.say(accepted("10.1.1.1"))
            wait_for(lambda: ("accepted_password", "10.1.1.1") in alerts(folder), lambda: "no alert")
        assert service.end(signal.SIGTERM) == 0
