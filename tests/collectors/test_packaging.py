"""The collector installs alone, light, and runs without the rest of the product."""

from __future__ import annotations

import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("hatchling", reason="the build backend is not installed")
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT / "collectors", check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    zipfile.ZipFile(wheel).extractall(folder / "site")
    return folder / "site"


def test_it_holds_the_collector_and_the_core_only(unpacked: Path) -> None:
    packages = {path.parent.relative_to(unpacked).as_posix() for path in unpacked.rglob("*.py")}
    assert packages == {"collectors", "soc", "soc/core", "soc/core/fields", "soc/core/windows"}
    needed = (unpacked / "soc_collector-0.1.0.dist-info" / "METADATA").read_text("utf-8")
    assert re.findall(r"^Requires-Dist: (\w+)(?!.*extra ==)", needed, re.M) == ["msgspec", "orjson", "pyyaml"]
    assert re.findall(r"^Requires-Dist: (\w+).*extra == 'kafka'", needed, re.M) == ["aiokafka"]


def test_it_says_what_it_would_collect_and_imports_nothing_heavy(unpacked: Path, tmp_path: Path) -> None:
    (tmp_path / "soc.yml").write_text(
        "inputs:\n"
        "  - {type: syslog, protocol: udp, host: '::', port: 5514}\n"
        "  - {type: relp, port: 2514}\n"
        "  - {type: file, path: 'logs/*.log', device: nginx}\n"
    )
    program = f"""
import sys
sys.path.insert(0, {str(unpacked)!r})
sys.argv = ["soc-collector", "--check", "--settings", {str(tmp_path / "soc.yml")!r}]
from collectors.__main__ import main
assert main() == 0
heavy = {{"rich", "click", "sigma", "starlette", "backports", "hyperscan", "aiokafka"}}
print(sorted(heavy & sys.modules.keys()))
"""
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd="/")
    assert run.stdout.splitlines() == [
        "syslog udp [::]:5514 as auto",
        "relp 127.0.0.1:2514 as auto",
        f"file {tmp_path}/logs/*.log as nginx",
        f"spool {tmp_path}/soc-data/spool, at most 2GB",
        "[]",
    ]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("spool_limit: 1MB\n", "spool_limit: 1MB is less than 16MB"),
        ("inputs: [{type: relp, port: 1}, {type: relp, port: 1}]\n", r"inputs[1]: relp 127.0.0.1:1 is there twice"),
        ("inputs: [{type: syslog, protocol: tcp, port: 70000}]\n", "inputs[0].port"),
        ("inputs: [{type: syslog, protocol: udp, host: 203.0.113.7, port: 0}]\n", "inputs[0]: 203.0.113.7 port 0: "),
    ],
)
def test_unusable_settings_end_with_2_and_name_the_key(tmp_path: Path, text: str, reason: str) -> None:
    (tmp_path / "soc.yml").write_text(text)
    command = [sys.executable, "-m", "collectors", "--settings", str(tmp_path / "soc.yml")]
    run = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert run.returncode == 2
    assert reason in run.stderr
    assert "Traceback" not in run.stderr
