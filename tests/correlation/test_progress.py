"""How far windows are: the figures that ``soc explain`` shows."""

from __future__ import annotations

from typing import Any

import pytest

from soc.correlation import Correlator, Progress


def correlator(read: Any, body: str) -> Correlator:
    correlations, problems = read(
        f"title: Case\nname: case\ncorrelation: {{group-by: [user.name], timespan: 5m, {body}}}"
    )
    assert problems == []
    return Correlator(correlations, 0)


def after(read: Any, body: str, hits: list[Any]) -> list[Progress]:
    made = correlator(read, body)
    made.feed(hits)
    made.advance(max(hit.event["@timestamp"] for hit in hits) + 1)
    return made.progress("case")


def test_a_count_with_its_limits(read: Any, hit: Any) -> None:
    hits = [*(hit("a", s) for s in range(7)), hit("a", 3, user="v")]
    first, second = after(read, "type: event_count, rules: [a], condition: {gte: 10}", hits)
    assert str(first) == "7 of 10 in 5m"
    assert (first.group, first.have, first.need, first.holds, first.judged) == (
        (("user.name", "u"),), 7, ">= 10", False, "hit",
    )  # fmt: skip
    assert (first.since, first.until) == (0, 300_000_000)
    assert str(second) == "1 of 10 in 5m"


@pytest.mark.parametrize(
    ("body", "have"),
    [
        ("type: value_count, rules: [a], condition: {gte: 9, field: n}", 2),
        ("type: value_sum, rules: [a], condition: {gte: 90, field: n}", 5),
        ("type: value_avg, rules: [a], condition: {gte: 9, field: n}", 2.5),
        ("type: value_median, rules: [a], condition: {gte: 9, field: n}", 2.5),
        ("type: value_percentile, rules: [a], condition: {gte: 9, percentile: 100, field: n}", 3),
        ("type: value_percentile, rules: [a], condition: {lt: 9, field: n}", 50),
        ("type: event_count, rules: [a], condition: {lt: 9}", 3),
        ("type: event_count, rules: [a], condition: {lt: 1}", 0),
    ],
)
def test_only_what_is_still_in_the_window_counts(read: Any, hit: Any, body: str, have: float) -> None:
    made = correlator(read, body)
    made.feed([hit("a", 0, n=100), hit("a", 310, n=2), hit("a", 320, n=3)])
    if "lt: 9}" in body and "event_count" in body:
        made.feed([hit("a", 330)])
    made.advance(331_000_000)
    (found,) = made.progress("case")
    assert found.have == have


def test_windows_that_have_emptied_are_not_shown(read: Any, hit: Any) -> None:
    made = correlator(read, "type: event_count, rules: [a], condition: {gte: 10}")
    made.feed([hit("a", 0)])
    made.advance(300_000_000)
    assert len(made.progress("case")) == 1
    made.advance(300_000_001)
    assert made.progress("case") == []
    with pytest.raises(KeyError):
        made.progress("other")


def test_steps_that_are_missing(read: Any, hit: Any) -> None:
    (found,) = after(read, "type: temporal_ordered, rules: [a, b, c]", [hit("a", 1), hit("b", 2)])
    assert (str(found), [(s.title, s.at) for s in found.steps]) == (
        "2 of 3 in 5m",
        [("Rule a", 1_000_000), ("Rule b", 2_000_000), ("Rule c", None)],
    )


def test_what_must_be_absent_and_when_that_is_known(read: Any, hit: Any) -> None:
    body = "type: temporal, rules: [a, b, c], condition: a and b and not c"
    (found,) = after(read, body, [hit("a", 1), hit("b", 2)])
    assert (str(found), found.holds, found.judged, found.until) == ("2 of 2 rules in 5m", True, "absence", 301_000_000)
    assert [(s.at is not None, s.wanted) for s in found.steps] == [(True, True), (True, True), (False, False)]
    (spoilt,) = after(read, body, [hit("a", 1), hit("b", 2), hit("c", 3)])
    assert (spoilt.holds, spoilt.steps[2].at) == (False, 3_000_000)


def test_the_furthest_come_first_and_only_so_many(read: Any, hit: Any) -> None:
    hits = [hit("a", n, user=f"u{n % 30}") for n in range(31)]
    made = correlator(read, "type: event_count, rules: [a], condition: {gte: 10}")
    made.feed(hits)
    made.advance(31_000_000)
    found = made.progress("case", limit=5)
    assert [item.have for item in found] == [2, 1, 1, 1, 1]
    assert found[0].group == (("user.name", "u0"),)
