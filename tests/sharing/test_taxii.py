"""The mock speaks TAXII 2.1: media types, headers, paging, filters, errors; and its page is harmless."""

import base64

import orjson
import pytest

from soc.sharing.stix import objects_of, stix_id, to_bundle
from soc.sharing.taxii import MEDIA
from tests.sharing.conftest import make_alert


def identity(number, name="x", time="2026-01-01T00:00:00.000Z"):
    return {
        "type": "identity",
        "spec_version": "2.1",
        "id": stix_id("identity", str(number)),
        "created": "2026-01-01T00:00:00.000Z",
        "modified": time,
        "name": name,
    }


def body(answer):
    assert answer.status in {200, 202}, answer.body
    assert answer.headers["content-type"] == MEDIA
    return orjson.loads(answer.body)


@pytest.fixture
def centre(own_centre):
    return own_centre


def test_discovery_leads_to_the_collection(centre):
    root = body(centre.ask("GET", "/taxii2/"))["default"]
    assert MEDIA in body(centre.ask("GET", root))["versions"]
    (found,) = body(centre.ask("GET", f"{root}collections/"))["collections"]
    assert found["can_read"] and found["can_write"] and found["id"] == centre.collection
    assert body(centre.get("")) == found


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Authorization": "Bearer wrong"}, 401),
        ({"Authorization": ""}, 401),
        ({"Accept": "application/json"}, 406),
        ({"Accept": "application/taxii+json;version=2.0"}, 406),
        ({"Content_Type": "application/json"}, 415),
    ],
)
def test_what_is_not_taxii_or_not_known_is_refused(centre, headers, status):
    answer = centre.add([identity(1)], **headers)
    assert answer.status == status
    assert orjson.loads(answer.body)["http_status"] == str(status)
    assert body(centre.get()) == {}


@pytest.mark.parametrize("query", ["limit=0", "limit=x", "added_after=yesterday", "next=x", "match[version]=soon"])
def test_senseless_parameters_are_refused(centre, query):
    assert centre.get(f"objects/?{query}").status == 400


def test_thousands_of_objects_of_one_time_are_paged_without_loss(centre):
    sent = [identity(number) for number in range(2_000)]
    status = body(centre.add(sent))
    assert (status["status"], status["success_count"]) == ("complete", 2_000)
    seen, place = [], ""
    while True:
        answer = centre.get(f"objects/?limit=299{place}")
        page = body(answer)
        assert answer.headers["x-taxii-date-added-first"] == answer.headers["x-taxii-date-added-last"]
        seen += [item["id"] for item in page["objects"]]
        if not page.get("more"):
            break
        place = f"&next={page['next']}"
    assert seen == [item["id"] for item in sent]
    last = answer.headers["x-taxii-date-added-last"]
    assert body(centre.get(f"objects/?added_after={last}")) == {}
    centre.add([identity("later")])
    assert len(body(centre.get(f"objects/?added_after={last}"))["objects"]) == 1


def test_filters_and_versions(centre):
    old, new = identity(1, "old"), identity(1, "new", "2026-02-01T00:00:00.000Z")
    found = objects_of(to_bundle(make_alert(), "Bộ KHCN", "amber"))
    assert body(centre.add([old, new, *found]))["failures"] == []
    assert body(centre.get(f"objects/{old['id']}/"))["objects"] == [new]
    assert body(centre.get(f"objects/{old['id']}/?match[version]=first"))["objects"] == [old]
    assert body(centre.get(f"objects/{old['id']}/?match[version]=2026-01-01T00:00:00Z"))["objects"] == [old]
    assert body(centre.get(f"objects/{old['id']}/?match[version]=2025-01-01T00:00:00Z")) == {}
    assert body(centre.get(f"objects/{old['id']}/versions/"))["versions"] == [old["modified"], new["modified"]]
    notes = body(centre.get("objects/?match[type]=note,sighting"))["objects"]
    assert {item["type"] for item in notes} == {"note", "sighting"}
    (entry,) = body(centre.get(f"manifest/?match[id]={old['id']}"))["objects"]
    assert (entry["version"], entry["media_type"]) == (new["modified"], "application/stix+json;version=2.1")
    assert centre.get("objects/identity--none/").status == 404


def test_an_object_that_is_no_stix_is_a_failure_and_the_others_are_taken(centre):
    status = body(centre.add([identity(1), {"type": "indicator", "id": "x"}, {"id": 5}]))
    assert (status["success_count"], status["failure_count"], status["pending_count"]) == (1, 2, 0)
    assert body(centre.ask("GET", f"/api/status/{status['id']}/")) == status
    assert centre.ask("GET", f"/api/status/{status['id']}/", name="admin").status == 404  # somebody else's


def test_only_admin_switches_faults(centre):
    assert centre.ask("POST", "/faults", {"kind": "429"}).status == 403
    assert centre.ask("POST", "/faults", {"kind": "fire"}, "admin").status == 422
    centre.fault("429", 3, 2)
    centre.stop()
    centre.start()  # they are kept
    assert centre.add([identity(1)]).headers["retry-after"] == "3"


def test_the_page_tells_what_arrived_and_obeys_nothing(centre):
    centre.add([{"type": "<script>alert(1)</script>", "id": "<script>alert(1)</script>"}, identity(1)])
    assert centre.ask("GET", "/").status == 401
    word = base64.b64encode(f"admin:{centre.token('admin')}".encode()).decode()
    for language, text in (("vi", "Đã nhận được gì"), ("en", "What arrived")):
        answer = centre.ask("GET", f"/?lang={language}", Authorization=f"Basic {word}")
        page = answer.body.decode()
        assert answer.status == 200
        assert text in page and identity(1)["id"] in page and "<script" not in page
        assert answer.headers["content-security-policy"].startswith("default-src 'none'")
