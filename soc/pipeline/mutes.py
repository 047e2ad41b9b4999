"""Muted rules: who keeps which rule quiet, why, and until when. A file that people write too; it is read strictly.

A muted rule raises no alert, and still feeds the correlations that refer to it: whoever silences a noisy rule does not
mean to blind what is built on it. On the day of ``until`` it raises alerts again, by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Annotated

import msgspec
import yaml

from soc.core.errors import SettingsError
from soc.core.yamlfile import read_struct, wrong_value

MUTES_FILE = "mutes.yml"
"""The file's name in the data folder."""

_HEADER = """\
# Rules that raise no alert for a while, and by whose word. They still feed correlations, and raise alerts again on the
# day of "until". "soc rules mute" and "soc rules unmute" edit this file; so may you.
mutes:
"""

_Word = Annotated[str, msgspec.Meta(min_length=1, max_length=500)]


class Mute(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One rule or correlation that is to be quiet before the day of ``until`` (local date)."""

    id: _Word
    until: date
    by: _Word
    reason: _Word
    title: str = ""

    def holds(self, today: date) -> bool:
        """Whether it is in force; it expires by itself."""
        return today < self.until

    @property
    def words(self) -> str:
        """For people: by whom, until when, and why."""
        return f"by {self.by} until {self.until}: {self.reason}"


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    mutes: tuple[Mute, ...] | None = ()


def read_mutes(path: Path) -> tuple[Mute, ...]:
    """The mutes of a file, () if there is no file. SettingsError names file, line and key of what is wrong."""
    if not path.exists():
        return ()
    found = read_struct(path, _File).mutes or ()
    seen: set[str] = set()
    for number, mute in enumerate(found):
        if mute.id in seen:
            raise wrong_value(path, f"mutes[{number}].id", "{name} is muted twice", name=mute.id)
        seen.add(mute.id)
    return found


def add_mute(path: Path, mute: Mute) -> None:
    """Puts a mute in place of an earlier one of the same rule; the rest of the file stays, comments too."""
    remove_mute(path, mute.id)
    before = read_mutes(path)
    text = path.read_text("utf-8") if path.exists() else _HEADER
    column, end = _end_of_list(text)
    lines = text.splitlines()
    lines[end:end] = [" " * column + line for line in _item(mute)]
    _write(path, "\n".join(lines) + "\n", (*before, mute))


def remove_mute(path: Path, id: str) -> Mute | None:
    """Takes a rule's mute out and gives it back; None, and nothing written, when there is none."""
    before = read_mutes(path)
    place = next((number for number, mute in enumerate(before) if mute.id == id), None)
    if place is None:
        return None
    text = path.read_text("utf-8")
    node = _list_node(text)
    lines = text.splitlines()
    if node is not None:
        item = node.value[place]
        last = _last_line(item)
        del lines[item.start_mark.line : last + 1]
    _write(path, "\n".join(lines) + "\n", before[:place] + before[place + 1 :])
    return before[place]


def _item(mute: Mute) -> list[str]:
    """The mute as lines of YAML."""
    named = {name: value for name, value in msgspec.structs.asdict(mute).items() if value != ""}
    body = yaml.safe_dump([named], sort_keys=False, allow_unicode=True, width=10_000)
    return body.splitlines()


def _list_node(text: str) -> yaml.SequenceNode | None:
    """The list of a file that was read already; None while it has no items."""
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    for key, value in root.value if isinstance(root, yaml.MappingNode) else ():
        if key.value == "mutes" and isinstance(value, yaml.SequenceNode) and value.value:
            return value
    return None


def _end_of_list(text: str) -> tuple[int, int]:
    """(column of its dashes, line after its last item)."""
    node = _list_node(text)
    if node is None:
        return 2, len(text.splitlines())
    return node.start_mark.column, _last_line(node.value[-1]) + 1


def _last_line(node: yaml.Node) -> int:
    """Of the last value in a node. Its end mark would be where the next thing begins, past the comments."""
    while isinstance(node, yaml.MappingNode | yaml.SequenceNode) and node.value:
        last = node.value[-1]
        node = last[1] if isinstance(last, tuple) else last
    end = node.end_mark
    return end.line - 1 if end.column == 0 and end.line > node.start_mark.line else end.line


def _write(path: Path, text: str, wanted: Sequence[Mute]) -> None:
    """In one rename. A file of another shape (a list in brackets) that the edit does not suit is written anew."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.new")
    for attempt in (text, _HEADER + "".join(f"  {line}\n" for mute in wanted for line in _item(mute))):
        fresh.write_text(attempt, "utf-8")
        try:
            if read_mutes(fresh) == tuple(wanted):
                break
        except SettingsError:
            continue
    fresh.replace(path)
