"""Suricata beyond its samples: real alerts, broken and hostile JSON, and JSON that is not Suricata's."""

from __future__ import annotations

import gzip
from pathlib import Path

import orjson
import pytest

from soc.core.event import Event
from soc.core.fields import check_event
from soc.parsers import ParseError, read_line, recognise
from soc.parsers.suricata import DEVICE

DATA = Path(__file__).parents[2].parent / "shared" / "data"
ZONE = 7 * 3600
KEYS = (
    *("flow_id", "tx_id", "in_iface", "host", "src_port", "dest_port", "proto", "app_proto", "vlan", "icmp_type"),
    *("alert", "metadata", "vars", "flow", "netflow", "dns", "http", "tls", "ssh", "files", "fileinfo"),
    *("smtp", "email", "stats", "drop", "anomaly", "tcp", "xff", "verdict", "direction"),
)
HEAD = '"timestamp":"2026-10-05T08:14:03.000000+0700","src_ip":"192.0.2.1","dest_ip":"10.1.1.1"'


def parse(text: str) -> Event:
    return DEVICE.parse(read_line(text.encode(), 0, ZONE))


def eve(kind: str, **objects: object) -> Event:
    return parse(orjson.dumps({**orjson.loads(f"{{{HEAD}}}"), "event_type": kind, **objects}).decode())


def real_rows(name: str) -> list[dict[str, object]]:
    path = DATA / name
    if not path.is_file():
        pytest.skip(f"no {name} beside the checkout")
    return [orjson.loads(row) for row in gzip.decompress(path.read_bytes()).splitlines()]


def test_every_real_alert_becomes_a_sound_event() -> None:
    rows = real_rows("suricata_eve/alerts.jsonl.gz")
    assert len(rows) == 368
    for row in rows:
        line = read_line(orjson.dumps(row["event"]), 0, ZONE)
        assert recognise(line) is DEVICE
        event = DEVICE.parse(line)
        assert check_event(event) == []
        assert event.keys() <= DEVICE.datasets["suricata.alert"].fills
        assert {"rule.id", "rule.name", "source.ip", "destination.ip", "event.start"} <= event.keys()


def test_every_suricata_line_of_another_collection_parses() -> None:
    for row in real_rows("crowdsec_hub/crowdsec_parsers.jsonl.gz"):
        if str(row["log_type"]).startswith("suricata"):
            line = read_line(str(row["raw"]).encode(), 0, ZONE)
            assert recognise(line) is DEVICE
            assert check_event(DEVICE.parse(line)) == []


def test_zeek_json_is_not_taken_for_suricata() -> None:
    folder = DATA / "zeek_logs" / "json"
    if not folder.is_dir():
        pytest.skip("no zeek_logs beside the checkout")
    for path in sorted(folder.iterdir()):
        raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        for row in raw.splitlines()[:200]:
            assert not DEVICE.looks_like(read_line(row, 0, ZONE).text)


@pytest.mark.parametrize(
    "text",
    [
        '{"event_type":"login","timestamp":"2026-10-05T08:14:03Z","user":"x"}',
        '{"_path":"dns","id.orig_h":"192.0.2.1","dest_ip":1}',
        '["event_type","timestamp","dest_ip"]',
        "2026/10/05 08:14:03 [notice] 1#1: -> event_type",
    ],
)
def test_other_text_is_not_taken_for_suricata(text: str) -> None:
    assert not DEVICE.looks_like(text)


@pytest.mark.parametrize(
    "text",
    ["{", "[]", "{}", '{"event_type":"alert"}', '{"event_type":1,"timestamp":"2026-10-05T08:14:03+0700"}', "", "alert"],
)
def test_what_is_no_eve_record_is_refused(text: str) -> None:
    with pytest.raises(ParseError):
        parse(text)


def test_a_bomb_of_depth_is_refused() -> None:
    with pytest.raises(ParseError, match="not valid JSON"):
        parse('{"event_type":' + "[" * 60_000)


def test_broken_utf8_within_json_is_kept_visible() -> None:
    raw = f'{{{HEAD},"event_type":"http","http":{{"url":"/\\\\x41?'.encode() + b'\xff","hostname":"h"}}'
    event = DEVICE.parse(read_line(raw, 0, ZONE))
    assert event["url.original"] == r"/\x41?\xff"


def test_an_unknown_event_type_stays_one_dataset_and_keeps_its_name() -> None:
    event = eve("alert2<script>")
    assert (event["event.dataset"], event["suricata.eve.event_type"]) == ("suricata.other", "alert2<script>")


@pytest.mark.parametrize(
    ("direction", "source"),
    [
        ({"direction": "to_server"}, 708),
        ({"direction": "to_client"}, 4091),
        ({}, 708),
    ],
)
def test_bytes_of_an_alert_belong_to_the_ends_of_its_packet(direction: dict[str, str], source: int) -> None:
    event = eve("alert", alert={}, flow={"bytes_toserver": 708, "bytes_toclient": 4091}, **direction)
    assert event["source.bytes"] == source
    assert event["destination.bytes"] == 4799 - source


def test_a_flow_that_ends_before_it_starts_has_no_duration() -> None:
    event = eve("flow", flow={"start": "2026-10-05T08:14:03+0700", "end": "2026-10-05T08:14:02+0700"})
    assert "event.duration" not in event


def test_lists_are_bounded() -> None:
    answers = [{"rrname": "a", "rrtype": "A", "rdata": "192.0.2.1", "ttl": 1}] * 1000
    event = eve("dns", dns={"type": "answer", "answers": answers})
    assert len(event["dns.answers.data"]) == 64  # type: ignore[arg-type]
    event = eve("smtp", smtp={"rcpt_to": [f"<{number}@example.com>" for number in range(1000)]})
    assert len(event["email.to.address"]) == 64  # type: ignore[arg-type]


@pytest.mark.parametrize("value", [None, True, 1, -1, 2**63, 1.5, "x", [], [[]], {}, [{}], {"x": []}])
def test_any_json_value_in_any_place_gives_a_sound_event(value: object) -> None:
    for kind in ("alert", "dns", "http", "tls", "flow", "netflow", "fileinfo", "smtp", "ssh", "stats", "drop", "x"):
        everything = dict.fromkeys(KEYS, value)
        assert check_event(eve(kind, **everything)) == []
    inner = {
        "alert": {"metadata": value, "signature_id": value, "severity": value, "source": value, "references": value},
        "dns": {"query": value, "queries": value, "answer": value, "answers": value, "grouped": value, "soa": value},
        "http": {"url": value, "hostname": value, "http_port": value, "status": value, "protocol": value},
        "tls": {"version": value, "notbefore": value, "fingerprint": value, "ja3": value},
        "flow": {"start": value, "bytes_toserver": value, "src_ip": value},
        "smtp": {"mail_from": value, "rcpt_to": value},
        "email": {"from": value, "to": value, "attachment": value, "message_id": value},
        "files": [value],
        "fileinfo": {"filename": value, "size": value},
    }
    assert check_event(eve("alert", **inner)) == []


def test_a_record_wrapped_by_a_relay_is_the_record() -> None:
    flow = '{"event_type":"flow",' + HEAD + "}"
    plain = parse(flow)
    for wrapped in (f'{{"sample":"a","event":{flow}}}', orjson.dumps({"message": flow}).decode()):
        assert {**parse(wrapped), "event.original": ""} == {**plain, "event.original": ""}
