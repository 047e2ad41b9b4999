"""soc share from the terminal: queue, send, status, release, against a centre in a process of its own."""

import orjson
import pytest
from click.testing import CliRunner

from soc.cli import main
from soc.stores.sqlite import SqliteStore
from tests.sharing.conftest import make_alert

NASTY = "\x1b[31mred\u202e"


@pytest.fixture
def soc(tmp_path, own_centre, monkeypatch):
    (tmp_path / "soc.yml").write_text(
        f"data_dir: data\nshare:\n  url: {own_centre.root}\n  collection: {own_centre.collection}\n"
        f"  token_file: token\n  receipt_key_file: {own_centre.folder / 'receipt.key'}\n  organisation: Bộ KHCN\n"
    )
    (tmp_path / "token").write_text(own_centre.token())
    (tmp_path / "data").mkdir()
    store = SqliteStore(tmp_path / "data" / "soc.db")
    store.put_alerts([make_alert(0x1111111111111111), make_alert(0x2222222222222222, severity="low", title=NASTY)])
    store.commit()
    store.close()
    monkeypatch.chdir(tmp_path)

    def run(*words):
        result = CliRunner().invoke(main, ["share", *words])
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result.exit_code, result.output

    return run


def status(soc):
    code, text = soc("status", "--json")
    return code, orjson.loads(text)


def test_an_alert_goes_the_whole_way(soc, own_centre):
    assert status(soc)[1]["connected"] is None
    assert "1 queued, 0 of them held; 0 there already" in soc("queue", "--since", "2026-01-01")[1]  # the low one is not
    assert "0 queued, 0 of them held; 1 there already" in soc("queue", "1111")[1]
    assert soc("send") == (0, "1 accepted, 0 pending, 0 not taken\n")
    code, found = status(soc)
    assert (code, found["connected"], found["accepted_this_month"], found["counts"]["accepted"]) == (0, True, 1, 1)
    sent = orjson.loads(own_centre.get("objects/?match[type]=identity").body)["objects"]
    assert [item["name"] for item in sent] == ["Bộ KHCN"]


def test_a_held_alert_is_released_by_name(soc):
    assert "1 queued, 1 of them held" in soc("queue", "2222", "--tlp", "red")[1]
    assert soc("send")[1].startswith("0 accepted")
    code, text = soc("status")
    assert code == 1 and "2222222222222222" in text and "\x1b[31m" not in text and "\u202e" not in text
    assert soc("release", "2222", "--by", " ", "--reason", "x")[0] == 2
    assert soc("release", "9999", "--by", "An", "--reason", "x")[0] == 2
    assert soc("release", "2222", "--by", "An", "--reason", "asked for")[0] == 0
    assert soc("send")[1].startswith("1 accepted")
    assert soc("release", "2222", "--by", "An", "--reason", "again")[0] == 2


def test_a_centre_that_is_away_is_said(soc, own_centre):
    soc("queue", "1111")
    own_centre.stop()
    assert soc("send")[0] == 1
    code, found = status(soc)
    assert (code, found["connected"]) == (1, False) and "refused" in found["last_error"]


def test_what_is_asked_must_make_sense(soc, tmp_path):
    assert soc("queue")[0] == 2
    assert soc("queue", "1111", "--since", "24h")[0] == 2
    assert soc("queue", "7777")[0] == 2
    text = (tmp_path / "soc.yml").read_text()
    (tmp_path / "soc.yml").write_text(text.replace("http://127.0.0.1", "http://centre.example"))
    code, said = soc("send")
    assert code == 2 and "share.url" in said  # a token is sent to another machine by TLS only
