"""What a correlation document must be, and what its author is told when it is not."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from soc.core.finding import Kind, Level
from soc.correlation import Type, silenced

GOOD = """
title: Case
name: case
correlation:
  type: event_count
  rules: [a]
  group-by: [user.name]
  timespan: 10m
  condition: {gte: 10}
"""


def test_a_correlation_says_what_a_rule_says(read: Any) -> None:
    (loaded,), problems = read("""
title: Brute force
id: 0e95725d-7320-415d-80f7-004da920fc11
name: brute
description: Many failed logins
author: SOC
tags: [attack.t1110.001]
falsepositives: [Forgotten password]
references: [https://example.org]
level: high
correlation:
  type: value_count
  rules: [a, id-b]
  group-by: [user.name, host.name]
  timespan: 90m
  condition: {gt: 5, lte: 9, field: [source.ip, source.port]}
soc:
  title_vi: Dò mật khẩu
  description_vi: Nhiều lần đăng nhập sai
  fold: [user.name]
  next_steps: {en: [Ask the user]}
""")
    assert problems == []
    info = loaded.info
    assert (info.id, info.kind, info.level) == ("0e95725d-7320-415d-80f7-004da920fc11", Kind.CORRELATION, Level.HIGH)
    assert (info.title_vi, info.fold, info.next_steps) == ("Dò mật khẩu", ("user.name",), {"en": ("Ask the user",)})
    assert (info.techniques, info.false_positives, info.path) == (("T1110.001",), ("Forgotten password",), "c.yml")
    assert (loaded.type, loaded.span) == (Type.VALUE_COUNT, 90 * 60 * 1_000_000)
    assert loaded.condition.bounds == (("gt", 5), ("lte", 9))
    assert loaded.fields == ("source.ip", "source.port")
    assert [role.rule.id for role in loaded.roles] == ["id-a", "id-b"]


def test_without_a_level_it_has_the_highest_of_its_rules(read: Any) -> None:
    (loaded,), _ = read(GOOD.replace("[a]", "[a, b]"))
    assert loaded.info.level is Level.MEDIUM


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("event_count", "event_counts", "no valid Sigma correlation type"),
        ("  type: event_count\n", "", "without type"),
        ("event_count", "[1]", "wrong type"),
        ("  timespan: 10m\n", "", "without timespan"),
        ("10m", "10 minutes", "Timespan '10 minutes' is invalid"),
        ("10m", "0s", "greater than zero"),
        ("10m", "9999d", "longer than 366 days"),
        ("  condition: {gte: 10}\n", "", "without condition"),
        ("{gte: 10}", "{}", "condition needs one of gt, gte"),
        ("{gte: 10}", "{over: 10}", "no operator 'over'"),
        ("{gte: 10}", "{gte: ten}", "'ten' is no number"),
        ("{gte: 10}", "{gte: true}", "'True' is no number"),
        ("{gte: 10}", "{gte: .inf}", "'inf' is no number"),
        ("{gte: 10}", "{gt: 10, lt: 5}", "exclude each other"),
        ("{gte: 10}", "{eq: 10, neq: 10}", "exclude each other"),
        ("{gte: 10}", "[10]", "condition must be a mapping"),
        ("{gte: 10}", "{gte: 10, field: user.name}", "takes no field"),
        ("{gte: 10}", "a and b", "has no order: use type temporal"),
        ("{gte: 10}", "{lt: 0}", "no whole number from 0 up"),
        ("{gte: 10}", "{gt: 1, lt: 2}", "no whole number from 0 up"),
        ("rules: [a]", "rules: []", "name at least one rule"),
        ("rules: [a]", "rules: [{a: b}]", "list of rule names"),
        ("rules: [a]", "rules: [a, a]", "names one rule twice"),
        ("rules: [a]", "rules: [a, id-a]", "by id and by name"),
        ("rules: [a]", "rules: [nowhere]", "refers to 'nowhere', which is no loaded rule"),
        ("rules: [a]", "rules: [case]", "in a circle: case -> case"),
        ("[user.name]", "[a, a]", "each once"),
        ("[user.name]", "5", "group-by definition must be string or list"),
        ("  group-by", "  groupby", "unknown keys: groupby"),
        ("event_count", "value_count", "needs a field"),
        ("event_count", "value_sum", "needs a field"),
        ("event_count\n", "event_count\n  generate: 1\n", "must be a boolean"),
        ("{gte: 10}", "{gte: 10}\n  aliases: {ip: {b: source.ip}}", "'b' is not among its rules"),
        ("{gte: 10}", "{gte: 10}\n  aliases: {ip: source.ip}", "alias mapping must be a dict"),
        ("{gte: 10}", "{gte: 10}\nsoc: {titel_vi: x}", "soc: Object contains unknown field `titel_vi`"),
        ("{gte: 10}", "{gte: 10}\nid: 17", "wrong type"),
        ("correlation:\n", "correlation: none\nother:\n", "correlation must be a mapping"),
        ("event_count", "temporal", "can never hold: it counts rules, and there are 1"),
    ],
)
def test_problems_name_the_place_and_the_reason(read: Any, old: str, new: str, reason: str) -> None:
    assert old in GOOD
    loaded, problems = read(GOOD.replace(old, new))
    assert loaded == []
    (problem,) = problems
    assert reason in problem.reason
    assert (problem.path, problem.line) == ("c.yml", 1)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("{type: temporal_ordered, rules: [a, b], timespan: 1m, condition: a and b}", "has no order"),
        ("{type: temporal, rules: [a, b], timespan: 1m, condition: a and}", "a rule is missing at its end"),
        ("{type: temporal, rules: [a, b], timespan: 1m, condition: a and c}", "'c' is not among its rules"),
        (
            "{type: temporal, rules: [a, b], timespan: 1m, condition: a or (a)}",
            "lists 'b', which its condition does not use",
        ),
        ("{type: value_count, rules: [a], timespan: 1m, condition: {lt: 1, field: x}}", "silence is an event_count"),
        ("{type: value_sum, rules: [a], timespan: 1m, condition: {gte: 1, field: [x, y]}}", "too many fields"),
        ("{type: value_sum, rules: [a], timespan: 1m, condition: {gte: 1, field: x, percentile: 5}}", "no percentile"),
        (
            "{type: value_percentile, rules: [a], timespan: 1m, condition: {gte: 1, field: x, percentile: 101}}",
            "from 0 to 100",
        ),
    ],
)
def test_problems_of_other_types(read: Any, body: str, reason: str) -> None:
    loaded, problems = read(f"title: Case\nname: case\ncorrelation: {body}")
    assert loaded == []
    assert reason in problems[0].reason


@pytest.mark.parametrize(
    ("condition", "reason"),
    [
        ("a or " * 500 + "a", "longer than 2000 characters"),
        ("(" * 51 + "a" + ")" * 51, "nested deeper than 20"),
        ("not " * 401 + "a", "holds when nothing happens"),
        ("not a", "holds when nothing happens"),
        ("a or not b", "holds when nothing happens"),
        ("a and not a", "can never hold"),
        ("a b", "'b' is not expected here"),
        ("(a or b", "a parenthesis is not closed"),
        ("a and )", "a rule is missing before ')'"),
        ("a and 2 of them", "'2 of' is not known"),
        ("a and 1 of x*", "'x*' fits none of its rules"),
    ],
)
def test_hostile_conditions_are_refused_by_size(read: Any, condition: str, reason: str) -> None:
    loaded, (problem,) = read(
        f"title: Case\nname: case\ncorrelation: {{type: temporal, timespan: 1m, condition: {condition}}}"
    )
    assert loaded == []
    assert reason in problem.reason


def chain(*links: tuple[str, str]) -> str:
    return "\n---\n".join(GOOD.replace("case", name).replace("[a]", f"[{below}]") for name, below in links)


def test_a_chain_loads_lower_ones_first_whatever_the_order_of_the_files(read: Any) -> None:
    loaded, problems = read(chain(("top", "middle"), ("middle", "low"), ("low", "a")))
    assert problems == []
    assert [item.info.name for item in loaded] == ["low", "middle", "top"]


def test_a_circle_rejects_all_that_is_in_it_or_above_it_and_nothing_else(read: Any) -> None:
    loaded, problems = read(chain(("x", "y"), ("y", "x"), ("above", "x"), ("well", "a")))
    assert [item.info.name for item in loaded] == ["well"]
    assert [problem.line for problem in problems] == [1, 2, 3]
    assert "in a circle: x -> y -> x" in problems[0].reason
    assert "in a circle: y -> x -> y" in problems[1].reason
    assert "'x', which was rejected" in problems[2].reason


def test_a_chain_is_at_most_eight_high(read: Any) -> None:
    names = ["a", *(f"n{number}" for number in range(300))]
    links = [(name, below) for below, name in pairwise(names)]
    for order in (links, links[::-1]):
        loaded, problems = read(chain(*order))
        assert sorted(item.info.name for item in loaded) == [f"n{number}" for number in range(8)]
        assert len(problems) == 292


def test_an_id_or_name_that_is_used_twice_is_refused(read: Any) -> None:
    loaded, problems = read(chain(("x", "a"), ("x", "b"), ("a", "b"), ("y", "a")))
    assert [item.info.name for item in loaded] == ["y"]
    assert ["used twice" in problem.reason for problem in problems] == [True, True, True]


def test_rules_of_a_correlation_are_silenced_unless_it_generates_them(read: Any) -> None:
    (generating,), _ = read(GOOD.replace("timespan", "generate: true\n  timespan"))
    (beside_level,), _ = read(f"{GOOD}\ngenerate: true".replace("case", "other"))
    (default,), _ = read(GOOD.replace("case", "third").replace("[a]", "[a, b]"))
    assert silenced([generating]) == silenced([beside_level]) == frozenset()
    assert silenced([default]) == {"id-a", "id-b"}
    assert silenced([generating, default]) == {"id-b"}
