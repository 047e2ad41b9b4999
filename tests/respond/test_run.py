"""A playbook's run as a machine: approvals, answers, failures, deadlines, and that it always ends."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soc.core.settings import duration
from soc.respond.playbook import Playbook
from soc.respond.run import (
    Act,
    Acted,
    Answered,
    Approved,
    NotNow,
    Passed,
    Rejected,
    Run,
    Started,
    Tell,
    advance,
    due,
    key_of,
    run_id,
)  # fmt: skip

DAY = duration("24h")
STEPS = [
    {"id": "look", "manual": {"assignee": "analyst", "deadline": "2h", "instructions": "i", "instructions_vi": "i",
                              "answer": "verdict", "choices": ["bad", "good"]}},
    {"id": "bad", "if": {"variable": "verdict", "one_of": ["bad"], "then": "block", "else": "tell"}},
    {"id": "block", "action": "fortigate", "parameters": {"address": "{c2}", "group": "G"}, "disruptive": True,
     "undo": "u", "undo_vi": "u", "on_failure": "repair"},
    {"id": "tell", "action": "smtp", "parameters": {"to": "a@example.org", "subject": "s", "text": "{c2}"},
     "next": "end"},
    {"id": "repair", "manual": {"assignee": "lead", "deadline": "1h", "instructions": "i", "instructions_vi": "i"}},
]  # fmt: skip
BOOK = msgspec.convert(
    {"id": "p", "title": "t", "title_vi": "t", "description": "d", "description_vi": "d", "created": "2026-11-27",
     "modified": "2026-11-27", "triggers": {"rules": ["r"]}, "variables": {"c2": {"fields": ["destination.ip"]}},
     "steps": [{"title": "t", "title_vi": "t", **step} for step in STEPS]}, Playbook)  # fmt: skip


def begun(level=2, requester="Lan", c2="203.0.113.9"):
    run = Run(run_id("p", "a"), "p", BOOK.hash, "a", level, requester, 0, {"c2": c2} if c2 else {})
    return advance(BOOK, run, Started(0))[0]


def at_block(level=2, **more):
    return advance(BOOK, begun(level, **more), Answered("look", "Lan", "bad", 5))[0]


def after(run, *inputs):
    for one in inputs:
        run, commands = advance(BOOK, run, one)
        assert commands == due(BOOK, run)
    return run


def test_a_run_from_start_to_end():
    run = begun()
    assert due(BOOK, run) == (Tell("analyst", "look", "manual", duration("2h")),)
    run = after(run, Answered("look", "Lan", "bad", 5))
    assert (run.step, run.waits, run.deadline) == ("block", "approval", 5 + DAY)
    run = after(run, Approved("block", "Minh", 6))
    act = Act(key_of(run.id, "block"), "block", "fortigate", {"address": "203.0.113.9", "group": "G"})
    assert due(BOOK, run) == (act,)
    run = after(run, Acted(act.key, "done", "ok", 7))
    run = after(run, Acted(key_of(run.id, "tell"), "done", "ok", 8))
    assert (run.status, due(BOOK, run)) == ("done", ())
    assert [(one.step, one.outcome) for one in run.past] == [
        ("look", "done: bad"), ("bad", "-> block"), ("block", "done"), ("tell", "done")]  # fmt: skip


@pytest.mark.parametrize(
    ("level", "approvers", "enough"),
    [
        (1, ["Minh"], True),
        (2, ["Lan"], False),
        (2, ["Lan", "Minh"], True),
        (3, ["Minh"], False),
        (3, ["Minh", "Hoa"], True),
        (3, ["Lan", "Minh"], True),
        (5, ["Minh"], False),
        (0, ["Minh"], False),
        (0, ["Minh", "Hoa"], True),
    ],
)
def test_who_must_approve(level, approvers, enough):
    run = after(at_block(level), *(Approved("block", name, 6) for name in approvers))
    assert (run.waits == "action") is enough
    assert any(isinstance(command, Act) for command in due(BOOK, run)) is enough


@pytest.mark.parametrize("same", ["Minh", " minh ", "MINH", "\uff2dinh"])
def test_one_person_does_not_count_twice(same):
    run = after(at_block(4), Approved("block", "Minh", 6))
    with pytest.raises(NotNow, match="already"):
        advance(BOOK, run, Approved("block", same, 7))


def test_approvals_are_of_one_step_of_one_run():
    with pytest.raises(NotNow):
        advance(BOOK, begun(), Approved("block", "Minh", 1))
    with pytest.raises(NotNow):
        advance(BOOK, at_block(), Approved("tell", "Minh", 6))
    with pytest.raises(NotNow):
        advance(BOOK, at_block(), Approved("block", " ", 6))
    run = after(at_block(), Approved("block", "Minh", 6))
    assert after(run, Acted(key_of(run.id, "block"), "done", "", 7)).approvals == ()


def test_rejected():
    run = after(at_block(), Rejected("block", "Lan", "a partner's", 6))
    assert (run.status, due(BOOK, run)) == ("rejected", ())
    with pytest.raises(NotNow, match="over"):
        advance(BOOK, run, Approved("block", "Minh", 7))


def test_a_choice_must_be_one_of_those_asked_for():
    for choice in ("", "ugly"):
        with pytest.raises(NotNow, match="bad, good"):
            advance(BOOK, begun(), Answered("look", "Lan", choice, 1))


def test_failure_goes_its_own_way():
    run = after(at_block(), Approved("block", "Minh", 6))
    run = after(run, Acted(key_of(run.id, "block"), "failed", "no", 7))
    assert (run.step, run.waits) == ("repair", "manual")


def test_a_missing_value_never_reaches_approval():
    run = at_block(c2="")
    assert run.step == "repair"
    assert run.past[-1].outcome == "failed: c2 has no value"


@pytest.mark.parametrize("outcome", ["failed", "unknown"])
@pytest.mark.parametrize(("choice", "status", "waits"), [("done", "done", ""), ("again", "running", "action"),
                                                         ("stop", "stopped", "")])  # fmt: skip
def test_a_person_decides_what_failed_or_is_unknown(outcome, choice, status, waits):
    run = after(begun(), Answered("look", "Lan", "good", 1))
    key = key_of(run.id, "tell")
    run = after(run, Acted(key, outcome, "broke", 2))
    assert due(BOOK, run) == (Tell("soc_lead", "tell", "decision", 2 + DAY),)
    with pytest.raises(NotNow):
        advance(BOOK, run, Answered("tell", "Lan", "", 3))
    run = after(run, Answered("tell", "Lan", choice, 3))
    assert (run.status, run.waits) == (status, waits)
    if choice == "again":
        assert due(BOOK, run)[0].key == key


def test_results_that_come_twice_or_late_change_nothing():
    run = after(at_block(), Approved("block", "Minh", 6))
    result = Acted(key_of(run.id, "block"), "done", "", 7)
    run = after(run, result)
    assert advance(BOOK, run, result) == (run, ())
    assert advance(BOOK, at_block(), result) == (at_block(), ())


def test_a_missed_deadline_is_told_and_a_second_ends_the_run():
    run = begun()
    limit = duration("2h")
    assert advance(BOOK, run, Passed(limit - 1)) == (run, ())
    run = after(run, Passed(limit))
    assert due(BOOK, run) == (Tell("soc_lead", "look", "manual", 2 * limit, True),)
    assert after(run, Passed(2 * limit)).status == "expired"
    assert after(run, Answered("look", "Lan", "good", limit + 1)).waits == "action"


INPUTS = st.one_of(
    st.builds(Answered, st.sampled_from(["look", "tell", "block", "repair"]), st.sampled_from(["Lan", "Minh"]),
              st.sampled_from(["", "bad", "good", "done", "again", "stop"]), st.just(1)),
    st.builds(Approved, st.just("block"), st.sampled_from(["Lan", "Minh", "Hoa"]), st.just(1)),
    st.builds(Acted, st.sampled_from([key_of(run_id("p", "a"), step) for step in ("block", "tell")]),
              st.sampled_from(["done", "failed", "unknown"]), st.just(""), st.just(1)),
    st.builds(Passed, st.integers(0, 5 * DAY)),
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.sampled_from([0, 2, 4]), st.lists(INPUTS, max_size=25))
def test_whatever_comes(level, inputs):
    """Nothing disruptive is asked for without approval, a stored run says the same, and time alone ends every run."""
    run = begun(level)
    for one in inputs:
        try:
            run, commands = advance(BOOK, run, one)
        except NotNow:
            continue
        assert due(BOOK, msgspec.json.decode(msgspec.json.encode(run), type=Run)) == due(BOOK, run)
        if any(isinstance(command, Act) and command.step == "block" for command in commands):
            persons = set(run.approvals)
            assert persons - {"Lan"} and len(persons) >= (1 if level == 2 else 2)
    if run.waits == "action":
        run = after(run, Acted(key_of(run.id, run.step), "unknown", "", 1))
    assert after(run, Passed(20 * DAY), Passed(40 * DAY)).over or run.waits == "manual"
    assert after(run, *(Passed(n * 20 * DAY) for n in range(1, 9))).over
