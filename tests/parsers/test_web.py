"""nginx and Apache beyond their samples: real logs, hostile lines, and whose line it is."""

from __future__ import annotations

import gzip
from pathlib import Path

import orjson
import pytest

from soc.core.event import Event
from soc.core.fields import check_event
from soc.parsers import Device, ParseError, read_line, recognise
from soc.parsers._access import unescaped
from soc.parsers._address import ip
from soc.parsers._url import put_host, put_target
from soc.parsers.apache import DEVICE as APACHE
from soc.parsers.nginx import DEVICE as NGINX

DATA = Path(__file__).parents[2].parent / "shared" / "data"
ZONE = 7 * 3600
DEVICES = {"nginx": NGINX, "apache2": APACHE}
TIME = "[05/Oct/2026:08:14:03 +0700]"


def parse(device: Device, text: str) -> Event:
    return device.parse(read_line(text.encode(), 0, ZONE))


def real(name: str) -> bytes:
    path = DATA / name
    if not path.is_file():
        pytest.skip(f"no {name} beside the checkout")
    return gzip.decompress(path.read_bytes())


def test_every_line_of_a_real_access_log_becomes_a_sound_event() -> None:
    lines = real("access_logs/apache_logs.gz").splitlines()
    assert len(lines) == 10_000
    for raw in lines:
        line = read_line(raw, 0, ZONE)
        assert recognise(line) in (NGINX, APACHE)
        event = APACHE.parse(line)
        assert check_event(event) == []
        assert {"source.ip", "http.request.method", "url.path", "http.response.status_code"} <= event.keys(), raw


def test_every_real_line_in_a_documented_format_parses() -> None:
    parsed = 0
    for row in real("crowdsec_hub/crowdsec_parsers.jsonl.gz").splitlines():
        record = orjson.loads(row)
        raw = str(record["raw"])
        if record["log_type"] in DEVICES and not raw.startswith("[1") and not raw.startswith("[2"):
            event = parse(DEVICES[record["log_type"]], raw)
            assert check_event(event) == []
            parsed += 1
    assert parsed == 30


def test_every_real_line_of_attacks_parses() -> None:
    for row in real("crowdsec_hub/crowdsec_scenarios.jsonl.gz").splitlines():
        record = orjson.loads(row)
        if record["log_type"] in DEVICES:
            for raw in record["lines"]:
                assert check_event(parse(DEVICES[record["log_type"]], raw)) == [], raw


@pytest.mark.parametrize(
    ("text", "device"),
    [
        (f'192.0.2.1 - - {TIME} "GET / HTTP/1.1" 200 5 "-" "x"', NGINX),
        (f'192.0.2.1 - - {TIME} "GET / HTTP/1.1" 200 5 "-" "x \\"y\\""', APACHE),
        (f'192.0.2.1 - - {TIME} "GET / HTTP/1.1" 200 5', APACHE),
        (f'www.most.gov.vn:443 192.0.2.1 - - {TIME} "GET / HTTP/1.1" 200 5 "-" "x"', APACHE),
        (f'<13>Oct  5 08:14:03 web nginx: h 192.0.2.1 - - {TIME} "GET / HTTP/1.1" 200 5 "-" "x"', NGINX),
        (f'<13>Oct  5 08:14:03 web httpd: 192.0.2.1 - - {TIME} "GET / HTTP/1.1" 200 5 "-" "x"', APACHE),
    ],
)
def test_whose_access_line_it_is(text: str, device: Device) -> None:
    assert recognise(read_line(text.encode(), 0, ZONE)) is device


@pytest.mark.parametrize(
    "request_line",
    [r"\x16\x03\x01", "", "-", " ", "GET", "GET  HTTP/1.1", "get / HTTP/1.1", "HELP me", r"\x00 / HTTP/1.1"],
)
def test_what_is_no_request_still_makes_an_event(request_line: str) -> None:
    event = parse(NGINX, f'192.0.2.1 - - {TIME} "{request_line}" 400 0 "-" "-"')
    assert event["http.response.status_code"] == 400
    assert ("http.request.method" in event) == (request_line == "HELP me")
    assert ("event.reason" in event) == (request_line != "HELP me")


@pytest.mark.parametrize("device", [NGINX, APACHE], ids=["nginx", "apache"])
@pytest.mark.parametrize("filler", ['\\"', "\\", '" "', "[", " [05/Oct/", ' "', "\\x41", "] ", ", client: ", "(1: "])
def test_64_kb_of_what_a_grammar_could_trip_over_is_read_in_one_pass(device: Device, filler: str) -> None:
    """A grammar that backtracks would not come back from here in the life of the test run."""
    much = filler * (65_536 // len(filler))
    for text in (
        much,
        f'192.0.2.1 - - {TIME} "GET /{much} HTTP/1.1" 200 5 "-" "x"',
        f'192.0.2.1 - - {TIME} "GET / HTTP/1.1" 200 5 "{much}" "{much}"',
        f'192.0.2.1 - {much} {TIME} "GET / HTTP/1.1" 200 5',
        f"2026/10/05 08:14:03 [error] 1#1: *1 {much}",
        f'2026/10/05 08:14:03 [error] 1#1: *1 x, client: {much}, request: "{much}',
        f"[Mon Oct 05 08:14:03 2026] [error] [client {much}",
        f"[Mon Oct 05 08:14:03 2026] [core:error] [pid 1] (1){much} user {much}",
    ):
        line = read_line(text.encode(), 0, ZONE)
        device.looks_like(line.text)
        try:
            event = device.parse(line)
        except ParseError:
            continue
        assert check_event(event) == []


def test_a_forged_client_in_an_error_line_is_not_believed() -> None:
    forged = ', client: 203.0.113.10, server: _, request: "GET / HTTP/1.1", host: "h"'
    honest = ', client: 192.0.2.1, server: _, request: "GET /x HTTP/1.1", host: "h"'
    for text in (f'open() "/x{forged} failed{honest}', f'failed{honest}, referrer: "x{forged}"'):
        event = parse(NGINX, "2026/10/05 08:14:03 [error] 1#1: *1 " + text)
        assert "source.ip" not in event
        assert event["message"] == text


@pytest.mark.parametrize(
    ("logged", "sent"),
    [
        (r"\x22", '"'),
        (r"\"", '"'),
        (r"\\x41", r"\x41"),
        (r"\x5Cx41", r"\x41"),
        (r"\xE1\xBA\xA1", "ạ"),
        (r"\xE1\xBA", r"\xe1\xba"),
        (r"\x1B[2J", r"\x1B[2J"),
        (r"\x0a\n\t", r"\x0A\n\t"),
        ("\\", "\\"),
    ],
)
def test_escapes_give_what_the_client_sent_but_no_control_characters(logged: str, sent: str) -> None:
    assert unescaped(logged) == sent


@pytest.mark.parametrize(
    ("text", "known"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:0DB8:0000:0000:0000:0000:0000:0001", "2001:db8::1"),
        ("192.0.2", None),
        ("192.0.2.1\0", None),
        ("192.0.2.256", None),
        ("fe80::1%eth0", None),
        ("địa.chỉ", None),
        ("", None),
        ("1" * 65536, None),
    ],
)
def test_addresses_have_one_form(text: str, known: str | None) -> None:
    assert ip(text) == known


@pytest.mark.parametrize(
    ("target", "parts"),
    [
        ("/", {"path": "/"}),
        ("/a.b/c", {"path": "/a.b/c"}),
        ("/.git", {"path": "/.git"}),
        ("/a.php?x=/b.c", {"path": "/a.php", "query": "x=/b.c", "extension": "php"}),
        ("//x.example.com/y", {"path": "//x.example.com/y"}),
        ("HTTP://H.example.com?q", {"path": "/", "query": "q", "scheme": "http", "domain": "h.example.com"}),
        ("http://[2001:db8::1]:8080/", {"path": "/", "scheme": "http", "domain": "2001:db8::1", "port": 8080}),
        ("http://h:99999999/", {"path": "/", "scheme": "http", "domain": "h"}),
        ("*", {"path": "*"}),
    ],
)
def test_request_targets(target: str, parts: dict[str, object]) -> None:
    event: Event = {}
    put_target(event, target)
    assert event == {"url.original": target} | {f"url.{name}": value for name, value in parts.items()}


@pytest.mark.parametrize(
    ("authority", "domain", "port"),
    [
        ("Example.COM", "example.com", None),
        ("example.com:8443", "example.com", 8443),
        ("[2001:db8::1]", "2001:db8::1", None),
        ("2001:db8::1", "2001:db8::1", None),
        ("", None, None),
    ],
)
def test_hosts(authority: str, domain: str | None, port: int | None) -> None:
    event: Event = {}
    put_host(event, authority)
    assert (event.get("url.domain"), event.get("url.port")) == (domain, port)
