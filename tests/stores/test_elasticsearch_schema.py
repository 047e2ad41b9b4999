"""Index templates: what is generated, and what a real server makes of it."""

import json
from contextlib import closing
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest
from elastic_transport import ApiResponseMeta, BaseNode, HttpHeaders, NodeConfig
from elasticsearch import Elasticsearch

from soc.core.event import from_wire
from soc.core.fields import FIELDS
from soc.stores.elasticsearch import ElasticsearchStore
from soc.stores.elasticsearch_apply import apply, plan
from soc.stores.elasticsearch_plan import COMPONENT, INDEX, LIFECYCLE, TEMPLATE, to_do
from soc.stores.elasticsearch_schema import SUBSTITUTES, component, event_mappings, policy, templates
from tests.services.fixtures_elasticsearch import prepared

SAMPLES = sorted((Path(__file__).parents[1] / "parsers").glob("*.json"))
EVENTS = [
    from_wire(made) | {"soc.origin": f"file:{file.stem}", "log.offset": number}
    for file in SAMPLES
    for number, made in enumerate(json.loads(file.read_text("utf-8")))
    if "error" not in made
]
SERVER = pytest.mark.xdist_group("servers")
LACKING = frozenset(SUBSTITUTES)


class Answer(NamedTuple):
    """What the client expects of a node."""

    meta: ApiResponseMeta
    body: bytes


generated = cache(event_mappings)


def type_of(name, lacking=frozenset()):
    """The type that the templates give a field."""
    mappings = generated(lacking)
    if name in mappings["properties"]:
        return mappings["properties"][name]["type"]
    for template in mappings["dynamic_templates"]:
        (found,) = template.values()
        if name in found.get("path_match", (name,)):
            return found["mapping"]["type"]
    return None


def test_every_field_of_the_table_gets_the_type_of_the_table():
    parents = {"object", "nested", "flattened"}
    for field in FIELDS.values():
        multi = field.name.endswith(".text") and field.name.removesuffix(".text") in FIELDS
        if field.type in parents or multi:
            continue
        wanted = "date_nanos" if field.name == "@timestamp" else field.type
        assert type_of(field.name) == wanted, field.name
        assert type_of(field.name, LACKING) == SUBSTITUTES.get(wanted, wanted), field.name
    assert type_of("CommandLine") == "keyword"


def test_a_field_that_ecs_indexes_twice_is_indexed_twice():
    groups = [next(iter(template.values())) for template in event_mappings()["dynamic_templates"]]
    (found,) = [group for group in groups if "process.command_line" in group.get("path_match", ())]
    assert found["mapping"]["type"] == "wildcard"
    assert found["mapping"]["fields"] == {"text": {"type": "match_only_text"}}


def test_nothing_that_a_server_lacks_is_in_its_templates():
    text = json.dumps([component("x", LACKING), templates("x", LACKING, lifecycle=False)])
    assert not [type for type in SUBSTITUTES if f'"type": "{type}"' in text]
    assert '"lifecycle"' not in text
    assert all(f'"type": "{type}"' in json.dumps(component("x")) for type in SUBSTITUTES)


def test_the_life_of_a_stream_goes_by_the_level():
    made = templates("x")
    lives = {
        name: found["template"]["settings"]["index"]["lifecycle"]["name"]
        for name, found in made.items()
        if "data_stream" in found
    }
    assert lives == {
        "soc-events-x": "soc-level-3",
        "soc-events-x_l1": "soc-level-1",
        "soc-events-x_l2": "soc-level-2",
        "soc-events-x_l3": "soc-level-3",
        "soc-events-x_l4": "soc-level-4",
        "soc-events-x_l5": "soc-level-5",
        "soc-rejected-x": "soc-level-3",
    }
    ages = [policy(level)["policy"]["phases"]["delete"]["min_age"] for level in range(1, 6)]
    assert ages == ["30d", "30d", "90d", "180d", "365d"]


@SERVER
def test_one_event_of_each_sample_is_taken_with_the_types_of_the_table(elasticsearch):
    client, namespace = prepared(elasticsearch)
    with closing(ElasticsearchStore(client, namespace)) as store:
        store.put_events(EVENTS)
        store.commit()
        assert (store.counts()["events"], store.counts()["rejected"]) == (len(EVENTS), 0)
        assert len(EVENTS) > 300
        found = list(store.events(0, 2**60))
        key = lambda event: (event["@timestamp"], event["soc.origin"], event["log.offset"])  # noqa: E731
        assert sorted(found, key=key) == sorted(EVENTS, key=key)
        ignored = client.search(index=f"logs-soc.*-{namespace}", query={"exists": {"field": "_ignored"}}, size=5)
        assert ignored["hits"]["hits"] == []
        answer = client.indices.get_field_mapping(index=f"logs-soc.*-{namespace}", fields="*").body
    mapped = {
        (name, next(iter(mapping["mapping"].values()))["type"])
        for index in answer.values()
        for name, mapping in index["mappings"].items()
        if name in FIELDS and mapping["mapping"] and not name.endswith(".text")
    }
    wrong = [
        (name, type)
        for name, type in mapped
        if type != SUBSTITUTES.get(FIELDS[name].type, FIELDS[name].type) and name != "@timestamp"
    ]
    assert wrong == []
    assert {name for event in EVENTS for name in event if name in FIELDS} <= {name for name, _ in mapped}


@SERVER
def test_what_was_applied_is_what_the_server_has(elasticsearch):
    client, namespace = prepared(elasticsearch)
    steps = plan(client, namespace)
    assert to_do(steps) == []
    assert {step.verdict for step in steps} == {"unchanged", "unavailable"}
    assert [step.kind for step in steps if step.verdict == "unavailable"] == ["field type"] * 4 + [LIFECYCLE] * 5
    shown = client.cluster.get_component_template(name=f"soc-events-{namespace}")["component_templates"][0]
    assert shown["component_template"]["template"]["mappings"] == event_mappings(LACKING)
    client.close()


@SERVER
def test_what_somebody_changed_is_seen_and_mended(elasticsearch):
    client, namespace = prepared(elasticsearch)
    client.indices.put_index_template(
        name=f"soc-events-{namespace}_l4", index_patterns=[f"logs-soc.*-{namespace}_l4"], priority=300
    )
    client.indices.delete(index=f"soc-states-{namespace}")
    client.cluster.put_component_template(name=f"soc-events-{namespace}", template={"mappings": {"dynamic": False}})
    broken = to_do(plan(client, namespace))
    assert [(step.kind, step.name, step.verdict) for step in broken] == [
        (COMPONENT, f"soc-events-{namespace}", "change"),
        (TEMPLATE, f"soc-events-{namespace}_l4", "change"),
        (INDEX, f"soc-states-{namespace}", "create"),
    ]
    assert list(apply(client, plan(client, namespace))) == broken
    assert to_do(plan(client, namespace)) == []
    client.close()


class FullServer(BaseNode):
    """A server that has everything and keeps what it is told: what the one in tests lacks can be applied."""

    kept = None

    def perform_request(self, method, target, body=None, headers=None, request_timeout=None):
        target = target.partition("?")[0]
        status, answer = 200, {"acknowledged": True}
        if method == "PUT":
            self.kept[target] = json.loads(body) if body else {}
        elif method in ("GET", "HEAD"):
            status, answer = self._get(target)
        headers = HttpHeaders({"content-type": "application/json", "x-elastic-product": "Elasticsearch"})
        meta = ApiResponseMeta(node=self.config, duration=0.0, http_version="1.1", status=status, headers=headers)
        return Answer(meta, json.dumps(answer).encode())

    def _get(self, target):
        if target not in self.kept:
            return 404, {"error": {"type": "not_found"}, "status": 404}
        (_, kind, name), body = target.split("/", 2), self.kept[target]
        shapes = {
            "_ilm": lambda: {name.removeprefix("policy/"): {"version": 1, "policy": body["policy"]}},
            "_component_template": lambda: {"component_templates": [{"name": name, "component_template": body}]},
            "_index_template": lambda: {"index_templates": [{"name": name, "index_template": body}]},
        }
        return 200, shapes[kind]()


def test_a_server_with_lifecycles_gets_them_and_then_has_nothing_to_do():
    FullServer.kept = {}
    client = Elasticsearch([NodeConfig("http", "full", 9200)], node_class=FullServer)
    steps = plan(client, "x")
    assert [step.name for step in steps if step.kind == LIFECYCLE] == [f"soc-level-{level}" for level in range(1, 6)]
    assert {step.verdict for step in steps} == {"create"}
    list(apply(client, steps))
    assert FullServer.kept["/_ilm/policy/soc-level-5"] == policy(5)
    assert (
        FullServer.kept["/_index_template/soc-events-x_l5"]["template"]["settings"]["index"]["lifecycle"]["name"]
        == "soc-level-5"
    )
    again = [step for step in plan(client, "x") if step.kind != INDEX]
    assert {step.verdict for step in again} == {"unchanged"}
    FullServer.kept["/_ilm/policy/soc-level-5"]["policy"]["phases"]["delete"]["min_age"] = "7d"
    assert [step.name for step in to_do(plan(client, "x")) if step.kind == LIFECYCLE] == ["soc-level-5"]
