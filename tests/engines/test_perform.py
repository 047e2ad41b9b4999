"""The executor: killed at every point it does nothing twice, and what must not be touched is not."""

import os
import sqlite3
import subprocess
import sys
from collections import Counter
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from soc.core.alert import Alert, EventRef
from soc.core.clock import FixedClock
from soc.core.errors import SettingsError, SocError, StoreError
from soc.engines.connectors import Doubtful, NotDone
from soc.engines.journal import Journal
from soc.engines.perform import Executor
from soc.respond.never_touch import NeverTouch, read_never_touch
from soc.respond.plan import plan
from soc.respond.playbook import Playbook
from soc.respond.run import Answered, Approved, NotNow, Passed, Rejected, advance, key_of, run_id

VICTIM = Path(__file__).with_name("playbook_victim.py")
ROOT = Path(__file__).parents[2]


def victim(folder, point, knows):
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    call = [sys.executable, str(VICTIM), str(folder), str(point), "knows" if knows else "cannot"]
    return subprocess.run(call, env=environment, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("knows", [True, False], ids=["receiver_knows", "receiver_cannot_say"])
def test_killed_at_every_point_it_does_nothing_twice(tmp_path, knows):
    """SIGKILL before, in and after every transaction and every effect; then once more right after going on."""
    deaths = 0
    for point in range(1, 200):
        folder = tmp_path / str(point)
        folder.mkdir()
        first = victim(folder, point, knows)
        if first.returncode == 0:
            break
        assert first.returncode == -9, first.stderr
        deaths += 1
        second = victim(folder, 1 + point % 4, knows)
        assert second.returncode in {0, -9}, second.stderr
        last = victim(folder, 0, knows)
        assert last.returncode == 0, last.stderr
        check_all_done_once(folder)
    assert deaths > 30
    check_all_done_once(folder)


def check_all_done_once(folder):
    id = run_id("p", "a1")
    keys = [key_of(id, step) for step in ("tell", "block", "end_it")]
    assert (folder / "effects").read_text().split() == keys
    with closing(Journal(folder / "playbooks.db")) as journal:
        run, _ = journal.run(id)
        assert run.status == "done"
        assert {journal.phase(key)[0] for key in keys} <= {"done", "unknown", "again"}
        audit = journal.audit(id)
        assert Counter(line.what for line in audit)["over"] == 1
        acted = {line.step for line in audit if line.what == "acts"}
        assert acted == {"tell", "block", "end_it"}
        assert {line.who for line in audit if line.what == "approved"} == {"Minh", "Hoa"}


# --- in one process ----------------------------------------------------------------------------------------------

TEXT = {"title": "t", "title_vi": "t"}
BLOCK = {
    **TEXT, "id": "block", "action": "fortigate", "parameters": {"address": "{c2}", "group": "G"},
    "disruptive": True, "undo": "u", "undo_vi": "u",
}  # fmt: skip
TELL = {**TEXT, "id": "tell", "action": "smtp", "parameters": {"to": "a@b.example", "subject": "s", "text": "t"}}


def book(*steps):
    return msgspec.convert(
        {**TEXT, "id": "p", "description": "d", "description_vi": "d", "created": "2026-11-27",
         "modified": "2026-11-27", "triggers": {"rules": ["r"]}, "steps": steps,
         "variables": {"c2": {"fields": ["destination.ip"], "kind": "address", "required": True}}},
        Playbook,
    )  # fmt: skip


def an_alert(ip="203.0.113.9", level=2):
    events = (EventRef("e", 0, {"destination.ip": ip}),)
    return Alert("a1", "r1", "r", "", "rule", "T", "T", "", "", "high", 70, "", (), 0, 0, 1, level=level, events=events)


class Twin:
    """A connector in memory: what it did, and what it is to do wrong."""

    def __init__(self):
        self.acts, self.error, self.knows = [], None, None

    def act(self, parameters, key):
        if self.error:
            raise self.error
        self.acts.append((key, dict(parameters)))
        return "ok"

    def done(self, key):
        return self.knows


class Bench:
    def __init__(self, folder, never=NeverTouch()):  # noqa: B008 - it is frozen
        self.journal, self.twin, self.clock = Journal(folder / "playbooks.db"), Twin(), FixedClock(1)
        both = {"smtp": self.twin, "fortigate": self.twin}
        self.executor = Executor(self.journal, both, never, self.clock, folder / "lock")

    def audit(self):
        return [(line.step, line.who, line.what) for line in self.journal.audit(run_id("p", "a1"))]


@pytest.fixture
def bench(tmp_path):
    made = Bench(tmp_path)
    yield made
    made.journal.close()


def test_a_run_and_its_audit(bench):
    run = bench.executor.start(book(TELL, BLOCK), an_alert(), "Lan")
    assert (run.step, run.waits) == ("block", "approval")
    assert [key for key, _ in bench.twin.acts] == [key_of(run.id, "tell")]
    run = bench.executor.say(run.id[:6], Approved("block", "Minh", 2))
    assert run.status == "done"
    assert bench.twin.acts[1] == (key_of(run.id, "block"), {"address": "203.0.113.9", "group": "G"})
    assert bench.audit() == [
        ("tell", "Lan", "started"), ("tell", "soc", "acts"), ("tell", "soc", "action done"),
        ("block", "Minh", "approved"), ("block", "soc", "acts"), ("block", "soc", "action done"), ("", "soc", "over"),
    ]  # fmt: skip
    assert bench.executor.resume() == []


def test_the_audit_stays(bench, tmp_path):
    bench.executor.start(book(TELL), an_alert(), "Lan")
    with closing(sqlite3.connect(tmp_path / "playbooks.db")) as db:
        for statement in ("DELETE FROM audit", "UPDATE audit SET who = 'x'"):
            with pytest.raises(sqlite3.IntegrityError, match="audit stays"):
                db.execute(statement)


def test_a_playbook_is_run_once_for_an_alert_unless_wanted_again(bench):
    first = bench.executor.start(book(TELL), an_alert(), "Lan")
    with pytest.raises(SocError, match=first.id):
        bench.executor.start(book(TELL), an_alert(), "Lan")
    assert bench.executor.start(book(TELL), an_alert(), "Lan", again=True).id != first.id
    assert len({key for key, _ in bench.twin.acts}) == 2


def test_what_the_alert_lacks(bench):
    with pytest.raises(SocError, match="c2"):
        bench.executor.start(book(TELL), an_alert(ip="localhost"), "Lan")
    assert bench.journal.runs() == []


NEVER = NeverTouch(("203.0.113.0/24", "2001:db8::1"), ("gov.example",), ("soc",))


@pytest.mark.parametrize("ip", ["203.0.113.9", "::ffff:203.0.113.9", "2001:0db8:0::1"])
def test_what_must_never_be_touched_is_not_whoever_approved(tmp_path, ip):
    bench = Bench(tmp_path, NEVER)
    run = bench.executor.start(book(BLOCK), an_alert(ip, level=5), "Lan")
    for name in ("Minh", "Hoa"):
        run = bench.executor.say(run.id, Approved("block", name, 2))
    assert (run.waits, bench.twin.acts) == ("decision", [])
    assert "never-touch" in run.reason
    run = bench.executor.say(run.id, Answered("block", "Hoa", "again", 3))
    assert (run.waits, bench.twin.acts) == ("decision", [])
    bench.journal.close()


def test_the_list_holds_for_every_action(tmp_path):
    bench = Bench(tmp_path, NeverTouch(accounts=("A@b.example",)))
    assert "never-touch" in bench.executor.start(book(TELL), an_alert(), "Lan").reason
    assert bench.twin.acts == []
    bench.journal.close()


def test_without_a_list_nothing_disruptive_is_done(tmp_path):
    bench = Bench(tmp_path, None)
    run = bench.executor.start(book(TELL, BLOCK), an_alert(), "Lan")
    run = bench.executor.say(run.id, Approved("block", "Minh", 2))
    assert "no never-touch list" in run.reason
    assert len(bench.twin.acts) == 1
    bench.journal.close()


@pytest.mark.parametrize(
    ("value", "entry"),
    [
        ("203.0.113.77", "203.0.113.0/24"), ("203.0.114.1", ""), ("GOV.example.", "gov.example"),
        ("mx.gov.example", "gov.example"), ("notgov.example", ""), ("a@mx.gov.example", "gov.example"),
        ("SOC", "soc"), ("soc2", ""),
    ],
)  # fmt: skip
def test_what_an_entry_covers(value, entry):
    assert NEVER.forbids(value) == entry


def test_a_list_with_a_mistake_is_refused_by_line(tmp_path):
    file = tmp_path / "never.yml"
    file.write_text("addresses:\n  - 8.8.8.8\n  - 8.8.8.8/8\n")
    with pytest.raises(SettingsError, match=r"never.yml:3: addresses\[1\]"):
        read_never_touch(file)


@pytest.mark.parametrize(
    ("error", "knows", "expected"),
    [
        (NotDone("no"), None, "no"),
        (Doubtful("broke"), False, "broke"),
        (Doubtful("broke"), None, "unknown whether it was done: broke"),
        (ZeroDivisionError("x"), None, "unknown whether it was done: ZeroDivisionError: x"),
    ],
)
def test_what_a_connector_cannot_do_a_person_decides(bench, error, knows, expected):
    bench.twin.error, bench.twin.knows = error, knows
    run = bench.executor.start(book(TELL), an_alert(), "Lan")
    assert (run.waits, run.reason) == ("decision", expected)
    bench.twin.error = bench.twin.knows = None
    assert bench.executor.resume()[0].waits == "decision"
    assert bench.executor.say(run.id, Answered("tell", "Lan", "again", 2)).status == "done"
    assert len(bench.twin.acts) == 1


def test_what_broke_and_was_done_is_done(bench):
    bench.twin.error, bench.twin.knows = Doubtful("broke"), True
    assert bench.executor.start(book(TELL), an_alert(), "Lan").status == "done"


def test_again_looks_first(bench):
    bench.twin.error = Doubtful("broke")
    run = bench.executor.start(book(TELL), an_alert(), "Lan")
    bench.twin.error, bench.twin.knows = AssertionError("acted"), True
    assert bench.executor.say(run.id, Answered("tell", "Lan", "again", 2)).status == "done"


def test_a_connector_that_is_not_set_up(bench):
    step = {**TEXT, "id": "post", "action": "webhook", "parameters": {"hook": "h", "text": "t"}}
    assert "sets up no webhook" in bench.executor.start(book(step), an_alert(), "Lan").reason


def test_nobody_s_word_is_taken_that_is_not_asked_for(bench):
    run = bench.executor.start(book(BLOCK), an_alert(), "Lan")
    for said in (Answered("block", "Minh", "done", 2), Approved("tell", "Minh", 2), Approved("block", "", 2)):
        with pytest.raises(NotNow):
            bench.executor.say(run.id, said)
    assert bench.executor.say(run.id, Rejected("block", "Lan", "a partner", 3)).status == "rejected"
    assert bench.twin.acts == []


def test_deadlines_pass_and_end_the_run(bench):
    run = bench.executor.start(book(BLOCK), an_alert(), "Lan")
    bench.clock.time = run.deadline
    (run,) = bench.executor.resume()
    assert run.late
    bench.clock.time = run.deadline
    assert [one.status for one in bench.executor.resume()] == ["expired"]
    assert ("block", "soc", "deadline passed") in bench.audit()


def test_a_run_keeps_the_playbook_that_it_began_with(bench, tmp_path):
    run = bench.executor.start(book(BLOCK, TELL), an_alert(), "Lan")
    with closing(Journal(tmp_path / "playbooks.db")) as other:
        kept = other.run(run.id)[1]
    assert kept == book(BLOCK, TELL)
    assert kept.hash == run.hash
    assert advance(kept, run, Passed(2)) == (run, ())


def test_a_file_that_is_no_journal(tmp_path):
    (tmp_path / "playbooks.db").write_text("no database" * 100)
    with pytest.raises(StoreError):
        Journal(tmp_path / "playbooks.db")


def test_a_dry_run_says_what_would_be_done():
    values = {"c2": "203.0.113.9"}
    tell, block = plan(book(TELL, BLOCK), values, 4, NEVER)
    assert (tell.parameters["to"], tell.refused, tell.approvals) == ("a@b.example", "", 0)
    assert block.approvals == 2
    assert block.refused == "203.0.113.9 is on the never-touch list (203.0.113.0/24)"
    assert plan(book(BLOCK), values, 2, NeverTouch())[0].approvals == 1
    assert "no never-touch list" in plan(book(BLOCK), values, 2, None)[0].refused
    ask = {**TEXT, "id": "ask", "manual": {"assignee": "a", "deadline": "1h", "instructions": "i",
           "instructions_vi": "i", "answer": "v", "choices": ["x", "y"]}}  # fmt: skip
    branch = {**TEXT, "id": "is_x", "if": {"variable": "v", "one_of": ["x"], "then": "block", "else": "tell"}}
    both = book(ask, branch, BLOCK, TELL)
    assert [one.step.id for one in plan(both, values, 2, NEVER)] == ["ask", "is_x", "block", "tell"]
    assert [one.step.id for one in plan(both, values | {"v": "y"}, 2, NEVER, "is_x")] == ["is_x", "tell"]
