"""Runs a playbook to its end and kills itself (SIGKILL) at the n-th point where it could die.

A test starts it again and again: python playbook_victim.py FOLDER POINT KNOWS. Effects are lines in FOLDER/effects.
"""

import itertools
import os
import signal
import sys
from contextlib import closing, contextmanager
from pathlib import Path

import msgspec

from soc.core.alert import Alert, EventRef
from soc.core.clock import FixedClock
from soc.engines.journal import Journal
from soc.engines.perform import Executor
from soc.respond.never_touch import NeverTouch
from soc.respond.playbook import Playbook
from soc.respond.run import Answered, Approved, run_id

FOLDER = Path(sys.argv[1])
POINT = int(sys.argv[2])
KNOWS = sys.argv[3] == "knows"
POINTS = itertools.count(1)


def perhaps_die():
    if next(POINTS) == POINT:
        os.kill(os.getpid(), signal.SIGKILL)


class Dying(Journal):
    @contextmanager
    def transaction(self):
        perhaps_die()
        with super().transaction():
            yield
            perhaps_die()
        perhaps_die()


class Effects:
    """Knows by its own file what was done, if it is one that can be asked."""

    def act(self, parameters, key):
        perhaps_die()
        with (FOLDER / "effects").open("a") as file:
            file.write(key + "\n")
            file.flush()
            os.fsync(file.fileno())
        perhaps_die()
        return "ok"

    def done(self, key):
        file = FOLDER / "effects"
        return key in (file.read_text().split() if file.exists() else ()) if KNOWS else None


TEXT = {"title": "t", "title_vi": "t"}
BOOK = msgspec.convert(
    {**TEXT, "id": "p", "description": "d", "description_vi": "d", "created": "2026-11-27", "modified": "2026-11-27",
     "triggers": {"rules": ["r"]}, "variables": {"c2": {"fields": ["destination.ip"], "kind": "address"}},
     "steps": [
         {**TEXT, "id": "tell", "action": "smtp", "parameters": {"to": "a@b.example", "subject": "s", "text": "t"}},
         {**TEXT, "id": "look", "manual": {"assignee": "a", "deadline": "1h", "instructions": "i",
                                          "instructions_vi": "i"}},
         {**TEXT, "id": "block", "action": "fortigate", "parameters": {"address": "{c2}", "group": "G"},
          "disruptive": True, "undo": "u", "undo_vi": "u"},
         {**TEXT, "id": "end_it", "action": "webhook", "parameters": {"hook": "h", "text": "t"}},
     ]}, Playbook)  # fmt: skip
ALERT = Alert("a1", "r1", "r", "", "rule", "T", "T", "", "", "high", 70, "", (), 0, 0, 1, level=4,
              events=(EventRef("e", 0, {"destination.ip": "203.0.113.9"}),))  # fmt: skip


def main():
    """Everything that people would do, in order, each only if the run waits for it."""
    clock = FixedClock(1)
    with closing(Dying(FOLDER / "playbooks.db")) as journal:
        every = Effects()
        connectors = dict.fromkeys(("smtp", "webhook", "fortigate"), every)
        executor = Executor(journal, connectors, NeverTouch(), clock, FOLDER / "lock")
        id = run_id("p", "a1")
        executor.resume()
        run = journal.run(id)[0] if journal.has(id) else executor.start(BOOK, ALERT, "Lan")
        for _ in range(20):
            if run.over:
                return
            if run.waits == "decision":  # a person looks at the receiver
                there = (FOLDER / "effects").exists() and len((FOLDER / "effects").read_text().split())
                before = ["tell", "block", "end_it"].index(run.step)
                said = Answered(run.step, "Hoa", "done" if there > before else "again", 1)
            elif run.waits == "manual":
                said = Answered(run.step, "Lan", "", 1)
            else:
                said = Approved(run.step, "Hoa" if "Minh" in run.approvals else "Minh", 1)
            run = executor.say(id, said)
        raise SystemExit("the run does not end")


main()
