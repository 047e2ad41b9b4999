"""soc playbook, as it is typed: check, export, dry run, run, done, approve, status, resume."""

import json
from contextlib import closing

import pytest
from click.testing import CliRunner

from soc.cli import main
from soc.core.alert import Alert, EventRef
from soc.core.ids import content_id
from soc.core.store import STORE_FILE
from soc.stores.sqlite import SqliteStore

ALERT = content_id(["an alert"], size=8)


@pytest.fixture
def soc(tmp_path, monkeypatch):
    """A folder with soc.yml and one alert; soc("playbook", ...) gives the result."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "250")
    (tmp_path / "never.yml").write_text("addresses: [198.51.100.0/24]\n")
    (tmp_path / "soc.yml").write_text("data_dir: data\nplaybooks: {never_touch: never.yml}\n")
    event = EventRef("e1", 0, {"destination.ip": "203.0.113.9", "source.ip": "10.1.2.3"})
    alert = Alert(ALERT, "r1", "beacon", "", "rule", "Beacon\x1b[2J", "Beacon", "", "", "high", 70, "", (), 0, 0, 1,
                  events=(event,), level=4)  # fmt: skip
    (tmp_path / "data").mkdir()
    with closing(SqliteStore(tmp_path / "data" / STORE_FILE)) as store:
        store.put_alerts([alert])
        store.commit()

    def call(*words, code=0):
        result = CliRunner().invoke(main, ["playbook", *words])
        assert result.exit_code == code, result.output
        assert "\x1b[2J" not in result.output
        return result.output

    return call


def test_check(soc, tmp_path):
    assert "3 playbooks, 0 problems" in soc("check")
    assert "3 kịch bản, 0 lỗi" in soc("check", "--lang", "vi")
    (tmp_path / "wrong.yml").write_text("id: x\ntitle: 5\n")
    said = soc("check", "wrong.yml", code=1)
    assert "wrong.yml:2: title:" in said
    assert "0 playbooks, 1 problems" in said


def test_export(soc, tmp_path):
    english, vietnamese = json.loads(soc("export", "phishing")), json.loads(soc("export", "phishing", "--lang", "vi"))
    assert english["spec_version"] == "cacao-2.0"
    assert english["id"] == vietnamese["id"]
    assert (english["name"], vietnamese["name"]) == ("A phishing mail was delivered", "Thư lừa đảo đã tới hộp thư")
    soc("export", "phishing", "--out", "p.json")
    assert json.loads((tmp_path / "p.json").read_text("utf-8")) == english
    assert "c2_beacon" in soc("export", "nothing", code=2)


def test_a_dry_run_does_nothing(soc):
    said = soc("run", "c2_beacon", ALERT, "--by", "Lan", "--dry-run")
    assert "address=203.0.113.9, group=SOC-blocked" in said
    assert "after approval by 2" in said
    assert "nothing was done" in said
    assert "no runs" in soc("status")


def test_a_run_from_start_to_end(soc):
    """No connector is set up, so the message fails and goes its own way, and the block comes to a person."""
    assert "is_malicious" in soc("run", "c2_beacon", ALERT[:6], "--by", "Lan")
    soc("run", "c2_beacon", ALERT, "--by", "Lan", code=2)
    (run,) = [json.loads(line) for line in soc("status", "--json").splitlines()]
    assert (run["step"], run["waits"], run["requester"]) == ("assess", "manual", "Lan")
    id = run["id"]
    assert "malicious, harmless" in soc("done", id, "assess", "--by", "Lan", "--answer", "perhaps", code=2)
    soc("done", id, "assess", "--by", "Lan", "--answer", "malicious")
    soc("done", id, "keep_state", "--by", "Lan")
    soc("approve", id, "block_server", "--by", "Minh")
    assert "another person" in soc("approve", id, "block_server", "--by", "MINH", code=2)
    assert "sets up no fortigate" in soc("approve", id, "block_server", "--by", "Hoa")
    assert "1 open runs" in soc("resume")
    soc("done", id, "block_server", "--by", "Hoa", "--answer", "done")
    soc("done", id, "clean", "--by", "An")
    told = json.loads(soc("status", id, "--json"))
    assert told["run"]["status"] == "done"
    assert [line["who"] for line in told["audit"] if line["what"] == "approved"] == ["Minh", "Hoa"]
    assert all("(account " in line["detail"] for line in told["audit"] if line["who"] != "soc")
    assert "xong" in soc("status", "--lang", "vi")
    assert "over" in soc("done", id, "clean", "--by", "An", code=2)


def test_rejected(soc):
    soc("run", "c2_beacon", ALERT, "--by", "Lan")
    id = json.loads(soc("status", "--json"))["id"]
    soc("done", id, "assess", "--by", "Lan", "--answer", "malicious")
    soc("done", id, "keep_state", "--by", "Lan")
    assert "a partner" in soc("approve", id, "block_server", "--by", "Minh", "--reject", "a partner")
    assert "0 open runs" in soc("resume")


def test_settings_that_are_wrong(soc, tmp_path):
    (tmp_path / "soc.yml").write_text("playbooks: {never_touch: nowhere.yml}\n")
    assert "playbooks.never_touch" in soc("status", code=2)
    (tmp_path / "soc.yml").write_text("playbooks:\n  fortigate: {url: 'https://f', token_file: nowhere}\n")
    assert "playbooks.fortigate.token_file" in soc("status", code=2)
    (tmp_path / "soc.yml").write_text("playbooks:\n  hooks:\n    a: {url: 'https://u:p@host'}\n")
    assert "soc.yml:3: playbooks.hooks" in soc("status", code=2)
