"""Playbooks in the console: from an alert's page to the last step, who may what, and hostile text as text."""

from contextlib import closing
from types import SimpleNamespace

import msgspec
import pytest
from starlette.testclient import TestClient

from soc.core.alert import EventRef
from soc.core.clock import FixedClock
from soc.core.responding import PlaybookSettings
from soc.core.settings import Settings
from soc.engines.desk import Desk
from soc.engines.journal import FILE, Journal
from soc.stores.memory import MemoryStore
from soc.web import Access, create_app
from soc.web.accounts import ROLES, Accounts
from tests.stores.contract import NOW, alert
from tests.web.forms import send

HOSTILE = "<script>alert(1)</script>\x1b[31m\u202e{{7*7}}"
WORD = "correct horse battery"
A = "a" * 16
PLACE = f"/alerts/{A}/playbooks/c2_beacon"


@pytest.fixture(scope="module")
def accounts(tmp_path_factory):
    made = Accounts(tmp_path_factory.mktemp("accounts") / "accounts.db")
    for name, role in (*((role, role) for role in ROLES), ("second", "responder")):
        made.add(name, role, WORD)
    return made


@pytest.fixture
def place(tmp_path, accounts):
    """A console on an alert of a beacon, with a never-touch list and no connector set up."""
    (tmp_path / "never.yml").write_text("addresses: [198.51.100.0/24]\n")
    event = EventRef(
        "e1", NOW, {"@timestamp": "2026-09-14T08:00:00Z", "destination.ip": "203.0.113.9", "source.ip": "10.1.2.3"}
    )
    found = alert(rule_name="beacon", title=HOSTILE, title_vi=HOSTILE, events=(event,), group=(), level=4)
    store = MemoryStore()
    store.put_alerts([found])
    store.commit()
    data = tmp_path / "data"
    desk = Desk(
        Settings(playbooks=PlaybookSettings(never_touch=str(tmp_path / "never.yml"))), data, clock=FixedClock(NOW)
    )
    app = create_app(lambda: store, Access("one-time", accounts=accounts), lambda: {"now": NOW}, playbooks=desk)
    return SimpleNamespace(app=app, desk=desk, data=data)


def browser(place, name):
    client = TestClient(place.app, base_url="http://console.test", follow_redirects=False)
    assert send(client, "/login", {"name": name, "password": WORD}).headers["location"] == "/alerts"
    return client


def started(place, name="analyst"):
    """The address of a new run."""
    return send(browser(place, name), PLACE).headers["location"]


def say(place, name, run, what, step, **more):
    return send(browser(place, name), run, {"what": what, "step": step} | more)


def state(place, run):
    opened = place.desk.run(run.rpartition("/")[2])
    return opened.run.status, opened.run.step, opened.run.waits


def test_looking_makes_no_file_and_nothing_is_hidden(place):
    client = browser(place, "auditor")
    assert "No playbook has been run yet" in client.get("/playbooks").text
    page = client.get(f"/alerts/{A}").text
    assert page.index(f'href="{PLACE}"') < page.index("<summary>others</summary>") < page.index("playbooks/phishing")
    shown = client.get(PLACE).text
    assert "203.0.113.9" in shown
    assert "after approval by 2" in shown
    assert '<button class="primary"' not in shown, "an auditor starts nothing"
    assert not place.data.exists()


def test_from_the_alert_to_the_end_with_two_persons(place):
    """No connector is set up: the message goes its own way without one, and of the block a person decides."""
    run = started(place)
    assert state(place, run) == ("waiting", "assess", "manual")
    assert "Is it an implant?" in browser(place, "analyst").get(run).text
    assert say(place, "analyst", run, "done", "assess", choice="malicious").status_code == 303
    assert say(place, "analyst", run, "done", "keep_state").status_code == 303
    assert state(place, run) == ("waiting", "block_server", "approval")
    shown = browser(place, "responder").get(run).text
    assert "Persons who must approve: 2" in shown
    assert say(place, "responder", run, "approve", "block_server").status_code == 303
    assert "approved by responder" in browser(place, "responder").get(run).text
    again = say(place, "responder", run, "approve", "block_server")
    assert again.status_code == 409
    assert "has approved it already" in again.text
    assert say(place, "second", run, "approve", "block_server").status_code == 303
    assert "soc.yml sets up no fortigate" in browser(place, "auditor").get(run).text
    assert state(place, run)[0] == "waiting"
    while state(place, run)[0] == "waiting":
        _, step, waits = state(place, run)
        what, more = ("decide", {"choice": "done"}) if waits == "decision" else ("done", {})
        assert say(place, "responder", run, what, step, **more).status_code == 303
    assert state(place, run)[0] == "done"
    assert "approved" in browser(place, "auditor").get(run).text


@pytest.mark.parametrize("role", ["manager", "auditor"])
def test_who_only_reads_starts_and_says_nothing(place, role):
    assert send(browser(place, role), PLACE).status_code == 403
    assert not place.data.exists()
    run = started(place)
    for what in ("done", "approve", "reject", "decide"):
        assert say(place, role, run, what, "assess", text="no").status_code == 403
    assert state(place, run) == ("waiting", "assess", "manual")
    assert '<form method="post" class="act"' not in browser(place, role).get(run).text


def test_an_analyst_neither_approves_nor_decides(place):
    run = started(place)
    say(place, "analyst", run, "done", "assess", choice="malicious")
    say(place, "analyst", run, "done", "keep_state")
    for what in ("approve", "reject", "decide"):
        assert say(place, "analyst", run, what, "block_server", text="x", choice="done").status_code == 403
    assert state(place, run) == ("waiting", "block_server", "approval")


def test_a_rejection_has_a_reason_and_ends_the_run(place):
    run = started(place)
    say(place, "analyst", run, "done", "assess", choice="malicious")
    say(place, "analyst", run, "done", "keep_state")
    assert say(place, "responder", run, "reject", "block_server", text=" ").status_code == 422
    assert say(place, "responder", run, "reject", "block_server", text=HOSTILE).status_code == 303
    assert state(place, run)[0] == "rejected"
    text = browser(place, "responder").get(run).text
    assert "&lt;script&gt;" in text
    assert not [piece for piece in ("<script", "\x1b", "\u202e") if piece in text]


def test_what_is_not_asked_changes_nothing(place):
    run = started(place)
    for what, step, more in [
        ("approve", "assess", {}),
        ("done", "keep_state", {}),
        ("done", "assess", {"choice": "perhaps"}),
        ("decide", "assess", {"choice": "stop"}),
    ]:
        assert say(place, "responder", run, what, step, **more).status_code == 409
    assert say(place, "responder", run, "else", "assess").status_code == 404
    assert state(place, run) == ("waiting", "assess", "manual")
    assert browser(place, "analyst").get("/playbooks/0123456789").status_code == 404
    assert browser(place, "analyst").get(f"/alerts/{A}/playbooks/none").status_code == 404
    assert browser(place, "analyst").get("/alerts/none/playbooks/c2_beacon").status_code == 404


def test_once_more_is_another_run(place):
    first = started(place)
    assert "Start it once more" in browser(place, "analyst").get(PLACE).text
    assert started(place) != first
    assert len(place.desk.runs(A)) == 2


def test_in_vietnamese(place):
    run = started(place)
    client = browser(place, "responder")
    send(client, "/language", {"language": "vi", "back": "/playbooks"})
    assert "Có phải mã độc không?" in client.get("/playbooks").text
    assert "Có phải mã độc không?" in client.get(run).text
    assert "Bắt đầu" in client.get(PLACE).text


def test_a_hostile_journal_is_shown_as_text(place):
    run = started(place)
    with closing(Journal(place.data / FILE)) as journal, journal.transaction():
        kept, book = journal.run(run.rpartition("/")[2])
        journal.put(msgspec.structs.replace(kept, reason=HOSTILE, requester=HOSTILE), book)
    for path in ("/playbooks", run, f"/alerts/{A}", PLACE):
        text = browser(place, "analyst").get(path).text
        assert not [piece for piece in ("<script", "\x1b", "\u202e") if piece in text], path


def test_a_console_without_playbooks_has_no_such_page():
    app = create_app(MemoryStore, Access("one-time", "en"), lambda: {"now": NOW})
    with TestClient(app, base_url="http://console.test", follow_redirects=False) as made:
        send(made, "/login", {"password": "one-time"})
        assert made.get("/playbooks").status_code == 404
        assert "/playbooks" not in made.get("/alerts").text
