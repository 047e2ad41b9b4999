"""``soc sigma match``: every rule against events as they are, in NDJSON files and Windows event logs, on several cores.

Inputs are cut into parts of about 1 MiB: byte ranges of plain files and of event logs, which each process reads for
itself, and blocks of decompressed text. Processes are forked once the rules are there, so memory is shared; what they
find is given out in the order of the input, however many they are.
"""

from __future__ import annotations

import gc
import multiprocessing
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Final, Protocol

from soc.core.batch import Batch
from soc.core.errors import SocError
from soc.core.event import Event
from soc.core.finding import RuleInfo
from soc.engines import evtx
from soc.engines.source import MAX_LINE, LogFile, Source, UnusableInput

BLOCK: Final = 1024 * 1024
BATCH: Final = 250
_WORST: Final = 20
"""Unreadable lines that are named of one part; all are counted."""


class Matching(Protocol):
    """What matches many events at once."""

    def hits(self, events: Batch, lines: Sequence[bytes]) -> Iterable[tuple[int, Sequence[RuleInfo]]]:
        """(place, rules) of the events, read from these lines of JSON, that meet a rule, in any order."""

    def keep(self) -> None:
        """Keeps what was compiled for the next start."""


@dataclass(frozen=True, slots=True)
class Sweeper:
    """What a part is matched with.

    read      lines of JSON -> their events; ValueError if one is none
    unrouted  how many events so far stated no log source
    """

    matcher: Matching
    read: Callable[[Sequence[bytes]], Batch]
    unrouted: Callable[[], int]


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of one input: its text, or where it lies in a file."""

    text: bytes | None = None
    path: Path | None = None
    start: int = 0
    end: int = 0
    windows: bool = False


@dataclass(slots=True)
class Found:
    """What was found in a part. Lines count from 0; record is the EventRecordID of a Windows event log.

    hits  (line, record, ids of rules in order), in the order of lines
    bad   (line, reason) of some unreadable lines; wrong has reasons that belong to no line
    """

    lines: int = 0
    events: int = 0
    unrouted: int = 0
    unreadable: int = 0
    hits: list[tuple[int, object, list[str]]] = field(default_factory=list)
    bad: list[tuple[int, str]] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Swept:
    """The totals so far, for progress and the summary; size and consumed in bytes."""

    lines: int = 0
    events: int = 0
    unrouted: int = 0
    unreadable: int = 0
    hits: int = 0
    size: int = 0
    consumed: int = 0
    problems: list[str] = field(default_factory=list)


Hit = Callable[[Source, int, object, str], None]
"""Called with (source, line from 1, EventRecordID or None, rule id) for each hit, in order."""


def sweep(
    sweeper: Sweeper,
    sources: Sequence[Source],
    hit: Hit,
    *,
    jobs: int = 1,
    progress: Callable[[Swept], None] = lambda swept: None,
) -> Swept:
    """Matches everything in the sources. An input that cannot be read is a line in problems, and the rest goes on."""
    swept = Swept(size=sum(source.path.stat().st_size for source in sources if source.path and source.path.is_file()))
    line, current = 0, None
    for source, part, found in _run(sweeper, _parts(sources, swept.problems), jobs):
        if source is not current:
            line, current = 0, source
        for place, record, ids in found.hits:
            swept.hits += len(ids)
            for id in ids:
                hit(source, line + place + 1, record, id)
        if len(swept.problems) < _WORST:
            swept.problems += [f"{source.shown}:{line + place + 1}: {reason}" for place, reason in found.bad]
        swept.problems += [f"{source.shown}: {reason}" for reason in found.wrong]
        line += found.lines
        swept.lines += found.lines
        swept.events += found.events
        swept.unrouted += found.unrouted
        swept.unreadable += found.unreadable
        swept.consumed += part.end - part.start
        progress(swept)
    return swept


def _parts(sources: Iterable[Source], problems: list[str]) -> Iterator[tuple[Source, Part]]:
    for source in sources:
        try:
            file = LogFile(source.path)
        except UnusableInput as error:
            problems.append(str(error))
            continue
        try:
            for part in _parts_of(file):
                yield source, part
        except UnusableInput as error:
            problems.append(str(error))
        finally:
            file.close()


def _parts_of(file: LogFile) -> Iterator[Part]:
    if file.path and file.records is not None:
        yield from (Part(path=file.path, start=start, end=end, windows=True) for start, end in evtx.slices(file.size))
        if reason := evtx.missing(file.path):
            raise UnusableInput(file.path, reason)
    elif file.path and file.plain:
        yield from _ranges(file.path, file.size)
    else:
        consumed = 0
        for text in file.blocks():
            start, consumed = consumed, file.consumed
            yield Part(text=text, start=start, end=consumed)


def _ranges(path: Path, size: int) -> Iterator[Part]:
    """Byte ranges of whole lines; a line over 1 MiB ends its range early, and its rest is passed over."""
    start = 0
    with path.open("rb") as file:
        while start < size:
            file.seek(min(start + BLOCK, size))
            rest = file.readline(MAX_LINE)
            end = file.tell()
            yield Part(path=path, start=start, end=end)
            while rest and not rest.endswith(b"\n"):
                rest = file.readline(MAX_LINE)
            start = file.tell()


def _run(sweeper: Sweeper, parts: Iterator[tuple[Source, Part]], jobs: int) -> Iterator[tuple[Source, Part, Found]]:
    """The parts in their order with what was found in them; at most some parts a process are under way."""
    with _rules_left_alone():
        for source, part in parts:  # the first part here: what it compiles is compiled for all
            yield source, part, examine(sweeper, part)
            break
        gc.freeze()
        if jobs == 1:
            yield from ((source, part, examine(sweeper, part)) for source, part in parts)
        else:
            yield from _shared(sweeper, parts, jobs)


@contextmanager
def _rules_left_alone() -> Iterator[None]:
    """The collector of cycles would go through all rules again and again; events have no cycles.

    Not even once: that takes as long as to match ten thousand events.
    """
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.unfreeze()


def _shared(sweeper: Sweeper, parts: Iterator[tuple[Source, Part]], jobs: int) -> Iterator[tuple[Source, Part, Found]]:
    _INHERITED[:] = [sweeper]
    waiting: deque[tuple[Source, Part, Future[Found]]] = deque()
    with ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context("fork")) as pool:
        try:
            for source, part in parts:
                waiting.append((source, part, pool.submit(_inherited, part)))
                if len(waiting) > 3 * jobs:
                    yield _done(waiting.popleft())
            while waiting:
                yield _done(waiting.popleft())
        except BrokenProcessPool as error:
            raise SocError("a process of the sweep died; was there too little memory?") from error
        finally:
            _INHERITED.clear()


def _done(waiting: tuple[Source, Part, Future[Found]]) -> tuple[Source, Part, Found]:
    source, part, future = waiting
    return source, Part(start=part.start, end=part.end), future.result()


_INHERITED: Final[list[Sweeper]] = []
"""What a forked process matches with: too large, and too much of it in C, to be sent."""


def _inherited(part: Part) -> Found:
    return examine(_INHERITED[0], part)


def examine(sweeper: Sweeper, part: Part) -> Found:
    """Matches one part."""
    gc.collect(1)
    found = Found()
    try:
        lines = _lines(part, found)
    except OSError as error:  # it was there when the parts were cut
        found.wrong.append(str(error.strerror))
        return found
    found.lines = len(lines)
    before = sweeper.unrouted()
    for start in range(0, len(lines), BATCH):
        _match(sweeper, lines[start : start + BATCH], start, found, keep_record=part.windows)
    found.unrouted = sweeper.unrouted() - before
    return found


def _lines(part: Part, found: Found) -> list[bytes]:
    if part.path is None:
        text = part.text or b""
    elif part.windows:
        lines, found.wrong = evtx.read_slice(part.path, part.start, part.end)
        return lines
    else:
        with part.path.open("rb") as file:
            file.seek(part.start)
            text = file.read(part.end - part.start)
    return BytesIO(text).readlines()  # at half the cost of a split


def _match(sweeper: Sweeper, lines: Sequence[bytes], first: int, found: Found, *, keep_record: bool) -> None:
    """The hot loop: JSON to events to hits, some hundreds at a time."""
    places: Sequence[int] = range(first, first + len(lines))
    try:
        events = sweeper.read(lines)
    except (ValueError, RecursionError):  # one of them is no event
        events, places = _one_by_one(sweeper, lines, first, found)
        lines = [lines[place - first] for place in places]
    found.events += len(events)
    found.hits += [
        (
            places[at],
            events[at].get("EventRecordID") if keep_record else None,
            [rules[0].id] if len(rules) == 1 else sorted({rule.id for rule in rules}),
        )
        for at, rules in sweeper.matcher.hits(events, lines)
    ]


def _one_by_one(sweeper: Sweeper, lines: Sequence[bytes], first: int, found: Found) -> tuple[Batch, list[int]]:
    """The events among the lines, and which lines those are."""
    events: list[Event] = []
    places: list[int] = []
    for place, line in enumerate(lines, start=first):
        try:
            events += sweeper.read((line.removesuffix(b"\n"),))  # so that a reason counts columns, not lines
            places.append(place)
        except (ValueError, RecursionError) as error:
            _unreadable(line, place, error, found)
    return Batch(events), places


def _unreadable(line: bytes, place: int, error: Exception, found: Found) -> None:
    if not line or line.isspace():
        return
    found.unreadable += 1
    if len(found.bad) < _WORST:
        found.bad.append((place, str(error)[:200]))
