"""``soc rules check`` tells of every filter: active, expired, unused or rejected, and why."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest
from click.testing import CliRunner

from soc.cli import main

RULE = """
title: Scanned
id: 00000000-0000-4000-8000-000000000001
name: scanned
logsource: {category: webserver}
detection:
  s: {c-uri: /x}
  condition: s
"""
FILTER = """
title: Our scanner
logsource: {category: webserver}
filter:
  rules: [%s]
  s: {c-ip: 192.0.2.1}
  condition: %s
soc: {owner: Lan, reason: it scans, expires: %s}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    filters = [
        FILTER % ("scanned", "not s", "9999-01-01"),
        FILTER % ("scanned", "not s", "2001-01-01"),
        FILTER % ("gone", "not s", "9999-01-01"),
        FILTER % ("scanned", "not t", "9999-01-01"),
    ]
    made = tmp_path / "rules"
    made.mkdir()
    (made / "a.yml").write_text("---".join([RULE, *filters]), "utf-8")
    return made


def test_every_filter_has_a_state(folder: Path) -> None:
    found = CliRunner().invoke(main, ["rules", "check", "--json", "--no-samples", str(folder)])
    report = orjson.loads(found.stdout)
    assert [one["state"] for one in report["filters"]] == ["active", "expired", "unused", "rejected"]
    assert report["filters"][0]["filter"] == {
        "owner": "Lan",
        "reason": "it scans",
        "expires": "9999-01-01",
        "rules": ["00000000-0000-4000-8000-000000000001"],
    }
    assert report["documents"] == 5
    assert found.exit_code == 1


def test_in_words(folder: Path) -> None:
    shown = CliRunner().invoke(main, ["--lang", "en", "rules", "check", "--no-samples", str(folder)]).stdout
    words = " ".join(shown.split())
    for text in ("filter: Our scanner", "expired", "unused", "it ended on", "no rule", "gone", "by Lan until"):
        assert text in words, shown


def test_run_says_which_filters_do_nothing(folder: Path) -> None:
    settings = folder.parent / "soc.yml"
    settings.write_text(
        f"inputs: [{{type: syslog, protocol: udp, host: 127.0.0.1, port: 5514}}]\nrules: [{folder}]\n", "utf-8"
    )
    shown = CliRunner().invoke(main, ["--lang", "en", "run", "--check", "--settings", str(settings)]).stdout
    assert [line.partition(": ")[2] for line in shown.splitlines() if "Our scanner" in line] == [
        "Our scanner: expired: it ended on 2001-01-01",
        "Our scanner: unused: no rule gone",
    ]
