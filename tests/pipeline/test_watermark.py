"""The watermark: what moves it, what cannot, and that it never goes back. Times are in seconds here."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soc.pipeline.watermark import MAX_SOURCES, Watermark

S = 1_000_000


def seen(watermark: Watermark, source: str, event: float, received: float | None = None) -> float:
    watermark.observe(source, round(event * S), round((event if received is None else received) * S))
    return watermark.value / S


@pytest.fixture
def mark() -> Watermark:
    return Watermark(lateness=10 * S)


def test_it_follows_one_source_at_the_lateness(mark: Watermark) -> None:
    assert mark.value == 0
    assert seen(mark, "a", 1000) == 990
    assert seen(mark, "a", 1005) == 995
    assert seen(mark, "a", 1003, 1006) == 995


def test_it_waits_for_the_slowest_source(mark: Watermark) -> None:
    assert seen(mark, "a", 1000) == 990
    assert seen(mark, "b", 1030) == 990
    assert seen(mark, "a", 1020, 1031) == 1010
    assert seen(mark, "a", 1050, 1050) == 1020


def test_a_source_that_comes_late_does_not_take_it_back(mark: Watermark) -> None:
    seen(mark, "a", 1000)
    assert seen(mark, "b", 900, 1001) == 990
    assert seen(mark, "a", 1010) == 990
    assert seen(mark, "b", 1005, 1011) == 995


def test_an_idle_source_is_not_waited_for(mark: Watermark) -> None:
    seen(mark, "a", 1000)
    assert seen(mark, "b", 1060) == 990
    assert seen(mark, "b", 1061) == 1051
    mark.tick(1062 * S)
    assert mark.value == 1051 * S


def test_when_all_are_idle_everything_they_sent_is_decided(mark: Watermark) -> None:
    seen(mark, "a", 1000)
    seen(mark, "b", 990, 1000)
    mark.tick(1060 * S)
    assert mark.value == 990 * S
    mark.tick(1060 * S + 1)
    assert mark.value == 1000 * S + 1
    mark.tick(5000 * S)
    assert mark.value == 1000 * S + 1


def test_after_a_long_silence_nothing_is_expected_until_somebody_speaks(mark: Watermark) -> None:
    seen(mark, "a", 1000)
    mark.tick(1599 * S)
    assert not mark.silent
    mark.tick(1600 * S)
    assert mark.silent
    seen(mark, "a", 1601)
    assert not mark.silent


def test_what_has_ended_is_decided_to_its_last_event(mark: Watermark) -> None:
    mark.observe("a", 1000 * S, 1500 * S, last=1009 * S)
    mark.observe("b", 990 * S, 1500 * S)
    mark.close("a")
    assert not mark.ended
    assert mark.value == 990 * S
    mark.close("b")
    assert mark.ended
    assert mark.value == 1009 * S + 1
    again = Watermark(0)
    again.restore(mark.state())
    assert again.ended
    mark.observe("a", 1010 * S, 1501 * S)
    assert not mark.ended


def test_time_alone_moves_nothing(mark: Watermark) -> None:
    mark.tick(5000 * S)
    assert mark.value == 0


def test_a_forged_future_time_counts_as_now(mark: Watermark) -> None:
    seen(mark, "a", 1000)
    assert seen(mark, "forged", 9e9, 1001) == 990
    mark.tick(1062 * S)
    assert mark.value == 1001 * S + 1
    assert seen(mark, "a", 1100) == 1090


def test_a_stopped_clock_cannot_hold_back_the_others(mark: Watermark) -> None:
    for now in range(1000, 2000, 10):
        seen(mark, "stopped", 1000, now)
        seen(mark, "a", now)
    assert mark.value == 1980 * S


def test_a_source_that_catches_up_is_waited_for_again(mark: Watermark) -> None:
    seen(mark, "a", 5000)
    assert seen(mark, "backlog", 100, 5000) == 4990
    assert seen(mark, "a", 5010) == 5000
    seen(mark, "backlog", 5005, 5011)
    assert seen(mark, "a", 5050) == 5000


def test_a_closed_source_is_not_waited_for(mark: Watermark) -> None:
    seen(mark, "file:a", 1000)
    seen(mark, "file:b", 1030)
    mark.close("file:a")
    assert mark.value == 1020 * S
    mark.close("file:a")
    mark.close("file:b")
    assert mark.value == 1030 * S + 1


def test_a_flood_of_source_names_is_bounded(mark: Watermark) -> None:
    for number in range(MAX_SOURCES):
        seen(mark, f"udp:{number}", 1000)
    full = mark.state()
    seen(mark, "one too many", 1000)
    assert mark.state() == full
    assert seen(mark, "udp:0", 1010) == 990
    assert seen(mark, "a later one", 1100) == 1090
    assert seen(mark, "a later one", 1110) == 1100


def test_bytes_that_are_no_state_are_refused(mark: Watermark) -> None:
    with pytest.raises(msgspec.DecodeError):
        mark.restore(b"\x00")


STEPS = st.lists(
    st.tuples(st.sampled_from("abcd"), st.integers(-1_000, 400), st.integers(0, 40)),
    max_size=60,
)


def plain(steps: list[tuple[str, int, int]]) -> list[int]:
    """The words of the module, looked at afresh after every batch; in µs."""
    now, latest = 10_000 * S, 0
    reached: dict[str, int] = {}
    heard: dict[str, int] = {}
    values = [0]

    def waited() -> int:
        if not reached:
            return latest + 1 if latest else 0
        furthest = max(reached.values())
        return min(at for at in reached.values() if at >= furthest - 600 * S) - 10 * S

    for source, offset, wait in steps:
        now += wait * S
        reached = {name: at for name, at in reached.items() if heard[name] >= now - 60 * S}
        before = max(values[-1], waited())
        reached[source], heard[source] = max(reached.get(source, 0), now + min(offset, 0) * S), now
        latest = max(latest, *reached.values())
        values.append(max(before, waited()))
    return values[1:]


@settings(deadline=None, max_examples=300)
@given(STEPS, st.integers(0, 60))
def test_it_is_what_a_plain_reading_gives_and_survives_a_restart(steps: list[tuple[str, int, int]], stop: int) -> None:
    mark = Watermark(lateness=10 * S)
    now = 10_000
    values = []
    for number, (source, offset, wait) in enumerate(steps):
        if number == stop:
            state = mark.state()
            mark = Watermark(lateness=10 * S)
            mark.restore(state)
        now += wait
        seen(mark, source, now + offset, now)
        values.append(mark.value)
    assert values == plain(steps)
    assert values == sorted(values)
