"""Each class of disagreement with SQLite's queries has a smallest case, and a line on the page that explains it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from sigma.backends.sqlite import sqliteBackend

from soc.core.logsource import LogSource
from tests.sigma.corpus import compiled, matcher
from tests.sigma.plain import Plain
from tests.sigma.plain_verdict import holds
from tests.sigma.sqlite import Table, queries
from tests.sigma.test_against_sql import ARRAY
from tests.sigma.test_against_sql import QUIRKS as REAL
from tests.sigma.test_differential import QUIRKS, document

HERE = Path(__file__).parent
CASES: list[dict[str, Any]] = yaml.safe_load((HERE / "disagreements.yml").read_text("utf-8"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_case(case: dict[str, Any]) -> None:
    rule = document(case["detection"], 0)
    event = {name: tuple(value) if isinstance(value, list) else value for name, value in case["event"].items()}
    engine = matcher(compiled([rule]), (LogSource("test"),))
    assert bool(engine.match(event)) is case["ours"]
    assert holds(Plain(rule).tree(), event) is case["ours"]
    table = Table([event], ["A", "B", "CommandLine"])
    assert bool(table.found(queries(rule, sqliteBackend))) is case["sqlite"]
    table.close()
    quirks = frozenset({case["name"]})
    if case["name"] in QUIRKS or quirks in REAL:
        assert holds(Plain(rule, quirks=quirks).tree(), event, quirks) is case["sqlite"]


def test_every_class_has_a_case_and_a_line() -> None:
    page = (HERE / "DISAGREEMENTS.md").read_text("utf-8")
    on_page = {line.split("|")[1].strip() for line in page.splitlines() if line.startswith("| ")} - {"class"}
    assert on_page == {case["name"] for case in CASES}
    assert on_page >= {*QUIRKS, ARRAY, *(name for quirks in REAL for name in quirks)}
