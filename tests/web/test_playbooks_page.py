"""The runs of playbooks in the console: shown to whoever is signed in, hostile text as text, nothing where none are."""

from contextlib import closing

import msgspec
import pytest
from starlette.testclient import TestClient

from soc.core.clock import FixedClock
from soc.core.content import content_root
from soc.engines.journal import FILE, Journal, Line
from soc.engines.watch import runs_in
from soc.respond.playbook_load import load_playbooks
from soc.respond.run import Run, Started, advance
from soc.stores.memory import MemoryStore
from soc.web import Access, create_app

HOSTILE = "<script>alert(1)</script>\x1b[31m\u202e"
NOW = 1_790_000_000_000_000


@pytest.fixture
def browser(tmp_path):
    app = create_app(MemoryStore, Access("one-time", "en"), lambda: {"now": NOW}, runs=runs_in(tmp_path))
    with TestClient(app, base_url="http://console.test", follow_redirects=False) as made:
        assert made.get("/playbooks").status_code == 303
        made.post("/login", data={"password": "one-time"})
        yield made


def test_no_runs_and_no_file_made_by_looking(browser, tmp_path):
    answer = browser.get("/playbooks")
    assert (answer.status_code, "no runs" in answer.text) == (200, True)
    assert list(tmp_path.iterdir()) == []


def test_a_run_in_both_languages(browser, tmp_path):
    book = load_playbooks([content_root() / "playbooks"])[0]["phishing"]
    run, _ = advance(book, Run("ab12", "phishing", book.hash, "a1", 2, "Lan", NOW, {}), Started(NOW))
    run = msgspec.structs.replace(run, reason=HOSTILE)
    with closing(Journal(tmp_path / FILE)) as journal, journal.transaction():
        journal.put(run, book)
        journal.note(Line(FixedClock(NOW).now(), "ab12", "assess", HOSTILE, "started", HOSTILE))
    text = browser.get("/playbooks").text
    assert "Is it phishing?" in text
    assert text.count("&lt;script&gt;") == 3
    assert not {"<script", "\x1b", "\u202e"} & {piece for piece in ("<script", "\x1b", "\u202e") if piece in text}
    browser.post("/language", data={"language": "vi", "back": "/playbooks"})
    assert "Có phải lừa đảo không?" in browser.get("/playbooks").text


def test_a_console_without_playbooks_has_no_such_page():
    app = create_app(MemoryStore, Access("one-time", "en"), lambda: {"now": NOW})
    with TestClient(app, base_url="http://console.test", follow_redirects=False) as made:
        made.post("/login", data={"password": "one-time"})
        assert made.get("/playbooks").status_code == 404
        assert "/playbooks" not in made.get("/alerts").text
