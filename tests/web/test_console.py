"""The console as a browser sees it: sign-in, the queue, one alert, health, and hostile text on every page."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace
from starlette.testclient import TestClient

from soc.core.alert import Alert, EventRef
from soc.core.errors import StoreError
from soc.core.event import Rejected, iso
from soc.core.finding import Reason
from soc.stores.memory import MemoryStore
from soc.web import Access, create_app
from soc.web.access import Person
from soc.web.lockout import LOCK_SECONDS, MAX_FAILURES
from tests.web.forms import send

HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>\x1b[31m\u202e{{7*7}}"
HOUR = 3600 * 1_000_000
NOW = 1_790_000_000_000_000


def make_alert(number: int, severity: str = "high", text: str = "Port scan") -> Alert:
    event = {"@timestamp": "2026-10-05T01:00:00.000000Z", "event.original": text, "source.ip": text, "tags": [text]}
    return Alert(
        id=f"{number:016x}",
        rule_id="11111111-1111-4111-8111-111111111111",
        rule_name="port_scan",
        rule_hash="ab" * 16,
        kind="correlation",
        title=text,
        title_vi="" if text != "Port scan" else "Quét cổng",
        description=text,
        description_vi="",
        severity=severity,
        score={"critical": 95, "high": 70, "low": 20}[severity],
        formula="high 70 x 1.0 = 70",
        group=(("source.ip", text if text != "Port scan" else f"10.0.0.{number}"),),
        first_seen=NOW - HOUR * number,
        last_seen=NOW - HOUR * number + 5,
        count=1234,
        reasons=(Reason("source.ip", "equals", text, text),),
        events=(EventRef("e" * 32, NOW, dict(event)),),
        techniques=(("T1046", "Network Service Discovery"),),
        tactics=("discovery",),
        hosts=(text,),
        system=text,
        unit=text,
        false_positives=(text,),
        next_steps={"en": (text,), "vi": (text,)},
    )


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def client(store: MemoryStore) -> Iterator[TestClient]:
    app = create_app(
        lambda: store,
        Access("one-time", "en"),
        lambda: {
            "now": NOW,
            "sources": [(HOSTILE, 3, NOW, -2 * HOUR)],
            "last_failure": HOSTILE,
            "failures": 1,
            "slow_expressions": {HOSTILE: 2},
        },
    )
    with TestClient(app, base_url="http://console.test", follow_redirects=False) as browser:
        yield browser


def sign_in(client: TestClient) -> None:
    answer = send(client, "/login", data={"password": "one-time"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/alerts")


@pytest.mark.parametrize("path", ["/", "/alerts", "/alerts/0000", "/events/0000", "/health", "/nowhere"])
def test_nothing_shows_without_signing_in(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer.headers["location"]) == (303, "/login")


def test_the_password_works_once(client: TestClient) -> None:
    assert send(client, "/login", data={"password": "wrong"}).headers["location"] == "/login?failed"
    sign_in(client)
    assert client.get("/alerts").status_code == 200
    send(client, "/logout")
    assert client.get("/alerts").status_code == 303
    assert send(client, "/login", data={"password": "one-time"}).headers["location"] == "/login?failed"
    assert "has been used" in client.get("/login").text


def test_guessing_locks_even_the_right_password_for_a_while() -> None:
    access = Access("right")
    for _ in range(MAX_FAILURES):
        assert access.sign_in("", "guess", "10.0.0.9", 100.0) is None
    assert access.sign_in("", "right", "10.0.0.9", 100.0 + LOCK_SECONDS - 1) is None
    assert access.sign_in("", "right", "10.0.0.9", 100.0 + LOCK_SECONDS) is not None


def test_sessions_end() -> None:
    access = Access("right")
    token = access.sign_in("", "right", "10.0.0.9", 0.0)
    assert token is not None
    assert access.person(token, 3600.0) == Person("console", "admin")
    assert access.person(token, 13 * 3600.0) is None
    assert access.person("", 0.0) is None


def test_forms_of_other_sites_are_refused(client: TestClient) -> None:
    answer = send(client, "/login", data={"password": "one-time"}, headers={"origin": "http://evil.test"})
    assert answer.status_code == 403
    answer = send(client, "/login", data={"password": "one-time"}, headers={"sec-fetch-site": "cross-site"})
    assert answer.status_code == 403
    answer = send(client, "/login", data={"password": "one-time"}, headers={"origin": "http://console.test"})
    assert answer.headers["location"] == "/alerts"


@pytest.mark.parametrize("path", ["/login", "/alerts", "/health", "/static/console.css"])
def test_every_answer_forbids_script_and_frames(client: TestClient, path: str) -> None:
    sign_in(client)
    policy = client.get(path).headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    assert "frame-ancestors 'none'" in policy


def test_the_queue_is_ordered_filtered_and_paged(client: TestClient, store: MemoryStore) -> None:
    store.put_alerts([make_alert(1, "low"), make_alert(2, "critical"), *(make_alert(n) for n in range(3, 80))])
    sign_in(client)
    page = client.get("/alerts").text
    assert page.index(f"{2:016x}") < page.index(f"{3:016x}")
    assert f"{1:016x}" not in page
    assert "page 1 of 2, 79 alerts" in page
    assert f"{1:016x}" in client.get("/alerts?page=2").text
    for page in ("9" * 26, "9" * 5000, "0", "x"):
        assert client.get(f"/alerts?page={page}").status_code == 200
    only = client.get("/alerts?severity=critical").text
    assert f"{2:016x}" in only
    assert f"{3:016x}" not in only
    assert f"{5:016x}" in client.get("/alerts?host=10.0.0.5").text
    assert "No alert fits" in client.get("/alerts?host=10.9.9.9").text
    assert "neither a time nor a duration" in client.get("/alerts?since=whenever").text


def test_vietnamese_on_request_and_remembered(client: TestClient, store: MemoryStore) -> None:
    store.put_alerts([make_alert(1)])
    sign_in(client)
    assert send(client, "/language", data={"language": "vi", "back": "/alerts"}).headers["location"] == "/alerts"
    page = client.get("/alerts").text
    assert 'lang="vi"' in page
    assert "Quét cổng" in page
    assert "Cảnh báo" in page


@pytest.mark.parametrize("back", ["//evil.test", "https://evil.test", "/\\evil.test", "javascript:alert(1)"])
def test_the_language_switch_leads_nowhere_else(client: TestClient, back: str) -> None:
    assert send(client, "/language", data={"language": "vi", "back": back}).headers["location"] == "/"


def test_hostile_text_is_text_on_every_page(client: TestClient, store: MemoryStore) -> None:
    store.put_alerts([make_alert(1, text=HOSTILE)])
    store.put_rejected([Rejected(HOSTILE, 1, NOW, "auto", HOSTILE, HOSTILE.encode())])
    sign_in(client)
    for path in ("/alerts", f"/alerts/{1:016x}", "/health", "/alerts?rule=" + "%3Cscript%3Ealert(1)%3C/script%3E"):
        page = client.get(path).text
        assert page.startswith("<!doctype html>")
        assert "<script" not in page
        assert "<img src=x" not in page
        assert "\x1b" not in page
        assert "\u202e" not in page
        assert "{{7*7}}" in page or "rule=" in path


def test_one_alert_in_full(client: TestClient, store: MemoryStore) -> None:
    store.put_alerts([make_alert(7)])
    sign_in(client)
    page = client.get(f"/alerts/{7:016x}").text
    for text in ("T1046", "Network Service Discovery", "Why", "What to do next", "1,234", "high 70 x 1.0 = 70"):
        assert text in page
    assert client.get("/alerts/ffff").status_code == 404
    assert client.get("/events/ffff").status_code == 404


def test_an_event_of_which_the_alert_has_the_outline_is_shown_whole(client: TestClient, store: MemoryStore) -> None:
    event = {"@timestamp": NOW, "event.original": "the whole line", "soc.origin": "a", "log.offset": 1}
    store.put_events([event])
    outline = {"@timestamp": iso(NOW), "soc.origin": "a", "log.offset": 1, "destination.ip": "203.0.113.9"}
    lost = outline | {"log.offset": 2, "destination.ip": "203.0.113.10"}
    events = (EventRef("1" * 32, NOW, outline), EventRef("2" * 32, NOW, lost))
    store.put_alerts([replace(make_alert(7), events=events)])
    sign_in(client)
    page = client.get(f"/alerts/{7:016x}").text
    assert "the whole line" in page
    assert "203.0.113.10" in page, "it is no longer stored: the outline stays"


def test_nothing_is_loaded_from_elsewhere() -> None:
    import soc.web

    folder = Path(soc.web.__file__).parent
    for file in [*folder.rglob("*.html"), *folder.rglob("*.css")]:
        text = file.read_text("utf-8")
        assert "//" not in text.replace("http://www.w3.org", ""), file
        assert "<script" not in text, file
        assert "style=" not in text, file


def test_a_wrong_clock_is_shown(client: TestClient) -> None:
    sign_in(client)
    assert "120 min behind, or late lines" in client.get("/health").text


def test_a_store_that_does_not_answer_is_a_page_and_no_traceback() -> None:
    def away() -> MemoryStore:
        raise StoreError("elasticsearch: <b>Connection refused</b>")

    app = create_app(away, Access("one-time", "en"), dict)
    with TestClient(app, base_url="http://console.test", follow_redirects=False) as client:
        sign_in(client)
        page = client.get("/alerts")
    assert (page.status_code, "The store does not answer" in page.text) == (503, True)
    assert "&lt;b&gt;Connection refused" in page.text


def test_an_alert_leads_to_the_triage_queue_at_its_time(store: MemoryStore) -> None:
    app = create_app(lambda: store, Access("one-time", "en"), dict, grafana="https://grafana.test/")
    store.put_alerts([make_alert(7)])
    start, end = (NOW - 8 * HOUR) // 1000, (NOW - 6 * HOUR) // 1000
    with TestClient(app, base_url="http://console.test", follow_redirects=False) as browser:
        sign_in(browser)
        shown = browser.get(f"/alerts/{7:016x}").text
    assert f'href="https://grafana.test/d/soc-triage?from={start}&amp;to={end}"' in shown


def test_without_a_grafana_nothing_leads_there(client: TestClient, store: MemoryStore) -> None:
    store.put_alerts([make_alert(7)])
    sign_in(client)
    assert "Grafana" not in client.get(f"/alerts/{7:016x}").text
