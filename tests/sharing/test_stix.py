"""An alert as STIX 2.1: deterministic, valid for stix2 and for OASIS's own schemas, and harmless."""

import tarfile

import orjson
import pytest
import stix2
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from soc.core.alert import EventRef
from soc.core.errors import SocError
from soc.sharing.stix import check, encode, objects_of, to_bundle
from soc.sharing.tlp import MARKINGS
from tests.conftest import DATA
from tests.sharing.conftest import NOW, SECOND, make_alert
from tests.sharing.schema import Schemas

SCHEMAS = DATA / "stix_taxii" / "stix2-json-schemas.tar.xz"
EVENT = {
    "source.ip": "2001:db8::7",
    "destination.ip": "::ffff:198.51.100.9",
    "dns.question.name": "Bad.Example.",
    "url.full": "http://bad.example/a'b\\c",
    "file.hash.sha256": "A" * 64,
    "email.from.address": ["Ke.Gian@bad.example"],
}
DAY = 86_400 * SECOND

SLOWLY = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])


def bundle(**fields):
    tlp = fields.pop("tlp", "amber")
    return to_bundle(make_alert(**fields), "Bộ KHCN", tlp)


def of_type(found, kind):
    return [item for item in objects_of(found) if item["type"] == kind]


def test_the_same_state_gives_the_same_bytes_and_ids_live_on():
    assert encode(bundle()) == encode(bundle())
    later = bundle(last_seen=NOW + 99 * SECOND, count=50)
    assert [item["id"] for item in objects_of(later)] == [item["id"] for item in objects_of(bundle())]
    assert of_type(later, "note")[0]["modified"] > of_type(bundle(), "note")[0]["modified"]


def test_created_stays_when_an_earlier_event_is_found_late():
    moved = to_bundle(make_alert(first_seen=NOW - SECOND), "Bộ KHCN", "amber", created=NOW)
    assert of_type(moved, "note")[0]["created"] == of_type(bundle(), "note")[0]["created"]


def test_every_kind_of_observable_becomes_a_pattern():
    patterns = {item["pattern"] for item in of_type(bundle(group=(), events=(EventRef("e", NOW, EVENT),)), "indicator")}
    assert patterns == {
        "[ipv6-addr:value = '2001:db8::7']",
        "[ipv4-addr:value = '198.51.100.9']",
        "[domain-name:value = 'bad.example']",
        "[url:value = 'http://bad.example/a\\'b\\\\c']",
        f"[file:hashes.'SHA-256' = '{'a' * 64}']",
        "[email-message:from_ref.value = 'ke.gian@bad.example']",
    }


def test_whom_a_host_happened_to_call_is_no_indicator_of_an_anomaly():
    event = EventRef("e", NOW, {"source.ip": "10.1.50.23", "destination.ip": "203.0.113.9", "url.domain": "a.example"})
    whom = (("source.ip", "203.0.113.66"),)
    patterns = {item["pattern"] for item in of_type(bundle(kind="anomaly", group=whom, events=(event,)), "indicator")}
    assert patterns == {"[ipv4-addr:value = '203.0.113.66']"}
    ours = (("destination.ip", "10.1.50.23"),)
    patterns = {item["pattern"] for item in of_type(bundle(kind="anomaly", group=ours, events=(event,)), "indicator")}
    assert patterns == {"[ipv4-addr:value = '10.1.50.23']"}, "which the gate keeps in"
    peer = (("source.ip", "10.1.50.23"), ("destination.ip", "203.0.113.9"))
    patterns = {item["pattern"] for item in of_type(bundle(kind="anomaly", group=peer, events=(event,)), "indicator")}
    assert {"[ipv4-addr:value = '203.0.113.9']", "[domain-name:value = 'a.example']"} <= patterns


def test_an_indicator_ends_and_says_how_often_it_was_seen():
    found = bundle(events=())
    (indicator,) = of_type(found, "indicator")
    (sighting,) = of_type(found, "sighting")
    assert indicator["valid_from"] == "2026-10-03T04:00:00.000000Z"
    assert indicator["valid_until"] == "2026-11-02T04:01:30.000000Z"  # 30 days after the last time
    assert (sighting["sighting_of_ref"], sighting["count"]) == (indicator["id"], 40)
    assert of_type(found, "attack-pattern")[0]["external_references"][0]["external_id"] == "T1110.001"
    assert "vi: Dò mật khẩu" in of_type(found, "note")[0]["content"]


@pytest.mark.parametrize("word", MARKINGS)
def test_the_marking_is_the_one_of_the_specification(word):
    found = stix2.parse(of_type(bundle(tlp=word), "marking-definition")[0], version="2.1")
    assert found.name == f"TLP:{word.upper()}"
    assert of_type(bundle(tlp=word), "indicator")[0]["object_marking_refs"] == [found.id]


def test_what_is_no_stix_is_refused():
    broken = {"type": "indicator", "id": "indicator--1", "spec_version": "2.1", "pattern": "[", "pattern_type": "stix"}
    with pytest.raises(SocError, match="indicator--1"):
        check({"objects": [broken]})


TEXT = st.text(max_size=16) | st.sampled_from(
    ["'", "\\", "]' OR [", "\u202e", "\ud800".encode("utf-8", "replace").decode()]
)


@SLOWLY
@given(st.dictionaries(st.sampled_from(sorted(EVENT)), TEXT | st.lists(TEXT, max_size=3)), TEXT)
def test_hostile_text_makes_valid_stix_or_none(event, title):
    found = bundle(title=title, title_vi=title, group=(), events=(EventRef("e", NOW, event),))
    check(found)


@SLOWLY
@given(st.text(alphabet="ab'\\[]= \"", min_size=1, max_size=20))
def test_a_quote_in_a_value_stays_inside_the_pattern(text):
    found = bundle(group=(), events=(EventRef("e", NOW, {"url.full": f"http://x/{text}"}),))
    (indicator,) = of_type(found, "indicator")
    parsed = stix2.pattern_visitor.create_pattern_object(indicator["pattern"], version="2.1")
    assert parsed.operand.operator == "="


@pytest.mark.skipif(not SCHEMAS.exists(), reason="OASIS's schemas are not on this machine")
def test_oasis_schemas_agree(tmp_path):
    with tarfile.open(SCHEMAS) as archive:
        archive.extractall(tmp_path, filter="data")
    schemas = Schemas(tmp_path / "schemas")
    items = objects_of(orjson.loads(encode(bundle(events=(EventRef("e", NOW, EVENT),)))))
    assert [problem for item in items for problem in schemas.problems(item)] == []
    assert schemas.problems({**items[-1], "modified": "yesterday"}) != []
    assert schemas.problems({key: value for key, value in items[-1].items() if key != "object_refs"}) != []
