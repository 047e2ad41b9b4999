"""Random rules and events: the engine, with either scanner, says what an independent evaluator says.

The evaluator below walks pySigma's own condition tree with re; it shares no code with the engine.
"""

from __future__ import annotations

import os
import re
from ipaddress import ip_address
from typing import Any
from unittest import mock

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sigma.conditions import (
    ConditionAND,
    ConditionFieldEqualsValueExpression,
    ConditionNOT,
    ConditionOR,
    ConditionValueExpression,
)
from sigma.rule import SigmaRule
from sigma.types import (
    CompareOperators,
    SigmaBool,
    SigmaCasedString,
    SigmaCIDRExpression,
    SigmaCompareExpression,
    SigmaExists,
    SigmaExpansion,
    SigmaFieldReference,
    SigmaNull,
    SigmaNumber,
    SigmaRegularExpression,
    SigmaString,
    SpecialChars,
)

from soc.core.errors import Problem
from soc.core.logsource import LogSource
from soc.sigma import IDENTITY, Document
from soc.sigma.load import read_rule
from soc.sigma.matcher import Matcher

FIELDS = st.sampled_from(["A", "B", "C d"])
SHORT = st.text("aAbB1.\\/ -\nđĐ", max_size=4)
PATTERN = st.text("aAbB1.*?\\/ -đĐ", max_size=5)
SCALAR = st.one_of(SHORT, st.integers(0, 12), st.booleans(), st.none(), st.sampled_from([0.5, 1.0, "10.0.0.7", "true"]))
EVENT = st.dictionaries(FIELDS, st.one_of(SCALAR, st.lists(SCALAR, max_size=3).map(tuple)), max_size=3)
TEXT_MODIFIERS = st.sampled_from(
    ["", "|contains", "|startswith", "|endswith", "|contains|all", "|cased", "|contains|cased", "|windash|contains",
     "|neq", "|contains|neq"]
)  # fmt: skip
REGEX = st.sampled_from(["a", "^a", "b$", "a.b", "[ab]+1", "a|1", "^$", r"\d", r"a\.b", "(a|b)*1", "A?B"])


def _many(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(values, st.lists(values, min_size=1, max_size=3))


ITEM = st.one_of(
    st.tuples(FIELDS, TEXT_MODIFIERS, _many(PATTERN)),
    st.tuples(FIELDS, st.just(""), _many(st.one_of(PATTERN, st.integers(0, 12), st.booleans(), st.none()))),
    st.tuples(FIELDS, st.sampled_from(["|re", "|re|i", "|re|s"]), _many(REGEX)),
    st.tuples(FIELDS, st.sampled_from(["|lt", "|lte", "|gt", "|gte"]), st.integers(0, 12)),
    st.tuples(FIELDS, st.just("|cidr"), st.sampled_from(["10.0.0.0/24", "10.0.0.8/32", "::/0"])),
    st.tuples(FIELDS, st.just("|exists"), st.booleans()),
    st.tuples(FIELDS, st.sampled_from(["|fieldref", "|fieldref|contains", "|fieldref|startswith"]), FIELDS),
)
MAP = st.lists(ITEM, min_size=1, max_size=3).map(lambda items: {field + mods: value for field, mods, value in items})
KEYWORDS = st.lists(st.one_of(PATTERN.filter(bool), st.integers(0, 12)), min_size=1, max_size=2)
DETECTION = st.one_of(MAP, st.lists(MAP, min_size=1, max_size=2), KEYWORDS)
CONDITION = st.sampled_from(
    ["s_1", "not s_1", "s_1 and s_2", "s_1 or s_2", "s_1 and not s_2", "not (s_1 or s_2)", "not (s_1 and s_2)",
     "1 of s_*", "all of s_*", "1 of them", "all of them and s_1", "s_1 and not 1 of s_*", "(s_1 or s_2) and not s_3",
     "s_1 and (s_2 or not s_3)", "not s_1 and not s_2", "s_3 or (s_1 and s_2)"]
)  # fmt: skip


@settings(max_examples=600, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    sections=st.tuples(DETECTION, DETECTION, DETECTION),
    condition=CONDITION,
    events=st.lists(EVENT, min_size=1, max_size=6),
)
def test_same_verdicts(sections: tuple[Any, ...], condition: str, events: list[dict[str, Any]]) -> None:
    detection = {f"s_{number}": section for number, section in enumerate(sections, 1)} | {"condition": condition}
    document = {"title": "random", "logsource": {"category": "test"}, "detection": detection}
    rule = read_rule(Document(document, "random.yml", 1, "hash"), IDENTITY)
    assert not isinstance(rule, Problem), rule
    wanted = [_fires(SigmaRule.from_dict(document), event) for event in events]
    for scanner in ("hyperscan", "portable"):
        with mock.patch.dict(os.environ, SOC_SCANNER=scanner):
            matcher = Matcher([rule], {"test": (LogSource("test"),)}, lambda _: "test")
        found = [bool(matcher.match(event)) for event in events]
        assert found == wanted, (scanner, [event for event, a, b in zip(events, found, wanted, strict=True) if a != b])


Event = dict[str, Any]


def _fires(rule: SigmaRule, event: Event) -> bool:
    return any(_node(condition.parsed, event) for condition in rule.detection.parsed_condition)


def _node(node: Any, event: Event) -> bool:
    if isinstance(node, ConditionAND):
        return all(_node(child, event) for child in node.args)
    if isinstance(node, ConditionOR):
        return any(_node(child, event) for child in node.args)
    if isinstance(node, ConditionNOT):
        return not _node(node.args[0], event)
    if isinstance(node, ConditionValueExpression):
        return any(_keyword(node.value, text) for text in _all_values(event))
    assert isinstance(node, ConditionFieldEqualsValueExpression)
    return _field(node.field, node.value, event)


def _all_values(event: Event) -> list[str]:
    listed = [one for value in event.values() for one in (value if isinstance(value, tuple) else (value,))]
    return [_text(one) for one in listed if one is not None]


def _keyword(value: Any, text: str) -> bool:
    if isinstance(value, SigmaExpansion):
        return any(_keyword(one, text) for one in value.values)
    if isinstance(value, SigmaRegularExpression):
        return _value(value, text)
    if not isinstance(value, SigmaString):
        value = SigmaString(_text(value.number))
    return re.search(_pattern(value), text, _flags(value)) is not None


def _field(name: str, value: Any, event: Event) -> bool:
    if isinstance(value, SigmaExpansion):
        return any(_field(name, one, event) for one in value.values)
    if isinstance(value, SigmaExists):
        return (name in event) == value.exists
    found = event.get(name)
    values = list(found) if isinstance(found, tuple) else [found]
    if isinstance(value, SigmaNull):
        return not values or any(one is None for one in values)
    values = [one for one in values if one is not None]
    if isinstance(value, SigmaFieldReference):
        other = event.get(value.field)
        others = [one for one in (other if isinstance(other, tuple) else (other,)) if one is not None]
        return any(_reference(_text(one).lower(), _text(two).lower(), value) for one in values for two in others)
    return any(_value(value, one) for one in values)


def _reference(one: str, two: str, reference: SigmaFieldReference) -> bool:
    if reference.starts_with and reference.ends_with:
        return two in one
    if reference.starts_with:
        return one[: len(two)] == two
    return one[len(one) - len(two) :] == two if reference.ends_with and len(two) <= len(one) else one == two


def _value(value: Any, found: Any) -> bool:
    if isinstance(value, SigmaRegularExpression):
        flags = re.NOFLAG
        for flag in value.flags:
            flags |= SigmaRegularExpression.sigma_to_python_flags[flag]
        return re.search(str(value.regexp), _text(found), flags) is not None
    if isinstance(value, SigmaCIDRExpression):
        try:
            return ip_address(found) in value.network
        except ValueError:
            return False
    if isinstance(value, SigmaCompareExpression):
        return _compare(value, found)
    if isinstance(value, SigmaBool):
        return _text(found).lower() == ("true" if value.boolean else "false")
    if isinstance(value, SigmaNumber):
        return _text(found).lower() == _text(value.number).lower()
    assert isinstance(value, SigmaString)
    return re.fullmatch(_pattern(value), _text(found), _flags(value)) is not None


def _compare(value: SigmaCompareExpression, found: Any) -> bool:
    if isinstance(found, bool):
        return False
    try:
        number = float(found)
    except ValueError:
        return False
    limit = value.number.number
    return {
        CompareOperators.LT: number < limit,
        CompareOperators.LTE: number <= limit,
        CompareOperators.GT: number > limit,
        CompareOperators.GTE: number >= limit,
    }[value.op]


def _pattern(value: SigmaString) -> str:
    wild = {SpecialChars.WILDCARD_MULTI: ".*", SpecialChars.WILDCARD_SINGLE: "."}
    return "".join(re.escape(part) if isinstance(part, str) else wild[part] for part in value.s)  # type: ignore[index]


def _flags(value: SigmaString) -> re.RegexFlag:
    return re.DOTALL if isinstance(value, SigmaCasedString) else re.DOTALL | re.IGNORECASE


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value == int(value):
        return str(int(value))
    return str(value)
