"""Times of log lines: right to the µs, in the right zone and year, and refused when they are none."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from soc.core.event import iso, micros
from soc.parsers._device import ParseError
from soc.parsers._time import clf_time, date_time, rfc3339, syslog_time

HANOI = 7 * 3600


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-10-05T01:14:03Z", "2026-10-05T01:14:03Z"),
        ("2026-10-05t01:14:03z", "2026-10-05T01:14:03Z"),
        ("2026-10-05T08:14:03+07:00", "2026-10-05T01:14:03Z"),
        ("2026-10-05T08:14:03.5+0700", "2026-10-05T01:14:03.500000Z"),
        ("2026-10-04T19:14:03.123456-0600", "2026-10-05T01:14:03.123456Z"),
        ("2026-10-05T01:14:03.123456789Z", "2026-10-05T01:14:03.123456Z"),
        ("2026-10-05 01:14:03,001Z", "2026-10-05T01:14:03.001000Z"),
        ("2026-12-31T23:59:60Z", "2027-01-01T00:00:00Z"),
        ("2024-02-29T00:00:00+05:30", "2024-02-28T18:30:00Z"),
    ],
)
def test_rfc3339(text: str, expected: str) -> None:
    assert iso(rfc3339(text)) == expected
    assert iso(rfc3339(text)) == expected, "from the memo"


@given(
    st.datetimes(min_value=datetime(1971, 1, 1), max_value=datetime(9998, 1, 1)),  # noqa: DTZ001
    st.integers(min_value=-14 * 60, max_value=14 * 60),
)
def test_rfc3339_agrees_with_the_standard_library(moment: datetime, east: int) -> None:
    text = moment.replace(tzinfo=timezone(timedelta(minutes=east))).isoformat()
    assert rfc3339(text) == micros(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-10-05",
        "2026-10-05T08:14:03",
        "2026-10-05T08:14:03.Z5",
        "2026-10-05T08:14:03.1234567890Z",
        "2026-10-05T08:14:03.12x4Z",
        "2026-10-05T08:14:03+99:00",
        "2026-10-05T08:14:03*07:00",
        "2026-13-05T08:14:03Z",
        "2026-02-30T08:14:03Z",
        "2026-10-05T24:00:00Z",
        "2026-10-05T08:61:00Z",
        "1969-10-05T08:14:03Z",
        "9999-10-05T08:14:03Z",
        "２０２６-10-05T08:14:03Z",
        "2026-10-05T08:14:03.٣Z",
        "20261005T081403.123Z",
        "2026-W40-1T08:14:03Z",
        "2026-10-05T08:14:03Z" * 4000,
    ],
)
def test_what_is_no_rfc3339_time_is_refused_with_its_text(text: str) -> None:
    with pytest.raises(ParseError) as caught:
        rfc3339(text)
    assert len(str(caught.value)) < 120


@pytest.mark.parametrize(
    ("text", "received", "expected"),
    [
        ("Oct  5 08:14:03", "2026-10-05T02:00:00", "2026-10-05T01:14:03Z"),
        ("Oct 5 08:14:03", "2026-10-05T02:00:00", "2026-10-05T01:14:03Z"),
        ("Oct  5 08:14:03.25", "2026-10-05T02:00:00", "2026-10-05T01:14:03.250000Z"),
        ("Oct  5 2019 08:14:03", "2026-10-05T02:00:00", "2019-10-05T01:14:03Z"),
        # The sender's clock runs ahead, by less and by more than a day.
        ("Oct  6 08:14:03", "2026-10-05T02:00:00", "2026-10-06T01:14:03Z"),
        ("Oct  7 08:14:03", "2026-10-05T02:00:00", "2025-10-07T01:14:03Z"),
        ("Dec 31 23:59:59", "2027-01-01T00:10:00", "2026-12-31T16:59:59Z"),
        ("Jan  1 00:00:01", "2026-12-31T16:50:00", "2026-12-31T17:00:01Z"),
        ("Feb 29 12:00:00", "2026-03-01T00:00:00", "2024-02-29T05:00:00Z"),
        ("Feb 29 12:00:00", "2024-02-28T12:00:00", "2024-02-29T05:00:00Z"),
        ("Feb 29 12:00:00", "2103-03-01T00:00:00", "2096-02-29T05:00:00Z"),
    ],
)
def test_a_year_less_time_gets_the_latest_year_that_is_not_in_the_future(
    text: str, received: str, expected: str
) -> None:
    assert iso(syslog_time(text, micros(received), HANOI)) == expected


def test_the_memo_of_year_less_times_knows_when_the_year_turns() -> None:
    text = "Jun 15 12:00:00"
    for received in ("2024-07-01", "2026-07-01", "2025-07-01", "2026-06-14T04:00:00", "2026-06-14T06:00:00"):
        year = 2025 if received == "2026-06-14T04:00:00" else int(received[:4])
        assert iso(syslog_time(text, micros(received), HANOI)) == f"{year}-06-15T05:00:00Z"


@given(st.datetimes(min_value=datetime(1980, 1, 1), max_value=datetime(2100, 1, 1)), st.integers(-363, 1))  # noqa: DTZ001
def test_a_time_of_the_last_year_keeps_its_year(received: datetime, days: int) -> None:
    moment = (received + timedelta(days=days)).replace(microsecond=0)
    now = micros(received.replace(tzinfo=UTC).isoformat())
    assert syslog_time(moment.strftime("%b %d %H:%M:%S"), now, 0) == micros(moment.isoformat())


@pytest.mark.parametrize("text", ["", "Oct", "Okt  5 08:14:03", "Feb 30 08:14:03", "Oct  5 25:14:03", "Oct 0 08:14:03"])
def test_what_is_no_syslog_time_is_refused(text: str) -> None:
    with pytest.raises(ParseError):
        syslog_time(text, micros("2026-10-05"), 0)


def test_access_log_times() -> None:
    assert iso(clf_time("05/Oct/2026:08:14:03 +0700")) == "2026-10-05T01:14:03Z"
    assert iso(clf_time("05/Oct/2026:08:14:03 -0330")) == "2026-10-05T11:44:03Z"


@pytest.mark.parametrize(
    "text", ["", "05/Oct/2026:08:14:03", "05/Xxx/2026:08:14:03 +0700", "31/Sep/2026:08:14:03 +0700"]
)
def test_what_is_no_access_log_time_is_refused(text: str) -> None:
    with pytest.raises(ParseError):
        clf_time(text)


def test_date_and_clock_apart() -> None:
    assert iso(date_time("2026-10-05", "08:14:03", HANOI)) == "2026-10-05T01:14:03Z"
    assert iso(date_time("2026-10-05", "08:14:03.5", 0)) == "2026-10-05T08:14:03.500000Z"
    for date, clock in (("05-10-2026", "08:14:03"), ("2026-10-05", "8:14"), ("2026-06-31", "00:00:00")):
        with pytest.raises(ParseError):
            date_time(date, clock, 0)
