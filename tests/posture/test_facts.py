"""Each figure of a month, on alerts and counts that can be checked by eye."""

import msgspec
import pytest

from soc.core.store import HOUR
from soc.posture.facts import Moments, RuleUse, facts, spread
from soc.posture.month import Month
from tests.posture.build import DAY, OCTOBER, alert, heard, received

HOURS = 31 * 24


def test_a_month_begins_and_ends_at_local_midnight():
    assert Month.parse("2026-12", 25_200).after == Month(2027, 1, 25_200)
    assert Month.parse("2026-01", 0).before == Month(2025, 12, 0)
    assert (OCTOBER.end - OCTOBER.start, OCTOBER.days) == (31 * DAY, 31)
    assert Month(2026, 10, 0).start - OCTOBER.start == 7 * HOUR


@pytest.mark.parametrize("text", ["2026-13", "2026-1", "2026-00", "10-2026", "2026-10-01", "٢٠٢٦-10", "0000-01", ""])
def test_what_is_no_month(text):
    with pytest.raises(ValueError, match="no month"):
        Month.parse(text, 0)


def test_an_alert_is_of_every_month_that_it_was_seen_in():
    ends = alert(1, first_seen=OCTOBER.start - HOUR, last_seen=OCTOBER.start)
    begins = alert(2, first_seen=OCTOBER.end - 1, last_seen=OCTOBER.end + DAY)
    before = alert(3, first_seen=OCTOBER.start - DAY, last_seen=OCTOBER.start - 1)
    after = alert(4, first_seen=OCTOBER.end, last_seen=OCTOBER.end)
    found = facts(OCTOBER, [ends, begins, before, after], [])
    assert found.alerts == 2
    assert [index + 1 for index, day in enumerate(found.days) if sum(day)] == [1, 31]


def test_alerts_by_severity_day_unit_and_rule():
    alerts = [
        alert(1, 3, severity="critical", unit="vp", level=3, count=5),
        alert(2, 3, severity="high", unit="vp", level=3, rule_id="r2", status="closed"),
        alert(3, 4, unit="vp", level=0, late=True),
        alert(4, 4),
    ]
    found = facts(OCTOBER, alerts, [])
    assert dict(found.severities) == {"critical": 1, "high": 1, "medium": 0, "low": 2, "informational": 0}
    assert (found.alerts, found.urgent, found.late, found.untouched, found.fired) == (4, 2, 1, 3, 2)
    assert found.days[2:4] == ((1, 1, 0, 0, 0), (0, 0, 0, 2, 0))
    assert found.units == (("vp", 3, 2), ("", 0, 1), ("vp", 0, 1))
    assert [(noise.rule_id, noise.alerts, noise.events, noise.untouched) for noise in found.noise] == [
        ("r1", 3, 7, 3),
        ("r2", 1, 1, 0),
    ]


def test_coverage_counts_rules_and_alerts_of_each_tactic():
    rules = [RuleUse("a", ("Discovery", "Impact")), RuleUse("b", ("Impact",))]
    found = facts(OCTOBER, [alert(1, tactics=("Impact",))], [], rules=rules, tactics=("Discovery", "Impact", "Other"))
    assert [(one.name, one.rules, one.alerts) for one in found.tactics] == [
        ("Discovery", 1, 0),
        ("Impact", 2, 1),
        ("Other", 0, 0),
    ]
    assert (found.covered, found.rules) == (2, 2)


def test_times_are_of_those_alerts_that_have_them():
    first = alert(0).first_seen
    alerts = [
        alert(1, events=received(first, 2_000_000)),
        alert(2, events=received(first, 4_000_000)),
        alert(3, events=received(first, 9_000_000), late=True),
        alert(4, events=received(first, 9_000_000), kind="correlation"),
        alert(5, events=received(first + 1, 9_000_000)),
        alert(6),
    ]
    moments = {alerts[5].id: Moments(first + 60_000_000, None)}
    found = facts(OCTOBER, alerts, [], moments=moments)
    assert (found.detect.n, found.detect.median, found.detect.p90) == (2, 3.0, 4.0)
    assert (found.acknowledge.n, found.acknowledge.median) == (1, 60.0)
    assert found.resolve.n == 0


@pytest.mark.parametrize(("n", "median", "p90"), [(1, 1, 1), (2, 1.5, 2), (10, 5.5, 9), (11, 6, 10), (100, 50.5, 90)])
def test_median_and_nearest_rank(n, median, p90):
    made = spread(float(value) for value in range(n, 0, -1))
    assert (made.n, made.median, made.p90) == (n, median, p90)


def test_a_source_is_blind_in_the_hours_without_events():
    counts = [*heard(h for h in range(HOURS) if not 100 <= h < 114 and h != 300), *heard(range(HOURS), "udp:2")]
    found = facts(OCTOBER, [], counts)
    source = found.sources[0]
    assert (found.blind, source.blind, source.longest, source.expected) == (15, 15, 14, HOURS)
    assert source.longest_from == OCTOBER.start + 100 * HOUR
    assert (source.hours[99:101], found.events, found.complete) == ((1, 0), 2 * HOURS - 15, True)


def test_a_source_is_expected_from_its_first_event_until_nothing_sends_any_more():
    found = facts(OCTOBER, [], [*heard(range(500)), *heard(range(490, 495), "udp:new")])
    new = next(source for source in found.sources if source.origin == "udp:new")
    assert (new.expected, new.blind, new.hours[489], new.hours[500]) == (10, 5, -1, -1)
    assert not found.complete


def test_one_that_was_there_last_month_and_never_came_is_blind_all_month():
    before = heard(range(30 * 24), "udp:gone", start=OCTOBER.before.start)
    found = facts(OCTOBER, [], heard(range(HOURS)), before=before)
    assert (found.sources[0].origin, found.blind) == ("udp:gone", HOURS)


def test_a_rare_source_is_shown_but_not_summed():
    found = facts(OCTOBER, [], [*heard(range(HOURS)), *heard(range(0, HOURS, 10), "udp:rare")])
    assert found.blind == 0
    assert [(source.steady, source.blind) for source in found.sources] == [(True, 0), (False, HOURS - 75)]


def chained(**changes):
    alerts = [
        alert(1, 5, hosts=("10.0.0.5",), tactics=("Initial Access",)),
        alert(2, 5, hosts=("10.0.0.5", "srv"), tactics=("Discovery",), severity="high", score=70, title="Worst"),
        alert(3, 6, hosts=("srv",), tactics=("Exfiltration",)),
    ]
    return [alerts[0], msgspec.structs.replace(alerts[1], **changes), alerts[2]]


def test_alerts_of_shared_hosts_with_three_tactics_are_a_suspected_incident():
    (chain,) = facts(OCTOBER, chained(), []).incidents
    assert (chain.title, len(chain.alerts), chain.hosts) == ("Worst", 3, ("10.0.0.5", "srv"))
    assert chain.tactics == ("Initial Access", "Discovery", "Exfiltration")


@pytest.mark.parametrize("changes", [{"severity": "medium"}, {"tactics": ()}, {"hosts": ("10.0.0.5",)}])
def test_without_gravity_tactics_or_a_shared_host_there_is_none(changes):
    assert facts(OCTOBER, chained(**changes), []).incidents == ()


def test_a_host_of_very_many_alerts_joins_none():
    crowd = [alert(number, 5, hosts=("srv",)) for number in range(10, 25)]
    assert facts(OCTOBER, [*chained(), *crowd], []).incidents == ()
