"""A progress bar with rate and time left on a terminal, and nothing where there is none."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from soc.cli.show import console
from soc.core.i18n import Translate

if TYPE_CHECKING:
    from soc.engines.hunt import Hunted


class Read(Protocol):
    """How far a run is: lines, and bytes of all bytes (0 when unknown)."""

    lines: int
    consumed: int
    size: int


@contextmanager
def reading(t: Translate) -> Iterator[Callable[[Read], None]]:
    """Gives the function that the engine calls after each batch; the bar is on standard error."""
    terminal = console(stderr=True)
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[lines]:,} " + t("lines")),
        TextColumn("{task.fields[rate]:,.0f}/s"),
        TimeRemainingColumn(),
        console=terminal,
        transient=True,
        disable=not terminal.is_terminal,
    ) as bar:
        task = bar.add_task(t("reading"), total=None, lines=0, rate=0.0)

        def update(totals: Read) -> None:
            elapsed = bar.tasks[0].elapsed or 0.0
            bar.update(
                task,
                total=totals.size or None,
                completed=totals.consumed,
                lines=totals.lines,
                rate=totals.lines / elapsed if elapsed else 0.0,
            )

        yield update


@contextmanager
def looking_back(t: Translate, since: int, until: int) -> Iterator[Callable[[Hunted], None]]:
    """Gives the function that hunt() calls after each batch; how far it is, is told by event time."""
    terminal = console(stderr=True)
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[events]:,} " + t("events")),
        TimeRemainingColumn(),
        console=terminal,
        transient=True,
        disable=not terminal.is_terminal,
    ) as bar:
        task = bar.add_task(t("reading"), total=max(1, until - since), events=0)

        def update(found: Hunted) -> None:
            bar.update(task, completed=max(0, found.reached - since), events=found.events)

        yield update
