"""Value lists for ``|expand``: lists/<name>.yml holds the values of %name%, with a version and an owner.

A rule's hash covers the values that it takes from lists, so an alert tells which version of a list it saw.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from soc.core.errors import Problem
from soc.core.ids import content_id
from soc.sigma.documents import read_documents

FOLDER = "lists"


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """version: any text or number; values: Sigma text, so ``srv*`` is a pattern."""

    version: str | int | float
    owner: str
    values: tuple[str | int, ...]
    description: str = ""


class Lists(dict[str, tuple[str, ...]]):
    """Name -> values. taken() says what was asked for since it was last called."""

    def __init__(self, known: Mapping[str, Sequence[str]]) -> None:
        super().__init__({name: tuple(values) for name, values in known.items()})
        self._asked: set[str] = set()

    def get(self, name: str, default: object = ()) -> tuple[str, ...]:
        """The values, () for a list that is not there."""
        self._asked.add(name)
        return super().get(name, ())

    def taken(self) -> str:
        """The hash of all lists that were asked for, "" for none."""
        asked, self._asked = sorted(self._asked), set()
        return (
            content_id(text for name in asked for text in (name, *super(Lists, self).get(name, ()), ""))
            if asked
            else ""
        )


def is_list(file: Path) -> bool:
    """Whether a file is a value list: it lies in a folder of that name."""
    return file.parent.name == FOLDER


def read_lists(files: Sequence[Path], known: Mapping[str, Sequence[str]]) -> tuple[Lists, list[Problem]]:
    """The lists of these files together with known ones, and what is wrong with the others."""
    found = dict(known)
    problems: list[Problem] = []
    for file in files:
        name = file.stem
        values = _values(file)
        if isinstance(values, Problem):
            problems.append(values)
        elif name in found:
            problems.append(Problem(str(file), 1, f"there is a list {name} already"))
        else:
            found[name] = values
    return Lists(found), problems


def _values(file: Path) -> tuple[str, ...] | Problem:
    documents = list(read_documents(file))
    wrong = next((one for one in documents if isinstance(one, Problem)), None)
    if wrong is not None:
        return wrong
    document, *more = (one for one in documents if not isinstance(one, Problem))
    if more:
        return Problem(str(file), more[0].line, "a list is one document")
    try:
        read = msgspec.convert(document.document, _File)
    except msgspec.ValidationError as error:
        return Problem(str(file), document.line, f"list: {error}")
    values = tuple(str(value) for value in read.values)
    if not all(values) or not values:
        return Problem(str(file), document.line, "list: an empty value" if values else "list: it has no values")
    return values
