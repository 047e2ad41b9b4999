"""Drills against the real server process: whatever happens on the way, each item is accepted exactly once."""

import random
import signal
import sqlite3
from contextlib import closing

import pytest

from soc.core.clock import FixedClock
from soc.core.errors import SocError
from soc.sharing.courier import LONGEST_WAIT, Courier, backoff
from soc.sharing.gate import gate
from soc.sharing.outbox import Outbox
from soc.sharing.receipt import genuine
from soc.sharing.stix import objects_of, to_bundle, version_of
from soc.sharing.taxii import Answer
from tests.sharing.conftest import NOW, SECOND

DAY = 86_400 * SECOND


class Drill:
    """An outbox beside a centre, with a clock that jumps to when something is due."""

    def __init__(self, centre, folder, ours):
        self.centre, self.path, self.ours = centre, folder / "outbox.db", ours
        self.clock = FixedClock(NOW)
        self.outbox = Outbox(self.path)
        self.key = centre.key

    def put(self, alert, tlp="amber"):
        whole = to_bundle(alert, "Bộ KHCN", tlp, self.outbox.first(alert.id))
        return self.outbox.put(alert, whole, gate(whole, self.ours), self.clock.now())

    def round(self, client=None):
        return Courier(self.outbox, client or self.centre.client(), self.clock, self.key).round()

    def until_done(self, rounds=60):
        for _ in range(rounds):
            counts = self.outbox.counts()
            if not counts["waiting"] + counts["sending"] + counts["pending"]:
                return
            self.round()
            self.clock.time += LONGEST_WAIT + SECOND
        raise AssertionError(self.outbox.items())

    def arrived(self, item):
        """outcomes at the centre of the objects that only this item has, by id and version."""
        own = {(each["id"], version_of(each)) for each in objects_of(item.bundle) if "created_by_ref" in each}
        found = {key: [] for key in own}
        with closing(sqlite3.connect(self.centre.folder / "centre.db")) as db:
            for id, version, outcome in db.execute("SELECT object, version, outcome FROM arrivals"):
                if (id, version) in found:
                    found[id, version].append(outcome)
        return found

    def check_once(self, *, never_twice=True):
        for item in self.outbox.items(limit=1000):
            assert item.state == "accepted", item
            for key, outcomes in self.arrived(item).items():
                assert outcomes.count("accepted") == 1, (key, outcomes)
                if never_twice:
                    assert outcomes == ["accepted"], (key, outcomes)
                receipt = self.outbox.receipt(*key)
                assert receipt is not None and genuine(receipt, self.key)


@pytest.fixture
def drill(running, tmp_path, ours):
    running.no_faults()
    made = Drill(running, tmp_path, ours)
    yield made
    made.outbox.close()


# one fault: what it is called, its value, and how often it comes
FAULTS = [
    ("429", 7, 2),
    ("503", 7, 2),
    ("500", 0, 3),
    ("500_after", 0, 1),
    ("timeout_after", 1.0, 1),
    ("drop", 0, 1),
    ("pending", 0.2, 1),
]


@pytest.mark.parametrize(("kind", "value", "count"), FAULTS)
def test_each_fault_alone(drill, alert, kind, value, count, request):
    number = 1000 + [fault[0] for fault in FAULTS].index(kind)
    drill.put(alert(number))
    drill.centre.fault(kind, value, count)
    first = drill.round()
    assert first.accepted == 0
    drill.until_done()
    drill.check_once()


@pytest.mark.parametrize("seed", range(4))
def test_any_sequence_of_faults(drill, alert, seed):
    chance = random.Random(seed)
    for _ in range(chance.randrange(4, 9)):
        kind, value, count = chance.choice(FAULTS)
        drill.centre.fault(kind, value, count)
    for number in range(5):
        drill.put(alert(2000 + seed * 100 + number))
    drill.until_done()
    drill.check_once()


def test_an_answer_slower_than_our_patience_is_still_taken_once(drill, alert):
    drill.put(alert(3001))
    drill.centre.fault("delay", 1.0)
    assert "timed out" in drill.round().stopped
    drill.until_done()
    drill.check_once(never_twice=False)  # we asked before it had taken it in, so it may come twice; it is taken once


def test_what_was_accepted_is_never_sent_again(drill, alert):
    drill.put(alert(3101))
    drill.until_done()
    assert not drill.put(alert(3101))
    assert drill.put(alert(3101, last_seen=NOW + 200 * SECOND, count=41))  # it went on: a version of its own
    drill.until_done()
    drill.check_once()


def test_a_process_that_dies_after_sending_asks_first(drill, alert):
    class Dies:
        def __init__(self, client):
            self.client = client

        def __getattr__(self, name):
            return getattr(self.client, name)

        def post(self, envelope):
            assert self.client.post(envelope).status == 202
            raise KeyboardInterrupt

    drill.put(alert(3201))
    with pytest.raises(KeyboardInterrupt):
        drill.round(Dies(drill.centre.client()))
    drill.outbox.close()
    drill.outbox = Outbox(drill.path)
    assert drill.outbox.counts()["sending"] == 1
    drill.until_done()
    drill.check_once()


def test_an_outage_of_a_day_and_a_kill(own_centre, tmp_path, ours, alert):
    drill = Drill(own_centre, tmp_path, ours)
    drill.put(alert(1))
    drill.until_done()
    own_centre.stop(signal.SIGKILL)
    for number in range(2, 12):
        drill.put(alert(number))
    client = own_centre.client()
    attempts, end = 0, drill.clock.time + DAY
    while drill.clock.time < end:
        before = drill.outbox.noted("failures")
        assert drill.round(client).stopped
        attempts += drill.outbox.noted("failures") != before
        drill.clock.time += 20 * SECOND
    assert 10 < attempts < DAY // (200 * SECOND)  # it neither gives up nor hammers
    assert drill.outbox.counts()["waiting"] == 10
    own_centre.start()
    drill.until_done()
    drill.check_once()
    drill.outbox.close()


def test_retry_after_is_honoured(drill, alert):
    drill.put(alert(3301))
    drill.centre.fault("429", 600)
    drill.round()
    drill.clock.time += 599 * SECOND
    assert drill.round().accepted == 0
    drill.clock.time += 2 * SECOND
    assert drill.round().accepted == 1


def test_an_item_that_the_centre_chokes_on_stops_no_other(drill, alert):
    drill.put(alert(3401))
    drill.clock.time += 1
    drill.put(alert(3402))
    drill.centre.fault("500")
    drill.round()
    (other,) = drill.outbox.due(drill.clock.now())
    assert other.id == alert(3402).id


def test_what_is_not_taken_is_refused_with_the_reason(drill, alert):
    item = alert(3501)
    whole = to_bundle(item, "Bộ KHCN", "amber")
    objects_of(whole)[-1]["object_refs"] = []
    drill.outbox.put(item, whole, gate(whole, drill.ours), NOW)
    drill.until_done()
    (refused,) = drill.outbox.items(["refused"])
    assert "object_refs" in refused.error
    assert drill.round().refused == 0


def test_a_receipt_with_a_wrong_signature_counts_for_nothing(drill, alert):
    drill.put(alert(3601))
    drill.key = b"another key"
    assert drill.round().pending == 1
    assert "without a genuine receipt" in drill.outbox.items()[0].error
    drill.key = drill.centre.key
    drill.until_done()
    drill.check_once()


def test_a_wrong_token_is_the_operators_fault_and_loses_nothing(drill, alert):
    drill.put(alert(3701))
    client = drill.centre.client()
    with pytest.raises(SocError, match="401"):
        drill.round(type(client)(client.http, client.root, client.id, "no such token at all"))
    drill.until_done()
    drill.check_once()


def test_a_held_item_waits_for_a_person_whose_name_is_kept(drill, alert):
    item = alert(3801)
    drill.put(item, "red")
    assert drill.round().accepted == 0
    held = drill.outbox.find(item.id[:16])
    drill.outbox.release(held, gate(held.whole, drill.ours, frozenset({"tlp"})), "An", "asked for", NOW)
    with pytest.raises(SocError, match="not held any more"):
        drill.outbox.release(held, gate(held.whole, drill.ours), "Bình", "again", NOW)
    drill.until_done()
    drill.check_once()
    assert ("released", "An", "asked for") in [row[1:] for row in drill.outbox.history(item.id)]


def test_waits_grow_and_differ():
    waits = [backoff(attempt, "a") for attempt in range(30)]
    assert waits[0] <= 2 * SECOND and LONGEST_WAIT * 0.9 <= waits[-1] <= LONGEST_WAIT
    assert backoff(5, "a") != backoff(5, "b")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("5", 5), ("", 0), ("soon", 0), ("-3", 0), ("99999999999", 86400), ("Sat, 03 Oct 2026 04:00:30 GMT", 30)],
)
def test_retry_after_in_both_forms(text, seconds):
    assert Answer(429, {"retry-after": text}).retry_after(NOW) == seconds * SECOND


def test_a_thousand_items_through_every_fault(own_centre, tmp_path, ours, alert):
    """Each fault comes again and again while they are sent, in an order of chance."""
    drill, chance = Drill(own_centre, tmp_path, ours), random.Random(7)
    for number in range(1000):
        drill.put(alert(number, events=()))
    left = [fault for fault in FAULTS for _ in range(6)]
    chance.shuffle(left)
    rounds = 0
    while sum(drill.outbox.counts()[state] for state in ("waiting", "sending", "pending")):
        if left:
            kind, value, count = left.pop()
            own_centre.fault(kind, value, count)
        drill.round()
        drill.clock.time += LONGEST_WAIT + SECOND
        rounds += 1
        assert rounds < 500
    assert not left, "everything was sent before every fault had come"
    items = drill.outbox.items(limit=1001)
    assert [item.state for item in items] == ["accepted"] * 1000
    wanted = {(each["id"], version_of(each)) for item in items for each in objects_of(item.bundle)}
    with closing(sqlite3.connect(own_centre.folder / "centre.db")) as db:
        accepted = db.execute("SELECT object, version FROM arrivals WHERE outcome = 'accepted'").fetchall()
    assert len(accepted) == len(set(accepted))
    assert set(accepted) == wanted
    drill.outbox.close()
