"""``soc dashboards push`` and ``check`` against a stand-in of Grafana: what is called, in which order, how often.

No Grafana server can be had on these machines: what it answers is as its documentation says.
"""

import json

import pytest
from click.testing import CliRunner

from soc.cli import main
from tests.dashboards.boards import BOARDS, FOLDER, SOURCES
from tests.dashboards.grafana_double import TOKEN, Grafana, serving


@pytest.fixture
def grafana():
    return Grafana({uid: {"uid": uid, "type": source["type"]} for uid, source in SOURCES.items()})


@pytest.fixture
def push(grafana, tmp_path):
    token = tmp_path / "token"
    token.write_text(f"{TOKEN}\n")
    with serving(grafana) as url:
        yield lambda *words, code=0: soc(
            "push", "--url", url, "--token-file", token, "--files", FOLDER, *words, code=code
        )


def soc(*words, code=0):
    result = CliRunner().invoke(main, ["dashboards", *map(str, words)], catch_exceptions=False)
    assert result.exit_code == code, result.output
    return result.output


def test_push_makes_the_folder_and_every_dashboard(grafana, push):
    said = push()
    assert grafana.folders == {"soc": {"uid": "soc", "title": "SOC"}}
    assert grafana.dashboards.keys() == {board["uid"] for board in BOARDS.values()}
    assert said.splitlines() == [f"created: {board['title']}" for board in BOARDS.values()]
    kept = grafana.dashboards["soc-triage"]["dashboard"]
    assert {**kept, "id": None, "version": 1} == {**BOARDS["triage"], "id": None}


def test_push_again_changes_nothing(grafana, push):
    push()
    before = json.dumps(grafana.dashboards)
    grafana.calls.clear()
    assert [row["outcome"] for row in json.loads(push("--json"))["dashboards"]] == ["unchanged"] * len(BOARDS)
    assert grafana.changes == []
    assert json.dumps(grafana.dashboards) == before


def test_push_puts_back_what_was_changed_or_moved(grafana, push):
    push()
    grafana.dashboards["soc-triage"]["dashboard"]["title"] = "mine"
    grafana.dashboards["soc-health"]["meta"]["folderUid"] = "elsewhere"
    grafana.calls.clear()
    assert sum(line.startswith("changed: ") for line in push().splitlines()) == 2
    assert grafana.changes == [("POST", "/api/dashboards/db")] * 2
    assert grafana.dashboards["soc-triage"]["dashboard"]["title"] == BOARDS["triage"]["title"]
    assert grafana.dashboards["soc-health"]["meta"]["folderUid"] == "soc"


def test_the_folder_is_renamed_and_never_made_twice(grafana, push):
    push()
    grafana.calls.clear()
    push("--folder", "Trực ban")
    assert grafana.changes == [("PUT", "/api/folders/soc")]
    assert grafana.folders == {"soc": {"uid": "soc", "title": "Trực ban"}}


def test_the_consoles_address_is_put_in(grafana, push):
    push("--console", "https://soc.example")
    for held in grafana.dashboards.values():
        (console,) = [one for one in held["dashboard"]["templating"]["list"] if one["name"] == "console"]
        assert console["query"] == "https://soc.example"
    assert push("--console", "https://soc.example").count("unchanged: ") == len(BOARDS)


@pytest.mark.parametrize("source", [None, {"uid": "soc-events", "type": "loki"}])
def test_a_data_source_that_is_missing_or_another_stops_it_before_anything_changes(grafana, push, source):
    grafana.sources["soc-events"] = source
    assert "soc-events" in push(code=2)
    assert grafana.changes == []


def test_a_wrong_token_is_told_and_never_shown(grafana, push, tmp_path):
    (tmp_path / "token").write_text("not-this-one")
    said = push(code=2)
    assert "soc: http://127.0.0.1" in said
    assert "not-this-one" not in said
    assert grafana.changes == []


@pytest.mark.parametrize("words", [("--console", "javascript:alert(1)"), ("--url", "file:///etc/passwd")])
def test_addresses_that_are_none_are_refused(grafana, push, words):
    push(*words, code=2)
    assert grafana.calls == []


def test_a_server_that_is_away_is_told(tmp_path):
    token = tmp_path / "token"
    token.write_text(TOKEN)
    with serving(Grafana({})) as url:
        pass
    assert f"soc: {url}" in soc("push", "--url", url, "--token-file", token, "--files", FOLDER, code=2)


def test_check_finds_nothing_in_ours():
    assert "soc-alerts, soc-events, soc-rejected" in soc("check", "--files", FOLDER)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda board: board.pop("uid"), "no uid"),
        (lambda board: board["panels"][0].update(type="text"), "type text"),
        (lambda board: board["panels"][0].update(title=""), "no title"),
        (lambda board: board["panels"][0]["fieldConfig"]["defaults"].pop("unit"), "no unit"),
        (lambda board: board["panels"][0].update(id=2), "another's"),
        (lambda board: board["panels"][0]["targets"][0].pop("datasource"), "no data source"),
        (lambda board: board["templating"]["list"][0].pop("datasource"), "no data source"),
        (lambda board: board.update(uid="soc-health"), "is that of health.json"),
    ],
)
def test_check_tells_what_is_wrong_and_push_sends_none_of_it(tmp_path, change, told):
    for name, board in BOARDS.items():
        board = json.loads(json.dumps(board))
        if name == "triage":
            change(board)
        (tmp_path / f"{name}.json").write_text(json.dumps(board))
    said = soc("check", "--files", tmp_path, code=1)
    assert "triage.json:1: " in said
    assert told in said
    token = tmp_path / "token"
    token.write_text(TOKEN)
    sent = soc("push", "--url", "http://127.0.0.1:1", "--token-file", token, "--files", tmp_path, code=2)
    assert "triage.json:1: " in sent


def test_a_folder_without_dashboards_or_with_broken_ones(tmp_path):
    assert "no dashboards" in soc("check", "--files", tmp_path, code=2)
    (tmp_path / "broken.json").write_text("{")
    assert "broken.json" in soc("check", "--files", tmp_path, code=2)
