"""Sigma rules as SQL: pySigma's SQLite backend writes the query, the standard library's SQLite runs it.

The table is as Zircolite builds it, for which the backend is made: a column for each field, TEXT COLLATE NOCASE.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import regex
from sigma.backends.sqlite import sqliteBackend
from sigma.exceptions import SigmaError
from sigma.rule import SigmaRule

from tests.sigma.plain import as_text

Event = Mapping[str, Any]


class Bracketed(sqliteBackend):
    """The backend with one mistake mended that no reading of a rule could explain: see DISAGREEMENTS.md, "networks"."""

    def convert_condition_field_eq_val_cidr(self, cond: Any, state: Any) -> Any:
        return f"({super().convert_condition_field_eq_val_cidr(cond, state)})"


class Refused(ValueError):
    """The backend has no query for the rule; the text is its reason."""


def queries(document: Mapping[str, Any], backend: type[sqliteBackend] = Bracketed) -> list[str]:
    """A rule's conditions as SQL; each gives the numbers of rows."""
    try:
        made = backend().convert_rule(SigmaRule.from_dict(dict(document)))
    except (SigmaError, NotImplementedError) as error:
        raise Refused(str(error)) from error
    if any("\0" in query for query in made):
        raise Refused("a query cannot hold a zero byte")
    return [query.replace("SELECT * FROM", "SELECT rowid FROM", 1) for query in made]


class Table:
    """Events as rows, with the columns that some rules need. An array has no column: it is left out."""

    def __init__(self, events: Sequence[Event], fields: Iterable[str]) -> None:
        columns = sorted({name.lower(): name for name in sorted(fields)}.items())
        self._connection = sqlite3.connect(":memory:")
        self._connection.create_function("regexp", 2, _regexp, deterministic=True)
        names = ", ".join(f"`{name}` TEXT COLLATE NOCASE" for _, name in columns) or "none TEXT"
        self._connection.execute(f"CREATE TABLE logs ({names})")
        marks = ", ".join("?" * max(len(columns), 1))
        rows = ([_column(event, lower) for lower, _ in columns] or [None] for event in map(_lowered, events))
        self._connection.executemany(f"INSERT INTO logs VALUES ({marks})", rows)

    def found(self, statements: Iterable[str]) -> set[int]:
        """Positions of the events that a rule's queries find."""
        return {row[0] - 1 for one in statements for row in self._connection.execute(one)}

    def close(self) -> None:
        self._connection.close()


def _lowered(event: Event) -> Event:
    return {name.lower(): value for name, value in event.items()}


def _column(event: Event, name: str) -> str | None:
    value = event.get(name)
    return (
        None if value is None or isinstance(value, tuple | list) else as_text(value).encode("utf-8", "replace").decode()
    )


def _regexp(pattern: str, value: str | None) -> bool:
    return value is not None and _compiled(pattern).search(value) is not None


@lru_cache(maxsize=4096)
def _compiled(pattern: str) -> regex.Pattern[str]:
    return regex.compile(pattern)
