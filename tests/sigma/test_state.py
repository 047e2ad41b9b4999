"""A rule's state: active, partly blind, or blind, and the fields that are missing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from soc.core.errors import Problem
from soc.core.logsource import Dataset, LogSource
from soc.sigma import Document, Rule, explain, reasons, shipped_mapping, state, states
from soc.sigma.load import read_rule

PROXY = {"squid": Dataset((LogSource("proxy", "squid"),), frozenset({"url.original", "source.ip"}))}


def rule(detection: dict[str, Any], category: str = "proxy") -> Rule:
    document = {"title": "Test", "logsource": {"category": category}, "detection": detection}
    found = read_rule(Document(document, "test.yml", 1, "hash"), shipped_mapping())
    assert not isinstance(found, Problem), found
    return found


@pytest.mark.parametrize(
    ("detection", "word", "missing"),
    [
        ({"s": {"c-uri": "x"}, "condition": "s"}, "active", ()),
        ({"s": {"cs-cookie": "x"}, "condition": "s"}, "blind", ("cs-cookie",)),
        ({"s": {"c-uri": "x", "cs-cookie": "x"}, "condition": "s"}, "blind", ("cs-cookie",)),
        ({"s": [{"c-uri": "x"}, {"cs-cookie": "x"}], "condition": "s"}, "active", ("cs-cookie",)),
        ({"s": {"c-uri": "x"}, "f": {"cs-cookie": "x"}, "condition": "s and not f"}, "active", ("cs-cookie",)),
        ({"s": {"c-uri": "x"}, "f": {"cs-cookie": None}, "condition": "s and f"}, "active", ("cs-cookie",)),
        ({"s": {"c-uri": "x"}, "f": {"cs-cookie": None}, "condition": "s and not f"}, "blind", ("cs-cookie",)),
        ({"s": {"cs-cookie|exists": False}, "condition": "s"}, "active", ("cs-cookie",)),
        ({"s": {"c-uri|fieldref": "cs-cookie"}, "condition": "s"}, "blind", ("cs-cookie",)),
        ({"k": ["word"], "condition": "k"}, "active", ()),
        ({"s_1": {"c-uri": "x"}, "s_2": {"cs-cookie": 1}, "condition": "2 of s_*"}, "blind", ("cs-cookie",)),
        ({"s_1": {"c-uri": "x"}, "s_2": {"cs-cookie": 1}, "condition": "1 of s_*"}, "active", ("cs-cookie",)),
    ],
)
def test_fields(detection: dict[str, Any], word: str, missing: tuple[str, ...]) -> None:
    found = state(rule(detection), PROXY)
    assert (found.word, found.missing) == (word, missing)
    assert all(name in found.reason for name in missing)


def test_a_rule_for_which_nothing_makes_events_is_blind() -> None:
    found = state(rule({"s": {"A": 1}, "condition": "s"}, "process_creation"), PROXY)
    assert (found.word, found.reason) == ("blind", "no source: nothing here makes events of category=process_creation")


def test_fields_that_no_dataset_fills_together() -> None:
    two = {name: Dataset((LogSource("proxy"),), frozenset({name})) for name in ("url.original", "source.ip")}
    found = state(rule({"s": {"c-uri": "x", "c-ip": "y"}, "condition": "s"}), two)
    assert (found.word, found.missing) == ("blind", ())
    assert "together" in found.reason


def test_why() -> None:
    one = rule(
        {
            "s": {"c-uri|contains": ["evil", "bad"]},
            "f": {"c-ip|cidr": "10.0.0.0/8"},
            "k": ["x"],
            "condition": "s and not f or k",
        }
    )
    event = {"url.original": "http://EVIL/", "source.ip": "192.0.2.1"}
    assert [(why.field, why.operator, why.pattern, why.value) for why in reasons(one, event)] == [
        ("url.original", "contains", "evil", "http://EVIL/")
    ]
    tree = explain(one, event)
    assert (tree.label, tree.matched) == ("or", True)
    left, keyword = tree.children
    selection, negation = left.children
    assert (selection.label, negation.label, keyword.matched) == ("s", "not", False)
    assert negation.children[0].children[0].value == "192.0.2.1"
    assert "(missing)" in repr(explain(one, {}))
    assert keyword.children[0].value == "(not found)"


def test_many_rules_have_the_states_that_each_has() -> None:
    datasets = PROXY | {"dns": Dataset((LogSource("dns"), LogSource("proxy")), frozenset({"dns.question.name"}))}
    sections = ({"s": {"c-uri": "x"}, "condition": "s"}, {"s": {"cs-cookie": "x"}, "condition": "s"})
    found = [rule(section, category) for section in sections for category in ("proxy", "dns", "antivirus")]
    by_place = [replace(one, info=replace(one.info, id=str(place))) for place, one in enumerate(found)]
    assert states(by_place, datasets) == {one.info.id: state(one, datasets) for one in by_place}
