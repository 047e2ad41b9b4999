"""A real Kafka node with users and TLS, which kafka_server.py does not have; from the jars on this machine.

Jars: in the folder $SOC_KAFKA_LIBS, or where the project's container tools keep them.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

from tests.services.kafka_server import free_port

USER, PASSWORD = "collector", "correct horse battery-staple"
_ID = "5L6g3nShT-eMCtK--X86sw"
_LOG = "Configuration: {Appenders: {Console: {name: O}}, Loggers: {Root: {level: info, AppenderRef: {ref: O}}}}\n"


def _libraries() -> Path | None:
    cache = Path(
        os.environ.get("CONTAINERS_CACHE")
        or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "soc-servers"
    )
    given = os.environ.get("SOC_KAFKA_LIBS")
    folders = [Path(given)] if given else sorted(cache.glob("kafka-[0-9]*"))
    found = [folder for folder in folders if any(folder.glob("kafka_*.jar"))]
    return found[-1] if found and shutil.which("java") else None


LIBRARIES = _libraries()
"""The folder of Kafka's jars, or None; looked up before any test changes the environment."""


class Broker:
    """A node on loopback, plain at ``address``; with a certificate also SASL over TLS at ``secure``."""

    def __init__(self, folder: Path, certificate: Path | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        plain, safe, control = free_port(), free_port(), free_port()
        self.address, self.secure = f"127.0.0.1:{plain}", f"localhost:{safe}"
        listeners = {"PLAINTEXT": f"127.0.0.1:{plain}"} | ({"SASL_SSL": self.secure} if certificate else {})
        told = ",".join(f"{name}://{address}" for name, address in listeners.items())
        self._properties: dict[str, object] = {
            "process.roles": "broker,controller",
            "node.id": 1,
            "controller.quorum.voters": f"1@127.0.0.1:{control}",
            "controller.listener.names": "CONTROLLER",
            "listeners": f"{told},CONTROLLER://127.0.0.1:{control}",
            "advertised.listeners": told,
            "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SASL_SSL:SASL_SSL",
            "inter.broker.listener.name": "PLAINTEXT",
            "log.dirs": folder / "data",
            "offsets.topic.num.partitions": 1,
            "offsets.topic.replication.factor": 1,
            "transaction.state.log.replication.factor": 1,
            "transaction.state.log.min.isr": 1,
            "group.initial.rebalance.delay.ms": 0,
            "log.retention.check.interval.ms": 1000,
            "sasl.enabled.mechanisms": "SCRAM-SHA-512",
        }
        if certificate:
            self._properties |= {
                "ssl.keystore.type": "PEM",
                "ssl.keystore.location": certificate,
                "listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config": (
                    "org.apache.kafka.common.security.scram.ScramLoginModule required;"
                ),
            }
        self._format(f"SCRAM-SHA-512=[name={USER},password={PASSWORD}]" if certificate else "")

    def _format(self, user: str) -> None:
        self._write("server.properties", self._properties)
        (self.folder / "log4j2.yaml").write_text(_LOG)
        arguments = ["format", "--ignore-formatted", "-t", _ID, "-c", str(self.folder / "server.properties")]
        done = subprocess.run(
            [*self._java("128m"), "kafka.tools.StorageTool", *arguments, *(["--add-scram", user] if user else [])],
            capture_output=True,
            check=False,
        )
        assert done.returncode == 0, (done.stdout + done.stderr)[-1000:]

    def _write(self, name: str, properties: Mapping[str, object]) -> None:
        (self.folder / name).write_text("".join(f"{key}={value}\n" for key, value in properties.items()))

    def _java(self, heap: str) -> list[str]:
        options = ["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", f"-Xmx{heap}"]
        log = f"-Dlog4j2.configurationFile={self.folder / 'log4j2.yaml'}"
        return ["java", *options, log, "-cp", f"{LIBRARIES}/*"]

    def start(self, seconds: float = 60) -> None:
        """Returns once it answers."""
        with (self.folder / "kafka.log").open("ab") as log:
            begin = log.tell()
            self._process = subprocess.Popen(
                [*self._java("400m"), "kafka.Kafka", str(self.folder / "server.properties")], stdout=log, stderr=log
            )
        until = time.monotonic() + seconds
        while b"Kafka Server started" not in (self.folder / "kafka.log").read_bytes()[begin:]:
            assert self._process.poll() is None, (self.folder / "kafka.log").read_text()[-1500:]
            assert time.monotonic() < until, "Kafka does not start"
            time.sleep(0.1)

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(20)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None


def certificate(folder: Path) -> tuple[Path, Path]:
    """A key and certificate for localhost in one PEM file, and the authority that signed it."""
    folder.mkdir(parents=True, exist_ok=True)

    def openssl(*arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)

    new = ("-newkey", "rsa:2048", "-nodes", "-days", "2")
    usage = ("-addext", "keyUsage=critical,keyCertSign")
    openssl("req", "-x509", *new, *usage, "-subj", "/CN=Test CA", "-keyout", "ca.key", "-out", "ca.pem")
    openssl("req", *new, "-subj", "/CN=localhost", "-keyout", "server.key", "-out", "server.csr")
    (folder / "names").write_text("subjectAltName=DNS:localhost\nauthorityKeyIdentifier=keyid\n")
    sign = ("-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2", "-extfile", "names")
    openssl("x509", "-req", "-in", "server.csr", *sign, "-out", "server.pem")
    both = folder / "server-and-key.pem"
    both.write_text((folder / "server.key").read_text() + (folder / "server.pem").read_text())
    return both, folder / "ca.pem"
