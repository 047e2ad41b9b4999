"""Each choice that SEMANTICS.md states, as a case: hits in, (first, last, count) in seconds out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from soc.core.finding import Finding, Hit
from soc.correlation import Correlator

END = 10**15


def rule(kind: str, rules: str, span: str = "10s", condition: str = "", extra: str = "") -> str:
    return f"""
title: Case
name: case
correlation:
  type: {kind}
  rules: {rules}
  group-by: [user.name]
  timespan: {span}
  {f"condition: {condition}" if condition else ""}
{extra}
"""


@pytest.fixture
def run(read: Any) -> Callable[[str, Sequence[Hit]], list[Finding]]:
    """Every hit decided at the end of the input: one finding for each episode."""

    def decide(text: str, hits: Sequence[Hit]) -> list[Finding]:
        correlations, problems = read(text)
        assert problems == []
        correlator = Correlator(correlations, lateness=0)
        correlator.feed(hits)
        return correlator.advance(END)

    return decide


def told(findings: Sequence[Finding]) -> list[tuple[str, float, float, int]]:
    return [(f.group[0][1], f.anchor / 1e6, f.last / 1e6, f.count) for f in findings]


def test_event_count_holds_from_the_hit_that_reaches_it_and_goes_on(run: Any, hit: Any) -> None:
    found = run(rule("event_count", "[a]", "10s", "{gte: 3}"), [hit("a", s) for s in (0, 5, 10, 12)])
    assert told(found) == [("u", 0, 12, 4)]
    (reason,) = found[0].reasons
    assert (reason.field, reason.operator, reason.pattern, reason.value) == ("count", ">=", "3", "3")


def test_the_window_is_closed_at_both_ends(run: Any, hit: Any) -> None:
    text = rule("event_count", "[a]", "10s", "{gte: 2}")
    assert told(run(text, [hit("a", 0), hit("a", 10)])) == [("u", 0, 10, 2)]
    assert run(text, [hit("a", 0), hit("a", 10.000001)]) == []


def test_an_episode_ends_when_the_condition_fails_and_another_begins(run: Any, hit: Any) -> None:
    seconds = (0, 1, 2, 11.5, 30, 31, 32)
    found = run(rule("event_count", "[a]", "10s", "{gte: 3}"), [hit("a", s) for s in seconds])
    assert told(found) == [("u", 0, 2, 3), ("u", 30, 32, 3)]
    assert [event["@timestamp"] for event in found[1].events] == [30_000_000, 31_000_000, 32_000_000]


def test_the_next_episode_shows_only_events_of_its_own_window(run: Any, hit: Any) -> None:
    found = run(rule("event_count", "[a]", "10s", "{gte: 3}"), [hit("a", s) for s in (0, 1, 9, 11.5, 12)])
    assert told(found) == [("u", 0, 9, 3), ("u", 9, 12, 3)]
    assert [event["@timestamp"] // 1_000_000 for event in found[1].events] == [9, 11, 12]


def test_the_value_told_is_the_highest_where_more_is_worse_and_else_the_latest(run: Any, hit: Any) -> None:
    seconds = (0, 1, 2, 11.5)
    found = run(rule("event_count", "[a]", "10s", "{gte: 2}"), [hit("a", s) for s in seconds])
    assert [(f.count, f.reasons[0].value) for f in found] == [(4, "3")]
    text = rule("value_percentile", "[a]", "1h", "{field: process.name, lte: 50}")
    names = ("x", "y", "y", "x", "x", "z")
    found = run(text, [hit("a", s, process__name=name) for s, name in enumerate(names)])
    assert [(f.count, f.reasons[0].value) for f in found] == [(1, "50"), (1, "50"), (1, "16.667")]


def test_an_emptied_window_ends_the_episode_even_if_one_hit_is_enough(run: Any, hit: Any) -> None:
    found = run(rule("event_count", "[a]", "10s", "{gte: 1}"), [hit("a", s) for s in (0, 10, 21)])
    assert told(found) == [("u", 0, 10, 2), ("u", 21, 21, 1)]


def test_groups_do_not_mix_and_a_hit_without_the_field_is_counted_apart(read: Any, hit: Any) -> None:
    correlations, _ = read(rule("event_count", "[a]", "10s", "{gte: 2}"))
    correlator = Correlator(correlations, lateness=0)
    correlator.feed([hit("a", 0, user="x"), hit("a", 1, user="y"), hit("a", 2, user=None), hit("a", 3, user="x")])
    assert told(correlator.advance(END)) == [("x", 0, 3, 2)]
    assert correlator.ungrouped == {"case": 1}


def test_an_event_with_several_values_belongs_to_each_group(run: Any, hit: Any) -> None:
    hits = [hit("a", 0, user=("x", "y")), hit("a", 1, user="y"), hit("a", 2, user=("y", "y"))]
    assert told(run(rule("event_count", "[a]", "10s", "{gte: 3}"), hits)) == [("y", 0, 2, 3)]


def test_a_range_is_judged_when_the_window_of_the_first_hit_is_over(run: Any, hit: Any) -> None:
    text = rule("event_count", "[a]", "1m", "{gt: 1, lte: 3}")
    assert run(text, [hit("a", s) for s in range(6)]) == []
    found = run(text, [hit("a", s) for s in (0, 59, 60, 61)])
    assert told(found) == [("u", 0, 60, 3)]
    assert [(r.operator, r.pattern, r.value) for r in found[0].reasons] == [(">", "1", "3"), ("<=", "3", "3")]


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("{gt: 2}", [("u", 0, 3, 4)]),
        ("{eq: 4}", [("u", 0, 3, 4)]),
        ("{eq: 2}", []),
        ("{lt: 5}", [("u", 0, 3, 4)]),
        ("{lt: 4}", []),
        ("{lte: 1}", []),
        ("{neq: 1}", [("u", 0, 3, 4)]),
        ("{neq: 4}", []),
    ],
)
def test_what_more_hits_can_undo_is_judged_at_the_end(run: Any, hit: Any, condition: str, expected: object) -> None:
    assert told(run(rule("event_count", "[a]", "1m", condition), [hit("a", s) for s in range(4)])) == expected


def test_a_window_is_judged_only_when_the_watermark_has_passed_its_end(read: Any, hit: Any) -> None:
    correlations, _ = read(rule("event_count", "[a]", "10s", "{lt: 3}"))
    correlator = Correlator(correlations, lateness=0)
    correlator.feed([hit("a", 5)])
    assert correlator.advance(15_000_000) == []
    correlator.feed([hit("a", 15)])
    assert told(correlator.advance(15_000_001)) == [("u", 5, 15, 2)]


def test_a_group_that_falls_silent_is_told_once(read: Any, hit: Any) -> None:
    correlations, _ = read(rule("event_count", "[a]", "10s", "{lt: 1}"))
    correlator = Correlator(correlations, lateness=0)
    correlator.feed([hit("a", s) for s in (0, 9, 19)])
    assert correlator.advance(29_000_000) == []
    (found,) = correlator.advance(29_000_001)
    assert told([found]) == [("u", 19, 19, 1)]
    assert [(r.operator, r.pattern, r.value) for r in found.reasons] == [("<", "1", "0")]
    assert correlator.advance(500_000_000) == []
    correlator.feed([hit("a", 600)])
    assert told(correlator.advance(END)) == [("u", 600, 600, 1)]


@pytest.mark.parametrize("c", [0, 5, 9, 15])
def test_what_must_be_absent_spoils_what_it_shares_a_window_with(run: Any, hit: Any, c: float) -> None:
    """a at 5 and b at 9, span 10: windows that hold both reach from -1 to 15."""
    text = rule("temporal", "[a, b, c]", "10s", "a and b and not c")
    ab = [hit("a", 5), hit("b", 9)]
    assert told(run(text, ab)) == [("u", 5, 9, 2)]
    assert run(text, [*ab, hit("c", c, offset=1)]) == []
    assert told(run(text, [*ab, hit("c", c, user="other")])) == [("u", 5, 9, 2)]
    assert told(run(text, [*ab, hit("c", c, user=None)])) == [("u", 5, 9, 2)]
    assert told(run(text, [*ab, hit("c", 15.1)])) == [("u", 5, 9, 2)]


def test_absence_is_known_when_the_watermark_has_passed_the_last_window(read: Any, hit: Any) -> None:
    correlations, _ = read(rule("temporal", "[a, b]", "10s", "a and not b"))
    correlator = Correlator(correlations, lateness=0)
    correlator.feed([hit("a", 0), hit("a", 4)])
    assert correlator.advance(10_000_000) == []
    (found,) = correlator.advance(10_000_001)
    assert told([found]) == [("u", 0, 4, 2)]
    assert [(r.field, r.operator, r.value) for r in found.reasons] == [
        ("Rule a", "seen", "1970-01-01T00:00:04Z"),
        ("Rule b", "not seen", ""),
    ]


def test_one_absence_that_goes_on_is_one_finding(run: Any, hit: Any) -> None:
    text = rule("temporal", "[a, b]", "10s", "a and not b")
    assert told(run(text, [hit("a", s) for s in range(40)])) == [("u", 0, 39, 40)]
    found = run(text, [*[hit("a", s) for s in (0, 8, 16, 50)], hit("b", 30)])
    assert told(found) == [("u", 0, 16, 3), ("u", 50, 50, 1)]


@pytest.mark.parametrize(
    ("condition", "seen", "holds"),
    [
        ("a and not (b or c)", "a", True),
        ("a and not (b or c)", "ac", False),
        ("a and not (b and c)", "ac", True),
        ("a and not (b and c)", "abc", False),
        ("not not a and (b or c)", "ab", True),
        ("1 of them", "c", True),
        ("1 of *", "c", True),
        ("any of them and (a or b or c)", "b", True),
        ("all of them", "ab", False),
        ("all of them", "abc", True),
        ("a and not 1 of [bc]", "a", True),
        ("a and not 1 of [bc]", "ab", False),
        ("A and b", "ab", None),
        ("a AND b OR c", "c", True),
    ],
)
def test_boolean_conditions(read: Any, hit: Any, condition: str, seen: str, holds: bool | None) -> None:
    correlations, problems = read(rule("temporal", "[a, b, c]", "10s", f'"{condition}"'))
    if holds is None:
        assert "'A' is not among its rules" in problems[0].reason
        return
    correlator = Correlator(correlations, lateness=0)
    correlator.feed([hit(name, s) for s, name in enumerate(seen)])
    assert bool(correlator.advance(END)) is holds


def test_several_rules_count_together(run: Any, hit: Any) -> None:
    found = run(rule("event_count", "[a, b]", "10s", "{gte: 3}"), [hit("a", 0), hit("b", 1), hit("c", 1), hit("a", 2)])
    assert told(found) == [("u", 0, 2, 3)]


def test_value_count_counts_different_values_not_hits(run: Any, hit: Any) -> None:
    text = rule("value_count", "[a]", "10s", "{field: destination.port, gte: 3}")
    ports = [(0, 80), (1, 80), (2, 443), (3, 22)]
    found = run(text, [hit("a", s, destination__port=port) for s, port in ports])
    assert told(found) == [("u", 0, 3, 4)]
    assert (found[0].reasons[0].field, found[0].reasons[0].value) == ("distinct destination.port", "3")
    assert run(text, [hit("a", s, destination__port=port) for s, port in [(0, 80), (1, 443), (11, 22)]]) == []


def test_value_count_over_two_fields_counts_pairs(run: Any, hit: Any) -> None:
    text = rule("value_count", "[a]", "10s", "{field: [destination.ip, destination.port], gte: 3}")
    pairs = [("10.0.0.1", 80), ("10.0.0.1", 443), ("10.0.0.2", 80), ("10.0.0.2", 80)]
    hits = [hit("a", s, destination__ip=ip, destination__port=port) for s, (ip, port) in enumerate(pairs)]
    assert told(run(text, hits)) == [("u", 0, 3, 4)]
    assert run(text, hits[:2]) == []


def test_temporal_needs_every_rule_in_the_window_in_any_order(run: Any, hit: Any) -> None:
    text = rule("temporal", "[a, b]")
    found = run(text, [hit("b", 0), hit("a", 9)])
    assert told(found) == [("u", 0, 9, 2)]
    assert [(r.field, r.value) for r in found[0].reasons] == [
        ("Rule a", "1970-01-01T00:00:09Z"),
        ("Rule b", "1970-01-01T00:00:00Z"),
    ]
    assert run(text, [hit("b", 0), hit("a", 11)]) == []
    assert run(text, [hit("a", 0), hit("a", 1)]) == []


def test_temporal_with_a_number_needs_that_many_rules(run: Any, hit: Any) -> None:
    found = run(rule("temporal", "[a, b, c]", "10s", "{gte: 2}"), [hit("a", 0), hit("c", 1)])
    assert told(found) == [("u", 0, 1, 2)]
    assert [reason.matched for reason in found[0].reasons] == [True, False, True]


def test_temporal_with_a_boolean_condition(run: Any, hit: Any) -> None:
    text = rule("temporal", "[a, b, c]", "10s", "a and (b or c)")
    assert told(run(text, [hit("a", 0), hit("c", 1)])) == [("u", 0, 1, 2)]
    assert run(text, [hit("b", 0), hit("c", 1)]) == []


def test_one_event_that_matches_two_rules_fills_both_places_of_temporal(run: Any, hit: Any) -> None:
    assert told(run(rule("temporal", "[a, b]"), [hit("a", 0), hit("b", 0)])) == [("u", 0, 0, 2)]


def test_temporal_ordered_follows_the_list(run: Any, hit: Any) -> None:
    text = rule("temporal_ordered", "[a, b, c]")
    assert told(run(text, [hit("a", 0), hit("b", 1), hit("c", 2)])) == [("u", 0, 2, 3)]
    assert run(text, [hit("a", 0), hit("c", 1), hit("b", 2)]) == []
    assert told(run(text, [hit("b", 0), hit("a", 1), hit("b", 2), hit("c", 3)])) == [("u", 0, 3, 4)]


def test_temporal_ordered_takes_the_latest_chain_that_fits(run: Any, hit: Any) -> None:
    text = rule("temporal_ordered", "[a, b]")
    assert told(run(text, [hit("a", 0), hit("a", 8), hit("b", 15)])) == [("u", 8, 15, 2)]
    assert run(text, [hit("a", 0), hit("b", 11)]) == []


def test_temporal_ordered_ties_go_by_origin_and_offset_and_one_event_is_one_step(run: Any, hit: Any) -> None:
    text = rule("temporal_ordered", "[a, b]")
    assert told(run(text, [hit("a", 0, offset=1), hit("b", 0, offset=2)])) == [("u", 0, 0, 2)]
    assert run(text, [hit("a", 0, offset=2), hit("b", 0, offset=1)]) == []
    assert told(run(text, [hit("a", 0, origin="log1"), hit("b", 0, origin="log2")])) == [("u", 0, 0, 2)]
    assert run(text, [hit("a", 0, origin="log2"), hit("b", 0, origin="log1")]) == []
    assert run(text, [hit("a", 0), hit("b", 0)]) == []
    assert run(rule("temporal_ordered", "[b, a]"), [hit("a", 0), hit("b", 0)]) == []


def test_value_sum_adds_and_forgets(run: Any, hit: Any) -> None:
    text = rule("value_sum", "[a]", "10s", "{field: source.bytes, gt: 100}")
    found = run(text, [hit("a", 0, source__bytes=60), hit("a", 5, source__bytes=40.5)])
    assert told(found) == [("u", 0, 5, 2)]
    assert (found[0].reasons[0].field, found[0].reasons[0].value) == ("sum of source.bytes", "100.5")
    assert run(text, [hit("a", 0, source__bytes=60), hit("a", 11, source__bytes=60)]) == []


def test_value_avg_divides_by_the_numbers_there(run: Any, hit: Any) -> None:
    text = rule("value_avg", "[a]", "10s", "{field: source.bytes, gte: 50}")
    found = run(text, [hit("a", 0, source__bytes=0), hit("a", 1, source__bytes=100), hit("a", 2, source__bytes=20)])
    assert told(found) == [("u", 0, 1, 2)]


def test_what_is_no_number_is_counted_and_left_out(read: Any, hit: Any) -> None:
    correlations, _ = read(rule("value_sum", "[a]", "10s", "{field: source.bytes, gte: 10}"))
    correlator = Correlator(correlations, lateness=0)
    bad = ["many", "nan", "inf", True, 10**400, "1e300", "9" * 400]
    correlator.feed([hit("a", s, source__bytes=value) for s, value in enumerate([*bad, "4", 6, None])])
    assert told(correlator.advance(END)) == [("u", 7, 8, 2)]
    assert correlator.unusable == {"case": len(bad)}
    assert correlator.ungrouped == {"case": 1}


@pytest.mark.parametrize(
    ("kind", "part", "value"),
    [
        ("value_median", "", "2.5"),
        ("value_percentile", "percentile: 50, ", "2.5"),
        ("value_percentile", "percentile: 0, ", "1"),
        ("value_percentile", "percentile: 100, ", "10"),
        ("value_percentile", "percentile: 90, ", "7.9"),
    ],
)
def test_percentiles_lie_between_neighbours(run: Any, hit: Any, kind: str, part: str, value: str) -> None:
    text = rule(kind, "[a]", "10s", f"{{field: source.bytes, {part}lte: 1000}}")
    found = run(text, [hit("a", s, source__bytes=number) for s, number in enumerate((10, 1, 3, 2))])
    assert found[0].reasons[0].value == value


def test_value_percentile_without_a_percentile_finds_rare_values(run: Any, hit: Any) -> None:
    text = rule("value_percentile", "[a]", "1h", "{field: process.name, lte: 1}")
    usual = [hit("a", s, process__name="svchost.exe") for s in range(120)]
    found = run(text, [*usual, hit("a", 200, process__name="evil.exe"), hit("a", 201, process__name="svchost.exe")])
    assert told(found) == [("u", 200, 200, 1)]
    assert [event["process.name"] for event in found[0].events] == ["evil.exe"]
    assert run(text, [hit("a", 0, process__name="evil.exe")]) == []


ALIASES = """
title: Case
name: case
correlation:
  type: temporal
  rules: [a, b]
  group-by: [inside]
  timespan: 10s
  aliases:
    inside:
      a: destination.ip
      b: source.ip
"""


def test_aliases_name_the_field_of_each_rule(run: Any, hit: Any) -> None:
    hits = [hit("a", 0, destination__ip="10.0.0.1"), hit("b", 1, source__ip="10.0.0.1"), hit("b", 2, source__ip="x")]
    found = run(ALIASES, hits)
    assert [(f.group, f.count) for f in found] == [((("inside", "10.0.0.1"),), 2)]


def test_field_names_of_the_rules_are_mapped_to_those_of_events(read: Any, hit: Any) -> None:
    correlations, _ = read(rule("event_count", "[a]", "10s", "{gte: 1}").replace("user.name", "User"))
    asked = []

    def field(rule_id: str, name: str) -> str:
        asked.append((rule_id, name))
        return "user.name"

    correlator = Correlator(correlations, 0, field=field)
    correlator.feed([hit("a", 0)])
    assert correlator.advance(END)[0].group == (("user.name", "u"),)
    assert asked == [("id-a", "User")]


BRUTE_FORCE = """
title: Many failed logins
name: many
correlation: {type: event_count, rules: [a], group-by: [user.name], timespan: 10s, condition: {gte: 3}}
---
title: Many failed logins, then one that succeeded
name: broken-in
correlation: {type: temporal_ordered, rules: [many, b], group-by: [user.name], timespan: 5s}
"""


def test_a_chain_sees_the_lower_correlation_at_every_hit_at_which_it_holds(run: Any, hit: Any) -> None:
    failed = [hit("a", s) for s in range(40)]
    found = run(BRUTE_FORCE, [*failed, hit("b", 42)])
    assert [f.rule.title for f in found] == ["Many failed logins, then one that succeeded"]
    assert (found[0].anchor, found[0].last) == (37_000_000, 42_000_000)
    assert run(BRUTE_FORCE, [*failed[:2], hit("b", 2)]) == []
    assert run(BRUTE_FORCE, [hit("b", 0), *[hit("a", 1 + s / 10) for s in range(5)]]) == []


def test_a_count_of_lower_correlations_counts_their_episodes(run: Any, hit: Any) -> None:
    text = BRUTE_FORCE.partition("---")[0] + "---\n" + rule("event_count", "[many]", "10m", "{gte: 2}")
    assert run(text, [hit("a", s) for s in range(20)]) == []
    found = run(text, [hit("a", s) for s in (0, 1, 2, 3, 100, 101, 102)])
    assert told(found) == [("u", 2, 102, 2)]


def test_an_alias_of_a_lower_correlation_can_be_grouped_by(run: Any, hit: Any) -> None:
    text = ALIASES.replace("name: case", "name: lower") + "---\n" + rule("event_count", "[lower]", "10s", "{gte: 1}")
    text = text.replace("[user.name]", "[inside]")
    found = run(text, [hit("a", 0, destination__ip="10.0.0.1"), hit("b", 1, source__ip="10.0.0.1")])
    assert [(f.rule.name, f.group) for f in found] == [("case", (("inside", "10.0.0.1"),))]


def test_two_correlations_over_one_rule_do_not_affect_each_other(run: Any, hit: Any) -> None:
    one = rule("event_count", "[a]", "10s", "{gte: 2}")
    two = rule("event_count", "[a]", "1m", "{gte: 3}").replace("case", "other")
    hits = [hit("a", s) for s in (0, 20, 40, 41)]
    together = run(f"{one}---{two}", hits)
    assert sorted(map(str, together)) == sorted(map(str, run(one, hits) + run(two, hits)))


def test_samples_are_the_first_three_and_the_latest_seven(run: Any, hit: Any) -> None:
    found = run(rule("event_count", "[a]", "1h", "{gte: 5}"), [hit("a", s) for s in range(100)])
    seconds = [event["@timestamp"] // 1_000_000 for event in found[0].events]
    assert seconds == [0, 1, 2, 93, 94, 95, 96, 97, 98, 99]
