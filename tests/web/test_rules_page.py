"""The rules on the health page and in the API: what runs, what was refused and why, and the button that loads again."""

from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from soc.stores.memory import MemoryStore
from soc.web import Access, create_app
from tests.web.forms import send

NOW = 1_790_000_000_000_000
HOSTILE = "rules/<script>alert(1)</script>.yml:3: \u202e<img src=x>\x1b[31m"


class Rules:
    """What a service tells of its rules, and how often it was asked to load them."""

    def __init__(self) -> None:
        self.loads = 0
        self.status: dict[str, object] = {
            "loaded": NOW - 60_000_000,
            "fingerprint": "ab" * 16,
            "states": {"active": 3141, "blind": 7, "rejected": 0, "muted": 2},
            "problems": (HOSTILE,),
            "loading": False,
            "reloads": 2,
            "took": 5_200_000,
            "gap": 220_000,
            "change": {"new": 4, "changed": 1, "gone": 0, "afresh": (HOSTILE,)},
            "refusals": 1,
            "refused_at": NOW,
            "refused": (HOSTILE,),
        }

    async def load(self) -> None:
        self.loads += 1

    def health(self) -> dict[str, object]:
        return {"now": NOW, "rules": self.status}


@pytest.fixture
def rules() -> Rules:
    return Rules()


@pytest.fixture
def client(rules: Rules) -> Iterator[TestClient]:
    app = create_app(MemoryStore, Access("one-time"), rules.health, rules.load)
    with TestClient(app, base_url="http://console.test", follow_redirects=False) as browser:
        send(browser, "/login", data={"password": "one-time"})
        yield browser


@pytest.mark.parametrize("language", ["en", "vi"])
def test_the_health_page_tells_of_the_rules(client: TestClient, language: str) -> None:
    send(client, "/language", data={"language": language, "back": "/health"})
    page = client.get("/health").text
    for text in ("3,141", "abababababab", "5.2", "220"):
        assert text in page
    assert ("go on" if language == "en" else "vẫn chạy") in page
    assert "<script" not in page
    assert "<img src=x" not in page
    assert "\u202e" not in page
    assert "\x1b" not in page


def test_the_button_leads_back_to_the_page(client: TestClient, rules: Rules) -> None:
    answer = send(client, "/rules/reload", headers={"accept": "text/html", "origin": "http://console.test"})
    assert (answer.status_code, answer.headers["location"], rules.loads) == (303, "/health#rules", 1)


def test_the_api_says_whether_the_set_was_refused(client: TestClient, rules: Rules) -> None:
    assert client.get("/rules").json()["refused"] == [HOSTILE]
    assert send(client, "/rules/reload").status_code == 409
    rules.status["refused"] = ()
    assert send(client, "/rules/reload").status_code == 200


def test_only_who_signed_in_on_this_site_loads_rules(client: TestClient, rules: Rules) -> None:
    assert send(client, "/rules/reload", headers={"origin": "http://evil.test"}).status_code == 403
    send(client, "/logout")
    assert send(client, "/rules/reload").headers["location"] == "/login"
    assert client.get("/rules").headers["location"] == "/login"
    assert rules.loads == 0


def test_a_console_without_a_service_has_no_rules_to_load() -> None:
    with TestClient(create_app(MemoryStore, Access("one-time"), lambda: {"now": NOW})) as browser:
        send(browser, "/login", data={"password": "one-time"})
        assert "/rules/reload" not in browser.get("/health").text
        assert browser.get("/rules").status_code == 404
        assert send(browser, "/rules/reload").status_code == 404
