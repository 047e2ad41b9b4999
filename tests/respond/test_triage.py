from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import soc.story
from soc.core.alert import decode, encode
from soc.core.event import micros
from soc.core.finding import Finding, Kind, Level, Reason, RuleInfo
from soc.respond import tally as tally_module
from soc.respond.triage import DAY, PARTIES, Triage

HOUR = 3_600_000_000
START = micros("2026-09-14T00:00:00Z")  # 07:00 in Vietnam

RULE = RuleInfo(
    "7d6c2f3e-0000-4000-8000-000000000001",
    "ssh-guess",
    "SSH password guessing",
    Kind.RULE,
    Level.HIGH,
    "c0ffee",
    tags=("attack.credential-access", "attack.t1110.001"),
)
COUNTED = replace(RULE, id="7d6c2f3e-0000-4000-8000-000000000002", kind=Kind.CORRELATION)


class NoScanners:
    def scanner(self, ip, time):
        return None


class OneScanner:
    range, why, owner = "10.1.99.30", "weekly scan", "cntt"

    def scanner(self, ip, time):
        return self if ip == self.range and time < START + HOUR else None


def event(number, time=None, **fields):
    named = {name.replace("_", "."): value for name, value in fields.items()}
    return {
        "@timestamp": START + number if time is None else time,
        "soc.origin": "file:auth.log",
        "log.offset": number,
        "event.original": f"line {number}",
        "event.category": ("authentication",),
        "source.ip": "198.51.100.66",
        **named,
    }


def hit(what, rule=RULE):
    time = what["@timestamp"]
    reason = Reason("event.action", "is", "ssh_login_failed", str(what["log.offset"]))
    return Finding(rule, (), time, time, time, 1, (what,), (reason,))


def episode(anchor, count, events, group=(("source.ip", "198.51.100.66"),), rule=COUNTED):
    last = max(item["@timestamp"] for item in events)
    return Finding(rule, group, anchor, anchor, last, count, tuple(events), (Reason("count", "gte", "5", str(count)),))


def triage(**options):
    return Triage(options.pop("inventory", NoScanners()), **options)


def final(batches, **options):
    """What a store holds in the end: the last state of each alert."""
    instance = triage(**options)
    return {alert.id: alert for batch in batches for alert in instance.take(batch)}


def test_ten_thousand_repeats_are_one_alert_with_a_bounded_sample():
    alerts = final([[hit(event(n)) for n in range(start, start + 500)] for start in range(0, 10_000, 500)])
    (alert,) = alerts.values()
    assert (alert.count, alert.first_seen, alert.last_seen) == (10_000, START, START + 9999)
    assert [ref.event["log.offset"] for ref in alert.events] == [0, 1, 2, *range(9993, 10_000)]
    assert alert.events[0].event["@timestamp"] == "2026-09-14T00:00:00Z"
    assert alert.reasons == (Reason("event.action", "is", "ssh_login_failed", "0"),)


def test_two_attackers_never_fold_together():
    alerts = final([[hit(event(1)), hit(event(2, source_ip="198.51.100.67"))]])
    assert {alert.group for alert in alerts.values()} == {
        (("source.ip", "198.51.100.66"),),
        (("source.ip", "198.51.100.67"),),
    }


def test_two_rules_never_fold_together():
    other = replace(RULE, id="7d6c2f3e-0000-4000-8000-000000000009")
    assert len(final([[hit(event(1)), hit(event(1), other)]])) == 2


def test_an_alert_says_all_that_an_analyst_needs():
    what = event(1, host_name="rad-db-01", destination_ip="10.1.40.10", soc_system="radiation-db", soc_unit="atbx")
    (alert,) = triage().take([hit(what | {"soc.level": 4})])
    assert (alert.severity, alert.score, alert.formula) == ("critical", 81, "high 70 x level-4 1.15 = 81")
    assert (alert.system, alert.unit, alert.level) == ("radiation-db", "atbx", 4)
    assert alert.hosts == ("10.1.40.10", "198.51.100.66", "rad-db-01")
    assert alert.techniques == (("T1110.001", "Password Guessing"),)
    assert alert.tactics == ("Credential Access",)
    assert alert.status == "new"
    assert len(alert.next_steps["vi"]) >= 3
    assert decode(encode(alert)).id == alert.id


def test_the_highest_level_concerned_decides():
    first = event(1, soc_system="portal", soc_unit="cntt") | {"soc.level": 3}
    later = event(2, soc_system="radiation-db", soc_unit="atbx") | {"soc.level": 4}
    alerts = final([[hit(first)], [hit(later)], [hit(event(3))]])
    (alert,) = alerts.values()
    assert (alert.system, alert.unit, alert.level, alert.severity) == ("radiation-db", "atbx", 4, "critical")


def test_a_window_is_a_local_day():
    before, after = event(1, time=START - 7 * HOUR - 1), event(2, time=START - 7 * HOUR)
    assert len(final([[hit(before), hit(after)]])) == 2
    assert len(final([[hit(after), hit(event(3, time=START + 17 * HOUR - 1))]])) == 1
    assert len(final([[hit(after), hit(event(3, time=START + 17 * HOUR))]])) == 2


def test_shorter_windows_begin_at_local_midnight_too():
    # 5 h windows of a local day: 0, 5, 10, 15 and 20 o'clock, then midnight again
    at = [START - 7 * HOUR + hour * HOUR for hour in (0, 4, 5, 19, 20, 23, 24)]
    found = [set(final([[hit(event(1, time=time))]], fold=5 * HOUR)) for time in at]
    assert [a == b for a, b in pairwise(found)] == [True, False, False, False, True, False]


def test_a_silent_rule_makes_no_alert():
    assert triage().take([hit(event(1), replace(RULE, silent=True))]) == []


def test_an_episode_told_again_counts_once():
    events = [event(n) for n in range(5)]
    told = [episode(START, 5, events[:3]), episode(START, 9, events), episode(START, 9, events)]
    (alert,) = final([told, told]).values()
    assert alert.count == 9
    assert alert.reasons == (Reason("count", "gte", "5", "9"),)
    (alert,) = final([told, [episode(START + HOUR, 4, [event(3600, time=START + HOUR)])]]).values()
    assert alert.count == 13


def test_episodes_of_other_groups_in_one_alert_add_up():
    rule = replace(COUNTED, fold=("destination.ip",))
    groups = [(("source.ip", f"198.51.100.{n}"), ("destination.ip", "10.1.20.25")) for n in range(3)]
    told = [episode(START, 5, [event(n)], group, rule) for n, group in enumerate(groups)]
    (alert,) = final([told, told]).values()
    assert (alert.count, alert.group) == (15, (("destination.ip", "10.1.20.25"),))


def test_the_episodes_remembered_are_bounded_and_none_is_lost(monkeypatch):
    monkeypatch.setattr(tally_module, "EPISODES", 10)
    instance = triage()
    for number in range(50):
        (alert,) = instance.take([episode(START + number, 5, [event(number)])])
    assert alert.count == 250


EVENTS = st.builds(
    lambda number, source, level: (
        event(number, time=START + (number % 7) * 1000, source_ip=f"198.51.100.{source}", host_name=f"h{number}")
        | ({"soc.level": level, "soc.system": f"s{number}", "soc.unit": "u"} if level else {})
    ),
    st.integers(0, 40),
    st.integers(1, 2),
    st.integers(0, 5),
)
FINDINGS = st.lists(
    st.one_of(
        st.builds(hit, EVENTS),
        st.builds(
            lambda anchor, count, events: episode(START + anchor, count, events),
            st.integers(0, 2),
            st.integers(1, 4),
            st.lists(EVENTS, min_size=1, max_size=4),
        ),
    ),
    max_size=40,
)


@given(FINDINGS, st.randoms(use_true_random=False), st.integers(1, 7))
def test_the_order_and_the_batching_of_findings_change_nothing(findings, random, size):
    # an episode's report is determined by its anchor and count
    told = {(f.anchor, f.count): f for f in findings if f.rule.kind is Kind.CORRELATION}
    findings = [told.get((f.anchor, f.count), f) if f.rule.kind is Kind.CORRELATION else f for f in findings]
    # and one line has one content
    lines = {e["log.offset"]: e for f in findings for e in f.events}
    findings = [replace(f, events=tuple(lines[e["log.offset"]] for e in f.events)) for f in findings]
    shuffled = random.sample(findings, len(findings))
    batches = [shuffled[start : start + size] for start in range(0, len(shuffled), size)]
    assert final(batches) == final([findings])


@given(FINDINGS, st.integers(0, 40))
def test_a_restart_in_the_middle_changes_nothing(findings, cut):
    unbroken, before = triage(), triage()
    unbroken.take(findings[:cut])
    before.take(findings[:cut])
    after = triage()
    after.restore(before.state())
    assert after.take(findings[cut:]) == unbroken.take(findings[cut:])
    assert after.state() == unbroken.state()


def test_a_flood_of_parties_does_not_become_a_flood_of_alerts():
    findings = [hit(event(n, source_ip=f"10.9.{n // 250}.{n % 250}")) for n in range(10 * PARTIES)]
    alerts = final([findings])
    assert len(alerts) == PARTIES + 1
    assert sum(alert.count for alert in alerts.values()) == len(findings)
    rest = [alert for alert in alerts.values() if alert.group[0][0] == "soc.fold"]
    assert [alert.count for alert in rest] == [9 * PARTIES]
    # the flood of one rule takes no room from another
    other = replace(RULE, id="7d6c2f3e-0000-4000-8000-000000000009")
    instance = triage()
    instance.take(findings)
    (alert,) = instance.take([hit(event(1), other)])
    assert alert.group == (("source.ip", "198.51.100.66"),)


def test_past_windows_are_forgotten_and_what_comes_later_overwrites_nothing():
    instance = triage()
    (early,) = instance.take([hit(event(n)) for n in range(100)])
    instance.expire(START + DAY)
    (more,) = instance.take([hit(event(100))])
    assert (more.id, more.count) == (early.id, 101)
    instance.expire(START + 2 * DAY)
    assert instance.state() == triage_at(START + 2 * DAY).state()
    (late,) = instance.take([hit(event(101))])
    assert late.id != early.id
    assert late.first_seen == START + 101
    instance.expire(START + 2 * DAY + HOUR)
    (later,) = instance.take([hit(event(102))])
    assert (later.id, later.count) == (late.id, 2)


def triage_at(watermark):
    instance = triage()
    instance.expire(watermark)
    return instance


def test_long_lines_are_cut_in_the_evidence_only():
    (alert,) = triage().take([hit(event(1, event_original="A" * 65536))])
    (reference,) = alert.events
    assert len(reference.event["event.original"]) == 4097
    assert reference.id == triage().take([hit(event(1, event_original="A" * 65536))])[0].events[0].id
    assert len(encode(alert)) < 10_000


def test_hosts_are_bounded_whatever_the_order():
    findings = [hit(event(n, destination_ip=f"10.1.{n // 250}.{n % 250}")) for n in range(1000)]
    (forward,) = final([findings]).values()
    (backward,) = final([findings[::-1]]).values()
    assert len(forward.hosts) == 64
    assert forward.hosts == backward.hosts


class TestScanners:
    def test_a_registered_scanner_raises_no_alert_but_is_counted(self):
        instance = triage(inventory=OneScanner())
        scan = [hit(event(n, source_ip="10.1.99.30")) for n in range(3)]
        counted = episode(START, 40, [event(1, source_ip="10.1.99.30")])
        assert instance.take([*scan, counted, counted]) == []
        assert instance.suppressed == {("10.1.99.30", RULE.id): 3, ("10.1.99.30", COUNTED.id): 40}
        first, _ = instance.suppressions()
        assert (first.why, first.owner, first.rule_title) == ("weekly scan", "cntt", RULE.title)

    def test_after_its_last_day_it_is_a_host_like_any_other(self):
        instance = triage(inventory=OneScanner())
        assert len(instance.take([hit(event(1, time=START + HOUR, source_ip="10.1.99.30"))])) == 1

    def test_what_it_sends_out_of_the_ministry_is_an_alert(self):
        instance = triage(inventory=OneScanner())
        beacon = event(1, source_ip="10.1.99.30", network_direction="outbound")
        assert len(instance.take([hit(beacon)])) == 1

    @pytest.mark.parametrize("other", [{"source_ip": "198.51.100.66"}, {"source_ip": None}])
    def test_what_somebody_else_did_as_well_is_an_alert(self, other):
        instance = triage(inventory=OneScanner())
        both = episode(START, 2, [event(1, source_ip="10.1.99.30"), event(2, **other)])
        assert len(instance.take([both])) == 1

    def test_a_restart_keeps_the_counts(self):
        before, after = triage(inventory=OneScanner()), triage(inventory=OneScanner())
        before.take([hit(event(1, source_ip="10.1.99.30"))])
        after.restore(before.state())
        assert after.suppressions() == before.suppressions() != []


def test_the_inventory_serves_as_scanners():
    from soc.enrich import read_inventory

    inventory = read_inventory(Path(soc.story.__file__).with_name("inventory.yml"))
    instance = Triage(inventory)
    assert instance.take([hit(event(1, source_ip="10.1.99.30"))]) == []
    assert list(instance.suppressed) == [("10.1.99.30", RULE.id)]
