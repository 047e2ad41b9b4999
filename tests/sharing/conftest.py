"""Alerts to share, a ministry's inventory, and a national centre in a process of its own."""

import os
import re
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import orjson
import pytest

import soc
from soc.core.alert import Alert, EventRef
from soc.engines.share import ours_of
from soc.enrich.inventory import read_inventory
from soc.sharing.taxii import MEDIA, Answer, Collection, UrllibHttp

NOW = 1_791_000_000_000_000
SECOND = 1_000_000


def make_alert(number=1, **fields):
    event = {"source.ip": f"198.51.100.{number % 250}", "destination.ip": "10.1.20.11"}
    values = {
        "id": f"{number:016x}",
        "rule_id": "11111111-1111-4111-8111-111111111111",
        "rule_name": "brute_force",
        "rule_hash": "ab" * 16,
        "kind": "correlation",
        "title": "Password guessing",
        "title_vi": "Dò mật khẩu",
        "description": "Many failures.",
        "description_vi": "Nhiều lần sai.",
        "severity": "high",
        "score": 80,
        "formula": "high 70 x 1.15 = 80",
        "group": (("source.ip", event["source.ip"]),),
        "first_seen": NOW,
        "last_seen": NOW + 90 * SECOND,
        "count": 40,
        "events": (EventRef("e" * 32, NOW, event),),
        "techniques": (("T1110.001", "Password Guessing"),),
    }
    return Alert(**(values | fields))


@pytest.fixture
def alert():
    return make_alert


@pytest.fixture(scope="session")
def ours():
    return ours_of(read_inventory(Path(soc.__file__).parent / "story" / "inventory.yml"))


@dataclass
class Running:
    """A centre's process; start and stop keep its folder and port."""

    folder: Path
    port: int = 0
    process: subprocess.Popen | None = None
    collection: str = ""

    def start(self):
        self.process = subprocess.Popen(
            [sys.executable, "-m", "soc", "national-centre", "--data", str(self.folder), "--port", str(self.port)],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(Path(soc.__file__).parents[1]), "PYTHONUNBUFFERED": "1"},
        )
        line = self.process.stdout.readline()
        found = re.search(r":(\d+)/api/ +collection: (\S+)", line)
        self.port, self.collection = int(found[1]), found[2]

    def stop(self, number=signal.SIGTERM):
        if self.process:
            self.process.send_signal(number)
            self.process.wait(10)
            self.process.stdout.close()
            self.process = None

    @property
    def root(self):
        return f"http://127.0.0.1:{self.port}/api/"

    def token(self, name="soc"):
        return dict(line.split() for line in (self.folder / "tokens").read_text().splitlines())[name]

    @property
    def key(self):
        return (self.folder / "receipt.key").read_text().strip().encode()

    def ask(self, method, path, body=None, name="soc", **headers) -> Answer:
        """path from the root of the server; a body is sent as JSON."""
        named = {"Authorization": f"Bearer {self.token(name)}", "Accept": MEDIA, "Content-Type": MEDIA}
        named |= {key.replace("_", "-"): value for key, value in headers.items()}
        raw = b"" if body is None else orjson.dumps(body)
        return UrllibHttp(60).request(method, f"http://127.0.0.1:{self.port}{path}", named, raw)

    def fault(self, kind, value=0, count=1):
        answer = self.ask("POST", "/faults", {"kind": kind, "value": value, "count": count}, "admin")
        assert answer.status == 200, answer.body

    def no_faults(self):
        assert self.ask("DELETE", "/faults", name="admin").status == 200

    def client(self, timeout=0.6):
        return Collection(UrllibHttp(timeout), self.root, self.collection, self.token())

    def add(self, objects, **headers):
        return self.ask("POST", f"/api/collections/{self.collection}/objects/", {"objects": objects}, **headers)

    def get(self, rest="objects/"):
        return self.ask("GET", f"/api/collections/{self.collection}/{rest}")


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    centre = Running(tmp_path_factory.mktemp("centre"))
    centre.start()
    yield centre
    centre.stop()


@pytest.fixture
def own_centre(tmp_path):
    centre = Running(tmp_path / "own")
    centre.start()
    yield centre
    centre.stop(signal.SIGKILL)
