"""A real Elasticsearch for tests: security on, TLS by an authority made for the run, one node, nothing kept.

It runs as a plain process where ``shared/tools/containers/elasticsearch-local`` lies beside the checkout, else in a
container. The process comes first: it starts without an image to pull or build, and in the same 20 to 30 s.

``python -m tests.services.elasticsearch_server FOLDER PORT`` runs one to develop against.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time
import urllib.request
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from soc.core.settings import ElasticsearchSettings

IMAGE = "docker.elastic.co/elasticsearch/elasticsearch:9.4.3"
LOCAL = Path(__file__).resolve().parents[3] / "shared" / "tools" / "containers" / "elasticsearch-local"
# looked up when this is imported: tests change where programs keep things, and the server is not to be fetched anew
CACHE = os.environ.get("CONTAINERS_CACHE") or str(
    Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "soc-servers"
)
PASSWORD = "only-for-tests"
WITHIN = 180.0
TLS = {
    "xpack.security.http.ssl.enabled": "true",
    "xpack.security.http.ssl.key": "certs/node.key",
    "xpack.security.http.ssl.certificate": "certs/node.crt",
}


class Missing(Exception):
    """Neither a process nor a container can be had; the text says what is missing."""


@dataclass(frozen=True, slots=True)
class Server:
    """Where it listens, and the files of secrets that settings name."""

    url: str
    ca: str
    password_file: str

    def settings(self, namespace: str) -> ElasticsearchSettings:
        """As the superuser; what least rights allow is tested with keys of their own."""
        return ElasticsearchSettings(
            urls=(self.url,), user="elastic", password_file=self.password_file, ca=self.ca, namespace=namespace
        )


@contextmanager
def elasticsearch_server(folder: Path, port: int = 0) -> Iterator[Server]:
    """Runs until the block ends. Missing if this machine can run none."""
    certificates(folder / "config" / "certs")
    password = folder / "password"
    password.write_text(PASSWORD + "\n", "utf-8")
    if LOCAL.is_file():
        running = _process(folder, port or _free_port())
    elif (engine := _engine()) is None:
        running = _container(folder)
    else:
        raise Missing(f"no Elasticsearch: {LOCAL} is not there, and no container engine answers ({engine})")
    with running as url:
        server = Server(url, str(folder / "config" / "certs" / "ca.crt"), str(password))
        _wait(server)
        yield server


def certificates(folder: Path) -> None:
    """An authority and a certificate of localhost, valid for two days."""
    folder.mkdir(parents=True)
    ca, node = folder / "ca", folder / "node"
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    _openssl("req", "-x509", *key, "-keyout", f"{ca}.key", "-out", f"{ca}.crt", "-days", "2", "-subj", "/CN=test CA",
             "-addext", "keyUsage=critical,keyCertSign,cRLSign")  # fmt: skip
    _openssl("req", *key, "-keyout", f"{node}.key", "-out", f"{node}.csr", "-subj", "/CN=localhost")
    names = folder / "names"
    names.write_text(
        "subjectAltName=DNS:localhost,IP:127.0.0.1\nauthorityKeyIdentifier=keyid\nsubjectKeyIdentifier=hash\n"
    )
    _openssl("x509", "-req", "-in", f"{node}.csr", "-CA", f"{ca}.crt", "-CAkey", f"{ca}.key", "-CAcreateserial",
             "-out", f"{node}.crt", "-days", "2", "-extfile", str(names))  # fmt: skip
    for file in folder.iterdir():
        file.chmod(0o644)  # the server in a container is another user


@contextmanager
def _process(folder: Path, port: int) -> Iterator[str]:
    options = [f"-E{name}={value}" for name, value in TLS.items()]
    environment = os.environ | {"ELASTIC_PASSWORD": PASSWORD, "CONTAINERS_CACHE": CACHE}
    with (folder / "start.log").open("wb") as log:
        # A group of its own, so that the script and the server end together
        process = subprocess.Popen(
            [LOCAL, folder, str(port), *options], env=environment, stdout=log, stderr=log, start_new_session=True
        )
    try:
        yield f"https://localhost:{port}"
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        shutil.rmtree(folder / "data", ignore_errors=True)


@contextmanager
def _container(folder: Path) -> Iterator[str]:
    from testcontainers.core.container import DockerContainer

    container = DockerContainer(IMAGE).with_exposed_ports(9200)
    container.with_volume_mapping(str(folder / "config" / "certs"), "/usr/share/elasticsearch/config/certs", "ro")
    settings = {"discovery.type": "single-node", "ELASTIC_PASSWORD": PASSWORD, "xpack.security.enabled": "true"} | TLS
    for name, value in settings.items():
        container.with_env(name, value)
    container.with_env("ES_JAVA_OPTS", "-Xms512m -Xmx512m")
    with container as running:
        yield f"https://localhost:{running.get_exposed_port(9200)}"


def _engine() -> str | None:
    """Why no container engine answers; None if one does."""
    try:
        import docker
    except ImportError as error:
        return str(error)
    try:
        docker.from_env(timeout=10).ping()
    except docker.errors.DockerException as error:
        return str(error)
    return None


def _wait(server: Server) -> None:
    """Until it answers and its index of users can be read."""
    context = ssl.create_default_context(cafile=server.ca)
    open_ = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))
    request = urllib.request.Request(f"{server.url}/_cluster/health?wait_for_status=yellow")
    request.add_header("Authorization", "Basic " + b64encode(f"elastic:{PASSWORD}".encode()).decode())
    end = time.monotonic() + WITHIN
    while True:
        try:
            with open_.open(request, timeout=5) as answer:
                answer.read()
                return
        except OSError as error:
            if time.monotonic() > end:
                raise Missing(f"Elasticsearch did not answer within {WITHIN:.0f} s: {error}") from error
        time.sleep(0.3)


def _openssl(*arguments: str) -> None:
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit())  # the server ends with us
    with elasticsearch_server(Path(sys.argv[1]), int(sys.argv[2])) as started:
        print(started, flush=True)
        signal.pause()
