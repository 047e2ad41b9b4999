"""Text from logs, shown to people: nothing a terminal or a spreadsheet would obey, and an event in one line."""

import pytest

from soc.core.gist import gist
from soc.core.hostile import cell, plain, prose


@pytest.mark.parametrize(
    ("hostile", "shown"),
    [
        ("\x1b]0;owned\x07", "\\x1b]0;owned\\x07"),
        ("a\r\nb", "a\\x0d\\x0ab"),
        ("\u202egpj.exe", "\\u202egpj.exe"),
        ("\x9b31m", "\\x9b31m"),
        ("\ud800", "\\ud800"),
        ("Đường dẫn Việt Nam", "Đường dẫn Việt Nam"),
    ],
)
def test_controls_are_shown_and_not_obeyed(hostile: str, shown: str) -> None:
    assert plain(hostile) == shown


def test_long_text_is_cut() -> None:
    assert plain("x" * 100, 10) == "x" * 9 + "…"
    assert prose("  two\n lines ") == "two lines"


@pytest.mark.parametrize("formula", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1"])
def test_no_cell_is_a_formula(formula: str) -> None:
    assert cell(formula)[0] in {"'", "\\"}


def test_an_event_in_one_line() -> None:
    event = {
        "event.dataset": "fortinet.traffic",
        "source.ip": "10.1.50.23",
        "destination.ip": "2001:db8::1",
        "destination.port": 443,
        "event.action": "deny",
        "event.outcome": "failure",
        "url.original": "/\x1b[2J",
    }
    assert gist(event) == "fortinet.traffic · 10.1.50.23 → [2001:db8::1]:443 · deny ✘ · /\\x1b[2J"
    assert gist({"host.name": "mx1", "email.to.address": ["a@b", "c@d"]}) == "a@b +1"
    assert gist({}) == ""
