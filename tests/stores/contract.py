"""What every store has to do. A store's own test file subclasses StoreContract and adds one fixture, ``store``."""

from dataclasses import replace

import pytest

from soc.core.alert import Alert, EventRef
from soc.core.errors import Conflict, Refused
from soc.core.event import Rejected, micros
from soc.core.finding import Reason
from soc.core.ids import id_of, rejected_id
from soc.core.store import HOUR, AlertFilter, HourCount, LineFilter, Retention
from soc.core.triage import Act, Life

NOW = micros("2026-09-14T08:00:00Z")
SECOND = 1_000_000
EVERYTHING = AlertFilter()
NASTY = ["' OR '1'='1", "%", "_", "a%", '"', "\\", "'; DROP TABLE alerts; --", "\x00", "*", "port_scan", "\ud800"]

ACTS_OF_A_DAY = (
    Act("acknowledge", "lan", NOW),
    Act("assign", "lan", NOW + 1, assignee="minh"),
    Act("comment", "minh", NOW + 2, "  Hỏi \x00 <b>'; DROP TABLE acts; --  "),
    Act("close", "minh", NOW + 3, "backup job", "benign"),
)


def event(number, time=None, **fields):
    return {
        "@timestamp": NOW + number * SECOND if time is None else time,
        "event.dataset": "sshd.auth",
        "event.category": ("authentication",),
        "event.original": f"line {number}",
        "log.offset": number,
        "soc.origin": "file:auth.log",
        **fields,
    }


def rejected(number, received=None, raw=b"\xff\x00 broken"):
    return Rejected(
        "udp:10.0.0.1", number, NOW + number * SECOND if received is None else received, "auto", "no parser", raw
    )


def alert(id="a" * 16, **fields):
    values = {
        "rule_id": "7d6c2f3e-0000-4000-8000-000000000001",
        "rule_name": "ssh-guess",
        "rule_hash": "c0ffee",
        "kind": "rule",
        "title": "SSH password guessing",
        "title_vi": "Dò mật khẩu SSH",
        "description": "",
        "description_vi": "",
        "severity": "high",
        "score": 70,
        "formula": "high 70 x level-3 1.0 = 70",
        "group": (("source.ip", "198.51.100.66"),),
        "first_seen": NOW,
        "last_seen": NOW + SECOND,
        "count": 2,
        "reasons": (Reason("event.action", "is", "ssh_login_failed", "ssh_login_failed"),),
        "events": (EventRef("e" * 32, NOW, {"@timestamp": "2026-09-14T08:00:00Z"}),),
        "techniques": (("T1110.001", "Password Guessing"),),
        "hosts": ("10.1.20.25", "MX1"),
        "next_steps": {"vi": ("Hỏi",), "en": ("Ask",)},
    }
    return Alert(id=id, **(values | fields))


def ids(alerts):
    return [item.id for item in alerts]


class StoreContract:
    @pytest.fixture
    def filled(self, store):
        store.put_alerts(
            [
                alert("1" * 16, score=81, severity="critical", last_seen=NOW + 5 * SECOND),
                alert("2" * 16, last_seen=NOW + 9 * SECOND, title="100% CPU_load", rule_name="cpu", rule_id="r2"),
                alert("3" * 16, last_seen=NOW + 9 * SECOND, hosts=(), group=(("user.name", "Hòa"),)),
                alert("4" * 16, score=25, severity="low", first_seen=NOW + 7 * SECOND, last_seen=NOW + 8 * SECOND),
                alert("5" * 16, last_seen=NOW + 10 * SECOND),
            ]
        )
        store.commit()
        return store

    def test_an_empty_store_answers_everything(self, store):
        assert store.alerts(EVERYTHING) == []
        assert store.alert("a" * 16) is None
        assert store.event("0" * 32) is None
        assert store.events_around(NOW, SECOND, 10) == []
        assert store.rejected(10) == []
        assert store.state("pipeline") is None
        assert store.count_alerts(EVERYTHING) == dict.fromkeys(
            ["critical", "high", "medium", "low", "informational"], 0
        )
        counts = store.counts()
        assert (counts["events"], counts["rejected"], counts["alerts"]) == (0, 0, 0)

    def test_empty_writes_and_commits_change_nothing(self, store):
        store.put_events([])
        store.put_rejected([])
        store.put_alerts([])
        store.commit()
        store.commit()
        assert store.counts()["events"] == 0

    def test_an_event_comes_back_in_wire_form(self, store):
        what = event(1, **{"event.start": NOW, "source.port": 22, "event.risk_score": 0.5, "user.name": "Hòa"})
        store.put_events([what])
        store.commit()
        assert store.event(id_of(what)) == {
            **what,
            "@timestamp": "2026-09-14T08:00:01Z",
            "event.start": "2026-09-14T08:00:00Z",
            "event.category": ["authentication"],
            "event.id": id_of(what),
        }

    @pytest.mark.parametrize("id", ["", "zz", "abc", "1" * 64, "'", "\x00"])
    def test_an_id_that_is_none_finds_no_event(self, store, id):
        store.put_events([event(1)])
        assert store.event(id) is None

    def test_writing_twice_writes_once(self, store):
        for _ in range(2):
            store.put_events([event(1), event(2), event(1)])
            store.put_rejected([rejected(1), rejected(2)])
            store.put_alerts([alert()])
            store.commit()
        counts = store.counts()
        assert (counts["events"], counts["rejected"], counts["alerts"]) == (2, 2, 1)

    def test_two_lines_with_one_number_are_both_kept(self, store):
        store.put_rejected([rejected(1), rejected(1, raw=b"another after a restart")])
        store.put_events([event(1), event(1, **{"event.original": "another after a restart"})])
        assert store.counts()["rejected"] == store.counts()["events"] == 2

    def test_what_json_cannot_hold_does_not_stop_the_store(self, store):
        hostile = event(1, **{"user.name": "a\ud800b", "source.bytes": 2**80, "event.risk_score": float("nan")})
        store.put_events([hostile])
        store.put_alerts([alert(hosts=("a\ud800b",), title="\ud800")])
        store.commit()
        found = store.event(id_of(hostile))
        assert (found["user.name"], found["source.bytes"]) == ("a?b", str(2**80))
        assert store.alert("a" * 16).hosts == ("a?b",)

    def test_rejected_lines_come_back_raw_and_newest_first(self, store):
        store.put_rejected([rejected(1), rejected(3), rejected(2)])
        assert store.rejected(2) == [rejected(3), rejected(2)]
        assert store.rejected(10)[-1].raw == b"\xff\x00 broken"

    @pytest.mark.parametrize(
        ("wanted", "found"),
        [
            (LineFilter(reason="EMPTY"), [4]),
            (LineFilter(reason="n"), [4, 3, 2, 1]),
            (LineFilter(reason="*"), [3]),
            (LineFilter(reason="%"), []),
            (LineFilter(reason="à"), [2]),
            (LineFilter(reason="À"), []),
            (LineFilter(origin="10.0.0.1"), [3, 1]),
            (LineFilter(origin="UDP:"), [3, 1]),
            (LineFilter(since=NOW + 3 * SECOND), [4, 3]),
            (LineFilter(reason="parser", origin="hq"), []),
            (LineFilter(reason="no parser", origin="udp", since=NOW + 2 * SECOND), [3]),
        ],
    )
    def test_rejected_lines_are_filtered(self, store, wanted, found):
        lines = [
            rejected(1),
            replace(rejected(2), origin="hq/tcp:10.9.9.9", reason="thời gian là ngày nào?"),
            replace(rejected(3), reason="no parser *"),
            replace(rejected(4), origin="file:x", reason="Empty line"),
        ]
        store.put_rejected(lines)
        assert [line.position for line in store.rejected(10, wanted)] == found
        assert [line.position for line in store.rejected(1, wanted)] == found[:1]

    @pytest.mark.parametrize("text", NASTY)
    def test_no_filter_of_lines_is_taken_for_anything_but_text(self, store, text):
        store.put_rejected([rejected(1)])
        for wanted in (LineFilter(reason=text), LineFilter(origin=text), LineFilter(id=text)):
            assert store.rejected(10, wanted) == []

    def test_a_rejected_line_is_found_by_a_beginning_of_its_id(self, store):
        store.put_rejected([rejected(n) for n in range(50)])
        id = rejected_id("udp:10.0.0.1", 7, rejected(7).raw)
        for length in (8, 9, 32):
            assert store.rejected(10, LineFilter(id=id[:length])) == [rejected(7)]
        for nonsense in ("", id[:3], "zzzz", id + "0", id[:8].upper() + "G"):
            assert store.rejected(10, LineFilter(id=nonsense)) == []

    def test_removed_lines_are_gone_and_no_others(self, store):
        hostile = replace(rejected(9), origin="file:\ud800")
        store.put_rejected([*(rejected(n) for n in range(5)), rejected(3, raw=b"a twin"), hostile])
        store.commit()
        assert store.remove_rejected([rejected(1), rejected(3), rejected(77)]) == 2
        assert store.remove_rejected([rejected(1)]) == 0
        assert store.remove_rejected([]) == 0
        assert store.remove_rejected([line for line in store.rejected(10) if line.position == 9]) == 1
        store.commit()
        assert {(line.position, line.raw) for line in store.rejected(10)} == {
            *((n, rejected(n).raw) for n in (0, 2, 4)),
            (3, b"a twin"),
        }
        assert store.counts()["rejected"] == 4

    def test_a_removed_line_can_be_rejected_again(self, store):
        store.put_rejected([rejected(1)])
        assert store.remove_rejected([rejected(1)]) == 1
        store.put_rejected([rejected(1)])
        store.commit()
        assert store.rejected(10) == [rejected(1)]

    def test_an_alert_comes_back_as_it_was(self, store):
        store.put_alerts([alert()])
        store.commit()
        assert store.alert("a" * 16) == alert()
        assert store.alerts(EVERYTHING) == [alert()]

    def test_a_later_state_of_an_alert_replaces_it_whole(self, store):
        store.put_alerts([alert()])
        later = alert(count=9, score=25, severity="low", hosts=("10.9.9.9",), title="Renamed", last_seen=NOW + 9)
        store.put_alerts([later])
        assert store.alerts(EVERYTHING) == [later]
        assert store.alerts(AlertFilter(host="10.1.20.25")) == []
        assert store.alerts(AlertFilter(rule="guessing")) == []
        assert store.count_alerts(EVERYTHING)["low"] == 1

    def test_a_persons_status_is_kept_when_the_alert_goes_on(self, store):
        store.put_alerts([alert()])
        store.put_alerts([alert(status="closed")])
        store.put_alerts([alert(count=99)])
        assert (store.alert("a" * 16).status, store.alert("a" * 16).count) == ("closed", 99)
        store.put_alerts([alert(status="open")])
        assert store.alerts(EVERYTHING)[0].status == "open"

    def test_an_alert_is_found_by_an_unambiguous_beginning(self, store):
        store.put_alerts([alert("abcd1" + "0" * 11), alert("abcd2" + "0" * 11)])
        assert store.alert("abcd1").id == "abcd1" + "0" * 11
        assert store.alert("abcd") is None
        assert store.alert("abc") is None
        for nonsense in ("", "%", "abcd_", "abcd%", "ABCD1", *NASTY):
            assert store.alert(nonsense) is None

    def test_the_order_is_score_then_time_then_id(self, filled):
        assert ids(filled.alerts(EVERYTHING)) == ["1" * 16, "5" * 16, "2" * 16, "3" * 16, "4" * 16]

    def test_pages_add_up_to_the_whole(self, filled):
        pages = [filled.alerts(AlertFilter(limit=2, offset=offset)) for offset in (0, 2, 4, 6)]
        assert [len(page) for page in pages] == [2, 2, 1, 0]
        assert [item for page in pages for item in page] == filled.alerts(EVERYTHING)
        assert filled.alerts(AlertFilter(limit=0)) == []

    @pytest.mark.parametrize(
        ("wanted", "found"),
        [
            (AlertFilter(min_severity="critical"), "1"),
            (AlertFilter(min_severity="high"), "1523"),
            (AlertFilter(min_severity="informational"), "15234"),
            (AlertFilter(rule="r2"), "2"),
            (AlertFilter(rule="cpu"), "2"),
            (AlertFilter(rule="SSH PASSWORD"), "1534"),
            (AlertFilter(rule="DÒ MẬT KHẨU"), "15234"),
            (AlertFilter(rule="Do\u0300 ma\u0323\u0302t"), "15234"),
            (AlertFilter(rule="0% CPU_"), "2"),
            (AlertFilter(rule="0%U_"), ""),
            (AlertFilter(rule="guessing\ndò"), ""),
            (AlertFilter(host="mx1"), "1524"),
            (AlertFilter(host="mx"), ""),
            (AlertFilter(host="198.51.100.66"), "1524"),
            (AlertFilter(host="hòa"), "3"),
            (AlertFilter(since=NOW + 9 * SECOND), "523"),
            (AlertFilter(until=NOW + 7 * SECOND), "1523"),
            (AlertFilter(since=NOW + 6 * SECOND, until=NOW + 8 * SECOND), "5234"),
            (AlertFilter(min_severity="high", host="mx1", since=NOW + 9 * SECOND, rule="cpu"), "2"),
        ],
    )
    def test_filters(self, filled, wanted, found):
        assert ids(filled.alerts(wanted)) == [digit * 16 for digit in found]
        counts = filled.count_alerts(wanted)
        assert sum(counts.values()) == len(found)
        assert list(counts) == ["critical", "high", "medium", "low", "informational"]

    def test_counts_do_not_depend_on_the_page(self, filled):
        assert filled.count_alerts(AlertFilter(limit=1, offset=3)) == {
            "critical": 1,
            "high": 3,
            "medium": 0,
            "low": 1,
            "informational": 0,
        }

    def test_an_unknown_severity_is_refused(self, filled):
        for severity in ("urgent", "", "HIGH ' --"):
            with pytest.raises(ValueError, match="is no severity"):
                filled.alerts(AlertFilter(min_severity=severity))

    @pytest.mark.parametrize("text", NASTY)
    def test_no_filter_value_is_taken_for_anything_but_text(self, filled, text):
        assert filled.alerts(AlertFilter(host=text)) == []
        found = [alert.id for alert in filled.alerts(AlertFilter(rule=text))]
        assert found == (["2" * 16] if text in ("%", "_") else [])
        assert filled.counts()["alerts"] == 5

    def test_a_nasty_value_is_found_by_itself(self, store):
        for number, text in enumerate(NASTY[:-1]):
            store.put_alerts([alert(f"{number:016x}", hosts=(text,), group=(), title=text, title_vi="")])
        for number, text in enumerate(NASTY[:-1]):
            assert ids(store.alerts(AlertFilter(host=text))) == [f"{number:016x}"]
            assert f"{number:016x}" in ids(store.alerts(AlertFilter(rule=text)))

    def test_events_around_a_time_are_the_nearest_in_order(self, store):
        store.put_events([event(n) for n in (0, 7, 9, 10, 12, 30)])
        around = [item["log.offset"] for item in store.events_around(NOW + 10 * SECOND, 10 * SECOND, 100)]
        assert around == [0, 7, 9, 10, 12]
        nearest = [item["log.offset"] for item in store.events_around(NOW + 10 * SECOND, 10 * SECOND, 3)]
        assert nearest == [9, 10, 12]
        assert all(len(str(item["event.id"])) == 32 for item in store.events_around(NOW, SECOND, 10))

    def test_events_come_back_as_they_were_in_order_of_time(self, store):
        stored = [event(n, **{"event.start": NOW, "source.port": 22}) for n in (5, 1, 9, 3)]
        twins = [event(n, time=NOW + 3 * SECOND) for n in (70, 60)]
        store.put_events([*stored, *twins])
        store.commit()
        assert list(store.events(NOW, NOW + 9 * SECOND)) == [stored[1], stored[3], *twins, stored[0]]
        assert list(store.events(NOW + 9 * SECOND, NOW + 10 * SECOND)) == [stored[2]]
        assert list(store.events(NOW + 10 * SECOND, NOW + 99 * SECOND)) == []

    def test_events_count_once_by_origin_module_and_hour(self, store):
        start = NOW // HOUR * HOUR
        mail = {"soc.origin": "udp:10.1.20.25", "event.module": "postfix"}
        first = [event(1, start), event(2, start + HOUR - 1), event(3, start + HOUR), event(4, start + 5, **mail)]
        store.put_events(first)
        store.put_events([*first[1:], event(5, start + 2, **mail), event(5, start + 2, **mail)])
        store.commit()
        assert store.hours(start, start + HOUR) == [
            HourCount("file:auth.log", "", start, 2),
            HourCount("udp:10.1.20.25", "postfix", start, 2),
        ]
        assert store.hours(start + 1, start + 9 * HOUR) == [HourCount("file:auth.log", "", start + HOUR, 1)]

    def test_many_events_of_one_time_all_come_back(self, store):
        store.put_events([event(n, time=NOW) for n in range(2500)])
        store.put_events([event(n, time=NOW + SECOND) for n in range(2500, 3500)])
        assert [found["log.offset"] for found in store.events(0, NOW + 2 * SECOND)] == list(range(3500))

    def test_state_is_kept_by_name_and_replaced(self, store):
        store.put_state("pipeline", b"\x00one")
        store.put_state("other", b"")
        store.put_state("pipeline", b"\x00two")
        store.commit()
        assert (store.state("pipeline"), store.state("other"), store.state("x")) == (b"\x00two", b"", None)

    def test_purge_by_age_keeps_what_is_not_older_and_every_alert(self, store):
        store.put_events([event(n) for n in range(100)])
        store.put_rejected([rejected(n) for n in range(100)])
        store.put_alerts([alert()])
        store.commit()
        assert store.purge(Retention(max_age=10 * SECOND), NOW + 70 * SECOND) == 60
        counts = store.counts()
        assert (counts["events"], counts["rejected"], counts["alerts"]) == (40, 40, 1)
        assert store.event(id_of(event(59))) is None
        assert store.event(id_of(event(60))) is not None
        assert store.alert("a" * 16).events[0].event["@timestamp"] == "2026-09-14T08:00:00Z"

    def test_purge_by_size_removes_the_oldest_and_no_more_than_needed(self, store):
        store.put_events([event(n, **{"message": "x" * 2000}) for n in range(1000)])
        store.put_alerts([alert()])
        store.commit()
        before = store.counts()["bytes"]
        gone = store.purge(Retention(max_bytes=before // 2), NOW)
        counts = store.counts()
        assert counts["bytes"] <= before // 2
        assert (counts["events"], counts["alerts"]) == (1000 - gone, 1)
        assert 400 < gone < 650
        assert store.event(id_of(event(gone - 1))) is None
        assert store.event(id_of(event(gone))) is not None

    def test_purge_reaches_rejected_lines_and_ends_when_nothing_is_left(self, store):
        store.put_rejected([rejected(n, raw=b"x" * 2000) for n in range(100)])
        store.put_alerts([alert()])
        assert store.purge(Retention(max_bytes=1), NOW) == 0
        counts = store.counts()
        assert (counts["rejected"], counts["alerts"]) == (0, 1)

    def test_purge_without_bounds_removes_nothing(self, store):
        store.put_events([event(1, time=0)])
        assert store.purge(Retention(), NOW) == 0
        assert store.counts()["events"] == 1

    def test_what_was_purged_can_be_written_again(self, store):
        store.put_events([event(1)])
        assert store.purge(Retention(max_age=1), NOW + 60 * SECOND) == 1
        store.put_events([event(1)])
        store.commit()
        assert store.counts()["events"] == 1

    def test_the_life_of_an_alert_is_kept_with_its_history(self, store):
        store.put_alerts([alert()])
        assert store.life("a" * 16) == Life()
        for version, act in enumerate(ACTS_OF_A_DAY):
            store.act("a" * 16, act, version)
        life = store.life("a" * 16)
        assert [(one.by, one.at, one.act, one.old, one.new, one.text) for one in life.entries] == [
            ("lan", NOW, "acknowledge", "new", "acknowledged", ""),
            ("lan", NOW + 1, "assign", "", "minh", ""),
            ("minh", NOW + 2, "comment", "", "", "Hỏi \x00 <b>'; DROP TABLE acts; --"),
            ("minh", NOW + 3, "close", "acknowledged", "benign", "backup job"),
        ]
        assert (life.status, life.assignee, life.verdict, life.version) == ("closed", "minh", "benign", 4)
        assert store.alert("a" * 16).status == "closed"
        assert [found.status for found in store.alerts(EVERYTHING)] == ["closed"]

    def test_the_second_of_two_who_act_at_once_is_told(self, store):
        store.put_alerts([alert()])
        store.act("a" * 16, ACTS_OF_A_DAY[0], 0)
        with pytest.raises(Conflict):
            store.act("a" * 16, Act("comment", "minh", NOW, "mine"), 0)
        assert [one.by for one in store.life("a" * 16).entries] == ["lan"]

    def test_what_the_pipeline_adds_meanwhile_is_no_conflict_and_undoes_no_act(self, store):
        store.put_alerts([alert()])
        store.act("a" * 16, ACTS_OF_A_DAY[0], 0)
        store.put_alerts([alert(count=9)])
        store.commit()
        store.act("a" * 16, Act("comment", "minh", NOW, "still going on"), 1)
        found = store.alert("a" * 16)
        assert (found.status, found.count, store.life("a" * 16).version) == ("acknowledged", 9, 2)

    def test_a_refused_act_changes_nothing_and_the_store_goes_on(self, store):
        store.put_alerts([alert()])
        with pytest.raises(Refused):
            store.act("a" * 16, Act("reopen", "lan", NOW), 0)
        assert store.life("a" * 16) == Life()
        store.put_alerts([alert("b" * 16)])
        store.commit()
        assert store.life("b" * 16) == Life()

    @pytest.mark.parametrize("id", ["", "aaaa", "b" * 16, "..", "_search", "\ud800", "'"])
    def test_no_alert_has_no_life(self, store, id):
        store.put_alerts([alert()])
        store.commit()
        assert store.life(id) is None
        with pytest.raises(Refused):
            store.act(id, ACTS_OF_A_DAY[0], 0)
