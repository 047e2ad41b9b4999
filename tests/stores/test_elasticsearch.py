"""The store on a real Elasticsearch."""

import threading
from contextlib import closing
from dataclasses import replace
from random import Random

import msgspec
import pytest

from soc.core.clock import FixedClock
from soc.core.errors import Conflict, SettingsError, StoreError
from soc.core.ids import id_of
from soc.core.settings import ElasticsearchSettings
from soc.core.store import AlertFilter, Retention
from soc.core.triage import Act
from soc.stores.elasticsearch import ElasticsearchStore
from soc.stores.elasticsearch_bulk import BulkWriter
from soc.stores.elasticsearch_client import ClientSender, connect
from soc.stores.elasticsearch_retention import DAY, purge_levels
from soc.stores.elasticsearch_rows import alert_row, event_row, rejected_row
from soc.stores.elasticsearch_states import PIECE
from tests.services.fixtures_elasticsearch import prepared
from tests.stores.contract import NOW, SECOND, StoreContract, alert, event, rejected

pytestmark = pytest.mark.xdist_group("servers")
A = "a" * 16


@pytest.fixture(scope="module")
def contract_client(elasticsearch):
    client, _ = prepared(elasticsearch, "contract")
    yield client
    client.close()


@pytest.fixture
def place(elasticsearch):
    """(client, namespace)"""
    client, namespace = prepared(elasticsearch)
    with closing(client):
        yield client, namespace


@pytest.fixture
def store(place):
    return ElasticsearchStore(*place, patience=5)


class TestElasticsearchStore(StoreContract):
    @pytest.fixture
    def store(self, contract_client):
        """One namespace for all of the contract, emptied before each test: templates take a second to make."""
        everything = "logs-soc.*-contract,soc-*-contract"
        contract_client.indices.refresh(index=everything)
        contract_client.delete_by_query(index=everything, query={"match_all": {}}, refresh=True)
        return ElasticsearchStore(contract_client, "contract", patience=5)

    def test_purge_by_size_removes_the_oldest_and_no_more_than_needed(self, store):
        """Not the contract's: Elasticsearch compresses its 1000 equal messages to less than an empty index takes, so
        no number of them is half of the bytes. These cannot be compressed, and are more."""
        chance = Random(1)
        for start in range(0, 2000, 500):
            batch = [event(n, **{"message": chance.randbytes(3000).hex()}) for n in range(start, start + 500)]
            store.put_events(batch)
            store.commit()
        store.put_alerts([alert()])
        store.commit()
        before = store.counts()["bytes"]
        gone = store.purge(Retention(max_bytes=before // 2), NOW)
        counts = store.counts()
        assert counts["bytes"] <= before // 2
        assert (counts["events"], counts["alerts"]) == (2000 - gone, 1)
        assert 800 < gone < 1500
        left = [found["log.offset"] for found in store.events(0, NOW * 2)]
        assert left == list(range(gone, 2000))


def test_what_is_committed_is_there_for_others_and_what_is_not_is_not(place, store):
    store.put_events([event(1)])
    store.put_rejected([rejected(1)])
    store.put_alerts([alert()])
    store.put_state("pipeline", b"state")
    other = ElasticsearchStore(*place)
    assert (other.counts()["events"], other.state("pipeline"), other.alerts(AlertFilter())) == (0, None, [])
    store.commit()
    assert other.counts()["events"] == other.counts()["rejected"] == 1
    assert (other.state("pipeline"), other.alerts(AlertFilter())) == (b"state", [alert()])


def test_a_failure_drops_what_was_put_since_the_commit(place, elasticsearch):
    client, namespace = place
    gone = connect(msgspec.structs.replace(elasticsearch.settings(namespace), urls=("https://localhost:9",)))
    store = ElasticsearchStore(gone, namespace, patience=0)
    store.put_events([event(1)])
    store.put_state("pipeline", b"state")
    with pytest.raises(StoreError, match="elasticsearch: Connection error"):
        store.commit()
    store._client, store._writer = client, BulkWriter(ClientSender(client))
    store.put_events([event(2)])
    store.commit()
    assert (store.counts()["events"], store.state("pipeline")) == (1, None)
    with pytest.raises(StoreError):
        ElasticsearchStore(gone, namespace).alerts(AlertFilter())


def test_without_soc_index_apply_nothing_is_written(place):
    client, _ = place
    store = ElasticsearchStore(client, "never_applied")
    store.put_alerts([alert()])
    with pytest.raises(StoreError, match="run soc index apply first"):
        store.commit()


def test_microseconds_order_and_types_survive(store):
    events = [
        event(n, time=NOW + micros, **{"source.ip": "2001:db8::1", "tags": ("b", "a", "a"), "event.start": NOW + 1})
        for n, micros in enumerate((7, 3, 3, 999_999, 1))
    ]
    store.put_events(events)
    store.commit()
    assert list(store.events(NOW, NOW + SECOND)) == [events[4], events[1], events[2], events[0], events[3]]
    assert list(store.events(NOW + 3, NOW + 7)) == [events[1], events[2]]
    around = store.events_around(NOW + 4, 3, 2)
    assert {found["log.offset"] for found in around} == {1, 2}


def test_events_are_kept_by_the_level_of_their_system(place, store):
    client, namespace = place
    for level in (None, 0, 1, 4, 5, 7):
        known = {} if level is None else {"soc.level": level}
        store.put_events([event(level or 0, **known, **{"event.dataset": "A-b/C"})])
    store.commit()
    streams = client.indices.resolve_index(name=f"logs-soc.a_b_c-{namespace}*")["data_streams"]
    suffixes = sorted(found["name"].removeprefix(f"logs-soc.a_b_c-{namespace}") for found in streams)
    assert suffixes == ["", "_l1", "_l4", "_l5"]
    assert store.counts()["events"] == 5
    with pytest.raises(SettingsError, match="must not end in _l1"):
        ElasticsearchStore(client, "office_l4")


def test_levels_are_purged_after_their_own_time(place, store):
    store.put_events([event(level, **({"soc.level": level} if level else {})) for level in range(6)])
    store.put_rejected([rejected(1)])
    store.commit()

    def left():
        return sorted(found.get("soc.level", 0) for found in store.events(0, NOW * 2))

    for days, levels in ((29, [0, 1, 2, 3, 4, 5]), (31, [0, 3, 4, 5]), (91, [4, 5]), (181, [5]), (366, [])):
        purge_levels(*place, NOW + days * DAY)
        assert left() == levels
    assert store.counts()["rejected"] == 0


def test_what_elasticsearch_refuses_is_a_rejected_line_with_the_reason(store):
    far = event(1, time=10_000_000_000_000_000)  # the year 2286, later than nanoseconds in 64 bits can say
    never = event(2, time=10**18)
    store.put_events([far, never, event(3)])
    store.commit()
    assert (store.counts()["events"], store.counts()["rejected"]) == (1, 2)
    letters = store.rejected(10)
    assert all("elasticsearch: 400" in letter.reason and b'"event.original"' in letter.raw for letter in letters)


def test_odd_values_do_not_cost_an_event(store):
    odd = event(
        1,
        **{
            "source.ip": "not an address",
            "source.port": "http",
            "client.geo.location": "here",
            "event.start": "soon",
            "event.risk_score": True,
            "process.command_line": "x" * 90_000,
            "event.original": "y" * 200_000,
            "user": "flat",
            "user.name": "both",
            "new.name": 1,
        },
    )
    store.put_events([odd, event(2, **{"new.name": "a text", "new.name.deeper": (1, "two", 3.5, False)})])
    store.commit()
    assert (store.counts()["events"], store.counts()["rejected"]) == (2, 0)
    assert store.event(id_of(odd))["source.port"] == "http"
    assert next(store.events(NOW, NOW * 2)) == odd


def test_more_names_than_a_mapping_takes_cost_no_event(store):
    for part in range(3):
        store.put_events([event(part, **{f"hostile{part}.{n}": "v" for n in range(1000)})])
        store.commit()
    assert (store.counts()["events"], store.counts()["rejected"]) == (3, 0)


def test_an_older_state_of_an_alert_replaces_no_newer(place, store):
    writer = BulkWriter(ClientSender(place[0]))

    def put(count, as_of, status="new"):
        assert writer.write([alert_row(alert(count=count, status=status), place[1], as_of)]) == []
        place[0].indices.refresh(index=f"soc-alerts-{place[1]}")
        found = store.alert(A)
        return found.count, found.status

    assert put(1, 100) == (1, "new")
    assert put(2, 99) == (1, "new")
    assert put(3, 100) == (3, "new")
    assert put(4, 101, "closed") == (4, "closed")
    assert put(5, 102) == (5, "closed")
    assert put(6, 101) == (5, "closed")
    store.put_alerts([alert(count=8)], as_of=103)
    store.put_alerts([alert(count=7)], as_of=102)
    assert store.alert(A).count == 8


def test_an_act_is_in_the_document_for_dashboards_and_no_later_state_of_the_alert_undoes_it(place, store):
    store.put_alerts([alert()])
    store.act(A, Act("assign", "lan", NOW, assignee="minh"), 0)
    store.act(A, Act("close", "minh", NOW, "a backup", "benign"), 1)
    store.put_alerts([alert(count=9)], as_of=5)
    store.commit()
    document = place[0].get(index=f"soc-alerts-{place[1]}", id=A)["_source"]
    names = ("status", "count", "triage.assignee", "triage.verdict", "triage.comment", "triage.by", "triage.at")
    assert [document[name] for name in names] == [
        "closed", 9, "minh", "benign", "a backup", "minh", "2026-09-14T08:00:00Z"
    ]  # fmt: skip


def test_people_who_act_at_once_while_the_pipeline_writes_lose_nothing(place, store):
    store.put_alerts([alert()])
    store.commit()
    done, told = [], []

    def person(name):
        own = ElasticsearchStore(*place, patience=5, shared=True)
        for number in range(5):
            while True:
                try:
                    own.act(A, Act("comment", name, NOW, f"{name} {number}"), own.life(A).version)
                    done.append(f"{name} {number}")
                    break
                except Conflict:
                    told.append(name)

    people = [threading.Thread(target=person, args=(name,)) for name in ("lan", "minh")]
    for thread in people:
        thread.start()
    writer = ElasticsearchStore(*place, patience=5, shared=True)
    for count in range(3, 20):
        writer.put_alerts([alert(count=count)], as_of=count)
        writer.commit()
    for thread in people:
        thread.join()
    assert sorted(done) == sorted(one.text for one in store.life(A).entries)
    assert len(done) == 10
    assert store.alert(A).count == 19


def test_alerts_written_at_once_from_many_sides_end_as_the_latest(place, store, elasticsearch):
    def work(start):
        client = connect(elasticsearch.settings(place[1]))
        with closing(client):
            writer = BulkWriter(ClientSender(client))
            for as_of in range(start, 40, 4):
                writer.write([alert_row(alert(count=as_of), place[1], as_of)])

    threads = [threading.Thread(target=work, args=(start,)) for start in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    place[0].indices.refresh(index=f"soc-alerts-{place[1]}")
    assert store.alert(A).count == 39


def test_a_large_state_is_whole_or_the_one_before(place, store):
    chance = Random(2)
    first, second = chance.randbytes(PIECE * 2 + 5), chance.randbytes(PIECE + 1)
    for state in (first, second, b"small"):
        store.put_state("pipeline", state)
        store.commit()
        assert ElasticsearchStore(*place).state("pipeline") == state


def test_deep_pages_of_alerts(store):
    store.put_alerts(alert(f"{n:016x}", score=n % 50) for n in range(1200))
    store.commit()
    everything = store.alerts(AlertFilter(limit=2000))
    assert len(everything) == 1200
    assert store.alerts(AlertFilter(limit=7, offset=1100)) == everything[1100:1107]
    assert store.alerts(AlertFilter(limit=7, offset=1300)) == []


def test_rejected_lines_keep_their_place_in_kafka(place, store):
    writer = BulkWriter(ClientSender(place[0]))
    line = replace(rejected(1), topic="soc.raw", partition=3, offset=77)
    row = rejected_row(line, place[1])
    assert writer.write([row, row]) == []
    place[0].indices.refresh(index=row.target)
    assert store.rejected(5) == [line]
    document = place[0].search(index=row.target)["hits"]["hits"][0]["_source"]
    assert (document["soc.topic"], document["soc.partition"], document["soc.topic_offset"]) == ("soc.raw", 3, 77)
    assert document["event.original"].endswith("broken")


def test_an_event_sent_again_after_its_index_rolled_over_comes_back_once(place, store):
    client, namespace = place
    writer, row = BulkWriter(ClientSender(client)), event_row(event(1), namespace, 1)
    writer.write([row])
    client.indices.rollover(alias=row.target)
    writer.write([row])
    client.indices.refresh(index=row.target)
    assert list(store.events(0, NOW * 2)) == [event(1)]


def test_the_clock_orders_what_different_writers_stored(place):
    for number, clock in ((1, FixedClock(20)), (2, FixedClock(10))):
        writer = ElasticsearchStore(*place, clock)
        writer.put_events([event(number, time=NOW)])
        writer.commit()
    assert [found["log.offset"] for found in ElasticsearchStore(*place).events(NOW, NOW + 1)] == [2, 1]


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        (ElasticsearchSettings(), "elasticsearch.urls"),
        (ElasticsearchSettings(urls=("http://localhost:9200",), ca="/x"), "elasticsearch.ca"),
        (ElasticsearchSettings(urls=("https://localhost:9200",), ca="/no/such.pem"), "/no/such.pem does not exist"),
        (ElasticsearchSettings(urls=("https://localhost:9200",), api_key_file="/no/such"), "/no/such"),
        (ElasticsearchSettings(urls=("https://localhost:9200",), api_key_file="/k", user="u"), "not both"),
        (ElasticsearchSettings(urls=("https://localhost:9200",), namespace="a_l3"), "_l1 to _l5"),
    ],
)
def test_settings_that_cannot_work_say_which(settings, why):
    with pytest.raises(SettingsError, match=why):
        connect(settings)
