"""The commands as a user types them: what they print, and their exit status."""

import json
import os
import threading
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from soc import __version__
from soc.cli import main
from soc.story import INVENTORY, Story

RULE = """\
title: A
id: 3f0f3c67-1f0e-4bd6-8d30-b1f0b3a7a00{n}
logsource: {{product: linux, service: sshd}}
detection:
  a: {{user.name: {user}}}
  condition: a
"""
CASE = '{{"fires": {fires}, "events": [{{"event.dataset": "linux.sshd", "user.name": "{user}"}}]}}\n'
FORTIGATE = (
    'date=2026-10-05 time=08:00:00 devname="F" devid="FG100" logid="0000000013" type="traffic" '
    'subtype="forward" level="notice" vd="root" srcip=10.0.0.1\n'
)


def soc(*words: str | Path, stdin: str | bytes | None = None) -> Result:
    """Runs a command in this process; an unexpected exception fails the test."""
    result = CliRunner().invoke(main, [str(word) for word in words], input=stdin)
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Result]:
    folder = tmp_path_factory.mktemp("demo")
    return folder / "soc.db", soc("demo", "--exit", "--folder", folder)


def test_version_and_help() -> None:
    assert __version__ in soc("--version").output
    english = soc("--help").output
    for verb in ("analyze", "run", "parse", "rules", "alerts", "explain", "demo", "doctor", "console"):
        assert verb in english
    assert "Đọc" in soc("--lang", "vi", "--help").output
    assert "Tuỳ chọn" in soc("analyze", "--lang", "vi", "--help").output


def test_the_demo_tells_the_story(demo: tuple[Path, Result]) -> None:
    _, result = demo
    assert result.exit_code == 0
    for text in ("lines", "56,644", "rejected", "Why", "What to do next", "alerts --store", "show"):
        assert text in result.output


def test_the_demo_twice_gives_the_same_alerts(demo: tuple[Path, Result], tmp_path: Path) -> None:
    store, _ = demo
    soc("demo", "--exit", "--folder", tmp_path)
    first = soc("alerts", "--store", store, "--json", "--limit", "1000").stdout
    assert first.count("\n") > 5
    assert soc("alerts", "--store", tmp_path / "soc.db", "--json", "--limit", "1000").stdout == first


def test_alerts_are_listed_filtered_and_shown(demo: tuple[Path, Result]) -> None:
    store, _ = demo
    everything = [json.loads(line) for line in soc("alerts", "--store", store, "--json").stdout.splitlines()]
    critical = [
        json.loads(line)
        for line in soc("alerts", "--store", store, "--json", "--severity", "critical").stdout.splitlines()
    ]
    assert [alert["id"] for alert in critical] == [a["id"] for a in everything if a["severity"] == "critical"]
    assert 0 < len(critical) < len(everything)
    brute = soc("alerts", "--store", store, "--json", "--host", "198.51.100.23").stdout.splitlines()
    assert 0 < len(brute) < len(everything)
    assert soc("alerts", "--store", store, "--json", "--since", "2026-10-06").stdout == ""
    shown = soc("alerts", "--store", store, "show", everything[0]["id"][:8])
    assert everything[0]["title"] in shown.output
    assert "ATT&CK" in shown.output
    assert soc("alerts", "--store", store, "show", "ffffffff").exit_code == 2
    assert soc("alerts", "--store", store, "--since", "whenever").exit_code == 2
    assert soc("alerts", "--store", "absent.db").exit_code == 2


def test_analyze_exit_status_and_json(story: Story, tmp_path: Path) -> None:
    auth = next(file for file in story.files if file.name == "nasati-web-01.auth.log")
    found = soc("analyze", auth, "--inventory", INVENTORY, "--json", "--at", "2026-10-06")
    assert found.exit_code == 1
    assert {json.loads(line)["kind"] for line in found.stdout.splitlines()} >= {"correlation"}
    quiet = tmp_path / "quiet.log"
    quiet.write_text("Oct  5 08:00:00 host chronyd[1]: Selected source 10.0.0.1\n")
    assert soc("analyze", quiet).exit_code == 0
    assert soc("analyze", tmp_path / "absent").exit_code == 2
    (tmp_path / "empty").mkdir()
    assert soc("analyze", tmp_path / "empty").exit_code == 2
    (tmp_path / "x.zip").write_bytes(b"PK\x03\x04")
    assert soc("analyze", tmp_path / "x.zip").exit_code == 2
    assert soc("analyze", quiet, "--source", "toaster").exit_code == 2
    assert soc("analyze", quiet, "--timezone", "Hanoi").exit_code == 2


def test_analyze_writes_where_it_is_told(story: Story, tmp_path: Path) -> None:
    auth = next(file for file in story.files if file.name == "nasati-web-01.auth.log")
    out = tmp_path / "alerts.ndjson"
    soc("analyze", auth, "--at", "2026-10-06", "--out", out)
    assert [json.loads(line)["id"] for line in out.read_text().splitlines()]
    table = tmp_path / "alerts.txt"
    soc("analyze", auth, "--at", "2026-10-06", "--out", table)
    assert "high" in table.read_text() or "critical" in table.read_text()


def test_analyze_takes_standard_input(story: Story) -> None:
    auth = next(file for file in story.files if file.name == "nasati-web-01.auth.log")
    assert soc("analyze", "-", "--at", "2026-10-06", stdin=auth.read_bytes()).exit_code == 1


def test_parse_gives_a_line_for_a_line() -> None:
    lines = f"not a fortigate line\n\n{FORTIGATE}"
    out = [json.loads(line) for line in soc("parse", "--device", "fortigate", "-", stdin=lines).stdout.splitlines()]
    assert len(out) == 3
    assert [set(row) == {"error"} for row in out] == [True, True, False]
    assert out[2]["source.ip"] == "10.0.0.1"
    assert out[2]["@timestamp"] == "2026-10-05T01:00:00Z"
    assert "fortigate" in soc("parse", "--list").stdout
    assert soc("parse", "--device", "toaster", "-", stdin="").exit_code == 2


def test_explain_shows_what_held_and_what_did_not(tmp_path: Path) -> None:
    rule = tmp_path / "rule.yml"
    rule.write_text(
        "title: Root\nid: 3f0f3c67-1f0e-4bd6-8d30-b1f0b3a7a001\nlogsource: {product: linux, service: sshd}\n"
        "detection:\n  login: {event.action: ssh_login, user.name: root}\n  condition: login\n"
    )
    event = tmp_path / "event.json"
    event.write_text('{"event": {"action": "ssh_login"}, "user.name": "ro\\u001b[31mot"}')
    shown = soc("explain", rule, event)
    assert shown.exit_code == 1
    assert "✔" in shown.output
    assert "✘" in shown.output
    assert "\x1b[31mot" not in shown.output
    event.write_text('{"event.action": "ssh_login", "user.name": "root"}')
    assert soc("explain", rule, event).exit_code == 0
    event.write_text("[1]")
    assert soc("explain", rule, event).exit_code == 2
    assert soc("explain", "no-such-rule", event).exit_code == 2
    event.write_text("{}")
    assert soc("explain", "ssh_brute_force").exit_code == 2


def test_rules_check_counts_every_document(tmp_path: Path) -> None:
    assert soc("rules", "check").exit_code == 0
    (tmp_path / "ok.yml").write_text(RULE.format(n=1, user="root"))
    samples = CASE.format(fires="true", user="root") + CASE.format(fires="false", user="other")
    (tmp_path / "ok.jsonl").write_text(samples)
    (tmp_path / "blind.yml").write_text(RULE.format(n=2, user="root").replace("user.name", "no.such.field"))
    (tmp_path / "broken.yml").write_text("title: [\n")
    report = json.loads(soc("rules", "check", tmp_path, "--json").stdout)
    assert report["files"] == 3
    assert report["states"] == {"active": 1, "blind": 1, "rejected": 1, "muted": 0}
    assert report["documents"] == 3
    assert any("broken.yml" in row["path"] and row["state"] == "rejected" and row["reason"] for row in report["rules"])
    assert any("no samples" in wrong["reason"] for wrong in report["samples"])
    (tmp_path / "ok.jsonl").write_text(CASE.format(fires="true", user="x"))
    reasons = [wrong["reason"] for wrong in json.loads(soc("rules", "check", tmp_path, "--json").stdout)["samples"]]
    assert any("does not fire" in reason for reason in reasons)
    assert any("no negative sample" in reason for reason in reasons)


def test_run_check_names_the_wrong_key(tmp_path: Path) -> None:
    settings = tmp_path / "soc.yml"
    settings.write_text("inputs:\n  - {type: syslog, protocol: udp, port: 5514}\n  - {type: file, path: logs/*.log}\n")
    good = soc("run", "--check", "--settings", settings)
    assert good.exit_code == 0
    assert "5514" in good.output
    settings.write_text("inputs:\n  - {type: syslog, protocol: udp, port: 99999}\n")
    wrong = soc("run", "--check", "--settings", settings)
    assert wrong.exit_code == 2
    assert "soc.yml:2: inputs[0].port" in wrong.output
    settings.write_text("inputs:\n  - {type: syslog, protocol: udp, port: 5514, device: toaster}\n")
    assert "inputs[0].device" in soc("run", "--check", "--settings", settings).output


def test_doctor_says_what_there_is() -> None:
    result = soc("doctor")
    assert result.exit_code == 0
    assert "hyperscan" in result.output or "fast pattern matching" in result.output


def test_hostile_lines_never_reach_the_terminal(tmp_path: Path) -> None:
    bad = tmp_path / "evil\x1b[31m.log"
    bad.write_bytes(
        b"Oct  5 08:45:01 web sshd[1]: Failed password for \x1b]0;owned\x07root from 198.51.100.9 port 22 ssh2\n" * 40
        + b'{"timestamp": "\x1b[2J", "event_type": "alert"\n'
    )
    result = soc("analyze", bad, "--at", "2026-10-06")
    assert "\x1b" not in result.output
    assert "\x07" not in result.output


def test_analyze_says_at_once_that_it_cannot_write(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    log.write_text(FORTIGATE)
    result = soc("analyze", log, "--out", tmp_path / "absent" / "alerts.ndjson")
    assert result.exit_code == 2
    assert "alerts.ndjson: No such file" in result.output
    assert "lines" not in result.output


def test_piped_year_less_lines_correlate(tmp_path: Path) -> None:
    lines = "".join(
        f"Oct  5 08:00:{n:02} h sshd[1]: Failed password for root from 1.2.3.4 port 5 ssh2\n" for n in range(60)
    )
    piped = soc("analyze", "-", "--json", stdin=lines)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_text, args=(lines,))
    writer.start()
    named = soc("analyze", pipe, "--json")
    writer.join()
    assert [json.loads(line)["title"] for line in piped.stdout.splitlines()] == ["SSH Brute Force"]
    assert [json.loads(line)["title"] for line in named.stdout.splitlines()] == ["SSH Brute Force"]


def test_a_full_disk_is_one_line() -> None:
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    lines = "Oct  5 08:00:00 h sshd[1]: Accepted password for root from 8.8.8.8 port 5 ssh2\n"
    result = soc("analyze", "-", "--json", "--out", "/dev/full", stdin=lines)
    assert result.exit_code == 2
    assert "soc: No space left on device" in result.output


def test_samples_that_are_no_samples_are_named(tmp_path: Path) -> None:
    (tmp_path / "a.yml").write_text(RULE.format(n=1, user="root"))
    (tmp_path / "a.jsonl").write_bytes(
        b'{"fires": true, "events": [{"@timestamp": "never"}]}\n{"fires": true, "name": "\xff"}\n'
        b'{"fires": true, "received": "never", "lines": ["x"]}\n'
    )
    result = soc("rules", "check", tmp_path)
    assert result.exit_code == 1
    for number in (1, 2, 3):
        assert f"a.jsonl:{number}: " in result.output


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ("language: vi\n", "inputs"),
        ("inputs: [{type: file, path: x}]\ntimezone: '+99:00'\n", "timezone"),
        ("inputs: [{type: file, path: x}]\nlateness: 99999999999999d\n", "lateness"),
        ("inputs: [{type: file, path: ''}]\n", "inputs[0].path"),
    ],
)
def test_run_check_finds_what_run_would_stumble_over(tmp_path: Path, settings: str, says: str) -> None:
    (tmp_path / "soc.yml").write_text(settings)
    result = soc("run", "--check", "--settings", tmp_path / "soc.yml")
    assert result.exit_code == 2
    assert f"{says}: " in result.output


def test_the_demo_never_touches_the_store_of_a_service(tmp_path: Path) -> None:
    (tmp_path / "spool").mkdir()
    (tmp_path / "soc.db").write_text("precious")
    result = soc("demo", "--exit", "--folder", tmp_path)
    assert result.exit_code == 2
    assert (tmp_path / "soc.db").read_text() == "precious"


def test_what_cannot_be_read_does_not_stop_the_rest(story: Story, tmp_path: Path) -> None:
    auth = next(file for file in story.files if file.name == "nasati-web-01.auth.log")
    result = soc("analyze", tmp_path / "absent.log", auth, "--at", "2026-10-06")
    assert result.exit_code == 2
    assert "absent.log" in result.stderr
    assert "SSH Brute Force" in result.stdout
