"""The bulk writer against a server of which every answer is known, and against a real one."""

import threading

import msgspec
import orjson
import pytest

from soc.core.errors import StoreError
from soc.stores import elasticsearch_bulk
from soc.stores.elasticsearch_bulk import MOST_BYTES, BulkWriter, Refused, Row, Unreachable
from soc.stores.elasticsearch_client import ClientSender, connect
from soc.stores.elasticsearch_rows import event_row
from tests.services.fixtures_elasticsearch import prepared
from tests.services.wire import Wire
from tests.stores.contract import event

QUICK = 0.001


class FakeServer:
    """Keeps documents by id. ``faults`` are answers given first: an HTTP status, or "lost" (done, but no answer)."""

    def __init__(self, faults=(), limit=10**9):
        self.faults = list(faults)
        self.limit = limit
        self.documents = {}
        self.bulks = []
        self.items = {}
        """id -> statuses that this row gets first."""

    def send(self, bulk):
        lines = bulk.split(b"\n")
        assert lines.pop() == b""
        pairs = [(orjson.loads(lines[at]), lines[at + 1]) for at in range(0, len(lines), 2)]
        self.bulks.append([meta[next(iter(meta))]["_id"] for meta, _ in pairs])
        fault = self.faults.pop(0) if self.faults else 200
        if fault == "gone":
            raise Unreachable("connection refused")
        if fault != 200 and fault != "lost":
            return fault, {"error": {"type": "made_up", "reason": "by the test"}}
        if len(bulk) > self.limit:
            return 413, {"error": "too large"}
        items = [self._item(meta, doc) for meta, doc in pairs]
        if fault == "lost":
            raise Unreachable("no answer")
        return 200, {"errors": any(item["status"] >= 300 for row in items for item in row.values()), "items": items}

    def _item(self, meta, doc):
        (action,) = meta
        id = meta[action]["_id"]
        if self.items.get(id):
            status = self.items[id].pop(0)
            return {action: {"status": status, "error": {"type": "made_up", "reason": f"{status} for {id}"}}}
        if action == "create" and id in self.documents:
            return {action: {"status": 409, "error": {"type": "version_conflict", "reason": "there"}}}
        self.documents[id] = doc
        return {action: {"status": 201}}


def rows(count, size=10, action="create"):
    return [Row("logs-soc.x-y", f"id{number}", b'{"a":"' + b"x" * size + b'"}', action) for number in range(count)]


def numbers(writer):
    counts = writer.counts
    return counts.written, counts.there_already, counts.refused, counts.retried


def writer_to(server, **options):
    return BulkWriter(server, first_pause=QUICK, **options)


def test_all_is_written_once():
    server = FakeServer()
    writer = writer_to(server)
    assert writer.write(rows(1000)) == []
    assert (len(server.documents), len(server.bulks), numbers(writer)) == (1000, 1, (1000, 0, 0, 0))
    assert writer.write([]) == []


@pytest.mark.parametrize("fault", [429, 502, 503, 504, 500, "gone"])
def test_a_server_that_is_not_there_is_asked_again(fault):
    server = FakeServer([fault] * 3)
    writer = writer_to(server)
    assert writer.write(rows(5)) == []
    assert (len(server.documents), numbers(writer)) == (5, (5, 0, 0, 15))


def test_a_lost_answer_is_no_second_document():
    server = FakeServer(["lost"])
    writer = writer_to(server)
    assert writer.write(rows(5)) == []
    assert (len(server.documents), numbers(writer)) == (5, (0, 5, 0, 5))


def test_only_rows_that_found_no_room_are_sent_again():
    server = FakeServer()
    server.items = {"id1": [429, 429], "id3": [503]}
    writer = writer_to(server)
    assert writer.write(rows(5)) == []
    assert server.bulks == [[f"id{n}" for n in range(5)], ["id1", "id3"], ["id1"]]
    assert numbers(writer) == (5, 0, 0, 3)


def test_a_poison_document_comes_back_with_the_reason_and_stops_nobody():
    server = FakeServer()
    server.items = {"id2": [400]}
    writer = writer_to(server)
    assert writer.write(rows(5)) == [Refused("logs-soc.x-y", "id2", 400, "made_up: 400 for id2", rows(5)[2].doc)]
    assert (sorted(server.documents), numbers(writer)) == (["id0", "id1", "id3", "id4"], (4, 0, 1, 0))


def test_a_row_at_which_the_server_fails_is_given_up_after_some_tries():
    server = FakeServer()
    server.items = {"id2": [500] * 99, "id3": [500] * 2}
    writer = writer_to(server)
    assert [refused.id for refused in writer.write(rows(5))] == ["id2"]
    assert len(server.documents) == 4


def test_a_conflict_is_the_end_of_a_create_and_not_of_an_update():
    server = FakeServer()
    server.items = {"id0": [409, 409]}
    writer = writer_to(server)
    assert writer.write(rows(1, action="update")) == []
    assert numbers(writer) == (1, 0, 0, 2)
    assert writer.write(rows(1)) == []
    assert numbers(writer) == (1, 1, 0, 2)


def test_bulks_are_bounded_in_bytes():
    server = FakeServer()
    assert writer_to(server).write(rows(30, size=1_000_000)) == []
    assert [len(bulk) for bulk in server.bulks] == [4] * 7 + [2]
    assert 4 * 1_000_000 < MOST_BYTES < 5.1 * 1_000_000


def test_a_bulk_that_is_too_large_is_halved_and_one_document_refused():
    server = FakeServer(limit=3000)
    big = Row("logs-soc.x-y", "big", b'"' + b"x" * 5000 + b'"')
    writer = writer_to(server)
    assert [(one.id, one.status) for one in writer.write([*rows(20, size=500), big])] == [("big", 413)]
    assert len(server.documents) == 20


def test_a_row_that_breaks_the_whole_bulk_is_found():
    class Picky(FakeServer):
        def send(self, bulk):
            return (400, {"error": "malformed"}) if b"poison" in bulk else super().send(bulk)

    server = Picky()
    poison, two_lines = Row("logs-soc.x-y", "p", b'{"poison":1}'), Row("logs-soc.x-y", "n", b"{\n}")
    assert [one.id for one in writer_to(server).write([*rows(9), poison, two_lines])] == ["n", "p"]
    assert len(server.documents) == 9


@pytest.mark.parametrize("status", [401, 403, 404])
def test_an_operators_mistake_loses_nothing(status):
    with pytest.raises(StoreError, match=f"{status} made_up: by the test"):
        writer_to(FakeServer([status])).write(rows(3))
    server = FakeServer()
    server.items = {"id1": [status]}
    with pytest.raises(StoreError, match=f"logs-soc.x-y: {status}"):
        writer_to(server).write(rows(3))


def test_stop_ends_the_waiting():
    stop = threading.Event()
    writer = BulkWriter(FakeServer(["gone"] * 99), stop, first_pause=60)
    threading.Timer(0.05, stop.set).start()
    with pytest.raises(StoreError, match="stopped while waiting: connection refused"):
        writer.write(rows(3))
    with pytest.raises(StoreError, match="stopped"):
        writer.write(rows(3))


def test_patience_ends():
    with pytest.raises(StoreError, match="connection refused"):
        writer_to(FakeServer(["gone"] * 99), patience=0.02).write(rows(3))


def test_pauses_grow_do_not_keep_step_and_have_a_bound(monkeypatch):
    waited = []

    class Stop(threading.Event):
        def wait(self, timeout=None):
            waited.append(timeout)
            return False

    chances = iter([0.0, 1.0] * 6)
    writer = BulkWriter(FakeServer(["gone"] * 12), Stop(), chance=lambda: next(chances), first_pause=0.5)
    assert writer.write(rows(1)) == []
    assert waited == [0.25, 1.5, 1, 6, 4, 24, 15, 30, 15, 30, 15, 30]
    assert elasticsearch_bulk.LONGEST_PAUSE == 30


def test_ids_and_names_are_text_and_never_syntax():
    server = FakeServer()
    nasty = ['"},{"delete":{"_id":"x', "\\", "ễ", "a/b"]
    assert writer_to(server).write([Row("soc-states-x", id, b"{}", "index") for id in nasty]) == []
    assert sorted(server.documents) == sorted(nasty)


@pytest.mark.xdist_group("servers")
def test_a_real_server_refuses_once_and_takes_once(elasticsearch):
    client, namespace = prepared(elasticsearch)
    writer = BulkWriter(ClientSender(client))
    index = f"logs-soc.test-{namespace}"

    def row(id, body):
        return Row(index, id, orjson.dumps(body))

    good = [row(f"{n:032x}", {"@timestamp": "2026-09-14T08:00:00.123456Z", "source.port": n}) for n in range(100)]
    bad = [row("no-time", {"message": "x"}), row("no-date", {"@timestamp": "yesterday"}), Row(index, "cut", b'{"a":')]
    refused = writer.write([*good, *bad])
    assert [(one.id, one.status) for one in refused] == [("no-time", 400), ("no-date", 400), ("cut", 400)]
    assert "yesterday" in refused[1].reason
    assert numbers(writer) == (100, 0, 3, 0)
    assert writer.write(good) == []
    assert numbers(writer) == (100, 100, 3, 0)


@pytest.mark.xdist_group("servers")
def test_without_templates_nothing_is_written_into_an_index_of_the_wrong_kind(elasticsearch):
    client, _ = prepared(elasticsearch)
    row = Row("logs-soc.test-nobodys", "1", b'{"@timestamp":"2026-09-14T08:00:00Z"}')
    with pytest.raises(StoreError, match="404"):
        BulkWriter(ClientSender(client)).write([row])
    assert not client.indices.exists(index="logs-soc.test-nobodys")


@pytest.mark.xdist_group("servers")
def test_outages_in_the_middle_cost_nothing_and_double_nothing(elasticsearch):
    """Connections are cut again and again while bulks are on their way, some after they were written."""
    client, namespace = prepared(elasticsearch)
    wire = Wire(int(elasticsearch.url.rpartition(":")[2]))
    through = msgspec.structs.replace(elasticsearch.settings(namespace), urls=(f"https://localhost:{wire.port}",))
    cut_client = connect(through)
    writer = BulkWriter(ClientSender(cut_client), first_pause=0.05)
    events = [event_row(event(n, message="x" * 2000), namespace) for n in range(4000)]
    done = threading.Event()

    def trouble():
        while not done.is_set():
            began = wire.bytes
            while wire.bytes < began + 700_000 and not done.is_set():
                done.wait(0.001)
            wire.cut()
            done.wait(0.1)
            wire.mend()

    breaking = threading.Thread(target=trouble)
    breaking.start()
    try:
        refused = [one for at in range(0, 4000, 250) for one in writer.write(events[at : at + 250])]
    finally:
        done.set()
        breaking.join()
        wire.close()
        cut_client.close()
    client.indices.refresh(index=events[0].target)
    assert refused == []
    assert client.count(index=events[0].target)["count"] == 4000
    assert writer.counts.retried > 250
    assert writer.counts.written + writer.counts.there_already == 4000
    client.close()
