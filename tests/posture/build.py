"""Alerts and counts for tests of the report."""

from soc.core.alert import Alert, EventRef
from soc.core.store import HOUR, HourCount
from soc.posture.month import Month

OCTOBER = Month(2026, 10, 25_200)
DAY = 24 * HOUR


def alert(number, day=1, **fields):
    """On noon of a day of October 2026 (+07:00)."""
    first = OCTOBER.start + (day - 1) * DAY + DAY // 2
    values = {
        "rule_id": "r1",
        "rule_name": "r1",
        "rule_hash": "",
        "kind": "rule",
        "title": "A rule",
        "title_vi": "Một luật",
        "description": "",
        "description_vi": "",
        "severity": "low",
        "score": 25,
        "formula": "",
        "group": (),
        "first_seen": first,
        "last_seen": first,
        "count": 1,
    }
    return Alert(id=f"{number:016x}", **(values | fields))


def received(first, delay):
    """A sample of one event whose line was received ``delay`` µs after it happened."""
    return (EventRef("e" * 32, first, {"soc.received": first + delay}),)


def heard(hours, origin="udp:10.0.0.1", module="nginx", start=OCTOBER.start):
    """An event in each of these hours of the month."""
    return [HourCount(origin, module, start + hour * HOUR, 1) for hour in hours]
