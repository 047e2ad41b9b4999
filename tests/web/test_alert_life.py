"""An alert's life by the forms of its page and by the API: who may, what is shown, and what happens to two at once."""

from base64 import b64encode
from contextlib import closing
from types import SimpleNamespace

import pytest
from starlette.routing import Route
from starlette.testclient import TestClient

from soc.core.clock import FixedClock
from soc.core.triage import Act
from soc.stores.sqlite import SqliteStore
from soc.web import Access, create_app
from soc.web.accounts import ROLES, Accounts
from tests.stores.contract import NOW, alert
from tests.web.forms import send, token

A = "a" * 16
HOSTILE = "<script>alert(1)</script>\n\"'><img src=x>\x1b[31m\u202e{{7*7}}"
WORD = "correct horse battery"


@pytest.fixture(scope="module")
def accounts(tmp_path_factory):
    made = Accounts(tmp_path_factory.mktemp("accounts") / "accounts.db")
    for role in ROLES:
        made.add(role, role, WORD)
    return made


@pytest.fixture
def place(tmp_path, accounts):
    """An app on a SQLite file that another connection, such as soc run's, has open too."""
    path = tmp_path / "soc.db"
    with closing(SqliteStore(path)) as store:
        store.put_alerts([alert()])
        store.commit()
        app = create_app(
            lambda: SqliteStore.read_only(path),
            Access("one-time", accounts=accounts),
            dict,
            open_to_act=lambda: SqliteStore(path),
            clock=FixedClock(NOW),
        )
        yield SimpleNamespace(app=app, store=store)


def browser(place, role="analyst"):
    client = TestClient(place.app, base_url="http://console.test", follow_redirects=False)
    assert send(client, "/login", {"name": role, "password": WORD}).headers["location"] == "/alerts"
    return client


def do(client, act, version, **more):
    return send(client, f"/alerts/{A}/acts", {"act": act, "version": str(version)} | more)


def basic(name, password=WORD):
    return {"authorization": "Basic " + b64encode(f"{name}:{password}".encode()).decode()}


def test_a_whole_life_by_the_forms(place):
    client = browser(place)
    steps = [
        ("acknowledge", {}),
        ("assign", {"assignee": "responder"}),
        ("comment", {"text": "Hỏi quản trị"}),
        ("close", {"verdict": "false_positive", "text": "sao lưu"}),
        ("reopen", {"text": "lại nữa"}),
    ]
    for version, (act, more) in enumerate(steps):
        answer = do(client, act, version, **more)
        assert (answer.status_code, answer.headers["location"]) == (303, f"/alerts/{A}#life")
    assert [(one.by, one.at, one.act) for one in place.store.life(A).entries] == [
        ("analyst", NOW, act) for act, _ in steps
    ]
    page = client.get(f"/alerts/{A}").text
    for text in ("reopened", "assigned to responder", "Hỏi quản trị", "false positive", "sao lưu", "lại nữa"):
        assert text in page
    send(client, "/language", {"language": "vi"})
    assert "cảnh báo sai" in client.get(f"/alerts/{A}").text
    assert "đã mở lại" in client.get("/alerts").text


@pytest.mark.parametrize("role", list(ROLES))
def test_each_role_does_what_it_may_and_nothing_else(place, role):
    client = browser(place, role)
    may = role in {"analyst", "responder", "admin"}
    assert ("<textarea" in client.get(f"/alerts/{A}").text) == may
    by_form = do(client, "comment", 0, text="by form").status_code
    body = {"act": "comment", "version": int(may), "text": "by api"}
    by_api = client.post(f"/api/alerts/{A}/acts", json=body, headers=basic(role)).status_code
    assert (by_form, by_api) == ((303, 200) if may else (403, 403))
    assert [one.text for one in place.store.life(A).entries] == (["by form", "by api"] if may else [])
    assert send(client, "/rules/reload").status_code == (404 if role == "admin" else 403)


def test_the_slower_of_two_sees_what_changed_and_keeps_the_text(place):
    first, second = browser(place), browser(place, "responder")
    do(first, "close", 0, verdict="benign", text="known scanner")
    answer = do(second, "close", 0, verdict="true_positive", text="my long reasoning <here>")
    assert answer.status_code == 409
    assert "Somebody else has changed this alert" in answer.text
    assert '<li class="new">' in answer.text
    assert "known scanner" in answer.text
    assert "my long reasoning &lt;here&gt;</textarea>" in answer.text
    assert place.store.life(A).version == 1
    answer = do(second, "comment", 0, text="again too early")
    assert (answer.status_code, "again too early</textarea>" in answer.text) == (409, True)
    assert do(second, "comment", 1, text="my long reasoning").status_code == 303


def test_a_refusal_says_why_and_keeps_the_text(place):
    client = browser(place)
    answer = do(client, "close", 0, text="because", verdict="")
    assert answer.status_code == 422
    assert "Closing needs a verdict." in answer.text
    assert "because</textarea>" in answer.text
    answer = do(client, "assign", 0, assignee="auditor")
    assert (answer.status_code, "Nobody of that name" in answer.text) == (422, True)
    answer = do(client, "assign", 0, assignee="nobody-here")
    assert answer.status_code == 422
    assert do(client, "comment", "9" * 30, text="x").status_code == 404
    assert do(client, "comment", "x", text="x").status_code == 404
    assert place.store.life(A).version == 0


def test_a_hostile_comment_is_text_in_page_and_history(place):
    client = browser(place)
    do(client, "comment", 0, text=HOSTILE)
    assert place.store.life(A).entries[0].text == HOSTILE
    for page in (client.get(f"/alerts/{A}").text, do(client, "reopen", 1, text="<script>x</script>").text):
        assert "<script" not in page
        assert "<img src=x" not in page
        assert "\x1b" not in page
        assert "\u202e" not in page
        assert "{{7*7}}" in page


def test_every_change_needs_a_token_made_for_this_browser(place):
    client, other = browser(place), browser(place, "responder")
    posts = [
        route.path.replace("{id:str}", A).replace("{id}", A)
        for route in place.app.routes
        if isinstance(route, Route) and "POST" in route.methods
    ]
    assert len(posts) >= 6
    for path in posts:
        given = {"act": "comment", "version": "0", "text": "forged", "language": "vi"}
        for forged in ({}, {"csrf": ""}, {"csrf": "0" * 64}, {"csrf": token(other)}):
            assert client.post(path, data=given | forged).status_code == 403, path
        multipart = client.post(path, data=given | {"csrf": token(client)}, files={"file": b"x"})
        assert multipart.status_code == 403
    assert place.store.life(A).version == 0
    assert client.get("/alerts").status_code == 200


def test_a_body_without_end_or_bound_is_refused_before_it_is_read(place):
    client = browser(place)
    assert client.post(f"/alerts/{A}/acts", content=(b"x" for _ in range(3))).status_code == 411
    assert do(client, "comment", 0, text="x" * 200_000).status_code == 413
    many = {f"f{n}": "x" for n in range(100)}
    assert do(client, "comment", 0, **many).status_code == 403
    assert do(client, "comment", 0, text="\U0001f600" * 4000).status_code == 303


def test_the_api_tells_and_changes(place):
    client = TestClient(place.app, base_url="http://console.test", follow_redirects=False)
    found = client.get("/api/alerts/aaaa", headers=basic("auditor")).json()
    assert (found["alert"]["id"], found["alert"]["count"]) == (A, 2)
    assert found["life"] == {"status": "new", "assignee": "", "verdict": "", "version": 0, "entries": []}

    def act(**body):
        answer = client.post("/api/alerts/aaaa/acts", json=body, headers=basic("analyst"))
        return answer.status_code, answer.json()

    status, body = act(act="close", version=0, text="backup", verdict="benign")
    assert (status, body["life"]["status"], body["life"]["verdict"]) == (200, "closed", "benign")
    assert body["life"]["entries"] == [
        {"at": NOW, "by": "analyst", "act": "close", "old": "new", "new": "benign", "text": "backup"}
    ]
    status, body = act(act="comment", version=0, text="late")
    assert (status, body["life"]["version"]) == (409, 1)
    assert act(act="acknowledge", version=1)[0] == 422
    assert act(act="comment", version="1", text="x")[0] == 400
    assert act(act="comment", version=1, text="x", by="admin")[0] == 400
    assert place.store.life(A).version == 1


def test_the_api_lets_in_whom_it_knows(place):
    client = TestClient(place.app, base_url="http://console.test", follow_redirects=False)
    for headers in ({}, basic("analyst", "wrong"), basic("nobody"), {"authorization": "Basic ?"},
                    {"authorization": "Bearer x"}, {"authorization": "Basic"}):  # fmt: skip
        answer = client.get(f"/api/alerts/{A}", headers=headers)
        assert (answer.status_code, answer.headers.get("www-authenticate")) == (401, None)
    assert client.get("/api/alerts/ffff", headers=basic("auditor")).status_code == 404
    body = {"act": "comment", "version": 0, "text": "x"}
    assert client.post("/api/alerts/ffff/acts", json=body, headers=basic("analyst")).status_code == 404
    plain = client.post(f"/api/alerts/{A}/acts", data=body, headers=basic("analyst"))
    assert plain.status_code == 415
    evil = basic("analyst") | {"origin": "http://evil.test"}
    assert client.post(f"/api/alerts/{A}/acts", json=body, headers=evil).status_code == 403
    assert client.get("/alerts", headers=basic("admin")).status_code == 303
    assert place.store.life(A).version == 0


def test_a_session_uses_the_api_with_its_token(place):
    client = browser(place)
    who = client.get("/api/session").json()
    assert (who["name"], who["role"]) == ("analyst", "analyst")
    body = {"act": "comment", "version": 0, "text": "x"}
    assert client.post(f"/api/alerts/{A}/acts", json=body).status_code == 403
    answer = client.post(f"/api/alerts/{A}/acts", json=body, headers={"x-csrf-token": who["csrf"]})
    assert answer.status_code == 200


def test_what_the_service_writes_and_what_people_do_do_not_stop_each_other(place):
    client = browser(place)
    for version in range(5):
        place.store.put_alerts([alert(count=10 + version)])
        place.store.commit()
        assert do(client, "comment", version, text=f"{version}").status_code == 303
    found = place.store.alert(A)
    assert (found.count, place.store.life(A).version) == (14, 5)
    place.store.act(A, Act("acknowledge", "elsewhere", NOW), 5)
    assert "elsewhere" in client.get(f"/alerts/{A}").text
