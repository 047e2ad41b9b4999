"""Each measure against a plain calculation over the whole window, on random hits close together in time."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from soc.correlation.measures import Average, Distinct, Measure, Percentile, Rarity, Sum, Together
from soc.correlation.sequence import Ordered

SPAN = 5
HITS = st.lists(st.tuples(st.integers(0, 3), st.integers(-3, 3)), max_size=40)

MEASURES = {
    "distinct": (lambda: Distinct(100), lambda values: len(set(values))),
    "sum": (lambda: Sum(100), sum),
    "average": (lambda: Average(100), lambda values: sum(values) / len(values)),
    "smallest": (lambda: Percentile(0, 100), min),
    "largest": (lambda: Percentile(100, 100), max),
    "rarity": (lambda: Rarity(100), lambda values: 100 * values.count(values[-1]) / len(values)),
}


@pytest.mark.parametrize("name", MEASURES)
@given(hits=HITS)
def test_a_measure_is_that_of_its_window(name: str, hits: list[tuple[int, int]]) -> None:
    make, plain = MEASURES[name]
    measure: Measure = make()
    time = 1_000
    window: list[tuple[int, int]] = []
    for wait, value in hits:
        time += wait
        window = [(at, old) for at, old in window if at >= time - SPAN] + [(time, value)]
        assert measure.add(time, time - SPAN, 0, 0, (value,)) == plain([old for _, old in window])


@pytest.mark.parametrize(
    ("measure", "other", "values"),
    [
        (Distinct(9), Distinct(9), ("x", 2, ("a", "b"))),
        (Sum(9), Sum(9), (2**60, 0.5)),
        (Average(9), Average(9), (1, 2)),
        (Percentile(50, 9), Percentile(50, 9), (3, 1.5)),
        (Rarity(9), Rarity(9), ("x", ("a", "b"))),
        (Together(3, None), Together(3, None), ()),
        (Ordered(3), Ordered(3), ()),
    ],
)
def test_a_measure_put_back_goes_on_the_same(measure: Measure, other: Measure, values: tuple[Any, ...]) -> None:
    for time in range(12):
        measure.add(time, time - SPAN, time % 3, time, values)
    other.load(measure.dump())
    assert len(other) == len(measure)
    assert other.add(13, 13 - SPAN, 1, 13, values) == measure.add(13, 13 - SPAN, 1, 13, values)
    assert other.dump() == measure.dump()


def test_values_beyond_the_limit_leave_the_number_at_it() -> None:
    distinct = Distinct(4)
    assert [distinct.add(time, 0, 0, 0, (time,)) for time in range(8)] == [1, 2, 3, 4, 4, 4, 4, 4]
