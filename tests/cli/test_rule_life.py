"""The life of a rule as a user lives it: begun, filled in, imported, muted, hunted with, in both languages."""

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from soc.cli import main

LINE = "Oct  5 08:45:01 host sshd[1]: Accepted password for root from 198.51.100.7 port 50022 ssh2"
OTHER = LINE.replace("root", "lan")
CLOSED = "Oct  5 08:45:09 host sshd[1]: Connection closed by 198.51.100.7 port 50022"
MARK = re.compile(r"<(?:FILL IN|CẦN ĐIỀN): [^>]*>")
PACK_RULE = """\
title: Root by SSH
title_vi: ignored
id: 3f0f3c67-1f0e-4bd6-8d30-b1f0b3a7a001
logsource: {product: linux, service: sshd}
detection: {a: {event.action: ssh_login}, condition: a}
level: high
soc: {title_vi: Đăng nhập SSH}
"""


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def soc(*words: str | Path) -> Result:
    """Runs a command in this process; an unexpected exception fails the test."""
    result = CliRunner().invoke(main, [str(word) for word in words])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def fill(here: Path, kind: str) -> None:
    """What an author does with the two files."""
    rule, samples = here / "my-rules" / "night.yml", here / "my-rules" / "night.jsonl"
    text = rule.read_text("utf-8")
    text = re.sub(r'"<[^>]*(?:value that the field|giá trị của trường)[^>]*>"', "ssh_login\n    user.name: root", text)
    text = re.sub(r'- "<[^>]*(?:of the rule whose|của luật được)[^>]*>"', "- root_login", text)
    if kind == "correlation":
        text = text.replace("gte: 10", "gte: 2")
        text += PACK_RULE.replace("title: Root", "---\ntitle: Root").replace("title_vi: ignored", "name: root_login")
    rule.write_text(MARK.sub("Filled in", text), "utf-8")
    for_night = "\n".join(
        json.dumps({"rule": "night", "name": name, "fires": fires, "lines": lines})
        for name, fires, lines in (("both", True, [LINE, LINE]), ("none", False, [OTHER]))
    )
    for_root = [
        json.dumps({"rule": "root_login", "fires": fires, "lines": [line]})
        for fires, line in ((True, LINE), (False, CLOSED))
    ]
    samples.write_text("\n".join([for_night, *(for_root if kind == "correlation" else [])]) + "\n", "utf-8")


@pytest.mark.parametrize("kind", ["rule", "correlation"])
@pytest.mark.parametrize("language", ["en", "vi"])
def test_a_new_rule_fails_by_naming_what_to_fill_in_and_then_passes(here: Path, kind: str, language: str) -> None:
    assert soc("new", kind, "night", "--lang", language).exit_code == 0
    again = soc("new", kind, "night")
    assert again.exit_code == 2
    assert "there already" in again.output
    # the comment at the top shows one
    marks = sum(len(MARK.findall(file.read_text("utf-8"))) for file in (here / "my-rules").iterdir()) - 1
    check = soc("rules", "check", "my-rules", "--json")
    assert check.exit_code == 1
    asked = [wrong["reason"] for wrong in json.loads(check.stdout)["samples"]]
    assert len(asked) == marks > 10
    assert all(reason.startswith("to be filled in: " if language == "en" else "cần điền: ") for reason in asked)
    fill(here, kind)
    filled = soc("rules", "check", "my-rules")
    assert filled.exit_code == 0, filled.output


@pytest.mark.parametrize("name", ["../out", "Night", "a b", "", "_a", "a" * 101])
def test_a_rule_with_another_name_is_refused(here: Path, name: str) -> None:
    assert soc("new", "rule", name).exit_code == 2
    assert list(here.iterdir()) == []


def pack(here: Path, *titles: str) -> Path:
    folder = here / "theirs"
    folder.mkdir(exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    for number, title in enumerate(titles, 1):
        text = (
            PACK_RULE.replace("title_vi: ignored\n", "").replace("Root by SSH", title).replace("a001", f"a00{number}")
        )
        (folder / f"rule{number}.yml").write_text(text)
    return folder


def test_a_pack_is_imported_updated_and_its_mutes_stay(here: Path) -> None:
    source = pack(here, "First", "Second")
    first = json.loads(soc("rules", "import", source, "--json").stdout)
    assert (first["installed"], [row["title"] for row in first["added"]]) == (True, ["First", "Second"])
    assert "nothing changed" in soc("rules", "import", source).output
    assert soc("rules", "mute", "First", "--until", "2099-01-01", "--by", "Lan", "--reason", "busy").exit_code == 0
    pack(here, "First, better")
    shown = soc("rules", "import", source).output
    for text in ("gone: 1", "Second", "changed: 1", "First, better", "1 muted", "soc run loads it"):
        assert text in shown
    checked = json.loads(soc("rules", "check", "soc-data/packs/theirs", "--json", "--no-samples").stdout)
    assert (checked["states"]["muted"], checked["documents"]) == (1, 1)
    assert checked["rules"][0]["reason"] == "by Lan until 2099-01-01: busy"
    vietnamese = soc("rules", "check", "soc-data/packs/theirs", "--no-samples", "--lang", "vi").output
    assert "do Lan đến 2099-01-01: busy" in " ".join(vietnamese.split())
    assert "Đăng nhập SSH" in vietnamese


def test_a_pack_into_a_folder_of_ones_own_says_the_settings_line(here: Path) -> None:
    source = pack(here, "First")
    assert "rules: [mine/theirs]" in soc("rules", "import", source, "--into", "mine/theirs").output
    assert (here / "mine" / "theirs" / "manifest.json").is_file()
    refused = soc("rules", "import", source, "--checksum", "sha256:0")
    assert (refused.exit_code, "checksum" in refused.output) == (2, True)


def test_mutes_are_listed_and_taken_back(here: Path) -> None:
    words = ("rules", "mute", "ssh_brute_force", "--by", "Lan", "--reason", "x")
    assert soc(*words, "--until", "2020-01-01").exit_code == 2
    assert soc(*words[:4], " ", *words[5:], "--until", "2099-01-01").exit_code == 2
    assert soc(*words, "--until", "2099-01-01").exit_code == 0
    assert "SSH Brute Force" in soc("rules", "mutes").output
    assert "Dò mật khẩu SSH" in soc("rules", "mutes", "--lang", "vi").output
    assert json.loads(soc("rules", "mutes", "--json").stdout)[0]["holds"] is True
    assert soc("rules", "unmute", "ssh_brute_force").exit_code == 0
    assert soc("rules", "unmute", "ssh_brute_force").exit_code == 2
    (here / "soc-data" / "mutes.yml").write_text(
        "mutes:\n  - id: gone\n    until: 2020-01-01\n    by: A\n    reason: B\n"
    )
    assert "does nothing" in soc("rules", "check", "--quiet", "--no-samples").output
    (here / "soc-data" / "mutes.yml").write_text("mutes:\n  - id: gone\n")
    wrong = soc("rules", "check", "--quiet", "--no-samples")
    assert (wrong.exit_code, "mutes.yml:2" in wrong.output) == (2, True)


def test_hunting_and_the_preview_show_what_was_missed(here: Path) -> None:
    assert soc("demo", "--exit").exit_code == 0
    source = pack(here, "Odd entry")
    would = json.loads(soc("rules", "import", source, "--preview", "--since", "2026-10-01", "--json").stdout)
    (one,) = would["preview"].values()
    assert not would["installed"]
    assert one["hits"] >= len(one["examples"]) > 0
    assert not (here / "soc-data" / "packs").exists()
    text = soc("rules", "import", source, "--preview", "--since", "2026-10-01", "--lang", "vi").output
    assert "cảnh báo mỗi ngày" in text
    assert "soc rules import" in text
    hunt = ("hunt", source / "rule1.yml", "--since", "2026-10-01")
    found = [json.loads(line) for line in soc(*hunt, "--json").stdout.splitlines()]
    assert found
    assert all(alert["late"] for alert in found)
    assert soc("alerts", "--rule", "Odd entry", "--json").stdout == ""
    assert soc(*hunt, "--record").exit_code == 1
    assert "there already" in soc(*hunt, "--record").output
    stored = soc("alerts", "--rule", "Odd entry", "--json").stdout.splitlines()
    assert [json.loads(line)["late"] for line in stored] == [True] * len(found)
    assert "(phát hiện muộn)" in soc("alerts", "--rule", "Odd entry", "--lang", "vi").output
    assert "found late" in soc("alerts", "show", found[0]["id"]).output
    assert soc("hunt", "ssh_brute_force", "--since", "2026-10-20").exit_code == 0


def test_hunting_with_a_file_raises_what_the_file_would(here: Path) -> None:
    """A rule that only feeds the correlation in its file is heard no more than in soc run."""
    assert soc("demo", "--exit").exit_code == 0
    counts = "{type: event_count, rules: [in], group-by: [host.name], timespan: 5m, condition: {gte: 1}}"
    file = here / "often.yml"
    file.write_text(f"{PACK_RULE.replace('title_vi: ignored', 'name: in')}---\ntitle: Often\ncorrelation: {counts}\n")
    found = soc("hunt", file, "--since", "2026-10-01", "--json").stdout.splitlines()
    assert {json.loads(alert)["title"] for alert in found} == {"Often"}


def test_a_query_is_printed_or_refused_with_the_reason() -> None:
    assert "user.name:root" in soc("rules", "convert", "ssh_root_password_login", "--to", "elasticsearch").output
    refused = soc("rules", "convert", "ssh_brute_force", "--format", "lucene")
    assert (refused.exit_code, "does not support correlation" in refused.output) == (2, True)


def test_a_file_of_the_installed_rules_is_meant_by_its_path(here: Path) -> None:
    """A correlation that refers to a rule beside it, hunted for and converted by its file."""
    (here / "soc.yml").write_text("rules: [mine]\ninputs: [{type: syslog, protocol: udp, port: 15514}]\n")
    mine = here / "mine"
    mine.mkdir()
    (mine / "base.yml").write_text(PACK_RULE.replace("title_vi: ignored", "name: root_in"))
    (mine / "twice.yml").write_text(
        "title: Twice\nid: 3f0f3c67-1f0e-4bd6-8d30-b1f0b3a7a002\n"
        "correlation: {type: event_count, rules: [root_in], group-by: [host.name], timespan: 5m, condition: {gte: 2}}\n"
    )
    assert "event_count >= 2" in soc("rules", "convert", "mine/twice.yml", "--format", "esql").output
    assert "no store" in soc("hunt", "mine/twice.yml").output
    (mine / "twice.yml").write_text("title: Twice\n")
    wrong = soc("rules", "convert", "mine/twice.yml")
    assert (wrong.exit_code, "no detection" in wrong.output) == (2, True)
