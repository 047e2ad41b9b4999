"""What a rule or filter says about itself, checked key by key: title, id, level, dates, tags, log source.

Source: Sigma specification 2.1.0, rules. An attribute that the specification does not know is the author's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec

from soc.core.extras import read_extras
from soc.core.finding import Kind, Level, RuleInfo
from soc.core.logsource import LogSource
from soc.sigma.documents import Document

TAXONOMIES = ("sigma", "ecs")

_Name = Annotated[str, msgspec.Meta(min_length=1, max_length=256)]
_Long = Annotated[str, msgspec.Meta(max_length=65535)]
_Tag = Annotated[str, msgspec.Meta(pattern=r"^[^.\s]+\.\S+$")]
_Word = str | int | float | bool | None


class _Related(msgspec.Struct, frozen=True):
    id: str
    type: Literal["derived", "obsolete", "obsoletes", "merged", "renamed", "similar", "correlation"]


class Attributes(msgspec.Struct, frozen=True):
    """A rule's or filter's attributes but for its logic; the date's form is checked apart."""

    title: _Name
    id: str | None = None
    name: _Name | None = None
    related: tuple[_Related, ...] | None = None
    taxonomy: str | None = None
    status: Literal["stable", "test", "experimental", "deprecated", "unsupported"] | None = None
    level: Literal["informational", "low", "medium", "high", "critical"] | None = None
    description: _Long | None = None
    license: str | None = None
    author: str | None = None
    references: tuple[str, ...] | None = None
    fields: tuple[str, ...] | None = None
    falsepositives: tuple[_Word, ...] | None = None
    tags: tuple[_Tag, ...] | None = None
    scope: tuple[str, ...] | None = None


_NAMES = Attributes.__struct_fields__


class MetadataError(ValueError):
    """An attribute is not as it should be; the text names it."""


def read_attributes(document: Mapping[str, Any]) -> Attributes:
    """The attributes of a document. MetadataError: "level: Invalid enum value 'terrible'"."""
    try:
        found = msgspec.convert({name: document[name] for name in _NAMES if name in document}, Attributes)
    except msgspec.ValidationError as error:
        reason, _, where = str(error).partition(" - at `$.")
        raise MetadataError(f"{where.rstrip('`')}: {reason}" if where else reason) from error
    for where, id in (("id", found.id), *(("related", one.id) for one in found.related or ())):
        if id is not None:
            _uuid(id, where)
    for where in ("date", "modified"):
        _check_date(document.get(where), where)
    if found.taxonomy not in (None, *TAXONOMIES):
        raise MetadataError(f"taxonomy: {found.taxonomy!r} is not known here; {' and '.join(TAXONOMIES)} are")
    return found


def _uuid(text: str, where: str) -> str:
    try:
        return str(UUID(text))
    except ValueError as error:
        raise MetadataError(f"{where}: {text[:80]!r} is no UUID") from error


def _check_date(value: object, where: str) -> None:
    """YYYY-MM-DD, or with slashes as rules before version 2 of the specification have it."""
    if value is None or type(value) is date:
        return
    try:
        datetime.strptime(value.replace("/", "-") if isinstance(value, str) else "", "%Y-%m-%d")  # noqa: DTZ007
    except ValueError as error:
        raise MetadataError(f"{where}: {str(value)[:80]!r} is no date like 2026-10-05") from error


def read_logsource(document: Mapping[str, Any]) -> LogSource:
    """The log source; further keys (definition) are for people. MetadataError when it says nothing."""
    source = document.get("logsource")
    if not isinstance(source, Mapping):
        raise MetadataError("logsource: a map with category, product or service is needed")
    parts = {name: source.get(name) for name in ("category", "product", "service")}
    for name, part in parts.items():
        if part is not None and not (isinstance(part, str) and part):
            raise MetadataError(f"logsource.{name}: {str(part)[:80]!r} is no text")
    if not any(parts.values()):
        raise MetadataError("logsource: one of category, product and service is needed")
    return LogSource(**parts)


def rule_info(found: Attributes, document: Document) -> RuleInfo:
    """What alerts say of the rule; without an id, its content's hash is the id."""
    if found.status == "unsupported":
        raise MetadataError("status: unsupported rules are not run")
    own = read_extras(document.document)
    return RuleInfo(
        id=_uuid(found.id, "id") if found.id is not None else document.hash,
        name=found.name or "",
        title=found.title,
        kind=Kind.RULE,
        level=Level[found.level.upper()] if found.level else Level.MEDIUM,
        hash=document.hash,
        description=(found.description or "").strip(),
        title_vi=own.title_vi,
        description_vi=own.description_vi.strip(),
        tags=found.tags or (),
        false_positives=tuple(map(str, found.falsepositives or ())),
        false_positives_vi=own.false_positives_vi,
        references=found.references or (),
        author=found.author or "",
        path=document.path,
        fold=own.fold,
        silent=own.silent,
        next_steps=own.next_steps,
    )
