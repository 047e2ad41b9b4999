"""Carries playbooks out: the only place where a playbook touches the world.

An action is written down before it is done and again when its result is known, with the run's next state in the same
transaction. What was written down and has no result is looked up by its key before anything is done again.
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import msgspec

from soc.core.alert import Alert
from soc.core.clock import Clock
from soc.core.errors import SocError
from soc.engines.connectors import Connector, Doubtful, NotDone
from soc.engines.journal import Journal
from soc.respond.actions import Unusable
from soc.respond.never_touch import NeverTouch, forbidden
from soc.respond.playbook import Playbook
from soc.respond.run import (
    Act,
    Acted,
    Answered,
    Approved,
    Input,
    Line,
    Passed,
    Rejected,
    Run,
    Started,
    advance,
    due,
    key_of,
    person,
    run_id,
)
from soc.respond.variables import variables

SOC = "soc"
"""Who did what no person did."""
Outcome = Literal["done", "failed", "unknown"]


class Executor:
    """Performs the runs of one journal. Several processes may: a lock beside it lets one at a time act."""

    def __init__(
        self,
        journal: Journal,
        connectors: Mapping[str, Connector],
        never: NeverTouch | None,
        clock: Clock,
        lock: Path,
        account: str = "",
    ) -> None:
        """never: None if there is no list, and then nothing disruptive is done.

        account: whose session people speak through, such as the machine's user; it is kept beside the name they give.
        """
        self._account = f" (account {account})" if account else ""
        self._journal, self._connectors, self._never, self._clock, self._lock = journal, connectors, never, clock, lock

    def start(self, playbook: Playbook, alert: Alert, requester: str, *, again: bool = False) -> Run:
        """A new run, carried as far as it goes. SocError: there is one already, or the alert lacks what it needs."""
        person(requester)
        try:
            values = variables(playbook, alert)
        except Unusable as error:
            raise SocError(playbook.id, error) from error
        now = self._clock.now()
        with self._journal.transaction():
            number = 1
            while self._journal.has(id := run_id(playbook.id, alert.id, number)):
                if not again:
                    raise SocError("{name} has been run for this alert: {id}", name=playbook.id, id=id)
                number += 1
            new = Run(id, playbook.id, playbook.hash, alert.id, alert.level, requester, now, values)
            run, _ = advance(playbook, new, Started(now))
            self._journal.put(run, playbook)
            self._journal.note(
                Line(now, id, run.step, requester, "started", f"{playbook.id} for alert {alert.id}{self._account}")
            )
        return self.carry_on(id)

    def say(self, id: str, input: Answered | Approved | Rejected) -> Run:
        """What a person says of a run, and what follows from it. NotNow if that is not asked."""
        run, _ = self._journal.run(id)
        with self._journal.transaction():
            self._deliver(run.id, input)
        return self.carry_on(run.id)

    def resume(self) -> list[Run]:
        """After a crash, and from time to time: goes on with every open run, and passes missed deadlines on."""
        found = []
        for run, _ in self._journal.runs(only_open=True):
            with self._journal.transaction():
                self._deliver(run.id, Passed(self._clock.now()))
            found.append(self.carry_on(run.id))
        return found

    def carry_on(self, id: str) -> Run:
        """Performs actions until the run waits for a person or is over."""
        with self._alone():
            while True:
                run, playbook = self._journal.run(id)
                if run.waits != "action":
                    return run
                acts = [command for command in due(playbook, run) if isinstance(command, Act)]
                if acts:
                    outcome, detail = self._perform(run, playbook, acts[0])
                else:
                    outcome, detail = "failed", "a value is missing"
                now = self._clock.now()
                with self._journal.transaction():
                    for act in acts:
                        self._journal.put_act(run.id, act, outcome, detail, now)
                    self._deliver(run.id, Acted(key_of(run.id, run.step), outcome, detail, now))

    def _deliver(self, id: str, input: Input) -> None:
        """Within a transaction: the run's next state, and the rows of the audit."""
        before, playbook = self._journal.run(id)
        after, _ = advance(playbook, before, input)
        if after == before:
            return
        self._journal.put(after, playbook)
        who = SOC if isinstance(input, (Started, Acted, Passed)) else input.by
        what, detail = _told(input, after)
        said = detail if who == SOC else f"{detail}{self._account}"
        self._journal.note(Line(input.at, id, before.step, who, what, said))
        if isinstance(input, Answered) and before.waits == "decision" and input.choice == "again":
            self._journal.try_again(key_of(id, before.step))
        if after.over:
            self._journal.note(Line(input.at, id, "", SOC, "over", after.status))

    def _perform(self, run: Run, playbook: Playbook, act: Act) -> tuple[Outcome, str]:
        phase, detail = self._journal.phase(act.key)
        if phase in {"done", "failed", "unknown"}:
            return phase, detail  # type: ignore[return-value]
        connector = self._connectors.get(act.connector)
        if connector is None:
            return "failed", f"soc.yml sets up no {act.connector}"
        if phase:
            found = self._found(connector, act.key)
            if found:
                return "done", "it was done before the interruption"
            if found is None and phase == "intent":
                return "unknown", "interrupted, and it cannot be found out"
        if refused := self._refused(playbook, act):
            return "failed", refused
        now = self._clock.now()
        with self._journal.transaction():
            self._journal.put_act(run.id, act, "intent", "", now)
            self._journal.note(Line(now, run.id, act.step, SOC, "acts", _shown(act)))
        return self._done(connector, act)

    def _refused(self, playbook: Playbook, act: Act) -> str:
        """Why it must not be done, whoever approved it."""
        if self._never is None and playbook.step(act.step).disruptive:
            return "there is no never-touch list (playbooks.never_touch in soc.yml)"
        return forbidden(self._never or NeverTouch(), act.connector, act.parameters)

    def _done(self, connector: Connector, act: Act) -> tuple[Outcome, str]:
        try:
            return "done", connector.act(act.parameters, act.key)
        except NotDone as error:
            return "failed", str(error)
        except SocError as error:  # a secret that cannot be read: nothing was sent
            return "failed", str(error)
        except Doubtful as error:
            found = self._found(connector, act.key)
            outcomes: dict[bool | None, Outcome] = {True: "done", False: "failed", None: "unknown"}
            return outcomes[found], str(error)
        except Exception as error:  # noqa: BLE001 - a connector's own fault must not leave a run without a result
            return "unknown", f"{type(error).__name__}: {error}"

    @staticmethod
    def _found(connector: Connector, key: str) -> bool | None:
        try:
            return connector.done(key)
        except (NotDone, Doubtful, SocError):
            return None

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """One process acts at a time; the lock of one that was killed is gone with it."""
        with self._lock.open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


def _told(input: Input, run: Run) -> tuple[str, str]:
    """What happened, as the audit keeps it."""
    if isinstance(input, Acted):
        return f"action {input.outcome}", input.detail
    if isinstance(input, Answered):
        return "answered", input.choice
    if isinstance(input, Rejected):
        return "rejected", input.reason
    if isinstance(input, Approved):
        return "approved", f"{len(run.approvals)} so far" if run.waits == "approval" else "enough"
    return ("deadline passed", run.status) if isinstance(input, Passed) else ("started", "")


def _shown(act: Act) -> str:
    return msgspec.json.encode({"connector": act.connector, "key": act.key, **act.parameters}).decode()
