"""Playbooks as people use them: which there are, what each would do for an alert, the runs, what is said of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from soc.core.alert import Alert
from soc.core.clock import Clock, SystemClock
from soc.core.content import content_root
from soc.core.errors import Problem, SocError
from soc.core.settings import Settings
from soc.engines.connectors.setup import connectors
from soc.engines.journal import FILE, Journal
from soc.engines.perform import Executor
from soc.respond.actions import Unusable
from soc.respond.never_touch import NeverTouch, read_never_touch
from soc.respond.plan import Offer, Opened, Planned, plan
from soc.respond.playbook import Playbook
from soc.respond.playbook_load import load_playbooks
from soc.respond.run import Answered, Approved, Rejected, Run
from soc.respond.variables import suits, variables

SHOWN = 200
"""Runs in a list, the latest."""


class Desk:
    """The playbooks that soc.yml names and the shipped ones, with the journal of their runs in the data folder.

    Everything opens the journal for itself, so threads may share a desk; nothing is made by only looking.
    """

    def __init__(
        self, settings: Settings, data: Path | None = None, *, account: str = "", clock: Clock | None = None
    ) -> None:
        """data: where the journal is, if not where the settings say; account: see Executor."""
        self._own = settings.playbooks
        self._file = (data or Path(settings.data_dir)) / FILE
        self._account = account
        self._clock = clock or SystemClock()

    def folders(self) -> list[Path]:
        """Where playbooks are."""
        return [content_root() / "playbooks", *map(Path, self._own.folders)]

    def playbooks(self) -> tuple[dict[str, Playbook], list[Problem]]:
        """By id, and what is wrong with others."""
        return load_playbooks(self.folders())

    def offers(self, alert: Alert) -> list[Offer]:
        """All playbooks, those that are meant for the alert first, with the run that there is of each for it."""
        ran: dict[str, str] = {}
        for run, _ in self.runs(alert.id):
            ran.setdefault(run.playbook, run.id)
        found = [Offer(one, suits(one, alert), ran.get(one.id, "")) for one in self.playbooks()[0].values()]
        return sorted(found, key=lambda offer: not offer.meant)

    def planned(self, playbook: Playbook, alert: Alert) -> list[Planned]:
        """What it would do. SocError if the alert lacks what it needs."""
        try:
            values = variables(playbook, alert)
        except Unusable as error:
            raise SocError(playbook.id, error) from error
        return plan(playbook, values, alert.level, self._never())

    def runs(self, alert: str = "") -> list[tuple[Run, Playbook]]:
        """The latest first, of all alerts or one."""
        if not self._file.is_file():
            return []
        with closing(Journal(self._file)) as journal:
            return journal.runs(alert=alert, most=SHOWN)

    def run(self, id: str) -> Opened | None:
        """A run with all that there is to see; a beginning of its id will do. None if there is none."""
        if not self._file.is_file():
            return None
        with closing(Journal(self._file)) as journal:
            try:
                run, playbook = journal.run(id)
            except SocError:
                return None
            to_come = [] if run.over else plan(playbook, run.answers, run.level, self._never(), run.step)
            return Opened(run, playbook, journal.audit(run.id), to_come)

    def start(self, playbook: Playbook, alert: Alert, by: str, *, again: bool = False) -> Run:
        """See Executor.start."""
        with self._executor() as executor:
            return executor.start(playbook, alert, by, again=again)

    def say(self, id: str, said: Answered | Approved | Rejected) -> Run:
        """See Executor.say."""
        with self._executor() as executor:
            return executor.say(id, said)

    def resume(self) -> list[Run]:
        """See Executor.resume."""
        if not self._file.is_file():
            return []
        with self._executor() as executor:
            return executor.resume()

    @contextmanager
    def _executor(self) -> Iterator[Executor]:
        lock = self._file.with_name(f"{FILE}.lock")
        with closing(Journal(self._file)) as journal:
            yield Executor(journal, connectors(self._own), self._never(), self._clock, lock, self._account)

    def _never(self) -> NeverTouch | None:
        return read_never_touch(Path(self._own.never_touch)) if self._own.never_touch else None
