"""``soc explain`` of a correlation: how far its windows are, from events, from lines, and from the state of soc run."""

from __future__ import annotations

from pathlib import Path

import msgspec
import orjson
import pytest
from click.testing import CliRunner, Result

from soc.cli import main
from soc.core.store import STORE_FILE
from soc.engines.embedded import SNAPSHOT
from soc.pipeline.build import build_pipeline
from soc.pipeline.content import load_content
from soc.stores.sqlite import SqliteStore

RULES = """
title: Failed login
name: failed
id: 3f0f3c67-1f0e-4bd6-8d30-b1f0b3a7a011
logsource: {product: linux, service: sshd}
detection: {login: {event.action: ssh_login, event.outcome: failure}, condition: login}
---
title: Login
name: login
id: 3f0f3c67-1f0e-4bd6-8d30-b1f0b3a7a012
logsource: {product: linux, service: sshd}
detection: {login: {event.action: ssh_login, event.outcome: success}, condition: login}
---
title: Brute force
name: brute
id: 3f0f3c67-1f0e-4bd6-8d30-b1f0b3a7a013
correlation: {type: CONDITION}
"""
COUNT = "event_count, rules: [failed], group-by: [source.ip], timespan: 5m, condition: {gte: 10}"
ORDER = "temporal_ordered, rules: [failed, login], group-by: [source.ip], timespan: 5m"
UNLESS = "temporal, rules: [failed, login], group-by: [source.ip], timespan: 5m, condition: failed and not login"


def soc(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments], catch_exceptions=False)


def event(second: int, address: str = "203.0.113.9", outcome: str = "failure") -> dict[str, object]:
    return {
        "@timestamp": f"2026-10-05T01:00:{second:02}Z",
        "event.dataset": "linux.sshd",
        "event.action": "ssh_login",
        "event.outcome": outcome,
        "source.ip": address,
    }


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    rules = tmp_path / "rules.yml"
    rules.write_text(RULES.replace("CONDITION", COUNT))
    events = tmp_path / "events.ndjson"
    many = [*(event(s) for s in range(7)), event(8, "203.0.113.7"), event(9, outcome="success")]
    events.write_bytes(b"\n".join(map(orjson.dumps, many)))
    return rules, events


def test_a_count_says_how_many_of_how_many(files: tuple[Path, Path]) -> None:
    rules, events = files
    shown = soc("explain", rules, events)
    assert shown.exit_code == 1
    assert "source.ip 203.0.113.9: 7 of 10 in 5m" in shown.output
    assert shown.output.index("7 of 10") < shown.output.index("203.0.113.7: 1 of 10")
    assert "203.0.113.9: 7 trên 10 trong 5m" in soc("explain", rules, events, "--lang", "vi").output


def test_enough_events_fire(files: tuple[Path, Path]) -> None:
    rules, events = files
    events.write_bytes(b"\n".join(orjson.dumps(event(s)) for s in range(12)))
    shown = soc("explain", rules, events, "--json")
    assert shown.exit_code == 0
    found = orjson.loads(shown.output)
    assert found["fires"] is True
    assert [(window["have"], window["need"], window["holds"]) for window in found["windows"]] == [(12, ">= 10", True)]


def test_what_was_seen_and_what_is_missing(files: tuple[Path, Path]) -> None:
    rules, events = files
    rules.write_text(RULES.replace("CONDITION", ORDER))
    events.write_bytes(orjson.dumps(event(3)))
    shown = soc("explain", rules, events)
    assert "1 of 2 in 5m" in shown.output
    assert "✔ Failed login: seen" in shown.output
    assert "✘ Login: not seen (still missing)" in shown.output
    rules.write_text(RULES.replace("CONDITION", UNLESS))
    shown = soc("explain", rules, events)
    assert (shown.exit_code, "1 of 1 rules in 5m" in shown.output) == (1, True)
    assert "✔ Login: not seen" in shown.output
    assert "decided at" in shown.output


def test_lines_are_read_as_well(tmp_path: Path) -> None:
    log = tmp_path / "auth.log"
    line = "Oct  5 08:14:{:02} web1 sshd[99]: Failed password for root from 203.0.113.9 port 4000 ssh2\n"
    log.write_text("".join(line.format(s) for s in range(4)))
    shown = soc("explain", "ssh_brute_force", log)
    assert shown.exit_code == 1
    assert "203.0.113.9: 4 of " in shown.output
    assert soc("explain", "ssh_login_failure", log).exit_code == 0


def test_the_state_of_a_run_is_read_and_not_touched(files: tuple[Path, Path], tmp_path: Path) -> None:
    rules, events = files
    pipeline = build_pipeline(load_content([rules], shipped=False), None, zone=0)
    found = [orjson.loads(line) for line in events.read_bytes().splitlines()]
    stamped = [{**one, "@timestamp": 1_791_162_000_000_000 + n * 1_000_000} for n, one in enumerate(found)]
    pipeline.replay(stamped)
    pipeline.advance(1_791_162_000_000_000 + 60_000_000)
    store = SqliteStore(tmp_path / STORE_FILE)
    store.put_state(SNAPSHOT, msgspec.msgpack.encode((1, b"", pipeline.state())))
    store.commit()
    store.close()
    before = (tmp_path / STORE_FILE).read_bytes()
    assert "203.0.113.9: 7 of 10 in 5m" in soc("explain", rules, "--data-dir", tmp_path).output
    assert (tmp_path / STORE_FILE).read_bytes() == before
