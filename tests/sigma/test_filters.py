"""Sigma filters: whom they apply to, when they end, what is reported, and that verdicts and hashes follow."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest

from soc.core.event import Event
from soc.sigma import IDENTITY, FilterState, Loaded, explain, load, shipped_mapping
from soc.sigma.evaluate import holds

ID = "00000000-0000-4000-8000-00000000000{}"
RULE = """
title: Rule {number}
id: 00000000-0000-4000-8000-00000000000{number}
name: rule_{number}
logsource: {{category: {category}}}
detection:
  selection: {{A: x}}
  condition: selection
"""
FILTER = """
title: Known admins
id: 00000000-0000-4000-9000-000000000001
logsource: {{category: {category}}}
filter:
  rules: {rules}
  selection: {{User|startswith: adm_}}
  condition: {condition}
{more}
"""
OURS = "soc: {owner: An, reason: They do it daily, expires: 2027-01-31}"


def rule(number: int, category: str = "test") -> str:
    return RULE.format(number=number, category=category)


def filtering(rules: str, condition: str = "not selection", category: str = "test", more: str = "") -> str:
    return FILTER.format(rules=rules, condition=condition, category=category, more=more)


def read(tmp_path: Path, *documents: str, today: date = date(2026, 10, 5)) -> Loaded:
    (tmp_path / "all.yml").write_text("---".join(documents), "utf-8")
    return load([tmp_path], IDENTITY, today=today)


def fires(loaded: Loaded, event: Event) -> list[str]:
    return [one.info.name for one in loaded.rules if holds(one.condition, event)]


ADMIN: Event = {"A": "x", "User": "adm_an"}
OTHER: Event = {"A": "x", "User": "binh"}


@pytest.mark.parametrize(
    ("rules", "filtered"),
    [
        (f"[{ID.format(1)}]", ["rule_1"]),
        ("[rule_2]", ["rule_2"]),
        ("rule_2", ["rule_2"]),
        (f"[rule_2, {ID.format(1)}]", ["rule_1", "rule_2"]),
        ("any", ["rule_1", "rule_2"]),
        (f"['{{{ID.format(1).upper()}}}']", ["rule_1"]),
    ],
)
def test_which_rules(tmp_path: Path, rules: str, filtered: list[str]) -> None:
    loaded = read(tmp_path, rule(1), rule(2), rule(3, "other"), filtering(rules))
    assert fires(loaded, OTHER) == ["rule_1", "rule_2", "rule_3"]
    assert sorted({"rule_1", "rule_2", "rule_3"} - set(fires(loaded, ADMIN))) == filtered
    (state,) = loaded.filter_states
    assert (state.word, len(state.rules)) == ("active", len(filtered))
    assert [bool(one.info.filters) for one in loaded.rules] == [name in filtered for name in ("rule_1", "rule_2", "")]
    assert loaded.problems == []


def test_the_condition_is_added_as_it_is(tmp_path: Path) -> None:
    loaded = read(tmp_path, rule(1), filtering("any", condition="selection"))
    assert (fires(loaded, ADMIN), fires(loaded, OTHER)) == (["rule_1"], [])


def test_filters_that_name_one_rule_add_up(tmp_path: Path) -> None:
    second = filtering("any").replace("adm_", "svc_").replace("000001", "000002")
    loaded = read(tmp_path, rule(1), filtering("any"), second)
    assert fires(loaded, ADMIN) == fires(loaded, {"A": "x", "User": "svc_a"}) == []
    assert fires(loaded, OTHER) == ["rule_1"]
    assert len(loaded.rules[0].info.filters) == 2


@pytest.mark.parametrize(
    ("today", "word", "ends"),
    [(date(2027, 1, 30), "active", date(2027, 1, 31)), (date(2027, 1, 31), "expired", None)],
)
def test_a_filter_ends_with_its_day(tmp_path: Path, today: date, word: str, ends: date | None) -> None:
    loaded = read(tmp_path, rule(1), filtering("any", more=OURS), today=today)
    (state,) = loaded.filter_states
    assert (state.word, state.owner, state.reason, state.expires) == (word, "An", "They do it daily", date(2027, 1, 31))
    assert ("it ended on 2027-01-31" in state.why) == (word == "expired")
    assert loaded.next_expiry == ends
    assert bool(fires(loaded, ADMIN)) == (word == "expired")


@pytest.mark.parametrize(
    ("document", "word", "why"),
    [
        (filtering("[unknown]"), "unused", "no rule unknown"),
        (filtering("[rule_1, unknown]"), "active", "no rule unknown"),
        (filtering("[rule_1]", category="other"), "unused", "rule_1 is of category=test, the filter of category=other"),
        (filtering("any", category="other"), "unused", "no rule is of category=other"),
        (filtering(str([f"r{number}" for number in range(99)])), "unused", "and 89 more"),
        (filtering("any"), "active", "nobody answers for it"),
        (filtering("any", more=OURS), "active", ""),
    ],
)
def test_what_is_reported(tmp_path: Path, document: str, word: str, why: str) -> None:
    (state,) = read(tmp_path, rule(1), document).filter_states
    assert state.word == word
    assert why in state.why
    assert bool(why) == bool(state.why)


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        (filtering("[]"), "filter.rules"),
        (filtering("7"), "filter.rules"),
        (filtering("[[a]]"), "filter.rules"),
        (filtering("any", condition="nothing"), "'nothing' not defined"),
        (filtering("any", condition="[]"), "no condition"),
        (filtering("any", more="soc: {owner: An, reason: Because}"), "expires"),
        (filtering("any", more="soc: {owner: An, expires: 2027-01-31}"), "reason"),
        (filtering("any", more="soc: {owner: An, reason: ' ', expires: 2027-01-31}"), "an owner and a reason"),
        (filtering("any", more="soc: {owner: An, reason: So, expires: soon}"), "soc.expires"),
        (filtering("any", more="soc: {owner: An, reason: So, expires: 2027-01-31, x: 1}"), "unknown field"),
        (filtering("any").replace("startswith", "begins"), "unknown modifier |begins"),
        (filtering("any").replace("title", "titel"), "title"),
        (filtering("any").replace("logsource", "logs"), "logsource"),
        ("\ntitle: x\nlogsource: {category: test}\nfilter: not a map\n", "filter: a map"),
    ],
)
def test_a_filter_that_is_none_is_rejected_and_hides_nothing(tmp_path: Path, document: str, reason: str) -> None:
    loaded = read(tmp_path, rule(1), document)
    assert reason in loaded.problems[0].reason
    assert fires(loaded, ADMIN) == ["rule_1"]
    (state,) = loaded.filter_states
    assert (state.word, state.why, loaded.filters) == ("rejected", loaded.problems[0].reason, [])


def test_the_rules_own_field_names_are_used(tmp_path: Path) -> None:
    text = rule(1, "proxy") + "---" + filtering("any", category="proxy").replace("User", "c-uri")
    (tmp_path / "a.yml").write_text(text, "utf-8")
    (one,) = load([tmp_path], shipped_mapping()).rules
    assert one.fields == ("A", "url.full", "url.original")
    assert one.written == ("A", "c-uri")


def test_a_filter_that_the_rules_fields_make_too_large_is_reported(tmp_path: Path) -> None:
    listed = ", ".join(f"/{number}" for number in range(30_000))
    text = rule(1, "proxy") + "---" + filtering("any", category="proxy").replace("category: proxy", "product: x")
    text = text.replace("{category: proxy}", "{category: proxy, product: x}", 1)
    (tmp_path / "a.yml").write_text(text.replace("User|startswith: adm_", f"c-uri: [{listed}]"), "utf-8")
    loaded = load([tmp_path], shipped_mapping())
    (state,) = loaded.filter_states
    assert (state.word, loaded.problems) == ("unused", [])
    assert "not applied to rules of category=proxy product=x" in state.why
    assert loaded.rules[0].info.filters == ()


def test_alerts_tell_which_filter_was_there(tmp_path: Path) -> None:
    plain = read(tmp_path, rule(1)).rules[0]
    filtered = read(tmp_path, rule(1), filtering("any")).rules[0]
    other = read(tmp_path, rule(1), filtering("any").replace("adm_", "root")).rules[0]
    assert len({plain.info.hash, filtered.info.hash, other.info.hash}) == 3
    assert (plain.info.filters, filtered.info.filters) == ((), ("00000000-0000-4000-9000-000000000001",))


def test_explain_shows_the_filter(tmp_path: Path) -> None:
    (one,) = read(tmp_path, rule(1), filtering("any")).rules
    tree = explain(one, ADMIN)
    assert [(child.label, child.matched) for child in tree.children] == [
        ("selection", True),
        ("filter: Known admins", False),
    ]
    assert tree.matched is False


def test_states_are_in_order_and_account_for_every_filter(tmp_path: Path) -> None:
    loaded = read(tmp_path, filtering("any"), rule(1), filtering("[]"), filtering("any", more=OURS))
    assert [state.word for state in loaded.filter_states] == ["active", "rejected", "active"]
    assert [state.line for state in loaded.filter_states] == [2, 19, 28]
    assert isinstance(loaded.filter_states[0], FilterState)


def test_readmes_filter_and_list_are_read(tmp_path: Path) -> None:
    readme = (Path(__file__).resolve().parents[2] / "README.md").read_text("utf-8")
    blocks = re.findall(r"```yml\n# my-rules/(\S+):.*?\n(.*?)```", readme, re.DOTALL)
    for name, text in blocks:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, "utf-8")
    (tmp_path / "rule.yml").write_text(rule(1, "webserver").replace("rule_1", "web_scan_tool"), "utf-8")
    loaded = load([tmp_path], shipped_mapping(), today=date(2026, 10, 5))
    assert (loaded.problems, loaded.lists) == ([], 1)
    (state,) = loaded.filter_states
    assert (state.word, state.owner, len(state.rules)) == ("active", "Lan", 1)
    (filtered,) = loaded.rules
    assert holds(filtered.condition, {"A": "x", "source.ip": "10.20.30.42"})
    assert not holds(filtered.condition, {"A": "x", "source.ip": "10.20.30.40"})
