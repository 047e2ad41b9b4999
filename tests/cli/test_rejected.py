"""soc rejected on the embedded store: list, show, replay."""

import json
from base64 import b64decode
from contextlib import closing
from dataclasses import replace
from itertools import chain

import pytest
from click.testing import CliRunner

from soc.cli import main
from soc.core.event import Rejected, iso, micros
from soc.core.ids import event_id
from soc.core.store import STORE_FILE, AlertFilter, LineFilter
from soc.engines.rejected import bring_back, kind
from soc.parsers import _registry, devices
from soc.pipeline.build import build_normaliser
from soc.stores.memory import MemoryStore
from soc.stores.sqlite import SqliteStore

NOW = micros("2026-10-05T02:00:00Z")
ROOT = b"<86>Oct  5 09:00:%02d mx1 sshd[4021]: Accepted password for root from 203.0.113.9 port 4000%d ssh2"
HOSTILE = b"\xff\x00\x1b[31m\xe2\x80\xaedrowssap"


def lines():
    """Three that parse once their device is told right, and one each that is hostile, empty, damaged and refused."""
    wrong = [Rejected("udp:10.1.0.1", n, NOW + n, "suricata", "not valid JSON", ROOT % (n, n)) for n in (1, 2, 3)]
    return [
        *wrong,
        Rejected("tcp:10.1.0.2", 4, NOW + 4, "fortigate", "no FortiGate log: it has no type=", HOSTILE),
        Rejected("tcp:10.1.0.2", 5, NOW + 5, "auto", "empty line", b""),
        Rejected("kafka:soc.raw/1", 77, NOW + 6, "", "a damaged batch: x", b"SOC\x01\xff", "soc.raw", 1, 77),
        Rejected("elasticsearch:logs-soc.x-default/ab", 0, NOW + 7, "", "elasticsearch: 400 y", b"{}"),
    ]


def id_of(line):
    return event_id(line.origin, line.position, line.raw.decode("latin-1"))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with a soc.yml and a store; no rules but one."""
    rules = tmp_path / "rules"
    rules.mkdir()
    (rules / "root.yml").write_text(
        "title: Root by password\nid: 3f0a7f5e-64a5-4a0f-9d0c-0d0f5a3c1d11\nlevel: high\nname: root_by_password\n"
        "logsource: {product: linux, service: sshd}\n"
        "detection: {sel: {user.name: root, event.outcome: success}, condition: sel}\n"
    )
    (tmp_path / "soc.yml").write_text("inputs: []\ndata_dir: data\nrules: [rules]\nshipped_rules: false\n")
    with closing(SqliteStore(tmp_path / "data" / STORE_FILE)) as store:
        store.put_rejected(lines())
        store.commit()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def soc(*words, code=0):
    result = CliRunner().invoke(main, ["rejected", *map(str, words)], catch_exceptions=False)
    assert result.exit_code == code, result.output
    return result


def stored(folder):
    return SqliteStore.read_only(folder / "data" / STORE_FILE)


def test_the_list_is_the_latest_first_and_obeys_no_line(folder):
    said = soc("list").stdout
    assert said.index("elasticsearch:logs") < said.index("kafka:soc.raw") < said.index("udp:10.1.0.1")
    assert "\x1b" not in said and "\u202e" not in said and "\\x1b[31m" in said
    assert id_of(lines()[3])[:8] in said


@pytest.mark.parametrize(
    ("words", "numbers"),
    [
        (["--reason", "JSON"], {1, 2, 3}),
        (["--origin", "TCP:"], {4, 5}),
        (["--since", iso(NOW + 5)], {5, 77, 0}),
        (["--reason", "json", "--limit", "2"], {3, 2}),
        (["--reason", "nothing such"], set()),
    ],
)
def test_filters(folder, words, numbers):
    said = soc("list", "--json", *words)
    assert {json.loads(line)["position"] for line in said.stdout.splitlines()} == numbers
    assert ("--limit shows them" in said.stderr) == ("--limit" in words)


def test_show_tells_where_it_lies_the_bytes_and_why(folder):
    hostile, damaged = lines()[3], lines()[5]
    said = soc("show", id_of(hostile)[:6]).stdout
    assert "no FortiGate log: it has no type=" in said and "\\xff\\x00\\x1b[31m\\u202edrowssap" in said
    assert "\x1b" not in said and "partition" not in said
    document = json.loads(soc("show", id_of(damaged), "--json").stdout)
    assert (document["kind"], b64decode(document["raw"])) == ("damaged", b"SOC\x01\xff")
    assert "no batch of lines" in soc("show", id_of(damaged)).stdout
    assert "không phải là một lô dòng" in soc("show", id_of(damaged), "--lang", "vi").stdout
    assert "no rejected line ffffffff" in soc("show", "ffffffff", code=2).stderr
    assert "no rejected line" in soc("show", id_of(hostile)[:3], code=2).stderr


def test_exactly_those_that_parse_now_come_back(folder):
    dry = json.loads(soc("replay", "--dry-run", "--json", code=1).stdout)
    fixable = {id_of(line) for line in lines()[:3]}
    assert fixable <= set(dry["back"]) and len(dry["stayed"]) == 3
    with closing(stored(folder)) as store:
        assert (store.counts()["events"], store.counts()["rejected"]) == (0, 7)
    done = json.loads(soc("replay", "--json", code=1).stdout)
    assert set(done["back"]) == fixable
    assert {one["id"] for one in done["stayed"]} == {id_of(line) for line in lines()[3:]}
    with closing(stored(folder)) as store:
        assert [
            store.event(id)["log.offset"] for id in sorted(fixable, key=lambda id: store.event(id)["@timestamp"])
        ] == [1, 2, 3]
        assert {line.position for line in store.rejected(10)} == {4, 5, 77, 0}
        assert (store.counts()["events"], store.counts()["rejected"]) == (3, 4)
        (alert,) = store.alerts(AlertFilter())
        assert (alert.title, alert.count, alert.late) == ("Root by password", 3, True)
        assert done["alerts"] == [alert.id]
    again = json.loads(soc("replay", "--json", code=1).stdout)
    assert (again["back"], again["tried"]) == ([], 4)


def test_an_alert_that_is_there_stays(folder):
    soc("replay", id_of(lines()[0]))
    with closing(stored(folder)) as store:
        (before,) = store.alerts(AlertFilter())
    done = json.loads(soc("replay", "--reason", "JSON", "--json").stdout)
    assert (len(done["back"]), done["alerts"]) == (2, [])
    with closing(stored(folder)) as store:
        assert store.alerts(AlertFilter()) == [before]
        assert store.counts()["events"] == 3


def test_ids_and_filters_exclude_each_other_and_reasons_are_told(folder):
    soc("replay", "abcd", "--reason", "x", code=2)
    said = soc("replay", "--origin", "tcp:", code=1).stdout
    assert "0 of 2 came back" in said and "1 stay: empty line" in said
    soc("list", "--since", "yesterday-ish", code=2)


def test_a_store_that_is_not_there_is_told(folder):
    assert "no store there yet" in soc("list", "--store", "nowhere.db", code=2).stderr


def test_a_defect_of_a_parser_costs_only_its_line(folder, monkeypatch):
    broken = dict(devices())

    def defect(line):
        if b"40002" in line.text.encode():
            raise RuntimeError("a defect")
        return devices()["linux_auth"].parse(line)

    broken["linux_auth"] = replace(broken["linux_auth"], parse=defect)
    monkeypatch.setattr("soc.pipeline.normalise.recognise", lambda line, likely: broken["linux_auth"])
    done = json.loads(soc("replay", "--reason", "JSON", "--json", code=1).stdout)
    assert len(done["back"]) == 2 and done["stayed"] == [{"id": id_of(lines()[1]), "reason": "RuntimeError: a defect"}]


def test_lines_of_a_device_are_not_taken_by_the_one_that_takes_anything():
    from soc.engines.rejected import attempt

    normaliser = build_normaliser(None, zone=25200)
    garbage = Rejected("udp:1", 1, NOW, "fortigate", "no type", b"<14>Oct  5 09:00:00 fw1 foo: what is this")
    unknown = replace(garbage, device="a_device_of_old")
    (stays, parses) = attempt([garbage, unknown], normaliser)
    assert (stays.fate, stays.device) == ("stays", "fortigate")
    assert (parses.fate, parses.device, parses.event["event.dataset"]) == ("parses", "auto", "syslog.generic")


def test_kinds():
    assert [kind(line) for line in lines()[2:]] == ["line", "line", "line", "damaged", "refused"]
    other_shipper = Rejected("kafka:soc.raw/0", 5, NOW, "auto", "empty line", b" ")
    assert kind(other_shipper) == "line"


def test_dying_before_the_lines_are_removed_loses_and_doubles_nothing(folder):
    from soc.engines.rejected import attempt
    from soc.pipeline.build import build_pipeline
    from soc.pipeline.content import load_content

    class Dying(MemoryStore):
        dead = True

        def remove_rejected(self, lines):
            if self.dead:
                raise OSError("dead")
            return super().remove_rejected(lines)

    store, content = Dying(), load_content([folder / "rules"], shipped=False)
    store.put_rejected(lines()[:3])
    for dead in (True, False):
        store.dead = dead
        tried = list(attempt(store.rejected(10), build_normaliser(None, zone=25200)))
        pipeline = build_pipeline(content, None, zone=25200)
        if dead:
            with pytest.raises(OSError, match="dead"):
                bring_back(store, pipeline, tried)
        else:
            assert bring_back(store, pipeline, tried).alerts == []
    counts = store.counts()
    assert (counts["events"], counts["rejected"], counts["alerts"]) == (3, 0, 1)
    assert store.rejected(10, LineFilter(reason="JSON")) == []
    assert list(chain(store.rejected(10))) == []
    assert _registry.devices()["linux_auth"]
