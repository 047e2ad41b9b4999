"""Sigma's field names -> our ECS fields, read from mapping/*.yml: what a rule's author wrote, found in our events.

A rule of ``category: proxy`` says ``c-uri``; our events say ``url.original`` or ``url.full``. The most
specific section that covers the rule's log source wins; a name that is one of our fields already stays;
an unknown name stays too, which makes the rule blind and not wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from pathlib import Path

import msgspec

from soc.core.errors import SettingsError
from soc.core.fields import FIELDS
from soc.core.logsource import LogSource
from soc.core.yamlfile import read_struct

Names = Callable[[str], tuple[str, ...]]


class Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The fields of one kind of log source; {} is for all of them. prefix is where its other fields are kept."""

    logsource: dict[str, str]
    fields: dict[str, str | tuple[str, ...]]
    prefix: str = ""


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    sections: tuple[Section, ...]


@dataclass(frozen=True)
class FieldMap:
    """All sections, the most specific first."""

    sections: tuple[tuple[LogSource, Mapping[str, tuple[str, ...]], str], ...] = ()

    def names(self, source: LogSource) -> Names:
        """The translation for rules of one log source: a Sigma field -> the fields of ours that may hold it."""
        covering = [(table, prefix) for of, table, prefix in self.sections if of.covers(source)]

        def translate(name: str) -> tuple[str, ...]:
            for table, prefix in covering:
                if name in table:
                    return table[name]
                if prefix and prefix + name in FIELDS:
                    return (prefix + name,)
            return (name,)

        return translate


IDENTITY = FieldMap()
"""For events that carry the rules' own field names (Windows events as they are)."""


@lru_cache(maxsize=1)
def shipped_mapping() -> FieldMap:
    """The mapping that comes with the product."""
    folder = files("soc.sigma") / "mapping"
    return read_mapping([Path(str(file)) for file in sorted(folder.iterdir(), key=str) if file.name.endswith(".yml")])


def read_mapping(paths: Sequence[Path]) -> FieldMap:
    """Mapping files as one map. SettingsError names the file and a field that is none of ours."""
    sections: list[tuple[LogSource, Mapping[str, tuple[str, ...]], str]] = []
    for path in paths:
        for section in read_struct(path, _File).sections:
            table = {name: (to,) if isinstance(to, str) else to for name, to in section.fields.items()}
            for name, targets in table.items():
                unknown = [target for target in targets if target not in FIELDS]
                if unknown or name in FIELDS or not targets:
                    raise SettingsError(
                        path, name, "{names} cannot be mapped like this", names=", ".join(unknown) or name
                    )
            sections.append((LogSource(**section.logsource), table, section.prefix))
    sections.sort(key=lambda section: -_stated(section[0]))
    return FieldMap(tuple(sections))


def _stated(source: LogSource) -> int:
    return sum(part is not None for part in (source.category, source.product, source.service))
