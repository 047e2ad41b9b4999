"""Accounts, sign-in with them, and lockout."""

import stat
from contextlib import contextmanager

import pytest
from starlette.testclient import TestClient

from soc.core.errors import SocError, StoreError
from soc.stores.memory import MemoryStore
from soc.web import Access, create_app
from soc.web.access import Person
from soc.web.accounts import ROLES, Account, Accounts
from soc.web.lockout import LOCK_SECONDS, MAX_FAILURES, Lockout
from tests.web.forms import send

WORD = "correct horse battery"


@pytest.fixture
def accounts(tmp_path):
    made = Accounts(tmp_path / "data" / "accounts.db")
    made.add("lan", "analyst", WORD)
    return made


@contextmanager
def browser(access):
    app = create_app(MemoryStore, access, dict)
    with TestClient(app, base_url="http://console.test", follow_redirects=False) as client:
        yield client


def test_an_account_is_checked_by_its_password(accounts):
    assert accounts.check("lan", WORD) == Account("lan", "analyst", True, 1)
    for name, password in (
        ("lan", "wrong"),
        ("lan", ""),
        ("minh", WORD),
        ("", ""),
        ("lan", "x" * 10**6),
        ("l", "\ud800"),
    ):
        assert accounts.check(name, password) is None


def test_the_file_has_argon2id_hashes_and_is_its_owners_alone(accounts, tmp_path):
    file = tmp_path / "data" / "accounts.db"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    content = file.read_bytes()
    assert b"$argon2id$" in content
    assert WORD.encode() not in content


@pytest.mark.parametrize("name", ["", "Lan", "a b", "console", "../x", "-x", "x" * 65, "<b>", "a\x1b[31m"])
def test_a_name_that_is_none_is_refused_in_harmless_words(accounts, name):
    with pytest.raises(SocError) as error:
        accounts.add(name, "analyst", WORD)
    assert "\x1b" not in str(error.value)
    assert [one.name for one in accounts.all()] == ["lan"]


def test_what_is_wrong_with_an_account_is_said(accounts):
    with pytest.raises(SocError, match="already"):
        accounts.add("lan", "admin", WORD)
    with pytest.raises(SocError, match="no such role"):
        accounts.add("minh", "root", WORD)
    with pytest.raises(SocError, match="10 to 1000"):
        accounts.add("minh", "admin", "short")
    with pytest.raises(SocError, match="no such account"):
        accounts.set_enabled("minh", True)
    assert accounts.check("lan", WORD).role == "analyst"


def test_a_damaged_file_is_said_and_lets_nobody_in(tmp_path):
    file = tmp_path / "accounts.db"
    file.write_bytes(b"no database, but long enough to be looked at " * 100)
    with pytest.raises(StoreError, match=r"accounts\.db"):
        Accounts(file).any()
    with browser(Access("one-time", accounts=Accounts(file))) as client:
        assert client.get("/alerts", headers={"cookie": "soc_session=x"}).status_code == 303
        assert client.get("/login").status_code == 503


def test_without_accounts_the_one_time_password_and_with_them_only_they(tmp_path):
    accounts = Accounts(tmp_path / "accounts.db")
    access = Access("one-time", accounts=accounts)
    with browser(access) as client:
        assert 'name="name"' not in client.get("/login").text
        send(client, "/login", {"password": "one-time"})
        assert client.get("/alerts").status_code == 200
        accounts.add("lan", "analyst", WORD)
        assert client.get("/alerts").status_code == 303
        assert 'name="name"' in client.get("/login").text
    with browser(Access("one-time", accounts=accounts)) as client:
        for name in ("", "console", "lan"):
            given = {"name": name, "password": "one-time"}
            assert send(client, "/login", given).headers["location"] == "/login?failed"
        assert send(client, "/login", {"name": " LAN ", "password": WORD}).headers["location"] == "/alerts"
        assert "lan" in client.get("/alerts").text
        accounts.set_enabled("lan", False)
        assert client.get("/alerts").headers["location"] == "/login"
        assert send(client, "/login", {"name": "lan", "password": WORD}).headers["location"] == "/login?failed"


def test_a_new_password_ends_sessions(accounts):
    access = Access("one-time", accounts=accounts)
    token = access.sign_in("lan", WORD, "10.0.0.9", 0.0)
    assert access.person(token, 1.0) == Person("lan", "analyst", 1)
    accounts.set_password("lan", WORD + "!")
    assert access.person(token, 2.0) is None


def test_five_wrong_passwords_lock_that_account_from_that_address_for_five_minutes(accounts):
    access = Access("one-time", accounts=accounts)
    for _ in range(MAX_FAILURES):
        assert access.check("lan", "wrong password", "10.0.0.9", 0.0) is None
    assert access.check("lan", WORD, "10.0.0.9", LOCK_SECONDS - 1.0) is None
    assert access.check("lan", WORD, "10.0.0.8", 1.0) is not None
    assert access.check("lan", WORD, "10.0.0.9", LOCK_SECONDS + 0.0) is not None


def test_who_tries_many_names_or_comes_from_many_places_is_locked_too():
    lockout = Lockout()
    assert sum(lockout.begin(f"name{n}", "10.0.0.9", 0.0) for n in range(100)) == 50
    assert lockout.begin("other", "10.0.0.8", 0.0)
    lockout = Lockout()
    assert sum(lockout.begin("lan", f"10.0.0.{n}", 0.0) for n in range(100)) == 50
    assert lockout.begin("lan", "10.0.0.9", LOCK_SECONDS)


def test_right_passwords_lock_nobody_out():
    lockout = Lockout()
    for n in range(200):
        assert lockout.begin(f"name{n % 3}", "10.0.0.9", 0.0)
        lockout.succeeded(f"name{n % 3}", "10.0.0.9")


def test_made_up_names_do_not_fill_the_memory():
    lockout = Lockout()
    for n in range(12_000):
        lockout.begin(f"name{n}", f"10.0.{n >> 8}.{n & 255}", 0.0)
    assert len(lockout._failures) <= 10_000


def test_nobody_can_tell_names_from_the_answer(accounts):
    """The same work is done for a name that is not there: the time of an argon2 check, whatever the machine."""
    from time import perf_counter

    def took(name):
        begin = perf_counter()
        accounts.check(name, "wrong password")
        return perf_counter() - begin

    took("lan")
    with_account, without = min(took("lan") for _ in range(5)), min(took("minh") for _ in range(5))
    assert without > with_account / 3


def test_only_known_roles_exist_and_two_of_them_only_read():
    assert {role for role, may in ROLES.items() if not may} == {"manager", "auditor"}
    assert not Person("x", "no such role").may("act")
