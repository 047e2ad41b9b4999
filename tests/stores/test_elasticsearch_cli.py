"""soc index, and the verbs that read a store, on a real Elasticsearch; and what the least rights allow."""

import json
import os
import stat
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import msgspec
import pytest
import yaml
from click.testing import CliRunner
from elasticsearch import AuthenticationException, AuthorizationException
from starlette.testclient import TestClient

from soc.cli import main
from soc.cli.elastic import elasticsearch_store
from soc.core.clock import SystemClock
from soc.core.errors import StoreError
from soc.core.event import Rejected
from soc.core.ids import event_id, id_of
from soc.core.settings import ElasticsearchSettings
from soc.core.store import AlertFilter, Retention
from soc.core.triage import Act
from soc.stores.elasticsearch import ElasticsearchStore
from soc.stores.elasticsearch_bulk import BulkWriter
from soc.stores.elasticsearch_client import ClientSender, connect, create_key
from soc.stores.elasticsearch_roles import ROLES, key_request
from soc.stores.elasticsearch_rows import alert_row, event_row
from soc.web import Access, create_app
from tests.services.fixtures_elasticsearch import prepared
from tests.stores.contract import NOW, SECOND, alert, event, rejected
from tests.web.forms import send

pytestmark = pytest.mark.xdist_group("servers")


def soc(*words, code=0):
    result = CliRunner().invoke(main, [str(word) for word in words])
    assert result.exit_code == code, result.output
    return result.output


def written(folder, settings):
    file = folder / "soc.yml"
    file.write_text(yaml.safe_dump({"elasticsearch": json.loads(msgspec.json.encode(settings))}), "utf-8")
    return file


@pytest.fixture
def place(elasticsearch):
    client, namespace = prepared(elasticsearch)
    with closing(client):
        yield client, namespace


@pytest.fixture
def with_key(elasticsearch, place, tmp_path):
    """A client with the rights of a role and no more."""
    clients = []

    def made(role):
        file = tmp_path / role
        create_key(place[0], key_request(place[1], role, 1), file)
        settings = elasticsearch.settings(place[1])
        settings = msgspec.structs.replace(settings, user="", password_file="", api_key_file=str(file))
        clients.append(connect(settings))
        return clients[-1]

    yield made
    for client in clients:
        client.close()


def test_apply_shows_a_plan_does_it_and_then_has_nothing_to_do(elasticsearch, tmp_path):
    file = written(tmp_path, elasticsearch.settings("cli"))
    shown = soc("index", "apply", "--settings", file, code=1)
    assert "12 to do; --yes does it" in shown
    assert "This server has no lifecycles (ILM)" in shown
    assert soc("index", "apply", "--settings", file, code=1) == shown
    assert "done: index soc-alerts-cli" in soc("index", "apply", "--settings", file, "--yes")
    assert soc("index", "apply", "--settings", file).endswith("nothing to do\n")
    steps = json.loads(soc("index", "apply", "--settings", file, "--json"))["steps"]
    assert {"kind": "index", "name": "soc-states-cli", "verdict": "unchanged"}.items() <= steps[-1].items()
    assert "không có việc gì phải làm" in soc("index", "apply", "--settings", file, "--lang", "vi")


def test_a_server_that_is_not_there_is_one_line(tmp_path):
    file = written(tmp_path, ElasticsearchSettings(urls=("http://127.0.0.1:9",)))
    assert soc("index", "apply", "--settings", file, code=2).startswith("soc: elasticsearch: Connection error")
    assert soc("alerts", "--settings", file, code=2).startswith("soc: elasticsearch: Connection error")
    file.write_text("elasticsearch: {}\n", "utf-8")
    assert "elasticsearch.urls" in soc("index", "apply", "--settings", file, code=2)


def test_a_key_is_shown_or_made_and_only_its_owner_can_read_it(elasticsearch, place, tmp_path):
    file, secret = written(tmp_path, elasticsearch.settings(place[1])), tmp_path / "key"
    shown = soc("index", "key", "--settings", file)
    assert json.loads(shown.partition("\n")[2]) == key_request(place[1], "writer", 365)
    made = soc("index", "key", "--settings", file, "--role", "reader", "--create", secret)
    assert secret.read_text("utf-8").strip() not in made
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    assert "is there already" in soc("index", "key", "--settings", file, "--create", secret, code=2)


def test_alerts_are_listed_shown_and_served(elasticsearch, place, tmp_path):
    file = written(tmp_path, elasticsearch.settings(place[1]))
    assert "no alerts" in soc("alerts", "--settings", file)
    with closing(ElasticsearchStore(connect(elasticsearch.settings(place[1])), place[1])) as store:
        store.put_alerts([alert()])
        store.put_events([event(1)])
        store.commit()
    assert "SSH password guessing" in soc("alerts", "--settings", file)
    assert "Password Guessing" in soc("alerts", "--settings", file, "show", "aaaa")
    assert json.loads(soc("alerts", "--settings", file, "--json"))["id"] == "a" * 16
    app = create_app(elasticsearch_store(elasticsearch.settings(place[1])), Access("secret word", "en"), dict)
    with TestClient(app) as browser:
        send(browser, "/login", data={"password": "secret word"})
        assert "SSH password guessing" in browser.get("/alerts").text
        assert "Password Guessing" in browser.get(f"/alerts/{'a' * 16}").text
        assert "line 1" in browser.get(f"/events/{id_of(event(1))}").text


def test_old_events_are_purged_by_level(elasticsearch, place, tmp_path):
    now = SystemClock().now()
    with closing(ElasticsearchStore(connect(elasticsearch.settings(place[1])), place[1])) as store:
        times = [now - days * 86400 * SECOND for days in (1, 29, 31, 99)]
        store.put_events([event(0, time=time, **{"event.original": str(time), "soc.level": 2}) for time in times])
        store.commit()
        assert "2 events" in soc("index", "purge", "--settings", written(tmp_path, elasticsearch.settings(place[1])))
        assert store.counts()["events"] == 2


def test_a_writer_can_add_and_read_and_not_destroy_or_spy(with_key, place):
    client, namespace = with_key("writer"), place[1]
    store = ElasticsearchStore(client, namespace, patience=2)
    store.put_events([event(1), event(2, **{"soc.level": 5})])
    store.put_rejected([rejected(1)])
    store.put_alerts([alert()])
    store.put_alerts([alert(count=7)])
    store.put_state("pipeline", b"x" * 5_000_000)
    store.commit()
    store.put_state("pipeline", b"y" * 5_000_000)
    store.commit()
    assert (store.counts()["events"], store.counts()["rejected"], store.alert("aaaa").count) == (2, 1, 7)
    stream = event_row(event(1), namespace).target
    forbidden = (
        lambda: client.indices.delete(index=f"soc-alerts-{namespace}"),
        lambda: client.delete_by_query(index=stream, query={"match_all": {}}),
        lambda: client.delete(index=f"soc-alerts-{namespace}", id="a" * 16),
        lambda: client.indices.put_index_template(name="mine", index_patterns=["mine-*"]),
        client.security.get_user,
        lambda: client.security.create_api_key(name="more"),
        lambda: client.search(index="soc-alerts-contract"),
        lambda: client.cluster.put_settings(persistent={"action.destructive_requires_name": False}),
    )
    for attempt in forbidden:
        with pytest.raises(AuthorizationException):
            attempt()
    with pytest.raises(StoreError, match="403"):
        store.purge(Retention(max_age=1), NOW + 60 * SECOND)
    with pytest.raises(StoreError, match="403"):
        BulkWriter(ClientSender(client)).write([alert_row(alert(), "contract")])


def test_a_reader_only_reads_and_an_analyst_decides(with_key, place, elasticsearch):
    client, namespace = place
    full = ElasticsearchStore(client, namespace)
    full.put_alerts([alert()])
    full.put_events([event(1), event(2)])
    full.commit()
    reader = ElasticsearchStore(with_key("reader"), namespace)
    close = Act("close", "lan", NOW, "a backup", "benign")
    version = reader.life("a" * 16).version
    assert reader.counts()["events"] == len(list(reader.events(0, NOW * 2))) == 2
    with pytest.raises(StoreError, match="403"):
        reader.act("a" * 16, close, version)
    reader.put_alerts([alert()])
    with pytest.raises(StoreError, match="403"):
        reader.commit()
    ElasticsearchStore(with_key("analyst"), namespace).act("a" * 16, close, version)
    assert reader.alerts(AlertFilter())[0].status == "closed"
    assert ElasticsearchStore(with_key("retention"), namespace).purge(Retention(max_age=1), NOW + 60 * SECOND) == 2
    assert set(ROLES) == {"writer", "reader", "analyst", "retention", "replayer"}


def test_rejected_lines_are_removed_with_the_rights_for_that_alone(place, with_key):
    namespace = place[1]
    full = ElasticsearchStore(*place)
    full.put_rejected([rejected(1), rejected(2)])
    full.put_events([event(1)])
    full.commit()
    for role in ("writer", "reader", "analyst"):
        with pytest.raises(StoreError, match="403"):
            ElasticsearchStore(with_key(role), namespace).remove_rejected([rejected(1)])
    replayer = ElasticsearchStore(with_key("replayer"), namespace)
    replayer.put_events([event(2)])
    replayer.put_alerts([alert()])
    replayer.commit()
    assert replayer.remove_rejected([rejected(1)]) == 1
    assert replayer.rejected(10) == [rejected(2)] and replayer.counts()["alerts"] == 1
    with pytest.raises(StoreError, match="403"):
        replayer.purge(Retention(max_age=1), NOW + 60 * SECOND)
    assert full.counts()["events"] == 2


def test_rejected_lines_are_listed_shown_and_replayed_without_kafka(elasticsearch, place, tmp_path):
    line = Rejected(
        "udp:10.1.0.1", 3, NOW, "suricata", "not valid JSON",
        b"<86>Sep 14 15:00:00 mx1 sshd[1]: Accepted password for root from 203.0.113.9 port 4000 ssh2",
        "soc.raw", 1, 42,
    )  # fmt: skip
    store = ElasticsearchStore(*place)
    store.put_rejected([line, rejected(1)])
    store.commit()
    file = written(tmp_path, elasticsearch.settings(place[1]))
    id = event_id(line.origin, line.position, line.raw.decode())
    assert id[:8] in soc("rejected", "list", "--settings", file, "--reason", "json")
    assert "soc.raw, partition 1, offset 42" in soc("rejected", "show", id[:8], "--settings", file)
    assert json.loads(soc("rejected", "replay", id[:8], "--settings", file, "--json"))["back"] == [id]
    assert store.event(id)["user.name"] == "root"
    assert store.rejected(10) == [rejected(1)]


def test_a_wrong_key_is_told(elasticsearch, place, tmp_path):
    file = tmp_path / "key"
    file.write_text("d3Jvbmc6d3Jvbmc=\n", "utf-8")
    settings = msgspec.structs.replace(
        elasticsearch.settings(place[1]), user="", password_file="", api_key_file=str(file)
    )
    with closing(connect(settings)) as client:
        with pytest.raises(AuthenticationException):
            client.info()
        with pytest.raises(StoreError, match="401"):
            BulkWriter(ClientSender(client)).write([event_row(event(1), place[1])])


def test_a_certificate_of_another_authority_is_refused(elasticsearch, place, tmp_path):
    from tests.services.elasticsearch_server import certificates

    certificates(tmp_path / "others")
    settings = msgspec.structs.replace(elasticsearch.settings(place[1]), ca=str(tmp_path / "others" / "ca.crt"))
    with (
        closing(ElasticsearchStore(connect(settings), place[1])) as store,
        pytest.raises(StoreError, match="CERTIFICATE_VERIFY_FAILED"),
    ):
        store.alerts(AlertFilter())
    plain = ElasticsearchSettings(urls=(elasticsearch.url.replace("https", "http"),))
    with closing(ElasticsearchStore(connect(plain), place[1])) as store, pytest.raises(StoreError):
        store.alerts(AlertFilter())


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--help"], 0, "Prepare Elasticsearch"),
        (["index", "apply", "--help"], 0, "--yes"),
        (["index", "apply"], 2, "install soc-pipeline[elastic]"),
        (["alerts"], 2, "install soc-pipeline[elastic]"),
    ],
)
def test_without_the_client_all_else_works_and_this_says_what_is_missing(tmp_path, words, code, said):
    (tmp_path / "soc.yml").write_text("elasticsearch: {urls: ['https://localhost:9200']}\n", "utf-8")
    hidden = "sys.modules['elasticsearch'] = sys.modules['elastic_transport'] = None"
    without = f"import sys; {hidden}; import soc.cli; soc.cli.main()"
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2]), "PYTHONWARNINGS": "error"}
    done = subprocess.run(
        [sys.executable, "-c", without, *words],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, said in done.stdout + done.stderr) == (code, True), done.stderr
