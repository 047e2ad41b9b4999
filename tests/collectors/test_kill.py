"""Drill 3: the collector is killed again and again; what was acknowledged is on disk, and nothing is there twice."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from collectors.spool import Spool

ROUNDS = 20
SETTINGS = """
data_dir: data
inputs:
  - {type: syslog, protocol: tcp, port: 0}
  - {type: relp, port: 0}
  - {type: file, path: app.log}
"""


@dataclass
class Senders:
    """Numbered lines over TCP and RELP, and what each protocol said about them. No line is ever sent twice."""

    tcp_port: int
    relp_port: int
    round: int
    acknowledged: set[str] = field(default_factory=set)
    connections: int = 0

    def run(self, stop: threading.Event) -> None:
        threads = [threading.Thread(target=self.send_tcp, args=(stop, name)) for name in "abc"]
        threads.append(threading.Thread(target=self.send_relp, args=(stop,)))
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def send_tcp(self, stop: threading.Event, name: str) -> None:
        number = 0
        while not stop.is_set():
            lines = [f"tcp-{self.round}-{name}-{number + i};" for i in range(40)]
            number += len(lines)
            try:
                with socket.create_connection(("127.0.0.1", self.tcp_port), timeout=5) as connection:
                    connection.sendall("".join(f"<34>{line}\n" for line in lines).encode())
                    connection.shutdown(socket.SHUT_WR)
                    if connection.recv(1) == b"":
                        self.acknowledged.update(lines)
                        self.connections += 1
            except OSError:
                return

    def send_relp(self, stop: threading.Event) -> None:
        number, answers = 2, b""
        try:
            with socket.create_connection(("127.0.0.1", self.relp_port), timeout=5) as connection:
                connection.sendall(b"1 open 14 relp_version=0\n")
                while not stop.is_set():
                    for _ in range(50):
                        data = f"<34>relp-{self.round}-{number};".encode()
                        connection.sendall(b"%d syslog %d %s\n" % (number, len(data), data))
                        number += 1
                    if not (got := connection.recv(65536)):
                        break
                    answers += got
        except OSError:
            pass
        for answered in re.findall(rb"(\d+) rsp 6 200 OK\n", answers):
            self.acknowledged.add(f"relp-{self.round}-{int(answered)};")


def kill_soon(child: subprocess.Popen[str], seconds: float, log: Path, written: list[str]) -> None:
    """Append to the followed file for a while, then kill without warning."""
    until = time.monotonic() + seconds
    with log.open("a") as file:
        while time.monotonic() < until:
            for _ in range(20):
                written.append(f"file-{len(written)};")
                file.write(written[-1] + "\n")
            file.flush()
            time.sleep(0.005)
    os.kill(child.pid, signal.SIGKILL)
    child.wait()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs POSIX processes")
def test_twenty_kills(tmp_path: Path) -> None:
    (tmp_path / "soc.yml").write_text(SETTINGS)
    acknowledged: set[str] = set()
    written: list[str] = []
    connections = 0
    for round_ in range(ROUNDS):
        command = [sys.executable, "-m", "collectors", "--settings", str(tmp_path / "soc.yml")]
        child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert child.stdout and child.stderr
        names = list(json.loads(child.stdout.readline())["inputs"])
        senders = Senders(*(int(name.rpartition(":")[2]) for name in names[:2]), round_)
        stop = threading.Event()
        running = threading.Thread(target=senders.run, args=(stop,))
        running.start()
        kill_soon(child, 0.05 + round_ % 5 * 0.03, tmp_path / "app.log", written)
        stop.set()
        running.join()
        acknowledged |= senders.acknowledged
        connections += senders.connections
        assert "Traceback" not in child.stderr.read()
        child.stdout.close()
        child.stderr.close()
    last = subprocess.Popen(
        [sys.executable, "-m", "collectors", "--settings", str(tmp_path / "soc.yml"), "--every", "0.2"],
        stdout=subprocess.PIPE,
        text=True,
    )
    for _ in range(4):  # a moment to read the rest of the file
        assert last.stdout and last.stdout.readline()
    last.send_signal(signal.SIGTERM)
    assert last.wait(10) == 0
    last.stdout.close()

    spool = Spool(tmp_path / "data" / "spool", 2_000_000_000)
    stored: Counter[str] = Counter()
    position = 0
    while batches := spool.read(position):
        for batch in batches:
            stored.update(line.decode().removeprefix("<34>") for line in batch.lines)
        position = batches[-1].position + len(batches[-1].lines)
    spool.close()
    assert connections > ROUNDS and any(line.startswith("relp") for line in acknowledged)
    assert acknowledged - stored.keys() == set()
    assert {line for line in written if stored[line] != 1} == set()
    assert [line for line, count in stored.items() if count > 1] == []


def test_killed_with_lines_in_memory_it_resets_the_connection(tmp_path: Path) -> None:
    """The spool is full, so the last lines wait in memory; a kernel's FIN must not call them safe."""
    settings = tmp_path / "soc.yml"
    settings.write_text("spool_limit: 16MB\ninputs: [{type: syslog, protocol: tcp, port: 0}]\n")
    command = [sys.executable, "-m", "collectors", "--settings", str(settings), "--every", "0.05"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout
        (name,) = json.loads(child.stdout.readline())["inputs"]
        with socket.create_connection(("127.0.0.1", int(name.rpartition(":")[2])), timeout=10) as filling:
            filling.settimeout(3)  # a machine that stands still for a moment is no full spool
            lines = (b"<34>" + b"x" * 995 + b"\n") * 50
            with pytest.raises(TimeoutError):
                while True:
                    filling.sendall(lines)
            with socket.create_connection(filling.getpeername(), timeout=10) as sender:
                sender.sendall(lines)
                sender.shutdown(socket.SHUT_WR)
                until = time.monotonic() + 30
                while json.loads(child.stdout.readline())["inputs"][name]["open"] < 2:
                    if time.monotonic() > until:
                        child.kill()
                        pytest.fail("the second connection has ended")
                time.sleep(0.2)
                child.kill()
                with pytest.raises(ConnectionResetError):
                    sender.recv(1)


def test_stopped_with_lines_in_memory_it_ends_without_a_traceback(tmp_path: Path) -> None:
    settings = tmp_path / "soc.yml"
    settings.write_text("spool_limit: 16MB\ninputs: [{type: syslog, protocol: tcp, port: 0}]\n")
    command = [sys.executable, "-m", "collectors", "--settings", str(settings), "--every", "60"]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert child.stdout
        (name,) = json.loads(child.stdout.readline())["inputs"]
        with socket.create_connection(("127.0.0.1", int(name.rpartition(":")[2])), timeout=3) as filling:
            with pytest.raises(TimeoutError):
                while True:
                    filling.sendall((b"<34>" + b"x" * 995 + b"\n") * 50)
            child.terminate()
            _, said = child.communicate(timeout=60)
        assert (child.returncode, said) == (0, "")
    finally:
        child.kill()
