"""Gaps: which stage lost how many lines of which source and minute; and what is none."""

import pytest

from soc.core.wire import Count
from soc.engines.reconcile import MINUTE, OTHERS, Ledger, judge

T = 1_790_000_040_000_000 // MINUTE * MINUTE
LATER = T + 10 * MINUTE
A = "hq/udp:10.1.0.1"


def never(origin, minute):
    raise AssertionError("nothing is there twice")


def ledger(received=None, kafka=0, detected=0, stored=0, rejected=0, refused=0, origin=A):
    made = Ledger(T, LATER)
    if received is not None:
        made.count(Count("collector", "hq", origin, T // 1_000_000, received))
    flow = made.flow(origin, T + 5)
    flow.kafka.add(1, kafka)
    flow.detected.add(1, detected)
    for kind, number in (("stored", stored), ("rejected", rejected), ("refused", refused)):
        made.documents(kind, origin, T // 1_000_000, number)
    return made


@pytest.mark.parametrize(
    ("numbers", "gaps"),
    [
        ((100, 100, 100, 90, 8, 2), []),
        ((100, 99, 99, 99), [("collector->kafka", 1)]),
        ((100, 100, 40, 40), [("kafka->detect", 60)]),
        ((100, 100, 100, 90, 8, 1), [("detect->index", 1)]),
        ((100, 90, 80, 70), [("collector->kafka", 10), ("kafka->detect", 10), ("detect->index", 10)]),
        ((100, 0, 0, 0), [("collector->kafka", 100)]),
        ((None, 100, 100, 100), []),
        ((None, 100, 100, 99), [("detect->index", 1)]),
        ((90, 100, 100, 100), []),  # the last counts were not told yet
        ((100, 100, 0, 100), []),  # events stay in Kafka for two days
        ((100, 0, 0, 100), []),  # so do lines for seven
        ((100, 0, 0, 99), [("collector->kafka", 1)]),
    ],
)
def test_a_gap_names_the_stage(numbers, gaps):
    (row,) = judge(ledger(*numbers), LATER, MINUTE, lambda origin, minute: 100 if numbers[3] == 100 else 99)
    assert [tuple(gap) for gap in row.gaps] == gaps
    assert (row.origin, row.minute, row.received) == (A, T // 1_000_000, numbers[0])


def test_minutes_under_way_have_no_gaps():
    lost = ledger(100, 50)
    (row,) = judge(lost, T + 2 * MINUTE - 1, MINUTE, never)
    assert row.pending and not row.gaps
    (row,) = judge(lost, T + 2 * MINUTE, MINUTE, never)
    assert not row.pending and row.gaps


def test_an_event_that_is_there_twice_hides_none_that_is_missing():
    made = ledger(100, 100, 100, stored=101, rejected=2)
    (row,) = judge(made, LATER, MINUTE, lambda origin, minute: 98)
    assert (row.stored, row.rejected) == (96, 2)
    assert [tuple(gap) for gap in row.gaps] == [("detect->index", 2)]


def test_what_was_sent_twice_counts_once_and_the_latest_total_counts():
    made = ledger(7, 100, 100, 100)
    made.flow(A, T).kafka.add(51, 50)
    made.count(Count("collector", "hq", A, T // 1_000_000, 100))
    (row,) = judge(made, LATER, MINUTE, never)
    assert (row.received, row.kafka, row.gaps) == (100, 100, ())


def test_other_stages_and_other_times_are_not_counted():
    made = ledger(100, 100, 100, 100)
    made.count(Count("worker", "hq", A, T // 1_000_000, 999))
    made.count(Count("collector", "hq", A, T // 1_000_000 - 60, 999))
    assert made.flow(A, T - 1) is None and made.flow(A, LATER) is None
    (row,) = judge(made, LATER, MINUTE, never)
    assert row.received == 100


def test_origins_that_a_collector_counts_as_others_are_compared_so():
    made = ledger(100, 100, 100, 100)
    made.count(Count("collector", "hq", OTHERS, T // 1_000_000, 30))
    for number in range(3):
        flow = made.flow(f"hq/udp:10.2.0.{number}", T)
        flow.kafka.add(1000 * number, 10)
        flow.detected.add(1000 * number, 10)
        made.documents("stored", f"hq/udp:10.2.0.{number}", T // 1_000_000, 10 - (number == 2))
    own, others = judge(made, LATER, MINUTE, never)
    assert (own.origin, own.gaps) == (A, ())
    assert (others.origin, others.received, others.kafka, others.stored) == (OTHERS, 30, 30, 29)
    assert [tuple(gap) for gap in others.gaps] == [("detect->index", 1)]


def test_rows_are_in_order_of_time_and_source():
    made = Ledger(T, LATER)
    for origin, minute in (("b", 1), ("a", 1), ("c", 0)):
        made.flow(origin, T + minute * MINUTE)
    assert [row.origin for row in judge(made, LATER, 0, never)] == ["c", "a", "b"]
