"""The summary in both languages, with one, none and many."""

import pytest

from soc.posture.facts import facts
from soc.posture.voice import Voice
from soc.posture.words import figures, summary
from tests.posture.build import OCTOBER, alert, heard

EN, VI = Voice("en", 25_200), Voice("vi", 25_200)
ALL = range(31 * 24)


def told(alerts, voice, counts=(), **more):
    return summary(facts(OCTOBER, alerts, counts, **more), voice)


def many(number, month=OCTOBER, **fields):
    return [alert(n, first_seen=month.start, last_seen=month.start, **fields) for n in range(number)]


def test_none_one_and_many_alerts():
    assert told([], EN)[0] == "In October 2026 there was no alert, from 0 events."
    assert told(many(1), EN, heard([5]))[0] == "In October 2026 there was 1 alert, from 1 event."
    assert told(many(1200), EN)[0] == (
        "In October 2026 there were 1,200 alerts, from 0 events. None of them was high or critical."
    )
    assert told(many(1200), VI)[0] == (
        "Trong tháng 10/2026 có 1.200 cảnh báo, từ 0 sự kiện. Không có cảnh báo nào ở mức cao hoặc nghiêm trọng."
    )


def test_one_of_three_is_urgent():
    alerts = [*many(2), alert(9, severity="critical")]
    assert "One of them (33%) was high or critical." in told(alerts, EN)[0]


@pytest.mark.parametrize(
    ("before", "said"),
    [
        (10, "as many as in September 2026."),
        (8, "25% more than in September 2026 (8)."),
        (20, "50% fewer"),
        (0, "none."),
    ],
)
def test_it_is_compared_with_a_whole_month_before(before, said):
    now = facts(OCTOBER, many(10), heard(ALL))
    past = facts(OCTOBER.before, many(before, OCTOBER.before), heard(range(720), start=OCTOBER.before.start))
    assert said in summary(now, EN, past)[0]


def test_half_a_month_is_compared_with_nothing():
    now = facts(OCTOBER, many(10), heard(ALL))
    past = facts(OCTOBER.before, many(5, OCTOBER.before), heard(range(300, 720), start=OCTOBER.before.start))
    assert "September" not in summary(now, EN, past)[0]
    assert any("do not cover the whole month" in said for said in told(many(1), EN, heard(range(99))))


def test_the_longest_silence_is_named_in_local_time():
    counts = heard(hour for hour in ALL if not 43 <= hour < 57)
    (said,) = [said for said in told([], EN, counts) if "silent" in said]
    assert "for 14 hours in all" in said
    assert said.endswith("nginx · udp:10.0.0.1, 14 hours from 19:00 on 2 October.")
    assert told([], VI, counts)[2].endswith("nginx · udp:10.0.0.1, 14 giờ kể từ 19:00 ngày 02/10.")


def test_the_four_figures_know_their_singular():
    found = facts(OCTOBER, many(1), heard(hour for hour in ALL if hour != 7))
    assert figures(found, EN) == (
        ("1", "alert"),
        ("0", "high or critical"),
        ("0", "suspected incidents"),
        ("1", "blind hour of sources"),
    )


def test_numbers_and_durations_as_the_language_writes_them():
    assert (EN.number(1234.5, 1), VI.number(1234.5, 1)) == ("1,234.5", "1.234,5")
    assert [EN.percent(*pair) for pair in ((0, 9), (1, 1000), (999, 1000), (9, 9), (1, 0))] == [
        "0%",
        "1%",
        "99%",
        "100%",
        "0%",
    ]
    assert [EN.duration(n) for n in (0.42, 59, 90, 5400, 200_000)] == ["0.4 s", "59 s", "2 min", "1.5 h", "2.3 d"]
    assert VI.duration(5400) == "1,5 giờ"
