"""``soc run`` as a process: killed over and over while lines arrive, stopped, stopped in the middle of work."""

import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from soc.core.store import AlertFilter
from soc.stores.sqlite import SqliteStore

KILLS = 20
CHUNK = 40
SETTINGS = """\
inputs:
  - {type: syslog, protocol: tcp, port: 0}
  - {type: syslog, protocol: udp, port: 0}
data_dir: data
lateness: 1s
console: {enabled: false}
"""


@contextmanager
def running(folder: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """The service, once it listens, and its TCP port."""
    command = [sys.executable, "-m", "soc", "run", "--settings", str(folder / "soc.yml")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        assert process.stdout
        seen = []
        for line in process.stdout:
            seen.append(line)
            if found := re.search(r"collecting: syslog tcp \S+:(\d+)", line):
                yield process, int(found[1])
                return
        pytest.fail("soc run did not start:\n" + "".join(seen))
    finally:
        process.kill()
        process.wait()
        assert process.stdout
        process.stdout.close()


def line(number: int) -> bytes:
    second = number // 20
    return (
        f"<38>Oct  5 08:{second // 60 % 60:02}:{second % 60:02} web-{number % 3} sshd[{1000 + number}]: "
        f"Failed password for root from 198.51.100.{number % 3 + 1} port {20000 + number} ssh2\n"
    ).encode()


def send(port: int, numbers: range) -> bool:
    """A connection with these lines; True when the other side says, by closing after us, that all are on disk."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
            connection.sendall(b"".join(map(line, numbers)))
            connection.shutdown(socket.SHUT_WR)
            return connection.recv(1) == b""
    except OSError:
        return False


def stored_numbers(store: SqliteStore) -> set[int]:
    events = store.events_around(1_760_000_000_000_000, 10**17, 1_000_000)
    return {int(re.search(r"sshd\[(\d+)\]", str(event["event.original"]))[1]) - 1000 for event in events}


def wait_for(condition: object, seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come to pass"
        time.sleep(0.1)


def test_kill_minus_nine_loses_no_acknowledged_line_and_alerts_nothing_twice(tmp_path: Path) -> None:
    (tmp_path / "soc.yml").write_text(SETTINGS)
    acknowledged: set[int] = set()
    following = 0
    for kill in range(KILLS):
        with running(tmp_path) as (process, port):
            for chunk in range(6):
                numbers = range(following, following + CHUNK)
                if chunk == 5:
                    process.send_signal(signal.SIGKILL)
                if not send(port, numbers):
                    break
                acknowledged |= set(numbers)
                following += CHUNK
        assert following >= (kill + 1) * CHUNK
    store_file = tmp_path / "data" / "soc.db"
    with running(tmp_path) as (process, _):
        wait_for(lambda: _has(store_file, acknowledged))
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    store = SqliteStore.read_only(store_file)
    assert acknowledged <= stored_numbers(store)
    alerts = store.alerts(AlertFilter(limit=1000))
    store.close()
    groups = [(alert.rule_id, alert.group) for alert in alerts]
    assert len(groups) == len(set(groups))
    assert len({group for _, group in groups}) == 3


def _has(store_file: Path, numbers: set[int]) -> bool:
    store = SqliteStore.read_only(store_file)
    try:
        return numbers <= stored_numbers(store)
    finally:
        store.close()


def test_sigterm_under_load_ends_in_time_with_everything_acknowledged_on_disk(tmp_path: Path) -> None:
    (tmp_path / "soc.yml").write_text(SETTINGS)
    with running(tmp_path) as (process, port):
        assert send(port, range(5000))
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    with running(tmp_path) as (process, _):
        wait_for(lambda: _has(tmp_path / "data" / "soc.db", set(range(5000))))
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0


def test_a_taken_port_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        (tmp_path / "soc.yml").write_text(SETTINGS.replace("port: 0}", f"port: {port}}}", 1))
        command = [sys.executable, "-m", "soc", "run", "--settings", str(tmp_path / "soc.yml")]
        result = subprocess.run(command, check=False, capture_output=True, text=True, timeout=30)
    assert result.returncode == 2
    assert "inputs[0]" in result.stderr


def test_a_console_port_that_is_taken_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        (tmp_path / "soc.yml").write_text(SETTINGS.replace("{enabled: false}", f"{{port: {port}}}"))
        command = [sys.executable, "-m", "soc", "run", "--settings", str(tmp_path / "soc.yml")]
        result = subprocess.run(command, check=False, capture_output=True, text=True, timeout=30)
    assert result.returncode == 2
    assert f"console: 127.0.0.1 port {port}" in result.stderr
