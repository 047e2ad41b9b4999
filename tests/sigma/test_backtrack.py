"""Expressions that backtrack: their budget, what is told of overruns, and that both scanners agree."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from soc.sigma import backtrack
from soc.sigma.backtrack import MOST_OVERRUNS, backtracking, forget_overruns, overruns
from soc.sigma.regex import compile_regex, needs_backtracking

SLOW = r"^(a|aa)+(?<=a)$"
HOSTILE = "a" * 60 + "b"


@pytest.fixture(autouse=True)
def _afresh() -> Iterator[None]:
    forget_overruns()
    yield
    forget_overruns()


def test_an_overrun_is_not_met_and_counted_and_five_switch_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backtrack, "SECONDS", 0.001)
    search = backtracking(SLOW, "")
    assert search("aaaa")
    assert overruns() == {}
    for count in range(1, MOST_OVERRUNS + 1):
        assert not search(HOSTILE)
        assert overruns() == {SLOW: count}
    assert not search(HOSTILE)
    assert not search("aaaa")
    assert overruns() == {SLOW: MOST_OVERRUNS}
    forget_overruns()
    assert search("aaaa")


def test_an_overrun_names_the_flags() -> None:
    search = backtracking(SLOW, "i")
    assert not search(HOSTILE)
    assert list(overruns()) == [f"(?i){SLOW}"]


@pytest.mark.parametrize(
    ("source", "needed"),
    [
        ("a+", False),
        ("(?i)a|(?P<n>b)|(?<m>c)", False),
        (r"\p{L}\x{41}\Q.\E", False),
        ("(?<=a)b", True),
        ("a(?!b)", True),
        ("^(?!a)b", True),
        (r"(a)\1", True),
        ("a++", True),
        ("(?>a)", True),
        (r"\h", True),
        ("a{2000}", True),
        ("(a", False),
        ("(x{900}){900}", False),
    ],
)
def test_what_needs_backtracking(source: str, needed: bool) -> None:
    assert needs_backtracking(source) is needed


def test_a_look_ahead_at_the_start_runs_in_linear_time() -> None:
    search = compile_regex(r"^(?!.*b)(a|aa)+$", "")
    assert search("a" * 60)
    assert not search(HOSTILE * 1000)
    assert overruns() == {}
