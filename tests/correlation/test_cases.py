"""Cases as YAML: correlation, hits and findings on one screen, one file for each type.

correlation  the inside of ``correlation:``, named case; or correlations: name -> inside
hits         "SECOND RULES [FIELD=VALUE ...]": one event of the log a line, in the log's order; a+b: both rules match
             it. user=u unless stated, user= for none. Values are YAML, so bytes=5 is a number; n stands for number.
found        "GROUP FIRST LAST COUNT", with the correlation's name before it where there are several; in any order
refused      a part of the reason for which the file is not accepted
ungrouped, unusable, late  what is counted instead
until        the watermark (s), where the end of the input is not what is meant
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from soc.core.finding import Finding, Hit
from soc.correlation import Correlator

END = 10**15
FILES = sorted((Path(__file__).parent / "cases").glob("*.yml"))
CASES = [
    pytest.param(case, id=f"{file.stem}: {case['case']}") for file in FILES for case in yaml.safe_load(file.read_text())
]


def documents(case: dict[str, Any]) -> str:
    bodies = case.get("correlations") or {"case": case["correlation"]}
    made = [
        {"title": name, "name": name, "generate": True, "correlation": {"group-by": ["user.name"], **body}}
        for name, body in bodies.items()
    ]
    return str(yaml.safe_dump_all(made))


def hits_of(lines: list[str], hit: Any) -> list[Hit]:
    made = []
    for offset, line in enumerate(lines):
        second, rules, *fields = line.split()
        pairs = dict(field.split("=", 1) for field in fields)
        values = {name: yaml.safe_load(text) for name, text in pairs.items()}
        values = {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}
        first = hit(rules.split("+")[0], float(second), offset=offset, **values)
        made += [Hit(hit(rule, 0).rule, first.event) for rule in rules.split("+")]
    return made


def told(finding: Finding) -> str:
    group = ",".join(value for _, value in finding.group)
    return f"{group} {finding.first / 1e6:g} {finding.last / 1e6:g} {finding.count}".strip()


@pytest.mark.parametrize("case", CASES)
def test_case(read: Any, hit: Any, case: dict[str, Any]) -> None:
    correlations, problems = read(documents(case))
    if "refused" in case:
        assert case["refused"] in " / ".join(problem.reason for problem in problems)
        return
    assert problems == []
    correlator = Correlator(correlations, 0)
    correlator.feed(hits_of(case["hits"], hit))
    found = correlator.advance(int(case["until"] * 1e6) if "until" in case else END)
    named = len(correlations) > 1
    assert sorted(f"{f.rule.name} {told(f)}" if named else told(f) for f in found) == sorted(case["found"])
    assert sum(correlator.ungrouped.values()) == case.get("ungrouped", 0)
    assert sum(correlator.unusable.values()) == case.get("unusable", 0)


def test_there_are_cases_of_every_type() -> None:
    assert len(CASES) >= 60
    assert len({case.values[0]["case"] for case in CASES}) == len(CASES)
