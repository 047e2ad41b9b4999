"""Memory stays bounded under floods, floods stay where they are, and what is given up is counted."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from soc.correlation import PRESSURE, Bounds, Budget, Correlator, Pressure
from soc.correlation.slots import Slots

END = 10**15


def text(name: str, rule: str, condition: str = "{gte: 3}", kind: str = "event_count", span: str = "1h") -> str:
    return f"""
title: Case {name}
name: {name}
correlation: {{type: {kind}, rules: [{rule}], group-by: [user.name], timespan: {span}, condition: {condition}}}
"""


def test_a_key_flood_evicts_only_the_stalest_of_its_own_correlation(read: Any, hit: Any) -> None:
    correlations, _ = read(f"{text('flooded', 'a')}---{text('quiet', 'b')}")
    correlator = Correlator(correlations, 0, max_keys_per_rule=100)
    correlator.feed([hit("a", s, user="early") for s in (0, 1)])
    correlator.feed([hit("b", s, user="victim") for s in (0, 1)])
    correlator.feed([hit("a", 10 + n, user=f"flood{n}") for n in range(1_000)])
    correlator.feed([hit("a", 2_000, user="early"), hit("b", 2_000, user="victim"), hit("b", 2_001, user="victim")])
    correlator.feed([hit("a", 2_000 + n, user="late") for n in range(3)])
    found = correlator.advance(2_100_000_000)
    assert [(f.rule.name, f.group[0][1], f.count) for f in found] == [("quiet", "victim", 4), ("flooded", "late", 3)]
    assert correlator.pressure == {"flooded": Pressure(groups=100, entries=102, evicted=903, since=109_000_000)}
    assert len(correlator.lanes["flooded"].groups) == 100


def test_the_stalest_group_is_the_one_that_was_hit_longest_ago(read: Any, hit: Any) -> None:
    correlations, _ = read(text("case", "a"))
    correlator = Correlator(correlations, 0, max_keys_per_rule=2)
    correlator.feed([hit("a", s, user=user) for s, user in enumerate(("x", "y", "x", "z", "x"))])
    (found,) = correlator.advance(5_000_000)
    assert (found.group[0][1], found.count) == ("x", 3)
    assert list(correlator.lanes["case"].groups) == [("z",), ("x",)]


def test_groups_whose_window_is_empty_give_way_without_pressure(read: Any, hit: Any) -> None:
    correlations, _ = read(text("case", "a", span="10s"))
    correlator = Correlator(correlations, 0, max_keys_per_rule=20)
    correlator.feed([hit("a", n, user=f"u{n}") for n in range(1_000)])
    correlator.advance(END)
    assert correlator.pressure == {}
    assert len(correlator.lanes["case"].groups) == 0


def test_entries_are_bounded_over_all_groups(read: Any, hit: Any) -> None:
    correlations, _ = read(text("case", "a", "{gte: 100000, field: source.port}", "value_count"))
    correlator = Correlator(correlations, 0, bounds=Bounds(entries=1_000))
    correlator.feed([hit("a", n, user=f"u{n % 50}", source__port=n) for n in range(5_000)])
    correlator.advance(4_999_000_000)
    lane = correlator.lanes["case"]
    assert sum(len(group.hits) + len(group.measure) for group in lane.groups.values() if group.measure) <= 1_000
    assert correlator.pressure["case"].evicted > 0


def test_samples_are_bounded_and_every_finding_has_one(read: Any, hit: Any) -> None:
    correlations, _ = read(text("case", "a"))
    correlator = Correlator(correlations, 0, bounds=Bounds(samples=50))
    correlator.feed([hit("a", n, user=f"u{n % 200}") for n in range(2_000)])
    found = correlator.advance(2_000_000_000)
    assert len(found) == 200
    assert all(finding.events and finding.count == 10 for finding in found)
    lane = correlator.lanes["case"]
    assert lane.sampled == sum(len(group.samples) for group in lane.groups.values()) <= 50 + 200


def test_the_number_of_samples_kept_is_never_miscounted(read: Any, hit: Any) -> None:
    correlations, _ = read(text("case", "a", span="7s"))
    correlator = Correlator(correlations, 0, max_keys_per_rule=5, bounds=Bounds(keys=5, samples=12))
    lane = correlator.lanes["case"]
    for n in range(500):
        correlator.feed([hit("a", n * 0.7, user=f"u{n * n % 7}", offset=n)])
        correlator.advance(int(n * 700_000))
        assert lane.sampled == sum(len(group.samples) for group in lane.groups.values())


def test_a_window_of_one_key_is_bounded_and_its_total_stays_right(read: Any, hit: Any) -> None:
    slots = Slots(limit=64)
    for time in range(10_000):
        total = slots.slide(time, time - 5_000)
        assert len(slots) <= 64
        inside = min(time, 5_000) + 1
        assert inside <= total <= inside + 2 * 5_000 // 64
    assert slots.slide(100_000, 95_000) == 1
    assert [slots.slide(time, 95_000) for time in (100_001, 100_002)] == [2, 3]
    assert len(slots) == 3


def test_times_that_repeat_share_a_slot(read: Any, hit: Any) -> None:
    slots = Slots(limit=4)
    for number in range(1_000):
        slots.slide(number // 250, 0)
    assert (len(slots), slots.total, slots.first) == (4, 1_000, 0)


def test_late_hits_are_counted_by_source_and_left_out(read: Any, hit: Any) -> None:
    correlations, _ = read(text("case", "a", "{gte: 1}"))
    correlator = Correlator(correlations, 0)
    correlator.feed([hit("a", 50)])
    correlator.advance(100_000_000)
    late = [hit("a", 99, origin="udp:10.0.0.9"), hit("a", 99.9, origin="udp:10.0.0.9"), hit("a", 100)]
    nameless = hit("a", 1, host__name="mail1")
    del nameless.event["soc.origin"]
    correlator.feed([*late, nameless])
    assert correlator.late == {"udp:10.0.0.9": 2, "mail1": 1}
    assert [f.count for f in correlator.advance(END)] == [2]


def test_names_of_late_sources_are_bounded(read: Any, hit: Any) -> None:
    correlations, _ = read(text("case", "a"))
    correlator = Correlator(correlations, 0)
    correlator.advance(100_000_000)
    correlator.feed([hit("a", 1, origin=f"udp:{number}") for number in range(10_100)])
    assert len(correlator.late) == 10_001
    assert correlator.late["(others)"] == 100


def test_too_many_waiting_hits_are_decided_early_and_told_at_the_next_advance(read: Any, hit: Any) -> None:
    correlations, _ = read(text("case", "a"))
    correlator = Correlator(correlations, 10_000_000, max_waiting=100)
    correlator.feed([hit("a", s) for s in range(300)])
    assert correlator.early >= 200
    (found,) = correlator.advance(0)
    assert found.count == correlator.early
    assert correlator.advance(END)[0].count == 300


def test_advancing_backwards_changes_nothing(read: Any, hit: Any) -> None:
    correlations, _ = read(text("case", "a", "{gte: 1}"))
    correlator = Correlator(correlations, 0)
    correlator.feed([hit("a", 5)])
    assert len(correlator.advance(6_000_000)) == 1
    assert correlator.advance(3_000_000) == correlator.advance(6_000_000) == []


def test_an_episode_is_told_again_only_when_it_changed(read: Any, hit: Any) -> None:
    correlations, _ = read(text("case", "a"))
    correlator = Correlator(correlations, 0)
    correlator.feed([hit("a", s) for s in (0, 1, 2, 10)])
    assert [f.count for f in correlator.advance(5_000_000)] == [3]
    assert [f.count for f in correlator.advance(10_000_000)] == []
    assert [f.count for f in correlator.advance(11_000_000)] == [4]


def test_long_values_are_told_apart_but_not_kept(read: Any, hit: Any) -> None:
    correlations, _ = read(text("case", "a", "{gte: 2}"))
    correlator = Correlator(correlations, 0)
    long = "x" * 60_000
    correlator.feed([hit("a", 0, user=long), hit("a", 1, user=long + "y"), hit("a", 2, user=long)])
    (found,) = correlator.advance(END)
    assert found.count == 2
    assert len(found.group[0][1]) < 300


def test_a_state_holds_what_messagepack_cannot(read: Any, hit: Any) -> None:
    correlations, _ = read(text("case", "a"))
    correlator = Correlator(correlations, 0)
    correlator.feed([hit("a", 0, user="\ud800", source__bytes=2**70, tags=("x", "y"))])
    other = Correlator(correlations, 0)
    other.restore(correlator.state())
    other.feed([hit("a", s, user="?") for s in (1, 2)])
    (found,) = other.advance(END)
    assert found.count == 3
    assert found.events[0]["tags"] == ("x", "y")


def test_a_correlation_that_changed_loses_its_windows_and_no_other_does(read: Any, hit: Any) -> None:
    old, _ = read(f"{text('one', 'a')}---{text('two', 'a')}---{text('three', 'a')}")
    new, _ = read(f"{text('one', 'a', '{gte: 2}')}---{text('two', 'a')}---{text('four', 'a', '{gte: 2}')}")
    correlator = Correlator(old, 0)
    correlator.feed([hit("a", s) for s in (0, 1, 2)])
    correlator.advance(2_500_000)
    reloaded = Correlator(new, 0)
    outcome = reloaded.restore(correlator.state())
    assert (outcome.kept, outcome.changed, outcome.fresh, outcome.dropped) == (["two"], ["one"], ["four"], ["three"])
    reloaded.feed([hit("a", 3)])
    assert [(f.rule.name, f.count) for f in reloaded.advance(END)] == [("two", 4)]


def test_restoring_takes_the_place_of_what_was_there(read: Any, hit: Any) -> None:
    correlations, _ = read(text("case", "a"))
    correlator = Correlator(correlations, 0)
    empty = correlator.state()
    correlator.feed([hit("a", s) for s in (0, 1, 2)])
    correlator.advance(2_000_000)
    correlator.restore(empty)
    assert correlator.state() == empty


def test_bytes_that_are_no_state_start_everything_afresh_and_name_it(read: Any, hit: Any) -> None:
    correlations, _ = read(text("case", "a"))
    for wrong in (b"", b"\x00", b"\x80", msgspec.msgpack.encode({"horizon": "soon"})):
        correlator = Correlator(correlations, 0)
        fresh = correlator.state()
        correlator.feed([hit("a", s) for s in (0, 1)])
        correlator.advance(2_000_000)
        assert correlator.restore(wrong).unreadable == ["case"]
        assert correlator.state() == fresh


def test_a_part_that_cannot_be_read_costs_only_its_own_correlation(read: Any, hit: Any) -> None:
    correlations, _ = read("---".join(text(name, "a") for name in ("one", "two", "three", "four")))
    correlator = Correlator(correlations, 0)
    correlator.feed([hit("a", s) for s in (0, 1)])
    correlator.advance(2_000_000)
    saved = msgspec.msgpack.decode(correlator.state())
    saved["lanes"]["one"] = "of another version"
    saved["lanes"]["two"][1][0][1] = [[5], ["x"], [0]]
    saved["lanes"]["four"][1][0][3] = [[1, 999]]
    restored = Correlator(correlations, 0)
    outcome = restored.restore(msgspec.msgpack.encode(saved))
    assert (outcome.unreadable, outcome.kept) == (["one", "two", "four"], ["three"])
    restored.feed([hit("a", 2)])
    assert [found.rule.name for found in restored.advance(END)] == ["three"]


def test_a_flood_of_forged_keys_costs_only_the_correlation_that_it_hits(read: Any, hit: Any) -> None:
    """All together may hold 2,000 groups, of which the flood takes what nobody else asks for, and no more."""
    correlations, _ = read(
        "---".join(text(name, rule) for name, rule in (("flooded", "a"), ("quiet", "b"), ("calm", "c")))
    )
    correlator = Correlator(correlations, 0, budget=Budget(groups=2_000))
    correlator.feed([hit("b", n, user=f"user{n % 600}", offset=n) for n in range(1_200)])
    correlator.feed([hit("c", n, user="slow") for n in (0, 1_000)])
    most = 0
    for start in range(0, 200_000, 10_000):
        correlator.feed([hit("a", 1_200 + (start + n) / 200, user=f"f{start + n}") for n in range(10_000)])
        correlator.advance(1_200_000_000 + (start + 10_000) * 5_000)
        most = max(most, sum(len(lane.groups) for lane in correlator.lanes.values()))
    assert most <= 2_000
    assert list(correlator.pressure) == ["flooded"]
    assert len(correlator.lanes["quiet"].groups) == 600
    correlator.feed([hit("c", 2_300, user="slow"), hit("b", 2_300, user="user7")])
    assert [(f.rule.name, f.group[0][1], f.count) for f in correlator.advance(END)] == [
        ("calm", "slow", 3),
        ("quiet", "user7", 3),
    ]


def test_entries_of_all_together_are_bounded_by_those_who_have_most(read: Any, hit: Any) -> None:
    parts = [
        text(name, rule, "{gte: 9999, field: source.port}", "value_count")
        for name, rule in (("big", "a"), ("small", "b"))
    ]
    correlations, _ = read("---".join(parts))
    correlator = Correlator(correlations, 0, budget=Budget(entries=3_000))
    correlator.feed([hit("b", n, user="v", source__port=n) for n in range(400)])
    for start in range(0, 3_000, 500):
        correlator.feed([hit("a", start + n, user=f"u{n % 50}", source__port=start + n) for n in range(500)])
        correlator.advance((start + 500) * 1_000_000)
        assert sum(lane.entries for lane in correlator.lanes.values()) <= 3_000
    assert list(correlator.pressure) == ["big"]
    assert len(correlator.lanes["small"].groups[("v",)].hits) == 400


def test_what_waits_for_a_moment_stays_in_proportion_to_its_groups(read: Any, hit: Any) -> None:
    correlations, _ = read(text("few", "a", "{lt: 1}"))
    correlator = Correlator(correlations, 0, max_keys_per_rule=100)
    for start in range(0, 20_000, 1_000):
        correlator.feed([hit("a", (start + n) / 100, user=f"u{start + n}") for n in range(1_000)])
        correlator.advance((start + 1_000) * 10_000)
    assert len(correlator._timers._heap) <= 2_000
    assert len(correlator.advance(END)) == 100


def test_who_forgets_says_so_once_and_again_when_it_is_half_as_many(read: Any, hit: Any) -> None:
    correlations, _ = read(text("case", "a"))
    correlator = Correlator(correlations, 0, max_keys_per_rule=10)

    def flood(first: int, last: int) -> list[Any]:
        correlator.feed([hit("a", n, user=f"u{n}") for n in range(first, last)])
        correlator.advance(last * 1_000_000)
        return correlator.alarms()

    assert flood(0, 10) == []
    (found,) = flood(10, 30)
    assert (found.rule, found.count, found.group[0], found.anchor) == (PRESSURE, 20, ("rule.id", "case"), 10_000_000)
    assert flood(30, 35) == []
    restarted = Correlator(correlations, 0, max_keys_per_rule=10)
    restarted.restore(correlator.state())
    assert restarted.alarms() == []
    assert [found.count for found in flood(35, 45)] == [35]


@pytest.mark.parametrize("condition", ["{lt: 1}", "{lt: 2}", "{eq: 1}"])
def test_more_groups_than_samples_are_all_judged(read: Any, hit: Any, condition: str) -> None:
    correlations, _ = read(text("case", "a", condition))
    correlator = Correlator(correlations, 0, bounds=Bounds(samples=20))
    correlator.feed([hit("a", n, user=f"u{n}") for n in range(100)])
    found = correlator.advance(END)
    assert len(found) == 100
    assert all(finding.events for finding in found)
