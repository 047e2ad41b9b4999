"""What Elasticsearch has of each source and minute, on a real server."""

from contextlib import closing
from dataclasses import replace

import pytest

from soc.stores.elasticsearch import ElasticsearchStore
from soc.stores.elasticsearch_bulk import BulkWriter, Refused
from soc.stores.elasticsearch_client import ClientSender
from soc.stores.elasticsearch_counts import counted, distinct
from soc.stores.elasticsearch_rows import dead_letter, event_row, refused_row
from tests.services.fixtures_elasticsearch import prepared
from tests.stores.contract import NOW, SECOND, event, rejected

pytestmark = pytest.mark.xdist_group("servers")
MINUTE = 60 * SECOND
ORIGIN = "hq/udp:10.0.0.1"


@pytest.fixture
def place(elasticsearch):
    client, namespace = prepared(elasticsearch)
    with closing(client):
        yield client, namespace


def row(place, number, received=NOW, joined=False, **fields):
    several = {"soc.joined": True} if joined else {}
    return event_row(event(number, **{"soc.origin": ORIGIN} | several | fields), place[1], 1, received)


def test_events_lines_and_refusals_are_counted_by_source_and_minute(place):
    client, namespace = place
    level = {"soc.level": 4, "event.dataset": "other.set"}
    rows = [
        *(row(place, n, NOW + n * SECOND) for n in range(61)),
        row(place, 70, NOW + 2 * MINUTE),  # too late
        row(place, 71, NOW - 1),  # too early
        row(place, 72, joined=True),
        row(place, 73, **level),
        event_row(event(74), namespace),  # of another engine: when it came is not known
    ]
    assert BulkWriter(ClientSender(client)).write(rows) == []
    never = row(place, 80, NOW + 5)
    letters = [
        dead_letter(Refused(never.target, never.id, 400, "why", never.doc), NOW + 9 * MINUTE),
        dead_letter(Refused(never.target, "j", 400, "why", row(place, 81, joined=True).doc), NOW),
        dead_letter(Refused("soc-alerts-x", "a", 400, "why", b"[1]"), NOW),
        dead_letter(Refused("soc-alerts-x", "b", 400, "why", b"no JSON"), NOW),
    ]
    with closing(ElasticsearchStore(client, namespace, shared=True)) as store:
        lines = [replace(rejected(n, NOW + n), origin=ORIGIN) for n in range(3)]
        store.put_rejected([*lines, *letters, rejected(9, NOW - 1)])
        store.commit()
    client.indices.refresh(index="logs-soc.*")
    found = {}
    for one in counted(client, namespace, NOW, NOW + 2 * MINUTE):
        found[one[:3]] = found.get(one[:3], 0) + one.lines
    start = NOW // 1_000_000
    assert found == {
        ("stored", ORIGIN, start): 61,
        ("stored", ORIGIN, start + 60): 1,
        ("rejected", ORIGIN, start): 3,
        ("refused", ORIGIN, start): 1,
    }
    assert distinct(client, namespace, ORIGIN, start + 60) == 1


def test_an_event_in_two_indices_of_its_stream_is_one_line(place):
    client, namespace = place
    writer = BulkWriter(ClientSender(client))
    rows = [row(place, n) for n in range(5)]
    writer.write(rows)
    client.indices.rollover(alias=rows[0].target)
    writer.write(rows[:2])
    client.indices.refresh(index="logs-soc.*")
    (found,) = counted(client, namespace, NOW, NOW + MINUTE)
    assert found.lines == 7
    assert distinct(client, namespace, ORIGIN, NOW // 1_000_000) == 5
    assert distinct(client, namespace, "hq/udp:10.0.0.*", NOW // 1_000_000) == 0


def test_a_page_is_not_all(place, monkeypatch):
    client, namespace = place
    monkeypatch.setattr("soc.stores.elasticsearch_counts.PAGE", 3)
    monkeypatch.setattr("soc.stores.elasticsearch_counts.DOCUMENTS", 2)
    writer = BulkWriter(ClientSender(client))
    rows = [row(place, n, **{"soc.origin": f"hq/udp:{n}"}) for n in range(10)]
    writer.write(rows)
    with closing(ElasticsearchStore(client, namespace, shared=True)) as store:
        store.put_rejected([dead_letter(Refused(one.target, one.id, 400, "why", one.doc), NOW) for one in rows[:5]])
        store.commit()
    client.indices.refresh(index="logs-soc.*")
    found = list(counted(client, namespace, NOW, NOW + MINUTE))
    assert sorted(one.origin for one in found if one.kind == "stored") == [f"hq/udp:{n}" for n in range(10)]
    assert sorted(one.origin for one in found if one.kind == "refused") == [f"hq/udp:{n}" for n in range(5)]


def test_only_documents_of_this_installation_are_written_again(place):
    _, namespace = place
    mine = row(place, 1)
    letter = dead_letter(Refused(mine.target, mine.id, 400, "why", mine.doc), NOW)
    assert refused_row(letter, namespace) == mine
    alert = dead_letter(Refused(f"soc-alerts-{namespace}", "a" * 16, 400, "why", b"{}"), NOW)
    assert refused_row(alert, namespace).action == "update"
    for origin in ("elasticsearch:.security/1", f"elasticsearch:soc-states-{namespace}/1", "elasticsearch:", "udp:1/2"):
        assert refused_row(replace(letter, origin=origin), namespace) is None
