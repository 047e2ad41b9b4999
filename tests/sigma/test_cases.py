"""Every case file: a rule, events it must match or miss, or the reason for which it must be rejected."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from soc.core.errors import Problem
from soc.core.event import Event
from soc.core.logsource import LogSource
from soc.sigma import IDENTITY, Document, Rule, explain
from soc.sigma.evaluate import holds
from soc.sigma.load import read_rule
from tests.sigma.corpus import matcher

CASES = Path(__file__).parent / "cases"
PLACEHOLDERS = {"servers": ["srv*", "dc"], "admins": ["root", "admin"], "dots": ["a.b"]}


def case_files() -> list[dict[str, Any]]:
    return [case for file in sorted(CASES.glob("*.yml")) for case in yaml.safe_load(file.read_text("utf-8"))]


def read(case: dict[str, Any]) -> Rule | Problem:
    document = {"title": case["name"], "logsource": {"category": "test"}, "detection": case["detection"]}
    return read_rule(Document(document, "case.yml", 1, "hash"), IDENTITY, PLACEHOLDERS)


def event(fields: dict[str, Any]) -> Event:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in fields.items()}


def fires(rule: Rule) -> Callable[[Event], bool]:
    compiled = matcher([rule], (LogSource("test"),))
    return lambda fields: bool(compiled.match(fields))


@pytest.mark.parametrize("scanner", ["hyperscan", "portable"])
@pytest.mark.parametrize("case", case_files(), ids=lambda case: case["name"])
def test_case(case: dict[str, Any], scanner: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOC_SCANNER", scanner)
    rule = read(case)
    if "rejects" in case:
        assert isinstance(rule, Problem)
        assert case["rejects"] in rule.reason
        return
    assert isinstance(rule, Rule), rule
    match = fires(rule)
    for wanted, events in ((True, case["matches"]), (False, case["misses"])):
        for fields in map(event, events):
            assert (holds(rule.condition, fields), match(fields), match(fields)) == (wanted, wanted, wanted), fields
            assert explain(rule, fields).matched is wanted


def test_there_are_enough_cases() -> None:
    verdicts = sum(
        len(case.get("matches", ())) + len(case.get("misses", ())) + ("rejects" in case) for case in case_files()
    )
    assert verdicts >= 300
