"""What is installed is whole: wheels built from the checkout carry their content and work on their own."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def build(source: Path, target: Path) -> zipfile.ZipFile:
    """A wheel, built with the build backend that is already here: no network."""
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir"]
    subprocess.run([*command, str(target), str(source)], check=True, capture_output=True)
    (wheel,) = target.glob("*.whl")
    return zipfile.ZipFile(wheel)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    with build(ROOT, folder) as wheel:
        wheel.extractall(folder / "site")
    return folder / "site"


def run(site: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """A module of the installed tree, away from the checkout."""
    environment = {**os.environ, "PYTHONPATH": str(site)}
    command = [sys.executable, "-P", "-m", *words]
    return subprocess.run(command, check=False, capture_output=True, text=True, cwd=site, env=environment)


def test_the_wheel_has_rules_templates_and_tables(installed: Path) -> None:
    for path in (
        "soc/content/detections/rules",
        "soc/web/templates/alerts.html",
        "soc/web/static/console.css",
        "soc/core/fields/ecs.csv",
        "soc/core/vi.json",
        "soc/story/inventory.yml",
        "soc/respond/attack.json",
        "soc/sigma/mapping",
    ):
        assert (installed / path).exists(), path
    assert not (installed / "tests").exists()


def test_the_installed_tree_uses_its_own_content(installed: Path) -> None:
    result = run(installed, "soc", "rules", "check", "--quiet")
    assert result.returncode == 0, result.stdout + result.stderr
    here = run(ROOT, "soc", "rules", "check", "--quiet")
    assert result.stdout == here.stdout


def test_the_collector_alone_is_light(tmp_path: Path) -> None:
    with build(ROOT / "collectors", tmp_path) as wheel:
        names = wheel.namelist()
        wheel.extractall(tmp_path / "site")
    packages = {name.split("/")[1] for name in names if name.startswith("soc/") and name.count("/") > 1}
    assert packages == {"core"}
    assert run(tmp_path / "site", "collectors", "--help").returncode == 0


FORBIDDEN = (b"index" + b"-url =", b"python" + b"hosted", b"pypi" + b".org/simple", b"/wo" + b"rk/")


def test_no_address_and_no_path_of_a_machine_in_any_file() -> None:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    for name in filter(None, listed.split("\0")):
        text = (ROOT / name).read_bytes() if (ROOT / name).exists() else b""
        for forbidden in FORBIDDEN:
            assert forbidden not in text, f"{name} holds {forbidden!r}"
