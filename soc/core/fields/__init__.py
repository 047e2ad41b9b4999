"""The one table of event fields: ECS (ecs.csv) and each vendor's own, one file each, with their types.

Parsers, rules, index templates and dashboards are checked against it. Types are Elasticsearch's names.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files


@dataclass(frozen=True, slots=True)
class Field:
    """name, Elasticsearch type (keyword, long, ip, date, ...), and whether it holds several values."""

    name: str
    type: str
    array: bool


def _read() -> dict[str, Field]:
    """Every table of this folder: ECS (ecs.csv), and one for each vendor whose fields ECS does not have."""
    fields: dict[str, Field] = {}
    for table in sorted(files("soc.core.fields").iterdir(), key=lambda table: table.name):
        if not table.name.endswith(".csv"):
            continue
        for row in table.read_text("utf-8").splitlines():
            if row and not row.startswith("#"):
                name, kind, array = row.split(",")
                fields[name] = Field(name, kind, array == "a" or _within_array(name, fields))
    return fields


def _within_array(name: str, fields: dict[str, Field]) -> bool:
    """email.attachments.file.name has a value for each attachment, so it is an array as its parent is."""
    parts = name.split(".")
    parents = (".".join(parts[:end]) for end in range(1, len(parts)))
    return any(fields[parent].array for parent in parents if parent in fields)


FIELDS = _read()
DATE_FIELDS = frozenset(field.name for field in FIELDS.values() if field.type == "date")

_PYTHON_TYPES: dict[str, tuple[type, ...]] = {
    "date": (int,),
    "long": (int,),
    "integer": (int,),
    "boolean": (bool,),
    "float": (float, int),
    "double": (float, int),
    "scaled_float": (float, int),
    "geo_point": (str,),
}


def check_event(event: dict[str, object]) -> list[str]:
    """What in the event contradicts the table, one line each; empty when all is right. For tests and linting."""
    wrong = []
    for name, value in event.items():
        field = FIELDS.get(name)
        if field is None:
            wrong.append(f"{name}: not in the field table")
            continue
        if isinstance(value, tuple) != field.array:
            wrong.append(f"{name}: {'needs a tuple' if field.array else 'takes one value'}, got {value!r}")
            continue
        allowed = _PYTHON_TYPES.get(field.type, (str,))
        items = value if isinstance(value, tuple) else (value,)
        wrong += [f"{name}: {field.type}, got {item!r}" for item in items if type(item) not in allowed]
    return wrong
