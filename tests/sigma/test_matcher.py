"""Routing, memos and their bounds, and what must not be confused."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from soc.core.batch import Batch
from soc.core.errors import Problem
from soc.core.event import Event
from soc.core.logsource import Dataset, LogSource
from soc.sigma import IDENTITY, Document, FieldMap, Rule, compile, memo, shipped_mapping
from soc.sigma import field as memos
from soc.sigma import plan as plans
from soc.sigma.evaluate import holds
from soc.sigma.field import Field
from soc.sigma.fixed import demanded, simplified
from soc.sigma.load import read_rule
from soc.sigma.matcher import Matcher
from soc.sigma.memo import Budget
from tests.sigma.corpus import excluded


@dataclass(frozen=True)
class OneRoute:
    """Every event is a test, with these values fixed."""

    values: Event

    def routes(self, events: Batch) -> list[str]:
        return ["test"] * len(events)

    def sources(self, route: object) -> tuple[LogSource, ...]:
        return (LogSource("test"),)

    def fixed(self, route: object) -> Event:
        return self.values


def rule(detection: dict[str, Any], logsource: dict[str, str] | None = None, mapping: FieldMap = IDENTITY) -> Rule:
    document = {"title": "Test", "logsource": logsource or {"category": "test"}, "detection": detection}
    found = read_rule(Document(document, "test.yml", 1, repr(detection)), mapping)
    assert not isinstance(found, Problem), found
    return found


def matcher(*rules: Rule, fixed: Event | None = None, cache: Path | None = None) -> Matcher:
    return Matcher(rules, OneRoute(fixed or {}), cache)


def fields(matched: Matcher) -> list[Field]:
    return [field for plan in matched._plans.values() for _, field in plan._fields]


def test_events_reach_the_rules_of_their_dataset() -> None:
    any_firewall = rule({"s": {"dst_ip": "192.0.2.1"}, "condition": "s"}, {"category": "firewall"}, shipped_mapping())
    fortigate = rule({"s": {"srcip": "192.0.2.9"}, "condition": "s"}, {"product": "fortigate"}, shipped_mapping())
    datasets = {
        "fortinet.traffic": Dataset((LogSource("firewall", "fortigate", "traffic"),), frozenset()),
        "other.traffic": Dataset((LogSource("firewall", "other"),), frozenset()),
    }
    matched = compile([any_firewall, fortigate], datasets)
    event: Event = {"source.ip": "192.0.2.9", "destination.ip": "192.0.2.1"}

    def hits(dataset: str) -> list[str]:
        return [info.id for info in matched.match({"event.dataset": dataset, **event})]

    assert hits("fortinet.traffic") == [any_firewall.info.id, fortigate.info.id]
    assert hits("other.traffic") == [any_firewall.info.id]
    assert hits("unknown") == []
    assert list(matched.match(event)) == []


def test_none_is_one_shared_tuple() -> None:
    matched = matcher(rule({"s": {"A": "x"}, "condition": "s"}))
    assert matched.match({"A": "y"}) is matched.match({"B": "y"})


@pytest.mark.parametrize("order", [(True, 1, 1.0, "1", "true"), ("true", "1", 1.0, 1, True)])
def test_true_and_one_share_a_place_in_a_memo_and_nothing_else(order: tuple[Any, ...]) -> None:
    one, true = rule({"s": {"A": 1}, "condition": "s"}), rule({"s": {"A": True}, "condition": "s"})
    matched = matcher(one, true)
    for _ in range(2):
        for value in order:
            is_true = value is True or value == "true"
            wanted = [true.info.id] if is_true else [one.info.id]
            assert [info.id for info in matched.match({"A": value})] == wanted, value
            assert [info.id for info in matched.match({"A": (value,)})] == wanted, value


def test_memos_are_bounded_and_forgetting_changes_no_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memos, "MOST_VALUES", 10)
    monkeypatch.setattr(memo, "MOST_SETS", 3)
    matched = matcher(
        rule({"s": {"A|contains": "7", "B|endswith": "x"}, "condition": "s"}),
        *(rule({"s": {"A|endswith": f"{n}"}, "condition": "s"}) for n in range(10, 100)),
    )
    for number in range(300):
        found = matched.match({"A": str(number), "B": "x"})
        assert len(found) == ("7" in str(number)) + (number % 100 >= 10)
    assert max(len(field._known) for field in fields(matched)) <= 11
    assert max(len(field.answers.sets) for field in fields(matched)) <= 5


def test_a_spent_budget_clears_every_memo_between_batches() -> None:
    cleared: list[str] = []
    budget = Budget(100)
    budget.watch(lambda: cleared.append("a"))
    budget.watch(lambda: cleared.append("b"))
    budget.spend(60)
    budget.settle()
    assert cleared == []
    budget.spend(60)
    assert cleared == []
    budget.settle()
    assert cleared == ["a", "b"]
    budget.settle()
    assert cleared == ["a", "b"]


def test_long_values_are_matched_and_not_remembered() -> None:
    matched = matcher(rule({"s": {"A|contains": "evil"}, "condition": "s"}))
    assert matched.match({"A": "x" * 70_000 + "EVIL"})
    assert matched.match({"A": "evil"})
    assert set(fields(matched)[0]._known) == {None, "evil"}


def test_lists_and_what_is_nested_in_them_are_arrays() -> None:
    matched = matcher(rule({"s": {"A|endswith": "il"}, "condition": "s"}))
    odd: Any = [{"A": ["x", "evil"]}, {"A": [["evil"], 3]}, {"A": {"b": "evil"}}, {"A": [None, "EVIL"]}, {"A": []}]
    assert [bool(found) for found in matched.match_all(odd)] == [True, False, False, True, False]


def test_a_rule_that_is_often_looked_at_in_vain_is_found_by_another_test(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plans, "_WASTE", 0)
    matched = matcher(rule({"s": {"A|contains": "longword", "B|contains": "y"}, "condition": "s"}))
    quiet: list[Event] = [{"A": "nothing", "B": "y"}] * 200
    loud: list[Event] = [{"A": "a longword", "B": "n"}] * 500
    assert not any(matched.match_all(quiet))
    before = [name for plan in matched._plans.values() for name, _ in plan._fields]
    for _ in range(3):
        assert not any(matched.match_all(loud))
    after = [name for plan in matched._plans.values() for name, _ in plan._fields]
    assert (before, after) == (["A"], ["B"])
    assert all(matched.match_all([{"A": "a longword", "B": "y"}] * 3))


def test_rules_that_nothing_leads_to_come_in_their_order_and_for_every_kind_of_value() -> None:
    rules = [
        rule({"s": {"A|contains": "evil"}, "condition": "s"}),
        rule({"s": {"A|contains": "good", "B": None}, "condition": "not s"}),
        rule({"s": {"A|re": "o.d"}, "condition": "not s"}),
        rule({"s": {"A|endswith": ".exe"}, "condition": "s"}),
    ]
    matched = matcher(*rules)
    values: list[Any] = [
        "evil.exe",
        "GOOD",
        "good evil",
        None,
        ("x", "good"),
        (),
        "\ud800",
        5,
        5.0,
        True,
        ["evil"],
        "đ",
    ]
    events: list[Event] = [{"A": value, **b} for value in values for b in ({}, {"B": "x"}, {"B": ("x",)})] * 20
    wanted = [[one.info.id for one in rules if holds(one.condition, event)] for event in events]
    assert [[info.id for info in found] for found in matched.match_all(events)] == wanted
    texts: list[Event] = [event for event in events if isinstance(event["A"], str) and event["A"] != "\ud800"]
    assert [len(found) for found in matched.match_all(texts)] == [
        sum(holds(one.condition, event) for one in rules) for event in texts
    ]


@pytest.mark.parametrize("value", ["\ud800", "\ud800evil", "evil\udfff", "\x00evil", "evil" + "\u202e"])
def test_hostile_text(value: str) -> None:
    matched = matcher(
        rule({"s": {"A|contains": "evil"}, "condition": "s"}),
        rule({"t": {"A": "?"}, "condition": "t and not u", "u": {"A": ""}}),
    )
    assert len(matched.match({"A": value})) == ("evil" in value) + (len(value) == 1)
    assert matched.match({"B": value}) == ()


def test_what_a_route_fixes_is_decided_once() -> None:
    one = rule({"s": {"EventID": 1, "A": "x"}, "t": {"EventID": 2}, "condition": "s or t"})
    node = simplified(one.condition, {"EventID": "1"})
    assert not isinstance(node, bool)
    assert simplified(one.condition, {"EventID": 2}) is True
    assert simplified(one.condition, {"EventID": 3}) is False
    matched = matcher(one, fixed={"EventID": "1"})
    assert bool(matched.match({"EventID": "1", "A": "x"}))
    assert not matched.match({"EventID": "1", "A": "y"})


@pytest.mark.parametrize(
    ("detection", "demands"),
    [
        ({"s": {"A": "X", "B|contains": "y"}, "condition": "s"}, {"A": {"x"}}),
        ({"s": {"A": ["x", 7]}, "t": {"A": [7, "z"], "B": "b"}, "condition": "s and t"}, {"A": {"7"}, "B": {"b"}}),
        ({"s": [{"A": "x", "B": "b"}, {"A": "y"}], "condition": "s"}, {"A": {"x", "y"}}),
        ({"s": {"A": "x"}, "t": {"B": "y"}, "condition": "s or t"}, {}),
        ({"s": {"A": "x"}, "t": {"A": "y"}, "condition": "1 of *"}, {"A": {"x", "y"}}),
        ({"s": {"A": "x"}, "t": {"A": "y"}, "u": {"A": "z"}, "condition": "2 of *"}, {}),
        ({"s": {"A": "x"}, "t": {"A": "y"}, "condition": "s and not t"}, {"A": {"x"}}),
        ({"s": {"A|cased": "X", "B": "y*", "C": None, "D": ""}, "condition": "s"}, {"D": {""}}),
        ({"s": ["word"], "condition": "s"}, {}),
    ],
)
def test_what_a_condition_demands_of_a_field(detection: dict[str, object], demands: dict[str, set[str]]) -> None:
    one = rule(detection)
    found = demanded(one.condition)
    assert found == demands
    for values in ({"A": "X"}, {"A": 7.0, "B": "q"}, {"A": ("q", "x")}, {"B": "B", "D": ""}, {"A": None}, {"A": True}):
        assert not excluded(one.condition, values) or simplified(one.condition, values) is False
        assert bool(matcher(one, fixed=values).match(values)) is holds(one.condition, values)
    assert excluded(one.condition, {"A": "q"}) == ("A" in demands)


def test_rules_by_the_hundred_on_one_field() -> None:
    rules = [rule({"s": {"A|contains": f"word{number} "}, "condition": "s"}) for number in range(300)]
    matched = matcher(*rules)
    assert [info.id for info in matched.match({"A": "a word7 and word8 here"})] == [rules[7].info.id, rules[8].info.id]
