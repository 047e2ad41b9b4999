"""The console in a real Chromium, as people use it: from signing in to a closed alert with a playbook behind it, in two
languages, and hostile text on every page. Writes the pictures of README, tests/web/pictures, where SOC_PICTURES is set.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from soc.core.store import STORE_FILE
from soc.engines.centre_server import TOKENS_FILE, prepare, read_tokens
from soc.engines.national_centre import COLLECTION
from soc.stores.sqlite import SqliteStore
from soc.web.accounts import ACCOUNTS_FILE, Accounts
from tests.services.kafka_server import free_port
from tests.web.forms import answers
from tests.web.test_console import HOSTILE, make_alert

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
PICTURES = Path(__file__).parent / "pictures"
WORD = "correct horse battery"
PEOPLE = {"lan": "analyst", "minh": "responder", "hoa": "responder"}
playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium (Debian's package chromium)")


@pytest.fixture(scope="module")
def chromium() -> Iterator[object]:
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo's store, with accounts and a never-touch list."""
    made = tmp_path_factory.mktemp("browser")
    soc(made, "demo", "--exit", "--folder", "data")
    accounts = Accounts(made / "data" / ACCOUNTS_FILE)
    for name, role in PEOPLE.items():
        accounts.add(name, role, WORD)
    (made / "never.yml").write_text("addresses: [10.0.0.0/8]\n")
    (made / "soc.yml").write_text("data_dir: data\nplaybooks: {never_touch: never.yml}\n")
    return made


def soc(folder: Path, *words: str) -> None:
    command = [sys.executable, "-m", "soc", *words]
    subprocess.run(command, check=True, capture_output=True, timeout=300, cwd=folder)


@contextmanager
def console(folder: Path) -> Iterator[str]:
    port = free_port()
    with (folder / "console.log").open("wb") as log:
        words = ("console", "--settings", str(folder / "soc.yml"), "--port", str(port))
        process = subprocess.Popen([sys.executable, "-m", "soc", *words], cwd=folder, stdout=log, stderr=log)
    address = f"http://127.0.0.1:{port}"
    try:
        answers(address)
        yield address
    finally:
        process.terminate()
        process.wait(20)


@contextmanager
def page(chromium, address: str, name: str, language: str = "en") -> Iterator[object]:
    """A window of its own, signed in; it fails on a dialog, and on what the page's policy had to stop."""
    context = chromium.new_context(viewport={"width": 1280, "height": 860}, timezone_id="Asia/Ho_Chi_Minh")
    opened = context.new_page()
    wrong: list[str] = []
    opened.on("dialog", lambda dialog: (wrong.append(dialog.message), dialog.dismiss()))
    opened.on("pageerror", lambda error: wrong.append(str(error)))
    opened.on(
        "console", lambda said: wrong.append(said.text) if said.type == "error" and "Security" in said.text else None
    )
    opened.goto(f"{address}/login")
    if language == "vi":
        opened.click("button[name=language][value=vi]")
    opened.fill("input[name=name]", name)
    opened.fill("input[name=password]", WORD)
    opened.click("main button")
    opened.wait_for_url(f"{address}/alerts")
    yield opened
    context.close()
    assert wrong == []


def picture(opened, name: str) -> None:
    if os.environ.get("SOC_PICTURES"):
        PICTURES.mkdir(exist_ok=True)
        opened.screenshot(path=PICTURES / f"{name}.png")


def submit(opened, path: str) -> None:
    """Clicks, and waits for the page that comes."""
    with opened.expect_navigation():
        opened.click(path)


def test_from_signing_in_to_a_closed_alert(chromium, folder) -> None:
    with console(folder) as address:
        with page(chromium, address, "lan") as lan:
            picture(lan, "queue")
            lan.click("a:has-text('Look-Alike') >> nth=0")
            lan.wait_for_load_state()
            alert = lan.url
            picture(lan, "alert")
            submit(lan, "button:has-text('Acknowledge')")
            assert "acknowledged it" in lan.inner_text("#life")
            lan.click("a:has-text('A phishing mail was delivered')")
            lan.wait_for_load_state()
            assert "after approval by 2" in lan.inner_text("main")
            submit(lan, "button:has-text('Start it')")
            run = lan.url
            lan.select_option("select[name=choice]", "phishing")
            submit(lan, "button:has-text('Done')")
            submit(lan, "button:has-text('Done')")
            lan.select_option("select[name=choice]", "nobody")
            submit(lan, "button:has-text('Done')")
            assert "Block the sending server" in lan.inner_text("#now")
            assert lan.locator("button:has-text('Approve')").count() == 0, "an analyst does not approve"
        for name in ("minh", "hoa"):
            with page(chromium, address, name, "vi") as responder:
                responder.goto(run)
                if name == "hoa":
                    picture(responder, "approval")
                assert "Chặn máy chủ gửi" in responder.inner_text("#now")
                submit(responder, "button:has-text('Phê duyệt')")
        with page(chromium, address, "minh", "vi") as minh:
            minh.goto(run)
            submit(minh, "button:has-text('Đã được thực hiện')")
            assert "xong" in minh.inner_text(".lead")
            minh.goto(alert)
            minh.select_option("select[name=verdict]", "true_positive")
            minh.fill("form:has(select[name=verdict]) textarea", "Đã chặn máy chủ gửi ở biên")
            submit(minh, "form:has(select[name=verdict]) button")
            assert "Đã chặn máy chủ gửi ở biên" in minh.inner_text("#life")
            minh.goto(f"{address}/playbooks")
            assert minh.locator("tbody tr").count() == 1


def test_hostile_text_opens_nothing_on_any_page(chromium, folder, tmp_path) -> None:
    shutil.copytree(folder, tmp_path / "copy")
    with closing(SqliteStore(tmp_path / "copy" / "data" / STORE_FILE)) as store:
        store.put_alerts([make_alert(7, "critical", HOSTILE)])
        store.commit()
    with console(tmp_path / "copy") as address, page(chromium, address, "lan") as lan:
        alert = f"{address}/alerts/{7:016x}"
        pages = ("alerts", f"alerts/{7:016x}", f"alerts/{7:016x}/playbooks/phishing", "health", "playbooks")
        for place in (f"{address}/{name}" for name in pages):
            lan.goto(place)
            lan.wait_for_load_state("networkidle")
        lan.goto(alert)
        lan.fill("form:has(input[value=comment]) textarea", HOSTILE)
        submit(lan, "form:has(input[value=comment]) button")
        assert "<script>alert(1)</script>" in lan.inner_text("#life"), "shown as the text that it is"
        assert lan.locator("main script, main img").count() == 0


def test_every_page_fits_a_small_window_and_says_its_language(chromium, folder) -> None:
    with console(folder) as address, page(chromium, address, "hoa", "vi") as hoa:
        for place in ("/alerts", "/health", "/playbooks"):
            hoa.goto(f"{address}{place}")
            assert hoa.get_attribute("html", "lang") == "vi"
            text = hoa.inner_text("body")
            assert re.search("[ăâđêôơưạảấầẩẫậắằẳẵặẹẻẽếềểễệỉịọỏốồổỗộớờởỡợụủứừửữựỳỵỷỹ]", text)
            assert "\ufffd" not in text
        picture(hoa, "health")


def test_the_month_as_a_page(chromium, tmp_path) -> None:
    """The report of the made-up month: all pictures drawn, nothing from outside, no line longer than the page."""
    for words in (
        ("demo", "--month", "--folder", "demo"),
        ("report", "2026-10", "--store", f"demo/{STORE_FILE}", "--lang", "vi", "--out", "month.html"),
    ):
        subprocess.run(
            [sys.executable, "-m", "soc", *words], check=True, capture_output=True, timeout=300, cwd=tmp_path
        )
    context = chromium.new_context(viewport={"width": 1100, "height": 1300})
    opened = context.new_page()
    asked: list[str] = []
    opened.on("request", lambda request: asked.append(request.url))
    opened.goto((tmp_path / "month.html").as_uri())
    text = opened.inner_text("body")
    assert "tháng 10/2026" in text
    assert "\ufffd" not in text
    assert opened.locator("svg").count() >= 3
    assert opened.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
    picture(opened, "month")
    context.close()


def test_what_arrives_at_the_national_centre(chromium, folder, tmp_path) -> None:
    """Alerts of the demo are shared, and its page shows them to who may see it."""
    centre, port = tmp_path / "centre", free_port()
    prepare(centre)
    tokens = read_tokens(centre / TOKENS_FILE)
    (tmp_path / "token").write_text(tokens["soc"])
    shutil.copytree(folder / "data", tmp_path / "data")
    (tmp_path / "soc.yml").write_text(
        f"data_dir: data\nshare: {{url: 'http://127.0.0.1:{port}/api/', collection: {COLLECTION}, token_file: token}}\n"
    )
    words = ("national-centre", "--data", str(centre), "--port", str(port))
    with (tmp_path / "centre.log").open("wb") as log:
        process = subprocess.Popen([sys.executable, "-m", "soc", *words], stdout=log, stderr=log)
    try:
        answers(f"http://127.0.0.1:{port}")
        send = ("share", "send", "--settings", "soc.yml", "--queue", "3650d")
        soc(tmp_path, *send)
        allowed = {"username": "admin", "password": tokens["admin"]}
        size = {"width": 1280, "height": 860}
        context = chromium.new_context(viewport=size, http_credentials=allowed, locale="vi-VN")
        opened = context.new_page()
        opened.goto(f"http://127.0.0.1:{port}/")
        assert "đã nhận" in opened.inner_text("main")
        picture(opened, "centre")
        context.close()
    finally:
        process.terminate()
        process.wait(20)
