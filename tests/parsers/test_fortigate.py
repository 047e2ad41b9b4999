"""FortiGate: what the golden samples do not say by themselves."""

from __future__ import annotations

import pytest

from soc.core.event import Event, iso, micros
from soc.core.logsource import LogSource
from soc.parsers import ParseError, devices, read_line

RECEIVED = micros("2026-10-05T18:00:00+07:00")
HANOI = 7 * 3600
DEVICE = devices()["fortigate"]
TRAFFIC = (
    'date=2026-10-05 time=08:14:03 devname="FGT-THD113" eventtime=1791162843123456789 tz="+0700" '
    'logid="0000000013" type="traffic" subtype="forward" level="notice" srcip=10.1.50.23 dstip=192.0.2.66 '
    'proto=6 action="close" user="hoalt" sentbyte=10 rcvdbyte=20'
)


def parse(text: str, zone: int = HANOI) -> Event:
    return DEVICE.parse(read_line(text.encode(), RECEIVED, zone))


@pytest.mark.parametrize(
    ("eventtime", "expected"),
    [
        ("1791162843", "2026-10-05T01:14:03Z"),
        ("1791162843123", "2026-10-05T01:14:03.123000Z"),
        ("1791162843123456", "2026-10-05T01:14:03.123456Z"),
        ("1791162843123456789", "2026-10-05T01:14:03.123456Z"),
        ("soon", "2026-10-05T01:14:03Z"),
        ("1" * 40, "2026-10-05T01:14:03Z"),
    ],
)
def test_event_time_by_its_magnitude_else_date_and_time(eventtime: str, expected: str) -> None:
    event = parse(TRAFFIC.replace("1791162843123456789", eventtime))
    assert iso(int(str(event["@timestamp"]))) == expected


def test_without_event_time_the_zone_is_the_lines_then_the_settings() -> None:
    bare = TRAFFIC.replace("eventtime=1791162843123456789 ", "")
    assert parse(bare, zone=0)["@timestamp"] == micros("2026-10-05T01:14:03Z")
    assert parse(bare.replace('tz="+0700" ', ""), zone=0)["@timestamp"] == micros("2026-10-05T08:14:03Z")
    assert parse(bare.replace("+0700", "+0900"), zone=0)["@timestamp"] == micros("2026-10-04T23:14:03Z")


@pytest.mark.parametrize(
    ("change", "field", "value"),
    [
        (("srcip=10.1.50.23", "srcip=<script>"), "source.ip", None),
        (("srcip=10.1.50.23", "srcip=2001:DB8:0:0::1"), "source.ip", "2001:db8::1"),
        (("sentbyte=10", "sentbyte=" + "9" * 30), "source.bytes", None),
        (("sentbyte=10", "sentbyte=-1"), "network.bytes", None),
        (('user="hoalt"', 'user="N/A"'), "user.name", None),
        (('user="hoalt"', 'user=""'), "user.name", None),
        (('user="hoalt"', r'user="MOST\\hoalt"'), "user.name", r"MOST\hoalt"),
        (("proto=6", "proto=99999"), "network.iana_number", None),
        (("proto=6", "proto=250"), "network.transport", None),
        (('action="close"', 'action="deny"'), "event.type", ("connection", "denied")),
        (('action="close"', 'action="something-new"'), "event.type", ("connection", "allowed")),
    ],
)
def test_a_value_that_is_none_leaves_its_field_out(change: tuple[str, str], field: str, value: object) -> None:
    for _ in range(50):  # also once the order of keys is known
        assert parse(TRAFFIC)["source.ip"] == "10.1.50.23"
        assert parse(TRAFFIC.replace(*change)).get(field) == value


def test_keys_of_no_table_stay_in_the_original_alone() -> None:
    event = parse(TRAFFIC + ' newkey="x" fortinet.firewall.ui="forged" event.kind="alert"')
    assert "x" not in event.values()
    assert (event["event.kind"], event.get("fortinet.firewall.ui")) == ("event", None)


@pytest.mark.parametrize(
    ("kind", "dataset"),
    [
        ('type="traffic" subtype="ztna"', "fortinet.traffic"),
        ("type=utm subtype=ips", "fortinet.ips"),
        ('type="utm" subtype="casb"', "fortinet.utm"),
        ('type="utm" subtype="system"', "fortinet.utm"),
        ('type="anomaly" subtype="anomaly"', "fortinet.anomaly"),
        ('type="event" subtype="sdwan"', "fortinet.event"),
        ('type="event" subtype="ips"', "fortinet.event"),
        ('type="never-heard-of"', "fortinet.utm"),
    ],
)
def test_every_type_and_subtype_has_a_dataset(kind: str, dataset: str) -> None:
    event = parse(TRAFFIC.replace('type="traffic" subtype="forward"', kind))
    assert event["event.dataset"] == dataset


def test_a_message_of_the_device_is_what_sigma_calls_fortigate_event() -> None:
    """SigmaHQ's rules for FortiGate read action and cfgpath of product fortigate, service event."""
    dataset = DEVICE.datasets["fortinet.system"]
    assert LogSource(product="fortigate", service="event") in dataset.sources
    assert dataset.fills >= {"event.action", "fortinet.firewall.cfgpath", "fortinet.firewall.logdesc"}


@pytest.mark.parametrize("text", ["", "hello", 'logid="1" subtype="x"', 'type="traffic" date=2026-10-05', "type=", "="])
def test_what_is_no_fortigate_log_is_refused_with_the_reason(text: str) -> None:
    with pytest.raises(ParseError, match="no FortiGate log"):
        parse(text)
