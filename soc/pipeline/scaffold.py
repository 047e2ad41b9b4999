"""The first form of a rule and its samples: what is to be filled in is marked, and the check asks for each mark.

The forms are files in scaffolds/: <kind>.<language>.yml and .jsonl.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from importlib.resources import files
from pathlib import Path

from soc.core.errors import Problem

_MARK = re.compile(r"<(FILL IN|CẦN ĐIỀN): ([^<>\n]{1,200})>")
_ASKED = {"FILL IN": "to be filled in", "CẦN ĐIỀN": "cần điền"}


def scaffold(kind: str, name: str, language: str, id: str, day: date) -> tuple[str, str]:
    """The text of the rule's file and of its samples. kind: "rule" or "correlation"."""
    folder = files("soc.pipeline") / "scaffolds"
    texts = [(folder / f"{kind}.{language}.{end}").read_text("utf-8") for end in ("yml", "jsonl")]
    filled = [text.replace("@NAME@", name).replace("@ID@", id).replace("@DATE@", day.isoformat()) for text in texts]
    return filled[0], filled[1]


def unfilled(rule: str) -> list[Problem]:
    """A problem for each mark that is left in a rule's file and in the samples beside it."""
    return [mark for file in (Path(rule), Path(rule).with_suffix(".jsonl")) if file.is_file() for mark in _marks(file)]


def _marks(file: Path) -> Iterator[Problem]:
    for number, line in enumerate(file.read_text("utf-8", errors="replace").split("\n"), 1):
        if not line.lstrip().startswith("#"):
            for language, what in _MARK.findall(line):
                yield Problem(str(file), number, f"{_ASKED[language]}: {what}")
