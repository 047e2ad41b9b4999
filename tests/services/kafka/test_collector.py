"""Collector to Kafka: killed, cut off and full, it loses no acknowledged line; numbers stay with their lines."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from soc.core.settings import KafkaSettings
from soc.core.wire import decode_count
from tests.services.kafka.conftest import Read, batches, everything, make
from tests.services.kafka_server import free_port, kafka_server

PADDING = "x" * 300  # so that the spool has several files, of which those that were sent go
pytestmark = pytest.mark.xdist_group("servers")


@dataclass
class Collector:
    """A collector in a process of its own, on the same port and data folder at each start."""

    folder: Path
    kafka: KafkaSettings
    limit: str = "200MB"
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        (self.folder / "soc.yml").write_text(
            f"name: hq\ndata_dir: data\nspool_limit: {self.limit}\n"
            f"inputs: [{{type: syslog, protocol: tcp, port: {self.port}}}]\n"
            f"kafka: {{servers: ['{self.kafka.servers[0]}'], prefix: {self.kafka.prefix}}}\n"
        )
        command = [sys.executable, "-m", "collectors", "--settings", str(self.folder / "soc.yml"), "--every", "0.1"]
        begin = self.status_file.stat().st_size if self.status_file.exists() else 0
        with self.status_file.open("ab") as out, (self.folder / "errors").open("ab") as errors:
            self.process = subprocess.Popen(command, stdout=out, stderr=errors)
        until = time.monotonic() + 20
        while self.status_file.stat().st_size == begin:
            assert self.process.poll() is None and time.monotonic() < until, self.errors()
            time.sleep(0.01)

    @property
    def status_file(self) -> Path:
        return self.folder / "status"

    def status(self) -> dict:
        return json.loads(self.status_file.read_bytes().rpartition(b"\n")[0].rpartition(b"\n")[2])

    def errors(self) -> str:
        return (self.folder / "errors").read_text()

    def until(self, true: Callable[[dict], bool], seconds: float = 120) -> dict:
        until = time.monotonic() + seconds
        while not true(status := self.status()):
            assert time.monotonic() < until, f"{status}\n{self.errors()}"
            time.sleep(0.05)
        return status

    def end(self, how: signal.Signals) -> int:
        assert self.process
        self.process.send_signal(how)
        code = self.process.wait(20)
        self.process = None
        return code


@pytest.fixture
def started(tmp_path: Path) -> Iterator[Callable[..., Collector]]:
    made: list[Collector] = []

    def start(kafka: KafkaSettings, **more: str) -> Collector:
        made.append(Collector(tmp_path, kafka, **more))
        made[-1].start()
        return made[-1]

    yield start
    for collector in made:
        if collector.process:
            collector.process.kill()
            collector.process.wait()


class Sender(threading.Thread):
    """Numbered lines over TCP, connection after connection; no line twice. acknowledged: those that are on disk."""

    def __init__(self, port: int, name: str, pause: float = 0.002) -> None:
        super().__init__(daemon=True)  # a test that fails does not wait for it
        self.acknowledged: set[str] = set()
        self._port, self._name, self._pause = port, name, pause
        self._stop_asked = threading.Event()

    def run(self) -> None:
        number = 0
        while not self._stop_asked.is_set():
            lines = [f"{self._name}-{number + i};{PADDING}" for i in range(40)]
            number += len(lines)
            try:
                with socket.create_connection(("127.0.0.1", self._port), timeout=5) as connection:
                    connection.sendall("".join(f"<34>{line}\n" for line in lines).encode())
                    connection.shutdown(socket.SHUT_WR)
                    if connection.recv(1) == b"":
                        self.acknowledged.update(lines)
            except OSError:
                time.sleep(0.02)
            time.sleep(self._pause)

    def stop(self) -> set[str]:
        self._stop_asked.set()
        self.join()
        return self.acknowledged


def check(found: list, acknowledged: set[str]) -> tuple[int, int]:
    """No acknowledged line is missing, and a number has one line for ever. (lines, repeated ones)"""
    numbered: dict[tuple[str, int], set[bytes]] = defaultdict(set)
    total = 0
    for batch in found:
        for number, line in enumerate(batch.lines, batch.position):
            numbered[batch.origin, number].add(line)
            total += 1
    assert {len(lines) for lines in numbered.values()} <= {1}
    assert {origin for origin, _ in numbered} == {"hq/tcp:127.0.0.1"}
    there = [line.decode().removeprefix("<34>") for (line,) in numbered.values()]
    assert len(set(there)) == len(there), "one line under two numbers"
    assert acknowledged - set(there) == set()
    numbers = sorted(number for _, number in numbered)
    assert numbers == list(range(len(numbers))), "a gap in the numbers"
    return len(there), total - len(there)


def test_killed_again_and_again_it_loses_nothing(stream: KafkaSettings, started, read: Read) -> None:
    collector = started(stream, limit="16MB")
    senders = [Sender(collector.port, name) for name in "abc"]
    for sender in senders:
        sender.start()
    for round_ in range(8):
        time.sleep(0.5 + round_ * 0.15)
        collector.end(signal.SIGKILL)
        collector.start()
    acknowledged = {line for sender in senders for line in sender.stop()}
    collector.until(lambda status: status["kafka"]["connected"] and status["kafka"]["lag"] == 0)
    assert collector.end(signal.SIGTERM) == 0
    assert len(acknowledged) > 2000
    found = batches(read(f"{stream.prefix}.raw"))
    lines, repeated = check(found, acknowledged)
    assert repeated < lines, "it goes on from where it was, not from the beginning of the spool"
    assert "Traceback" not in collector.errors()
    counts = {record.key: decode_count(record.value) for record in read(f"{stream.prefix}.counts")}
    assert {(count.stage, count.collector, count.origin) for count in counts.values()} == {
        ("collector", "hq", "hq/tcp:127.0.0.1")
    }
    assert sum(count.lines for count in counts.values()) == lines, "repeated lines are counted once"


def test_it_ships_what_waits_in_records_of_hundreds_and_a_single_line_at_once(
    stream: KafkaSettings, started, read: Read
) -> None:
    collector = started(stream)
    collector.until(lambda status: status["kafka"]["connected"])
    with socket.create_connection(("127.0.0.1", collector.port)) as connection:
        waits = []
        for number in range(10):
            connection.sendall(f"<34>single {number}\n".encode())
            begin = time.monotonic()
            while collector.status()["kafka"]["sent"] <= number:
                time.sleep(0.005)
            waits.append(time.monotonic() - begin)
        assert max(waits) < 1.0, waits  # of which the status line, written every 0.1 s, is a part
        connection.sendall("".join(f"<34>many {number}\n" for number in range(50_000)).encode())
        collector.until(lambda status: status["kafka"]["sent"] == 50_010)
    collector.end(signal.SIGTERM)
    found = batches(read(f"{stream.prefix}.raw"))
    assert [line for batch in found for line in batch.lines] == [
        *(f"<34>single {number}".encode() for number in range(10)),
        *(f"<34>many {number}".encode() for number in range(50_000)),
    ], "in order, and nothing twice"
    assert max(len(batch.lines) for batch in found) == 500
    assert len(found) < 250


def test_while_kafka_is_away_lines_are_taken_and_later_sent(tmp_path: Path, prefix: str, started) -> None:
    with kafka_server(tmp_path / "node", local=True) as broker:
        kafka = KafkaSettings((broker.servers,), prefix)
        make(kafka)
        collector = started(kafka)
        sender = Sender(collector.port, "x")
        sender.start()
        collector.until(lambda status: status["kafka"]["sent"] > 500)

        def outage(killed: bool) -> None:
            if killed:
                broker.kill()
            else:
                broker.stop()  # may take half a minute, in which lines go on waiting
            away = collector.until(lambda status: not status["kafka"]["connected"])
            assert away["kafka"]["errors"] > 0 and "kafka: " in collector.errors()
            taken = collector.until(lambda status: status["durable"] > away["durable"] + 15_000)
            assert taken["kafka"]["sent"] == away["kafka"]["sent"], "nothing is called sent that was not"
            if killed:
                collector.end(signal.SIGKILL)  # both away at once
                collector.start()
            broker.start()
            collector.until(lambda status: status["durable"] - status["kafka"]["lag"] > taken["durable"])
            assert collector.status()["kafka"]["connected"]

        outage(killed=False)
        outage(killed=True)
        acknowledged = sender.stop()
        collector.until(lambda status: status["kafka"]["lag"] == 0)
        assert collector.end(signal.SIGTERM) == 0
        assert "kafka: answers again" in collector.errors() and "Traceback" not in collector.errors()
        lines, _ = check(batches(everything(broker.servers, f"{prefix}.raw")), acknowledged)
        assert lines >= len(acknowledged) > 3000


def test_the_spool_is_emptied_and_a_full_one_holds_senders_back(
    stream: KafkaSettings, started, read: Read, tmp_path: Path
) -> None:
    missing = KafkaSettings(stream.servers, f"{stream.prefix}-none")
    collector = started(missing, limit="16MB")
    collector.until(lambda status: "no topic" in status["kafka"]["error"])
    line = b"<34>" + b"x" * 995 + b"\n"
    with socket.create_connection(("127.0.0.1", collector.port)) as connection:
        connection.settimeout(1)
        sent = 0
        with pytest.raises(TimeoutError):
            while sent < 100_000_000:
                sent += connection.send(line * 50)
        assert collector.status()["spool_bytes"] > 14_000_000
        make(missing)
        connection.settimeout(20)
        connection.sendall((line * 50)[sent % (50 * len(line)) :])
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(1) == b""
    collector.until(lambda now: now["durable"] * len(line) >= sent and now["kafka"]["lag"] == 0)
    assert collector.end(signal.SIGTERM) == 0
    status = collector.status()
    assert status["spool_bytes"] < 5_000_000 and status["kafka"]["sent"] == status["durable"] > 14_000
    found = batches(read(f"{missing.prefix}.raw"))
    assert sum(len(batch.lines) for batch in found) == status["durable"]
    assert (tmp_path / "data" / "kafka-sent.json").stat().st_mode & 0o077 == 0
