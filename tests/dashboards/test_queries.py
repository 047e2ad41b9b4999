"""Every query of every dashboard, on a real Elasticsearch that holds the story, with the key that Grafana has.

No Grafana server can be had on these machines, so none draws the panels here: what is sent is what
tests.dashboards.grafana_query says that Grafana sends. How a panel looks is not proven.
"""

import re

import msgspec
import pytest

from soc.stores.elasticsearch_client import connect, create_key
from soc.stores.elasticsearch_roles import key_request
from soc.story.times import CLOSING, OPENING
from tests.dashboards.boards import BOARDS, QUERIES, SOURCES, TARGETS, index_of, named
from tests.dashboards.grafana_query import All, Range, fields, interpolated, rows, search, variable

pytestmark = pytest.mark.xdist_group("servers")

TIME = Range(OPENING // 1000 - 3_600_000, CLOSING // 1000 + 3_600_000)
_FIELD = re.compile(r"(?:^|[\s(])([@\w.]+):")


@pytest.fixture(scope="session")
def reader(told, elasticsearch, tmp_path_factory):
    """A client with the rights of Grafana's key. "logs-soc.*" is for it what its installation has."""
    client, namespace, _ = told
    file = tmp_path_factory.mktemp("key") / "reader"
    create_key(client, key_request(namespace, "reader", 1), file)
    settings = elasticsearch.settings(namespace)
    client = connect(msgspec.structs.replace(settings, user="", password_file="", api_key_file=str(file)))
    yield client
    client.close()


def everything(board):
    """Each variable at "All", as the dashboard opens."""
    return {one["name"]: All(one["allValue"]) for one in board["templating"]["list"] if one["type"] == "query"}


def ask(reader, namespace, uid, body):
    """The answer, refused if a part of it failed: Grafana would draw the rest without a word."""
    answer = reader.search(index=index_of(uid, namespace), **body).body
    assert answer["_shards"]["failed"] == 0, answer["_shards"]
    assert not answer["timed_out"]
    return answer


@pytest.mark.parametrize(("name", "target"), **named(TARGETS))
def test_a_panel_has_rows_with_everything_chosen(told, reader, name, target):
    body = search(target, TIME, everything(BOARDS[name]))
    answer = ask(reader, told[1], target["datasource"]["uid"], body)
    assert rows(target, answer) >= 1


@pytest.mark.parametrize(("name", "target"), **named(TARGETS))
def test_a_panel_names_fields_that_are_mapped(told, reader, name, target):
    wanted = fields(target) | set(_FIELD.findall(interpolated(target["query"], everything(BOARDS[name]))))
    wanted |= {
        field
        for bucket in target["bucketAggs"]
        for one in bucket.get("settings", {}).get("filters", ())
        for field in _FIELD.findall(one["query"])
    }
    found = reader.field_caps(index=index_of(target["datasource"]["uid"], told[1]), fields=sorted(wanted))["fields"]
    assert wanted <= found.keys()
    for field in fields(target):
        assert all(one["aggregatable"] for one in found[field].values()), field


@pytest.mark.parametrize(("name", "target"), **named(TARGETS))
def test_all_leaves_nothing_out(told, reader, name, target):
    """allValue is put in as it is: a document without the field would be lost by "unit:*" without a word."""
    used = {one for one in everything(BOARDS[name]) if f"${one}" in target["query"]}
    asked = search(target, TIME, everything(BOARDS[name]))
    free = search({**target, "query": re.sub(r"[\w.]+:\$\w+", "*", target["query"])}, TIME, {})
    counted = [
        reader.count(index=index_of(target["datasource"]["uid"], told[1]), query=body["query"])["count"]
        for body in (asked, free)
    ]
    assert counted[0] == counted[1] > 0
    assert used or not re.search(r"\$\w", target["query"])


@pytest.mark.parametrize(("name", "variable_"), **named(QUERIES))
def test_a_variable_has_values_and_each_of_them_narrows(told, reader, name, variable_):
    uid = variable_["datasource"]["uid"]
    answer = ask(reader, told[1], uid, variable(variable_["query"], TIME))
    found = [bucket["key"] for bucket in answer["aggregations"]["1"]["buckets"]]
    assert found
    target = next(t for _, board, t in TARGETS if board == name and f"${variable_['name']}" in t["query"])
    total = 0
    for chosen in (*found, found):
        body = search(target, TIME, everything(BOARDS[name]) | {variable_["name"]: chosen})
        number = reader.count(index=index_of(target["datasource"]["uid"], told[1]), query=body["query"])["count"]
        assert number > 0, chosen
        total += number if chosen is not found else -number
    assert total == 0  # one by one they are what all of them together are


def test_the_queue_shows_every_alert_of_the_story(told, reader):
    target = next(t for where, _, t in TARGETS if where == "triage-Queue")
    answer = ask(reader, told[1], "soc-alerts", search(target, TIME, everything(BOARDS["triage"])))
    assert len(answer["hits"]["hits"]) == told[2] > 20


def test_columns_of_documents_are_there(told, reader):
    """What a table of documents keeps by name; a name that no document has would be an empty column."""
    checked = 0
    for name, board in BOARDS.items():
        for panel in board["panels"]:
            for change in panel.get("transformations", ()):
                if change["id"] == "filterFieldsByName":
                    target = panel["targets"][0]
                    body = search(target, TIME, everything(board))
                    hits = ask(reader, told[1], target["datasource"]["uid"], body)["hits"]["hits"]
                    has = {field for hit in hits for field in hit["_source"]}
                    assert set(change["options"]["include"]["names"]) <= has, (name, panel["title"])
                    checked += 1
    assert checked == 2


def test_the_key_of_grafana_can_read_and_nothing_else(told, reader):
    for uid in SOURCES:
        rights = {"names": [index_of(uid, told[1])], "privileges": ["read", "view_index_metadata"]}
        if uid == "soc-events":
            rights["names"] = [f"logs-soc.*-{told[1]}"]
        assert reader.security.has_privileges(index=[rights])["has_all_requested"], uid
        rights["privileges"] = ["index"]
        assert not reader.security.has_privileges(index=[rights])["has_all_requested"], uid
