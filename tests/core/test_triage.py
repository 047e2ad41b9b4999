"""What may follow what in an alert's life."""

import itertools
import json

import pytest

from soc.core import triage
from soc.core.errors import Conflict, Refused
from soc.core.triage import ACTS, REFUSALS, STATUSES, Act, Entry, Life, acted, lived

SEEN = Act("acknowledge", "lan", 1)
CLOSED = Act("close", "lan", 2, "a backup", "benign")
REOPENED = Act("reopen", "minh", 3)
LIVES = {
    "new": Life(),
    "acknowledged": lived(Life(), SEEN),
    "closed": lived(Life(), CLOSED),
    "reopened": lived(lived(Life(), CLOSED), REOPENED),
}
LEADS = {
    ("new", "acknowledge"): "acknowledged",
    ("new", "assign"): "new",
    ("new", "comment"): "new",
    ("new", "close"): "closed",
    ("acknowledged", "assign"): "acknowledged",
    ("acknowledged", "comment"): "acknowledged",
    ("acknowledged", "close"): "closed",
    ("closed", "comment"): "closed",
    ("closed", "reopen"): "reopened",
    ("reopened", "acknowledge"): "acknowledged",
    ("reopened", "assign"): "reopened",
    ("reopened", "comment"): "reopened",
    ("reopened", "close"): "closed",
}


def full(kind):
    return Act(kind, "lan", 9, "words", "true_positive", "minh")


@pytest.mark.parametrize(("status", "kind"), list(itertools.product(STATUSES, ACTS)))
def test_every_act_in_every_status_leads_somewhere_or_is_refused(status, kind):
    life = LIVES[status]
    assert life.status == status
    if (status, kind) in LEADS:
        after = lived(life, full(kind))
        assert after.status == LEADS[status, kind]
        assert after.entries[:-1] == life.entries
        assert after.version == life.version + 1
        assert (after.entries[-1].by, after.entries[-1].at, after.entries[-1].text) == ("lan", 9, "words")
    else:
        with pytest.raises(Refused) as refusal:
            lived(life, full(kind))
        assert str(refusal.value) in REFUSALS


@pytest.mark.parametrize(
    ("act", "why"),
    [
        (Act("delete", "lan", 1), triage.UNKNOWN_ACT),
        (Act("", "lan", 1), triage.UNKNOWN_ACT),
        (Act("close", "lan", 1, "why"), triage.NO_VERDICT),
        (Act("close", "lan", 1, "why", "maybe"), triage.NO_VERDICT),
        (Act("close", "lan", 1, " \n ", "benign"), triage.NO_REASON),
        (Act("comment", "lan", 1, "  "), triage.NO_TEXT),
        (Act("comment", "lan", 1, "x" * 4001), triage.TOO_LONG),
        (Act("assign", "lan", 1, assignee="x" * 65), triage.NAME_TOO_LONG),
        (Act("assign", "lan", 1, assignee=" "), triage.SAME_ASSIGNEE),
    ],
)
def test_an_act_that_is_none_is_refused_with_its_reason(act, why):
    with pytest.raises(Refused) as refusal:
        lived(Life(), act)
    assert str(refusal.value) == why


def test_verdict_and_assignee_follow_the_history():
    life = lived(Life(), Act("assign", "lan", 1, assignee="minh"))
    assert (life.assignee, life.verdict) == ("minh", "")
    life = lived(life, CLOSED)
    assert (life.assignee, life.verdict) == ("minh", "benign")
    life = lived(lived(life, REOPENED), Act("assign", "lan", 4))
    assert (life.assignee, life.verdict) == ("", "")
    assert life.entries[-1] == Entry(4, "lan", "assign", "minh", "")


def test_a_life_that_has_gone_on_is_a_conflict_before_anything_else():
    with pytest.raises(Conflict):
        acted(LIVES["closed"], SEEN, 0)
    with pytest.raises(Conflict):
        acted(Life(), SEEN, 1)
    assert acted(Life(), SEEN, 0) == LIVES["acknowledged"]


def test_a_lone_surrogate_becomes_text_that_can_be_kept():
    entry = lived(Life(), Act("comment", "lan", 1, json.loads('"\\ud800"'))).entries[0]
    assert entry.text == "\\ud800"


def test_a_history_has_an_end():
    life = Life((Entry(1, "lan", "comment", text="x"),) * triage.MOST_ENTRIES)
    with pytest.raises(Refused, match="as many"):
        lived(life, SEEN)
