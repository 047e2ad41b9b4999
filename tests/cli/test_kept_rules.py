"""Every road to rules keeps what it read, and the next one takes it from there."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from click.testing import CliRunner

from soc.cli import main
from soc.core.settings import Settings
from soc.engines.trial import problems_of
from soc.pipeline.build import content_of

RULE = """
title: A
id: 3f0f3c67-1f0e-4bd6-8d30-b1f0b3a7a001
logsource: {product: linux, service: sshd}
detection:
  a: {user.name: root}
  condition: a
"""


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    folder = tmp_path / "rules"
    folder.mkdir()
    (folder / "a.yml").write_text(RULE)
    (folder / "b.yml").write_text("title: Wrong\n")
    return folder


def entries(folder: Path) -> list[tuple[str, int]]:
    """Name and inode: an entry that is written anew has another."""
    return sorted((entry.name, entry.stat().st_ino) for entry in folder.iterdir())


@pytest.mark.parametrize(
    "words",
    [
        ["sigma", "match", "--rules", "rules", "lines"],
        ["sigma", "match", "--ecs", "--rules", "rules", "lines"],
        ["analyze", "--rules", "rules", "lines"],
        ["rules", "check", "rules"],
        ["explain", "A", "lines", "--rules", "rules"],
    ],
)
def test_a_command_keeps_its_rules(
    words: list[str], rules: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    Path("lines").write_text('{"user.name": "root", "event.dataset": "linux.sshd"}\n')
    first = CliRunner().invoke(main, words)
    kept = entries(tmp_path / "xdg" / "soc-pipeline")
    assert sum(name.endswith(".rules") for name, _ in kept) == 1
    assert any(name.endswith(".routes") for name, _ in kept) == ("--ecs" in words)
    again = CliRunner().invoke(main, words)
    assert entries(tmp_path / "xdg" / "soc-pipeline") == kept
    assert (again.output, again.exit_code) == (first.output, first.exit_code)


def test_what_the_trial_read_is_there_for_the_service(rules: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    settings = Settings(rules=(str(rules),), data_dir=str(data))
    problems = asyncio.run(problems_of(settings, 0))
    kept = entries(data / "cache")
    assert len(kept) == 1
    content = content_of(settings, 0)
    assert list(content.problems) == problems
    assert entries(data / "cache") == kept


def test_a_data_folder_is_not_made_for_it(rules: Path, tmp_path: Path) -> None:
    content_of(Settings(rules=(str(rules),), data_dir=str(tmp_path / "none")), 0)
    assert not (tmp_path / "none").exists()
