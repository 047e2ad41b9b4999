"""The dashboards' files: nothing in them that Grafana would leave out, mix up or draw wrong without a word.

No Grafana server can be had on these machines: nothing here is drawn. That each query has an answer is in
test_queries.py.
"""

import json
import re
from urllib.parse import urlsplit

import pytest
import yaml

from soc.core.finding import Level
from soc.engines.dashboards import PANELS as KNOWN
from soc.engines.dashboards import check, read
from soc.stores.elasticsearch_schema import alert_mappings
from tests.dashboards.boards import BOARDS, FOLDER, PANELS, QUERIES, ROOT, SOURCES, TARGETS, named
from tests.dashboards.grafana_query import variables_in

COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))
PROVIDER = yaml.safe_load((FOLDER / "provisioning/dashboards/soc.yml").read_text("utf-8"))["providers"][0]

GRAFANAS_OWN = {"__from", "__to", "__url_time_range", "__data", "__value"}
UNITS = {"short", "none", "dateTimeAsIso", "dateTimeFromNow"}
PROPERTIES = {"unit", "displayName", "links", "mappings", "color", "custom.width", "custom.cellOptions"}
TRANSFORMATIONS = {"filterFieldsByName", "organize", "convertFieldType"}
WIDTH = 24
_EXPRESSION = re.compile(r"\$\{([^}]+)\}")

every_board = pytest.mark.parametrize("name", BOARDS)
every_panel = pytest.mark.parametrize(("name", "panel"), **named(PANELS))


def texts(part):
    """Every text in a piece of JSON."""
    if isinstance(part, dict):
        part = list(part.values())
    if isinstance(part, list):
        return [text for one in part for text in texts(one)]
    return [part] if isinstance(part, str) else []


def links(part):
    """Every link in a board or panel, wherever it is."""
    if isinstance(part, list):
        return [link for one in part for link in links(one)]
    if not isinstance(part, dict):
        return []
    return ([part] if isinstance(part.get("url"), str) else []) + links(list(part.values()))


def test_there_are_three_and_soc_dashboards_check_finds_nothing():
    assert set(BOARDS) == {"triage", "posture", "health"}
    assert check(read(FOLDER)) == []


@every_board
def test_a_board_is_of_grafana_12_and_says_what_it_is(name):
    board = BOARDS[name]
    assert board["uid"] == f"soc-{name}"
    assert board["schemaVersion"] == 41
    assert board["title"]
    assert board["description"]
    assert "id" not in board  # of one Grafana's database
    assert "__inputs" not in board  # what an export asks the one who imports; provisioning does not
    assert board["time"]["from"].startswith("now-")


@every_board
def test_panels_have_ids_of_their_own_and_a_place_of_their_own(name):
    panels = BOARDS[name]["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken = {}
    for panel in panels:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= WIDTH
        for x in range(place["x"], place["x"] + place["w"]):
            for y in range(place["y"], place["y"] + place["h"]):
                assert taken.setdefault((x, y), panel["title"]) == panel["title"]
    height = max(y for _, y in taken) + 1
    assert len(taken) == WIDTH * height, "Grafana would move panels up into a gap"


@every_panel
def test_a_panel_is_known_named_and_has_a_unit(name, panel):
    assert panel["type"] in KNOWN
    assert panel["title"]
    assert panel["description"]
    assert panel["fieldConfig"]["defaults"]["unit"] in UNITS
    for override in panel["fieldConfig"]["overrides"]:
        assert override["matcher"]["id"] == "byName"
        assert {one["id"] for one in override["properties"]} <= PROPERTIES
        assert all(one["value"] in UNITS for one in override["properties"] if one["id"] == "unit")
    assert {one["id"] for one in panel.get("transformations", ())} <= TRANSFORMATIONS


@every_panel
def test_a_panel_reads_a_data_source_that_is_provided(name, panel):
    (target,) = panel["targets"]
    for part in (panel, target):
        assert part["datasource"]["uid"] in SOURCES
        assert part["datasource"]["type"] == SOURCES[part["datasource"]["uid"]]["type"] == "elasticsearch"
    assert panel["datasource"] == target["datasource"]
    assert target["timeField"] == SOURCES[target["datasource"]["uid"]]["jsonData"]["timeField"]


@every_panel
def test_a_panel_draws_what_its_type_can_draw(name, panel):
    """A line over time needs time as its last bucket; Grafana would draw nothing, and say "no data"."""
    (target,) = panel["targets"]
    kinds = [bucket["type"] for bucket in target["bucketAggs"]]
    if panel["type"] == "timeseries":
        assert kinds[-1] == "date_histogram"
    else:
        assert "date_histogram" not in kinds
    if target["metrics"][0]["type"] == "raw_data":
        assert panel["type"] == "table"
        assert kinds == []
    ids = [part["id"] for part in (*target["metrics"], *target["bucketAggs"])]
    assert len(set(ids)) == len(ids)


@every_panel
def test_a_number_that_names_a_slice_is_made_a_text(name, panel):
    """Grafana would draw the number as a slice of its own."""
    if panel["type"] in ("piechart", "bargauge"):
        assert panel["options"]["reduceOptions"]["values"] is True
        (bucket,) = panel["targets"][0]["bucketAggs"]
        if bucket.get("field", "").endswith("level"):
            (change,) = panel["transformations"]
            assert change["options"]["conversions"] == [{"targetField": bucket["field"], "destinationType": "string"}]


@every_panel
def test_names_in_overrides_are_columns(name, panel):
    """A name that no column has is left out by Grafana without a word."""
    (target,) = panel["targets"]
    if target["metrics"][0]["type"] == "raw_data":
        columns = set(panel["transformations"][0]["options"]["include"]["names"])
    elif panel["type"] == "timeseries":
        columns = {level.word for level in Level} | {"informational"}
    else:
        columns = {bucket.get("field", "filter") for bucket in target["bucketAggs"]} | set(metric_columns(target))
    renamed = {
        one["value"]
        for override in panel["fieldConfig"]["overrides"]
        for one in override["properties"]
        if one["id"] == "displayName"
    }
    assert {override["matcher"]["options"] for override in panel["fieldConfig"]["overrides"]} <= columns
    assert {one["displayName"] for one in panel["options"].get("sortBy", ())} <= columns | renamed


def metric_columns(target):
    """Grafana's names of columns: the kind of the metric, with its field where there are two of a kind."""
    names = {"count": "Count", "max": "Max", "sum": "Sum", "cardinality": "Unique Count", "percentiles": "Percentiles"}
    kinds = [metric["type"] for metric in target["metrics"]]
    for metric in target["metrics"]:
        several = kinds.count(metric["type"]) > 1
        yield names[metric["type"]] + (f" {metric['field']}" if several else "")


@every_board
def test_every_variable_that_is_used_is_there_and_the_other_way_round(name):
    board = BOARDS[name]
    known = [one["name"] for one in board["templating"]["list"]]
    assert len(set(known)) == len(known)
    used = {one for target in TARGETS if target[1] == name for one in variables_in(target[2]["query"])}
    used |= {one for link in links(board) for one in variables_in(_EXPRESSION.sub(_bare, link["url"]))}
    assert used - GRAFANAS_OWN == set(known)


def _bare(match):
    """${__data.fields.id} and ${__from:date:iso} -> $__data, $__from"""
    return "$" + re.split(r"[.:]", match[1])[0]


@pytest.mark.parametrize(("name", "variable"), **named(QUERIES))
def test_a_variable_has_all_and_reads_a_field(name, variable):
    assert variable["includeAll"] is True
    assert variable["multi"] is True
    assert variable["allValue"] == "*"
    assert variable["current"]["value"] == ["$__all"]
    assert variable["refresh"] == 2  # when the time changes
    assert variable["label"]
    assert variable["datasource"]["uid"] in SOURCES
    assert json.loads(variable["query"])["find"] == "terms"
    assert variable["definition"] == variable["query"]


def test_the_variables_of_alerts_are_severity_unit_and_status():
    for name in ("triage", "posture"):
        assert [one["name"] for one in BOARDS[name]["templating"]["list"]] == ["severity", "unit", "status", "console"]


@every_board
def test_links_are_well_formed_and_lead_somewhere(name):
    uids = {board["uid"] for board in BOARDS.values()}
    found = links(BOARDS[name])
    for link in found:
        assert link["title"]
        assert link["url"].count("{") == link["url"].count("}")
        url = urlsplit(link["url"].replace("${console}", "https://console"))
        if link["url"].startswith("${console}/"):
            assert re.fullmatch(r"/alerts(/\$\{__data\.fields\.id\})?", url.path)
        else:
            assert url.path.removeprefix("/d/") in uids, link["url"]
    assert {link["url"] for link in BOARDS[name]["links"] if link["url"].startswith("/d/")} == {
        f"/d/{uid}" for uid in uids - {f"soc-{name}"}
    }


def test_a_row_of_the_queue_leads_to_its_alert_with_the_time():
    (panel,) = [panel for _, name, panel in PANELS if name == "triage" and panel["title"] == "Queue"]
    shown = panel["transformations"][0]["options"]["include"]["names"]
    assert "id" in shown  # what the link takes from the row
    assert set(shown) <= alert_mappings()["properties"].keys()
    (link,) = [one for one in links(panel) if "${console}" in one["url"]]
    assert link["url"].startswith("${console}/alerts/${__data.fields.id}?")
    assert "since=${__from:date:iso}" in link["url"]
    assert "until=${__to:date:iso}" in link["url"]


@every_board
def test_nothing_in_a_board_is_html_or_a_script(name):
    for text in texts(BOARDS[name]):
        assert "<" not in text.replace("<=", "")
        assert "javascript:" not in text.lower()
        assert "disableSanitize" not in text
    assert not {"text", "html", "news", "iframe"} & {panel["type"] for panel in BOARDS[name]["panels"]}


def test_grafana_is_given_every_board_read_only():
    volumes = COMPOSE["services"]["grafana"]["volumes"]
    folder = PROVIDER["options"]["path"]
    for name in BOARDS:
        assert f"./dashboards/{name}.json:{folder}/{name}.json:ro" in volumes
    assert "./dashboards/provisioning:/etc/grafana/provisioning:ro" in volumes
    assert PROVIDER["type"] == "file"
    assert PROVIDER["allowUiUpdates"] is False


def test_every_data_source_is_read():
    assert {target["datasource"]["uid"] for _, _, target in TARGETS} == set(SOURCES)
