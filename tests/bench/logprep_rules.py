"""Process-creation rules of SigmaHQ as Logprep's, as simply as possible: texts with wildcards, and, or, not."""

from __future__ import annotations

import json
import random
import shutil
from pathlib import Path

from sigma.collection import SigmaCollection
from sigma.conditions import (
    ConditionAND,
    ConditionFieldEqualsValueExpression,
    ConditionItem,
    ConditionNOT,
    ConditionOR,
    ConditionValueExpression,
)
from sigma.exceptions import SigmaError
from sigma.rule import SigmaRule
from sigma.types import SigmaNumber, SigmaString, SpecialChars


class NotSimple(Exception):
    """The rule has something that Logprep's filters do not."""


def convert(source: Path, number: int, ours: Path, theirs: Path, seed: int = 1) -> int:
    """Draws rules by chance until there are so many in both folders; how many were passed over."""
    ours.mkdir()
    theirs.mkdir()
    files = sorted(source.rglob("proc_creation_*.yml"))
    random.Random(seed).shuffle(files)
    done = passed = 0
    for file in files:
        try:
            (rule,) = SigmaCollection.from_yaml(file.read_text("utf-8")).rules
            written = _rule(rule)
        except (NotSimple, SigmaError):
            passed += 1
            continue
        (theirs / f"{file.stem}.json").write_text(json.dumps([written]), "utf-8")
        shutil.copy(file, ours)
        if (done := done + 1) == number:
            break
    return passed


def _rule(rule: object) -> dict[str, object]:
    if not isinstance(rule, SigmaRule) or len(rule.detection.parsed_condition) != 1:
        raise NotSimple
    condition, fields = rule.detection.parsed_condition[0].parse(), set[str]()
    return {
        "filter": _filter(condition, fields),
        "sigma_fields": sorted(fields),
        "pre_detector": {
            "id": str(rule.id),
            "title": rule.title,
            "severity": str(rule.level).lower() if rule.level else "low",
            "mitre": [],
            "case_condition": "directly",
        },
        "description": rule.title,
    }


def _filter(
    item: ConditionItem | ConditionFieldEqualsValueExpression | ConditionValueExpression, fields: set[str]
) -> str:
    if isinstance(item, ConditionAND | ConditionOR):
        word = " AND " if isinstance(item, ConditionAND) else " OR "
        return "(" + word.join(_filter(one, fields) for one in item.args) + ")"
    if isinstance(item, ConditionNOT):
        return f"(NOT {_filter(item.args[0], fields)})"
    if isinstance(item, ConditionFieldEqualsValueExpression):
        fields.add(item.field)
        return f'{item.field}: "{_text(item.value)}"'
    raise NotSimple


def _text(value: object) -> str:
    """Between quotes; a backslash before a wildcard is doubled, all others are themselves."""
    if isinstance(value, SigmaNumber):
        return str(value)
    if type(value) is not SigmaString:
        raise NotSimple
    text = ""
    for part in value.s:
        if isinstance(part, str):
            if set('"*?') & set(part):
                raise NotSimple
            text += part
        elif part in (SpecialChars.WILDCARD_MULTI, SpecialChars.WILDCARD_SINGLE):
            if text.endswith("\\"):
                text += "\\"
            text += "*" if part is SpecialChars.WILDCARD_MULTI else "?"
        else:
            raise NotSimple
    if text.endswith("\\"):
        raise NotSimple
    return text
