"""The story's pages: lines of many devices, each put into its file in the order of time, and the truth about them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from soc.story.times import CLOSING, OPENING


@dataclass(frozen=True, slots=True)
class Chapter:
    """One step of the attack: which lines it left, so that a detection can be held to it.

    first, last   µs of its first and last line
    addresses     hostile or hijacked addresses that it is about
    accounts      accounts that it is about
    lines         (file name, 1-based line number) of every hostile line, by file and number
    """

    name: str
    first: int
    last: int
    addresses: tuple[str, ...]
    accounts: tuple[str, ...]
    lines: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Story:
    """What was written: the files, the attack's chapters in order of time, and the lines cut short on purpose.

    Every line in no chapter is ordinary: an alert that rests on ordinary lines alone is a false one.
    broken names lines that no parser can read, as (file name, 1-based line number).
    """

    files: tuple[Path, ...]
    truth: tuple[Chapter, ...]
    broken: tuple[tuple[str, int], ...]
    lines: int


@dataclass(frozen=True, slots=True)
class Plot:
    """A chapter before it is written: its name and whom it is about."""

    name: str
    addresses: tuple[str, ...]
    accounts: tuple[str, ...] = ()


ORDINARY = Plot("", ())
BROKEN = Plot("broken", ())


class Journal:
    """Collects lines in any order; gives each file its lines in the order of time."""

    def __init__(self) -> None:
        self._pages: dict[str, list[tuple[int, str, Plot]]] = {}

    def add(self, file: str, moment: int, text: str, plot: Plot = ORDINARY) -> None:
        """One line. What happens before seven or after half past eleven is not in the files that were collected."""
        if OPENING <= moment < CLOSING:
            self._pages.setdefault(file, []).append((moment, text, plot))

    def write(self, folder: Path) -> Story:
        """The files, in an existing or new folder. OSError when it cannot be written."""
        folder.mkdir(parents=True, exist_ok=True)
        marks: dict[Plot, list[tuple[int, str, int]]] = {}
        files = []
        total = 0
        for name, page in sorted(self._pages.items()):
            page.sort(key=_moment)
            total += len(page)
            for number, (moment, _, plot) in enumerate(page, 1):
                if plot is not ORDINARY:
                    marks.setdefault(plot, []).append((moment, name, number))
            path = folder / name
            path.write_bytes("".join([text + "\n" for _, text, _ in page]).encode())
            # the year of its year-less times follows from when a file was last written
            os.utime(path, ns=(CLOSING * 1000, CLOSING * 1000))
            files.append(path)
        broken = tuple((name, number) for _, name, number in marks.pop(BROKEN, []))
        return Story(tuple(files), _chapters(marks), broken, total)


def _moment(entry: tuple[int, str, Plot]) -> int:
    return entry[0]


def _chapters(marks: Mapping[Plot, list[tuple[int, str, int]]]) -> tuple[Chapter, ...]:
    chapters = [
        Chapter(
            plot.name,
            min(moment for moment, _, _ in lines),
            max(moment for moment, _, _ in lines),
            plot.addresses,
            plot.accounts,
            tuple((name, number) for _, name, number in lines),
        )
        for plot, lines in marks.items()
    ]
    return tuple(sorted(chapters, key=lambda chapter: (chapter.first, chapter.name)))
