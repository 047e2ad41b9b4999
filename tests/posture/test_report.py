"""``soc report`` over the made-up month: the numbers are those of SQL and ``soc alerts``, the bytes those of before."""

import json
import os
import sqlite3
import subprocess
import sys
from collections import Counter
from contextlib import closing
from itertools import product

import pytest
from click.testing import CliRunner

from soc.cli import main
from soc.core.finding import Level
from soc.core.store import HOUR
from soc.engines.month import write_month
from soc.engines.report import month_facts
from soc.enrich import read_inventory
from soc.stores.memory import MemoryStore
from soc.stores.sqlite import SqliteStore
from soc.story import INVENTORY
from soc.story.month import SILENT
from tests.posture.build import OCTOBER

WITHIN = {"since": OCTOBER.start, "until": OCTOBER.end}
SEEN = "last_seen >= :since AND first_seen < :until"


@pytest.fixture(scope="module")
def found(stored, content):
    with closing(SqliteStore.read_only(stored)) as store:
        return month_facts(store, OCTOBER, content)


@pytest.fixture
def sql(stored):
    with closing(sqlite3.connect(f"{stored.as_uri()}?mode=ro", uri=True)) as connection:
        yield lambda text, **more: connection.execute(text, WITHIN | more).fetchall()


def run(*arguments):
    return CliRunner().invoke(main, ["report", *map(str, arguments)])


def test_alerts_are_those_of_sql(found, sql):
    levels = dict(sql(f"SELECT level, count(*) FROM alerts WHERE {SEEN} GROUP BY level"))
    assert dict(found.severities) == {level.word: levels.get(level, 0) for level in Level}
    assert found.alerts == sum(levels.values()) > 250
    units = sql(f"SELECT body ->> '$.unit', body ->> '$.level', count(*) FROM alerts WHERE {SEEN} GROUP BY 1, 2")
    assert sorted(found.units) == sorted(units)
    noise = sql(
        f"SELECT rule_id, count(*), sum(body ->> '$.count') FROM alerts WHERE {SEEN} GROUP BY 1 ORDER BY 2 DESC, 3 DESC"
    )
    assert [(one.rule_id, one.alerts, one.events) for one in found.noise] == noise[: len(found.noise)]
    days = sql(f"SELECT (first_seen - :since) / :day, count(*) FROM alerts WHERE {SEEN} GROUP BY 1", day=24 * HOUR)
    assert {index: sum(day) for index, day in enumerate(found.days) if sum(day)} == dict(days)


def test_alerts_are_those_that_soc_alerts_lists(found, stored):
    listed = CliRunner().invoke(
        main, f"alerts --store {stored} --json --since 2026-10-01 --until 2026-11-01 --limit 9999".split()
    )
    counted = Counter(json.loads(line)["severity"] for line in listed.stdout.splitlines())
    assert {word: n for word, n in found.severities if n} == dict(counted)


def test_hours_are_those_of_the_events_themselves(found, sql):
    rows = sql(
        "SELECT body ->> '$.\"soc.origin\"', body ->> '$.\"event.module\"', count(*), "
        "count(DISTINCT time / 3600000000) FROM events WHERE time >= :since AND time < :until GROUP BY 1, 2"
    )
    expected = {(origin, module): (events, 744 - hours) for origin, module, events, hours in rows}
    assert {(one.origin, one.module): (one.events, one.blind) for one in found.sources} == expected
    origin, since, long = SILENT
    silent = [one for one in found.sources if one.steady and one.blind]
    assert {one.origin for one in silent} == {origin}
    assert {(one.longest_from, one.longest * HOUR) for one in silent} == {(since, long)}


def test_the_intrusion_is_the_one_suspected_incident(found):
    (chain,) = found.incidents
    assert (len(chain.alerts), chain.level, chain.units) == (9, 4, ("atbx", "vp"))


def test_json_is_the_facts(found, stored):
    result = run("2026-10", "--store", stored, "--json")
    assert result.exit_code == 0
    told = json.loads(result.stdout)
    assert (told["alerts"], told["blind"], told["covered"]) == (found.alerts, found.blind, found.covered)


def test_two_processes_write_the_same_bytes(stored, tmp_path):
    written = {}
    for seed, name in product(("1", "2"), ("r.pdf", "r.html")):
        out = tmp_path / f"{seed}-{name}"
        command = [sys.executable, "-m", "soc", "report", "2026-10", "--store", stored, "--lang", "vi", "--out", out]
        subprocess.run(command, check=True, capture_output=True, env=os.environ | {"PYTHONHASHSEED": seed})
        written.setdefault(name, set()).add(out.read_bytes())
    assert {name: len(contents) for name, contents in written.items()} == {"r.pdf": 1, "r.html": 1}


def test_the_month_is_the_same_each_time(stored, content):
    again = MemoryStore()
    write_month(again, content, read_inventory(INVENTORY))
    with closing(SqliteStore.read_only(stored)) as store:
        assert month_facts(store, OCTOBER, content) == month_facts(again, OCTOBER, content)


def test_exit_status_and_what_is_refused(stored, tmp_path):
    assert run("2025-01", "--store", stored).exit_code == 1
    assert run("2026-13", "--store", stored).exit_code == 2
    assert run("2026-10", "--store", stored, "--out", tmp_path / "r.doc").exit_code == 2
    assert run("2026-10", "--store", tmp_path / "none.db").exit_code == 2


def test_units_have_the_inventorys_names(stored, tmp_path):
    out = tmp_path / "r.html"
    result = run("2026-10", "--store", stored, "--inventory", INVENTORY, "--lang", "vi", "--out", out)
    assert result.exit_code == 0, result.output
    assert "Cục Sở hữu trí tuệ" in out.read_text("utf-8")


def test_the_demo_writes_it_and_says_how_to_go_on(tmp_path):
    result = CliRunner().invoke(main, ["demo", "--month", "--folder", str(tmp_path)])
    assert result.exit_code == 0, result.output
    assert f"report 2026-10 --store {tmp_path / 'soc.db'}" in result.stdout
