"""Hot reload: rules that change on disk, or that somebody asks to load again, replace the running ones.

    look ── changed, and the same a look later ──> try out in a process of its own ──> load, rehearse ──> swap

The set on disk is bad when loading it finds a problem that the running set does not have: then the running set
goes on, and the status says why, until the files are mended or put back. What was rejected already when the
service started blocks nothing, and a file that is gone is no problem. At each local midnight the rules are loaded
again, so that what has an end date ends on it.
"""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from soc.core.clock import Clock
from soc.core.errors import Problem, SocError
from soc.core.event import Event
from soc.core.settings import Settings, duration, zone_seconds
from soc.engines.embedded import Progress
from soc.engines.trial import problems_of
from soc.pipeline.build import content_of, local_date, watched
from soc.pipeline.content import Content
from soc.pipeline.fingerprint import Glance, fingerprint, glance
from soc.pipeline.packs import in_pack
from soc.pipeline.states import STATES, rows

MAX_REASONS = 50
ASKED_SECONDS = 130.0
SWITCH_SECONDS = 0.0002


class Running(Protocol):
    """What uses the rules."""

    progress: Progress

    def use(self, content: Content) -> Future[None]: ...
    def recent(self) -> list[Event]: ...


@dataclass(frozen=True, slots=True)
class Change:
    """How a set differs from the one before: numbers of rules, and the correlations whose windows begin afresh."""

    new: int
    changed: int
    gone: int
    afresh: tuple[str, ...] = ()

    def __str__(self) -> str:
        text = f"{self.new} new, {self.changed} changed, {self.gone} gone"
        return f"{text}; windows begin afresh: {', '.join(self.afresh)}" if self.afresh else text


NO_CHANGE = Change(0, 0, 0)


@dataclass(slots=True)
class Status:
    """The rules in use and what became of the latest reloads; the health page shows it. Times are µs.

    states    word -> rules and correlations in that state
    change    of the latest reload
    took      µs from noticing the change to running the new set
    gap       µs: the longest time from one batch carried out to the next meanwhile
    refused   why the set on disk is not the one in use, as file:line: reason; () when it is
    refused_at  when that was found out; refusals counts them
    """

    loaded: int
    fingerprint: str
    states: dict[str, int]
    problems: tuple[str, ...]
    loading: bool = False
    reloads: int = 0
    took: int = 0
    gap: int = 0
    change: Change = NO_CHANGE
    refusals: int = 0
    refused_at: int = 0
    refused: tuple[str, ...] = ()


class Reloader:
    """Watches the rules of the settings. ``asked`` set means: load them again now."""

    def __init__(
        self,
        settings: Settings,
        content: Content,
        running: Running,
        clock: Clock,
        report: Callable[[str], None],
        asked: asyncio.Event,
    ) -> None:
        self._settings = settings
        self._content = content
        self._running = running
        self._clock = clock
        self._report = report
        self._asked = asked
        self._was_asked = False
        self._every = duration(settings.reload) / 1_000_000
        self._zone = zone_seconds(settings.timezone)
        self._day = self._today()
        self._seen: Glance | None = None
        self._settled: Glance | None = None
        self._waiting: list[asyncio.Future[None]] = []
        self.status = _status(content, clock.now())

    async def run(self) -> None:
        """Looks every few seconds, until cancelled."""
        while True:
            try:
                async with asyncio.timeout(self._every or None):
                    await self._asked.wait()
            except TimeoutError:
                pass
            waiting, self._waiting = self._waiting, []
            try:
                await self.look()
            except SocError as error:
                self._refuse([str(error)])
            except OSError as error:
                self._settled = None  # it may pass without any file being touched
                self._refuse([f"{error.filename}: {error.strerror}"])
            except Exception as error:  # noqa: BLE001 - a defect in loading must leave the old rules running
                self._refuse([f"internal error: {type(error).__name__}: {error}"])
            finally:
                self.status.loading = False
                for waiter in waiting:
                    waiter.set_result(None)

    async def now(self) -> Status:
        """Loads the rules again; the status when that is done."""
        waiter = asyncio.get_running_loop().create_future()
        self._waiting.append(waiter)
        self._asked.set()
        await asyncio.wait({waiter}, timeout=ASKED_SECONDS)
        return self.status

    async def look(self) -> None:
        """One look: nothing has changed, or it may be half-written yet, or it is loaded."""
        asked = self._was_asked = self._asked.is_set()
        self._asked.clear()
        midnight = self._today() != self._day
        seen = await asyncio.to_thread(glance, watched(self._settings))
        if not asked and not midnight:
            if seen == self._settled:
                return
            if seen != self._seen:
                self._seen = seen
                return
        self._seen = self._settled = seen
        self._day = self._today()
        if not asked and not midnight and self._content.fingerprint == await self._on_disk():
            if self.status.refused:
                self._report("rules: those on disk are the running ones again")
            self.status.refused = ()
            return
        await self._reload()

    async def _reload(self) -> None:
        begun = self._clock.now()
        self.status.loading = True
        self._running.progress.pause = 0
        if self._refused(await problems_of(self._settings, begun)):
            return
        content = await asyncio.to_thread(self._rehearsed, begun)
        if self._refused(content.problems):
            return
        if content.fingerprint != await self._on_disk():
            self._settled = None
            return
        await asyncio.wrap_future(self._running.use(content))
        change = changes(self._content, content)
        old, self._content = self.status, content
        self.status = _status(content, self._clock.now())
        self.status.reloads, self.status.refusals = old.reloads + 1, old.refusals
        self.status.refused_at = old.refused_at
        self.status.took, self.status.gap = self.status.loaded - begun, self._running.progress.pause
        self.status.change = change
        self._report(
            f"rules: reloaded in {self.status.took / 1e6:.1f} s, {change}; "
            f"the longest pause meanwhile was {self.status.gap / 1000:.0f} ms"
        )

    def _rehearsed(self, now: int) -> Content:
        """The set, with the part that is compiled at the first events of a kind compiled, on events of late."""
        usual = sys.getswitchinterval()
        # the store gives the interpreter away at every row, and would wait that long to get it back
        sys.setswitchinterval(SWITCH_SECONDS)
        try:
            content = content_of(self._settings, now)
            content.matcher.match_all(self._running.recent())
        finally:
            sys.setswitchinterval(usual)
        return content

    async def _on_disk(self) -> str:
        return await asyncio.to_thread(fingerprint, watched(self._settings))

    def _refused(self, problems: Sequence[Problem]) -> bool:
        wrong = new_problems(self._content.problems, problems)
        if wrong:
            self._refuse([str(problem) for problem in wrong])
        return bool(wrong)

    def _refuse(self, reasons: Sequence[str]) -> None:
        before, self.status.refused = self.status.refused, tuple(reasons[:MAX_REASONS])
        self.status.refused_at = self._clock.now()
        if self.status.refused == before and not self._was_asked:  # who asks is answered
            return
        self.status.refusals += 1
        self._report(f"rules: not reloaded, the old ones go on: {'; '.join(reasons[:3])}")
        if len(reasons) > 3:
            self._report(f"rules: and {len(reasons) - 3} more reasons; the health page has them")

    def _today(self) -> date:
        return local_date(self._clock.now(), self._zone)


def new_problems(running: Sequence[Problem], found: Sequence[Problem]) -> list[Problem]:
    """The problems that the running set does not have. Lines move when a file is edited, so they do not count.

    Nor does what an imported pack has: nobody here can mend it, and the import has told it.
    """
    known = {(problem.path, problem.reason) for problem in running}
    new = [problem for problem in found if (problem.path, problem.reason) not in known]
    return sorted(problem for problem in new if not in_pack(problem.path))


def changes(old: Content, new: Content) -> Change:
    """What is different, by the rules' content hashes."""
    before, after = _hashes(old), _hashes(new)
    changed = {id for id in before.keys() & after.keys() if before[id] != after[id]}
    afresh = sorted(item.info.name or item.info.id for item in new.correlations if item.info.id in changed)
    return Change(len(after.keys() - before.keys()), len(changed), len(before.keys() - after.keys()), tuple(afresh))


def _hashes(content: Content) -> dict[str, str]:
    rules = {rule.info.id: rule.info.hash for rule in content.rules}
    return rules | {correlation.info.id: correlation.info.hash for correlation in content.correlations}


def _status(content: Content, now: int) -> Status:
    counts = Counter(row.state for row in rows(content))
    states = {word: counts[word] for word in STATES}
    return Status(now, content.fingerprint, states, tuple(map(str, content.problems[:MAX_REASONS])))
