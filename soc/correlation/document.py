"""One correlation document, checked by itself: everything but what its references mean."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from soc.core.extras import read_extras
from soc.core.finding import Kind, Level, RuleInfo
from soc.correlation.condition import Condition, read_condition
from soc.correlation.expression import MAX_LENGTH, Expression, names_in, parse
from soc.correlation.rule import Type

if TYPE_CHECKING:
    from sigma.correlations import SigmaCorrelationRule

MAX_RULES = 64
MAX_GROUP_FIELDS = 8
MAX_SPAN_DAYS = 366

_KEYS = frozenset(("type", "rules", "generate", "group-by", "timespan", "aliases", "condition"))
# What pySigma raises on a document of the wrong shape, besides its own errors (which are ValueErrors).
_BAD_SHAPE = (ValueError, TypeError, AttributeError, LookupError, RecursionError)


@dataclass(frozen=True, slots=True)
class Draft:
    """A checked document whose references are still names. level None: the file states none."""

    info: RuleInfo
    line: int
    level: Level | None
    type: Type
    references: tuple[str, ...]
    group_by: tuple[str, ...]
    span: int
    condition: Condition
    fields: tuple[str, ...]
    percentile: int | None
    expression: Expression | None
    aliases: Mapping[str, Mapping[str, str]]
    generate: bool | None


def read_document(raw: Mapping[str, Any], path: str, line: int, digest: str) -> Draft:
    """A raw YAML mapping as a Draft; ValueError gives the first thing that is wrong, in the author's terms."""
    body = raw.get("correlation")
    if not isinstance(body, Mapping):
        raise ValueError("correlation must be a mapping")
    if unknown := sorted(str(key)[:40] for key in body if key not in _KEYS):
        raise ValueError(f"correlation has unknown keys: {', '.join(unknown[:5])}")
    parsed = _parse(raw, body)
    kind = Type(parsed.type.name.lower())
    references = _references(parsed)
    condition, expression = _condition(body, kind, references)
    fields, percentile = _value_fields(body, kind)
    group_by = tuple(parsed.group_by or ())
    if len(group_by) > MAX_GROUP_FIELDS or len(set(group_by)) != len(group_by):
        raise ValueError(f"group-by takes at most {MAX_GROUP_FIELDS} fields, each once")
    span = parsed.timespan.seconds
    if span > MAX_SPAN_DAYS * 86_400:
        raise ValueError(f"timespan is longer than {MAX_SPAN_DAYS} days")
    level = Level[parsed.level.name] if parsed.level else None
    return Draft(
        info=_info(raw, parsed, path, digest, level),
        line=line,
        level=level,
        type=kind,
        references=references,
        group_by=group_by,
        span=span * 1_000_000,
        condition=condition,
        fields=fields,
        percentile=percentile,
        expression=expression,
        aliases=_aliases(body),
        generate=_generate(raw, body),
    )


def _parse(raw: Mapping[str, Any], body: Mapping[str, Any]) -> SigmaCorrelationRule:
    """pySigma's reading of the document, with its condition made one that pySigma accepts (it knows no ranges,
    no names with dashes, and no ``1 of``)."""
    from sigma.correlations import SigmaCorrelationRule  # not above: who has no correlations does without it

    condition = body.get("condition")
    plain = dict(body)
    if isinstance(condition, str):
        if len(condition) > MAX_LENGTH:
            raise ValueError(f"condition is longer than {MAX_LENGTH} characters")
        if str(body.get("type")).lower() != "temporal":
            raise ValueError("a boolean condition has no order: use type temporal, or chain two correlations")
        plain["condition"] = {"gte": 1}
        plain["rules"] = body.get("rules") or names_in(condition)
    elif isinstance(condition, Mapping):
        plain["condition"] = {"gte": 1, "field": condition.get("field", "-")}
    elif condition is not None:
        raise ValueError("condition must be a mapping such as 'gte: 10', or text")
    try:
        return SigmaCorrelationRule.from_dict({**raw, "correlation": plain})
    except _BAD_SHAPE as error:
        raise ValueError(str(error) if isinstance(error, ValueError) else f"wrong type: {error}") from error


def _references(parsed: SigmaCorrelationRule) -> tuple[str, ...]:
    names = [rule.reference for rule in parsed.rules or ()]
    if not names:
        raise ValueError("rules must name at least one rule")
    if not all(isinstance(name, str) and name for name in names):
        raise ValueError("rules must be a list of rule names or ids")
    if len(set(names)) != len(names):
        raise ValueError("rules names one rule twice")
    if len(names) > MAX_RULES:
        raise ValueError(f"rules names more than {MAX_RULES} rules")
    return tuple(names)


def _condition(body: Mapping[str, Any], kind: Type, references: tuple[str, ...]) -> tuple[Condition, Expression | None]:
    """A temporal correlation that states no condition means all of its rules (specification, "Temporal Proximity")."""
    raw = body.get("condition")
    if isinstance(raw, str):
        return Condition((("eq", 1),)), parse(raw, references)
    rules = len(references)
    if raw is None and kind.temporal:
        return Condition((("gte", rules),)), None
    condition = read_condition(raw or {})
    if kind.temporal and not any(condition.holds(number) for number in range(1, rules + 1)):
        raise ValueError(f"condition can never hold: it counts rules, and there are {rules}")
    if kind is Type.VALUE_COUNT and not condition.countable:
        raise ValueError("condition can never hold: a hit has a value; silence is an event_count with 'lt: 1'")
    if kind is Type.EVENT_COUNT and not condition.countable and not condition.holds(0):
        raise ValueError("condition can never hold: no whole number from 0 up meets it")
    return condition, None


def _value_fields(body: Mapping[str, Any], kind: Type) -> tuple[tuple[str, ...], int | None]:
    raw = body.get("condition")
    raw = raw if isinstance(raw, Mapping) else {}
    named = raw.get("field")
    fields = (named,) if isinstance(named, str) else tuple(named) if isinstance(named, list) else ()
    percentile = raw.get("percentile")
    if not kind.value.startswith("value_"):
        if "field" in raw or percentile is not None:
            raise ValueError(f"{kind.value} takes no field and no percentile in its condition")
        return (), None
    if not fields or not all(isinstance(name, str) and name for name in fields):
        raise ValueError(f"{kind.value} needs a field in its condition")
    if len(fields) > (MAX_GROUP_FIELDS if kind is Type.VALUE_COUNT else 1):
        raise ValueError(f"{kind.value}: too many fields in its condition")
    if percentile is None:
        return fields, None
    if kind is not Type.VALUE_PERCENTILE:
        raise ValueError(f"{kind.value} takes no percentile")
    if isinstance(percentile, bool) or not isinstance(percentile, int) or not 0 <= percentile <= 100:
        raise ValueError("percentile must be a whole number from 0 to 100")
    return fields, percentile


def _aliases(body: Mapping[str, Any]) -> Mapping[str, Mapping[str, str]]:
    aliases: Mapping[str, Mapping[str, str]] = body.get("aliases") or {}
    for alias, mapping in aliases.items():
        if not all(isinstance(name, str) and isinstance(field, str) for name, field in mapping.items()):
            raise ValueError(f"aliases: {str(alias)[:40]}: must map rule names to field names")
    return aliases


def _generate(raw: Mapping[str, Any], body: Mapping[str, Any]) -> bool | None:
    """The specification puts ``generate`` beside ``level``, pySigma inside ``correlation``; both are read."""
    stated = [part["generate"] for part in (raw, body) if part.get("generate") is not None]
    if not all(isinstance(value, bool) for value in stated):
        raise ValueError("generate must be true or false")
    if len(set(stated)) > 1:
        raise ValueError("generate is stated twice and differs")
    return stated[0] if stated else None


def _info(
    raw: Mapping[str, Any], parsed: SigmaCorrelationRule, path: str, digest: str, level: Level | None
) -> RuleInfo:
    soc = read_extras(raw)
    name = parsed.name or ""
    return RuleInfo(
        id=str(parsed.id) if parsed.id else name or f"correlation-{digest[:16]}",
        name=name,
        title=parsed.title,
        kind=Kind.CORRELATION,
        level=level if level is not None else Level.INFORMATIONAL,
        hash=digest,
        description=parsed.description or "",
        title_vi=soc.title_vi,
        description_vi=soc.description_vi,
        tags=tuple(str(tag) for tag in parsed.tags),
        false_positives=tuple(str(text) for text in parsed.falsepositives),
        false_positives_vi=soc.false_positives_vi,
        references=tuple(str(text) for text in parsed.references),
        author=parsed.author or "",
        path=path,
        fold=soc.fold,
        silent=soc.silent,
        next_steps=soc.next_steps,
    )
