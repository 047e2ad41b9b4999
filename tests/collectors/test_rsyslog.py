"""The real rsyslog as the sender: omrelp, and omfwd over TCP with both framings and over UDP."""

from __future__ import annotations

import asyncio
import shutil
import socket
import subprocess
import time
from pathlib import Path

import pytest

from soc.core.settings import RelpInput, SyslogInput

RSYSLOGD = shutil.which("rsyslogd", path="/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/sbin")
LINES = 3000

FORWARD = 'action(type="omfwd" target="127.0.0.1" port="{{port}}" {} template="t")'
ACTIONS = {
    "relp": 'action(type="omrelp" target="127.0.0.1" port="{port}" template="t")',
    "octet": FORWARD.format('protocol="tcp" TCP_Framing="octet-counted"'),
    "newline": FORWARD.format('protocol="tcp"'),
    "udp": FORWARD.format('protocol="udp"'),
}
CONFIG = """
global(workDirectory="{folder}" maxMessageSize="64k")
module(load="imudp")
module(load="{module}")
template(name="t" type="string" string="<%pri%>1 - - - - - - %msg%")
ruleset(name="out") {{ {action} }}
input(type="imudp" address="127.0.0.1" port="{source}" ruleset="out" rcvbufSize="8m")
"""


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.mark.skipif(RSYSLOGD is None, reason="rsyslogd is not installed (Debian: rsyslog, rsyslog-relp)")
@pytest.mark.parametrize("way", list(ACTIONS))
def test_every_line_of_rsyslog_arrives(collecting, tmp_path: Path, way: str) -> None:
    if way == "relp" and not list(Path("/usr/lib").rglob("rsyslog/omrelp.so")):
        pytest.skip("rsyslog's omrelp is not installed (Debian: rsyslog-relp)")
    listening = {"relp": RelpInput(0), "udp": SyslogInput("udp", 0)}.get(way, SyslogInput("tcp", 0))

    async def run() -> None:
        async with collecting(listening) as running:
            source = free_port()
            module = "omrelp" if way == "relp" else "builtin:omfwd"
            config = tmp_path / "rsyslog.conf"
            text = CONFIG.format(
                folder=tmp_path, module=module, action=ACTIONS[way].format(port=running.port), source=source
            )
            config.write_text(text)
            daemon = subprocess.Popen(
                [str(RSYSLOGD), "-n", "-f", str(config), "-i", str(tmp_path / "rsyslog.pid")],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
            )
            try:
                with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
                    await asyncio.to_thread(wait_for_listener, source)
                    for number in range(LINES):
                        sender.sendto(f"<34>test: line {number};".encode(), ("127.0.0.1", source))
                        if number % 100 == 99:
                            await asyncio.sleep(0.005)
                lines = await running.until(LINES, 20)
            finally:
                daemon.terminate()
                _, problems = await asyncio.to_thread(daemon.communicate, timeout=10)
            assert [line.split(b"line ")[1] for line in lines] == [b"%d;" % n for n in range(LINES)], problems
            (counters,) = running.agent.counters().values()
            assert (counters.malformed, counters.truncated) == (0, 0)

    asyncio.run(run())


def wait_for_listener(port: int) -> None:
    """UDP has no handshake: the kernel's table says when rsyslog listens."""
    until = time.monotonic() + 10
    while time.monotonic() < until:
        if f":{port:04X} " in Path("/proc/net/udp").read_text("ascii"):
            return
        time.sleep(0.02)
    raise TimeoutError("rsyslogd does not listen")
