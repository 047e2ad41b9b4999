"""docker-compose.yml keeps what README promises of it, as far as that can be seen without a container engine."""

import re
import shlex
import subprocess
from pathlib import Path

import click
import pytest
import yaml

from soc.cli import main
from soc.core.settings import read_settings

ROOT = Path(__file__).parents[1]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))
SERVICES = COMPOSE["services"]
LASTING = {name for name, service in SERVICES.items() if service.get("restart") != "no"}


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_is_guarded(name):
    service = SERVICES[name]
    _, _, tag = service["image"].rpartition(":")
    assert tag not in ("", "latest")
    assert service["user"] == "${SOC_UID:-1000}:0"
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["mem_limit"]
    assert not service.get("privileged")


@pytest.mark.parametrize("name", sorted(LASTING))
def test_every_lasting_service_says_how_it_is(name):
    assert SERVICES[name]["healthcheck"]["test"]
    assert SERVICES[name]["restart"] == "unless-stopped"


def test_ports_are_on_this_machine_only():
    ports = [port for service in SERVICES.values() for port in service.get("ports", ())]
    assert len(ports) > 4
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_volumes_and_files_are_there():
    for service in SERVICES.values():
        for volume in service.get("volumes", ()):
            source = re.sub(r"\$\{SOC_[A-Z]+:-([^}]+)\}", r"\1", volume).split(":")[0]
            if source.startswith("./secrets/"):
                continue  # make secrets
            known = (ROOT / source).exists() if source.startswith("./") else source in COMPOSE["volumes"]
            assert known, volume


def test_the_dependencies_of_what_ends_are_none():
    """podman 4 does not start what depends on a container that has ended and depends on others."""
    for service in SERVICES.values():
        for name, how in service.get("depends_on", {}).items():
            if how["condition"] == "service_completed_successfully":
                assert "depends_on" not in SERVICES[name]


def _commands():
    for name, service in SERVICES.items():
        if service["image"].startswith("soc-pipeline") and "entrypoint" not in service:
            yield name, service["command"]
    for file in ("init.sh", "demo.sh"):
        for line in (ROOT / "deploy" / file).read_text("utf-8").splitlines():
            _, found, words = line.partition(" soc ")
            if found and not line.startswith("#") and "2>" not in line:
                yield file, [word for word in shlex.split(words.replace("; }", "")) if not word.startswith("$")]


@pytest.mark.parametrize(("where", "words"), [(where, tuple(words)) for where, words in _commands()])
def test_every_command_is_one_of_ours(where, words):
    group, words = main, list(words)
    with click.Context(main) as ctx:
        while isinstance(group, click.Group) and words and (found := group.get_command(ctx, words[0])):
            group, words = found, words[1:]
        options = {name for param in group.get_params(ctx) for name in (*param.opts, *param.secondary_opts)}
    assert group is not main
    assert {word for word in words if word.startswith("--")} <= options


@pytest.mark.parametrize(
    ("name", "user"),
    [("soc.yml", "soc"), ("demo.yml", "soc"), ("init.yml", "soc"), ("collector.yml", "soc"), ("console.yml", ""),
     ("sharing.yml", "")],
)  # fmt: skip
def test_the_settings_are_right(name, user, tmp_path):
    text = (ROOT / "deploy" / name).read_text("utf-8")
    for path in ("/run/secrets/", "/keys/", "/var/lib/"):
        text = text.replace(path, f"{tmp_path}/")
    secrets = ("kafka_password", "elastic_password", "ca", "writer", "analyst", "reader", "centre_token", "receipt.key")
    for secret in secrets:
        (tmp_path / secret).write_text("x")
    (tmp_path / "inventory.yml").write_text((ROOT / "deploy" / "inventory.yml").read_text("utf-8"))
    (tmp_path / "soc.yml").write_text(text)
    settings = read_settings(tmp_path / "soc.yml")
    assert settings.kafka.user == user


def test_secrets_are_made_once_and_shown_to_nobody(tmp_path):
    def make():
        command = ["sh", str(ROOT / "deploy" / "secrets.sh")]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout

    said = make()
    files = {path: path.read_bytes() for path in (tmp_path / "secrets").rglob("*") if path.is_file()}
    assert len(files) > 16
    assert make() == "nothing to make: secrets is complete\n"
    assert {path: path.read_bytes() for path in files} == files
    for path in files:
        assert path.stat().st_mode & 0o077 == 0, path
        if path.name.endswith("password"):
            assert path.read_text().strip() not in said
    checked = ["openssl", "verify", "-CAfile", "secrets/ca.crt", "secrets/kafka/server.crt"]
    assert subprocess.run(checked, cwd=tmp_path, capture_output=True, check=True).stdout.endswith(b": OK\n")


def test_no_secret_is_in_the_repository():
    listed = subprocess.run(
        ["git", "ls-files", "secrets", ".env"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listed.returncode:
        pytest.skip("not a git checkout")
    assert listed.stdout == ""
