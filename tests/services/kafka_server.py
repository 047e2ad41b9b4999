"""A real Kafka broker for tests: in a container where an engine answers, else from local jars, else a skip.

Drills need a broker that can be killed at any moment, so ``local=True`` asks for the plain process.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pytest

IMAGE = "apache/kafka:4.4.0"
LOCAL = Path(__file__).resolve().parents[3] / "shared" / "tools" / "containers" / "kafka-local"
STARTED = ("READY ", "Kafka Server started")  # kafka-local, and the broker itself
# looked up when this is imported: tests change where programs keep things, and the server is not to be fetched anew
CACHE = os.environ.get("CONTAINERS_CACHE") or str(
    Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "soc-servers"
)
START_SECONDS = 90  # a busy machine: 5 is usual


class KafkaServer(Protocol):
    """What a test sees of a broker."""

    @property
    def servers(self) -> str:
        """``127.0.0.1:PORT``, also after a kill and another start."""

    def kill(self) -> None:
        """SIGKILL: what was not flushed to the log is gone."""

    def start(self) -> None:
        """Again, on the same folder and port."""

    def stop(self) -> None:
        """An orderly end; nothing happens if it has ended already."""


def free_port() -> int:
    """A port on loopback that nobody listens on now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@dataclass
class LocalKafka:
    """A process of ``kafka-local``: the script and its Java are one process group, which we end as one."""

    folder: Path
    port: int
    properties: dict[str, str]
    process: subprocess.Popen[bytes] | None = None

    @property
    def servers(self) -> str:
        return f"127.0.0.1:{self.port}"

    def start(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        settings = [f"{name}={value}" for name, value in self.properties.items()]
        with (self.folder / "start.log").open("wb") as log:
            self.process = subprocess.Popen(
                [str(LOCAL), str(self.folder), str(self.port), *settings],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                env=os.environ | {"KAFKA_HEAP_OPTS": "-Xms96m -Xmx384m", "CONTAINERS_CACHE": CACHE},
            )
        process = self.process
        _until_listening(self.servers, (self.folder / "start.log").read_text, lambda: process.poll() is None)

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def _end(self, how: signal.Signals) -> None:
        process, self.process = self.process, None
        if process is None:
            return
        with suppress(ProcessLookupError):
            os.killpg(process.pid, how)
        try:
            process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


class ContainerKafka:
    """The official image's layout, with the port that clients use published on loopback."""

    def __init__(self, port: int, properties: dict[str, str]) -> None:
        from testcontainers.core.container import DockerContainer  # type: ignore[import-untyped,unused-ignore]

        self.port = port
        # As root: images that were built under a strict umask cannot rewrite their own configuration otherwise.
        container = DockerContainer(IMAGE).with_bind_ports(f"{port}/tcp", port).with_kwargs(user="0")
        for name, value in (_SINGLE_NODE | properties).items():
            value = value.replace("@PORT@", str(port))
            container.with_env("KAFKA_" + name.upper().replace(".", "_"), value)
        self.container = container

    @property
    def servers(self) -> str:
        return f"127.0.0.1:{self.port}"

    def start(self) -> None:
        self.container.start()
        _until_listening(self.servers, self._said, self._running)

    def _said(self) -> str:
        return b"".join(self.container.get_logs()).decode(errors="replace")

    def _running(self) -> bool:
        inside = self.container.get_wrapped_container()
        inside.reload()
        return bool(inside.status == "running")

    def kill(self) -> None:
        raise NotImplementedError("ask for local=True")

    def stop(self) -> None:
        self.container.stop()


# One setting replaces the image's whole default configuration, so all of them are given.
_SINGLE_NODE = {
    "node.id": "1",
    "process.roles": "broker,controller",
    "controller.quorum.voters": "1@127.0.0.1:9093",
    "controller.listener.names": "CONTROLLER",
    "listeners": "PLAINTEXT://:@PORT@,CONTROLLER://:9093",
    "advertised.listeners": "PLAINTEXT://127.0.0.1:@PORT@",
    "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
    "inter.broker.listener.name": "PLAINTEXT",
    "offsets.topic.num.partitions": "1",
    "offsets.topic.replication.factor": "1",
    "transaction.state.log.num.partitions": "1",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "group.initial.rebalance.delay.ms": "0",
}


def _until_listening(servers: str, said: Callable[[], str], running: Callable[[], bool]) -> None:
    """Until the broker says that it has started and accepts connections; its own words in the error if it ends."""
    host, port = servers.split(":")
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if not running():
            raise RuntimeError(f"Kafka on {servers} ended: {said()[-2000:]}")
        with suppress(OSError), socket.create_connection((host, int(port)), timeout=1):
            if any(word in said() for word in STARTED):
                return
        time.sleep(0.1)
    raise TimeoutError(f"Kafka on {servers} does not answer after {START_SECONDS} s: {said()[-2000:]}")


def engine_answers() -> bool:
    """Whether DOCKER_HOST names a container engine that answers, and testcontainers is there to use it."""
    if not os.environ.get("DOCKER_HOST"):
        return False
    try:
        import docker  # type: ignore[import-untyped,unused-ignore]
        import testcontainers.core.container  # type: ignore[import-untyped,unused-ignore]  # noqa: F401
    except ImportError:
        return False
    try:
        client = docker.from_env(timeout=5)
    except docker.errors.DockerException:
        return False
    try:
        return bool(client.ping())
    except (docker.errors.DockerException, OSError):
        return False
    finally:
        client.close()


@contextmanager
def kafka_server(folder: Path, *, local: bool = False, **properties: str) -> Iterator[KafkaServer]:
    """A broker that runs inside the block; property names have ``_`` for ``.``, as in ``message_max_bytes``."""
    settings = {name.replace("_", "."): value for name, value in properties.items()}
    settings.setdefault("message.max.bytes", str(4 << 20))
    server: LocalKafka | ContainerKafka
    if not local and engine_answers():
        server = ContainerKafka(free_port(), settings)
    elif LOCAL.is_file():
        server = LocalKafka(folder, free_port(), settings)
    elif local:
        pytest.skip("no Kafka that can be killed: shared/tools/containers/kafka-local is not beside the checkout")
    else:
        pytest.skip("no Kafka: DOCKER_HOST names no engine that answers, and kafka-local is not beside the checkout")
    try:
        server.start()
        yield server
    finally:
        server.stop()
