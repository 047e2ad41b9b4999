"""YAML files read safely: bounded size and depth, no aliases, and every value's line for error messages."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import yaml

from soc.core.errors import SettingsError

MAX_BYTES = 4 * 1024 * 1024
MAX_DEPTH = 40

Struct = TypeVar("Struct")

REASONS = [
    (re.compile(pattern).fullmatch, text)
    for pattern, text in (
        ("Expected `(?P<wanted>[^`]+)`, got `(?P<given>[^`]+)`", "Expected `{wanted}`, got `{given}`"),
        ("Expected `(?P<wanted>[^`]+)` (?P<more>.+)", "Expected `{wanted}` {more}"),
        ("Object missing required field `(?P<name>[^`]+)`", "Object missing required field `{name}`"),
        ("Object contains unknown field `(?P<name>[^`]+)`", "Object contains unknown field `{name}`"),
        ("Invalid value (?P<given>.+)", "Invalid value {given}"),
        ("Invalid enum value (?P<given>.+)", "Invalid enum value {given}"),
    )
]
"""What msgspec says, and the same as texts that have a translation."""

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_yaml(path: Path) -> Any:
    """The single document of a file. SettingsError with path and line when it is unreadable, too big or a bomb."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise SettingsError(path, error.strerror) from error
    if len(raw) > MAX_BYTES:
        raise SettingsError(path, "larger than {number} MiB", number=MAX_BYTES // 1024 // 1024)
    try:
        _refuse_bombs(path, raw)
        _refuse_twins(path, yaml.compose(raw, Loader=_Loader))
        return yaml.load(raw, Loader=_Loader)  # noqa: S506 - a safe loader, the C one where there is one
    except (yaml.YAMLError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        raise SettingsError(f"{path}{line}", getattr(error, "problem", None) or error) from error


def _refuse_bombs(path: Path, raw: bytes) -> None:
    """Events come one by one, so depth and aliases are seen before anything is built from them."""
    depth = 0
    for event in yaml.parse(raw, Loader=_Loader):
        if isinstance(event, yaml.AliasEvent):
            raise SettingsError(f"{path}:{_line(event)}", "YAML aliases are not accepted")
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                raise SettingsError(f"{path}:{_line(event)}", "nested deeper than {number}", number=MAX_DEPTH)
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def _refuse_twins(path: Path, node: yaml.Node | None) -> None:
    """A key that is there twice: YAML would silently take the last one."""
    if isinstance(node, yaml.MappingNode):
        seen = set()
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value in seen:
                raise SettingsError(f"{path}:{key.start_mark.line + 1}", "{name} is there twice", name=key.value)
            seen.add(key.value if isinstance(key, yaml.ScalarNode) else id(key))
            _refuse_twins(path, value)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            _refuse_twins(path, item)


def _line(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 0


def read_struct(path: Path, kind: type[Struct]) -> Struct:
    """A file as a msgspec Struct. SettingsError names file, line and key: "soc.yml:7: inputs[0].port: ..."."""
    data = read_yaml(path)
    try:
        return msgspec.convert({} if data is None else data, kind)
    except msgspec.ValidationError as error:
        reason, _, where = str(error).partition(" - at `$")
        where = where.rstrip("`").lstrip(".")
        for known, text in REASONS:
            if found := known(reason):
                raise wrong_value(path, where, text, **found.groupdict()) from error
        raise wrong_value(path, where, reason) from error


def wrong_value(path: Path, where: str, reason: str, **values: object) -> SettingsError:
    """The error to raise for the value at a path such as ``systems[2].unit``: names file, line and key."""
    return SettingsError(*filter(None, (f"{path}:{line_of(path, where)}", where)), reason, **values)


def line_of(path: Path, where: str) -> int:
    """The line of the value that a msgspec path such as ``inputs[0].port`` points at, or of its nearest parent."""
    node = yaml.compose(path.read_bytes(), Loader=_Loader)
    line = 1
    for step in where.replace("[", ".[").split("."):
        if node is None:
            break
        line = node.start_mark.line + 1
        if isinstance(node, yaml.SequenceNode) and step.strip("[]").isdigit():
            node = node.value[int(step.strip("[]"))]
        elif isinstance(node, yaml.MappingNode):
            found = [(key, value) for key, value in node.value if key.value == step]
            if not found:
                break
            line, node = found[0][0].start_mark.line + 1, found[0][1]
    else:
        if where.endswith("]") and node is not None and node.start_mark:
            line = node.start_mark.line + 1
    return line
