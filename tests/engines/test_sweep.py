"""soc sigma match: hits by line, in the same order with any number of processes; nothing unreadable is hidden."""

from __future__ import annotations

import gzip
import os
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest
from click.testing import CliRunner, Result

from soc.cli import main
from soc.engines import sweep as engine
from tests.engines.test_evtx import RULE, created
from tests.evtx_file import evtx_file

ID = "11111111-2222-4333-8444-555555555555"
OTHER = "00000000-2222-4333-8444-555555555555"
HIT = {"EventID": 1, "Channel": "Microsoft-Windows-Sysmon/Operational", "Image": "C:\\certutil.exe",
       "CommandLine": "certutil -urlcache", "User": "BO\\lan.nt"}  # fmt: skip
MISS = HIT | {"CommandLine": "certutil -hashfile"}


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    folder = tmp_path / "rules"
    folder.mkdir()
    (folder / "a.yml").write_text(RULE)
    (folder / "b.yml").write_text(RULE.replace(ID, OTHER).replace(", CommandLine|contains: urlcache", ""))
    return folder


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Parts of some lines each, so that a small file has many."""
    monkeypatch.setattr(engine, "BLOCK", 400)
    yield


def match(*arguments: object, stdin: bytes | None = None) -> Result:
    return CliRunner().invoke(main, ["sigma", "match", *map(str, arguments)], input=stdin)


def lines(result: Result) -> list[dict[str, object]]:
    return [orjson.loads(line) for line in result.stdout.splitlines()]


def ndjson(*events: object) -> bytes:
    return b"".join(orjson.dumps(event) + b"\n" for event in events)


def test_hits_come_by_line_and_then_by_rule(rules: Path, tmp_path: Path) -> None:
    path = tmp_path / "events.ndjson"
    path.write_bytes(ndjson(HIT, MISS, {"product": "zeek"}, HIT))
    result = match("--rules", rules, path)
    assert result.exit_code == 0
    assert result.stdout == (
        f'{{"line":1,"rule":"{OTHER}"}}\n{{"line":1,"rule":"{ID}"}}\n{{"line":2,"rule":"{OTHER}"}}\n'
        f'{{"line":4,"rule":"{OTHER}"}}\n{{"line":4,"rule":"{ID}"}}\n'
    )


@pytest.mark.usefixtures("small_parts")
@pytest.mark.parametrize("jobs", [1, 3])
def test_processes_change_nothing(rules: Path, tmp_path: Path, jobs: int) -> None:
    path = tmp_path / "events.ndjson"
    events = [HIT if number % 3 else MISS for number in range(200)]
    path.write_bytes(ndjson(*events) + b"\n" + ndjson(HIT)[:-1])
    found = lines(match("--rules", rules / "a.yml", "--jobs", jobs, path))
    assert found == [{"line": n + 1, "rule": ID} for n in range(200) if n % 3] + [{"line": 202, "rule": ID}]


@pytest.mark.parametrize("kind", ["pipe", "gzip"])
def test_what_is_no_plain_file_gives_the_same(rules: Path, tmp_path: Path, kind: str) -> None:
    data = ndjson(MISS, HIT) + b"\r\n" + ndjson(HIT)
    path = tmp_path / "events.json.gz"
    path.write_bytes(gzip.compress(data))
    result = match("--rules", rules / "a.yml", "-" if kind == "pipe" else path, stdin=data if kind == "pipe" else None)
    assert [hit["line"] for hit in lines(result)] == [2, 4]


def test_event_logs_have_record_numbers_too_and_several_files_their_names(rules: Path, tmp_path: Path) -> None:
    folder = tmp_path / "disk"
    folder.mkdir()
    (folder / "b.ndjson").write_bytes(ndjson(HIT))
    (folder / "a.evtx").write_bytes(evtx_file([[created(7), created(8, "x")], [created(9)]]))
    result = match("--rules", rules / "a.yml", "--jobs", 2, folder)
    assert lines(result) == [
        {"file": f"{folder}/a.evtx", "line": 1, "record": "7", "rule": ID},
        {"file": f"{folder}/a.evtx", "line": 3, "record": "9", "rule": ID},
        {"file": f"{folder}/b.ndjson", "line": 1, "rule": ID},
    ]


def test_lines_that_are_no_events_are_named_and_the_rest_goes_on(rules: Path, tmp_path: Path) -> None:
    path = tmp_path / "events.ndjson"
    deep = b"[" * 2000
    path.write_bytes(b"[1]\nplain text\n" + deep + b"\n" + b'{"a":' * 900 + b"1" + b"}" * 900 + b"\n" + ndjson(HIT))
    result = match("--rules", rules / "a.yml", path)
    assert result.exit_code == 1
    assert lines(result) == [{"line": 5, "rule": ID}]
    assert "events.ndjson:1: a JSON list, not an object" in result.stderr
    assert "events.ndjson:2: " in result.stderr
    assert "3 lines are no JSON objects" in result.stderr


def test_a_line_that_was_cut_off_is_named_by_its_column(rules: Path, tmp_path: Path) -> None:
    path = tmp_path / "events.ndjson"
    path.write_bytes(ndjson(HIT) + b'{"Event":{"System"\n' + ndjson(HIT))
    result = match("--rules", rules / "a.yml", path)
    assert [hit["line"] for hit in lines(result)] == [1, 3]
    assert "events.ndjson:2: " in result.stderr
    assert "line 1 column 19" in result.stderr


@pytest.mark.usefixtures("small_parts")
def test_a_line_beyond_all_bounds_is_one_line(rules: Path, tmp_path: Path) -> None:
    path = tmp_path / "events.ndjson"
    path.write_bytes(ndjson(HIT, {"a": "x" * 3_000_000}, HIT))
    result = match("--rules", rules / "a.yml", path)
    assert [hit["line"] for hit in lines(result)] == [1, 3]
    assert match("--rules", rules / "a.yml", "-", stdin=path.read_bytes()).stdout == result.stdout


def test_events_without_a_log_source_are_counted_and_can_be_given_one(rules: Path, tmp_path: Path) -> None:
    path = tmp_path / "events.ndjson"
    path.write_bytes(ndjson({name: value for name, value in HIT.items() if name not in {"EventID", "Channel"}}))
    result = match("--rules", rules / "a.yml", path)
    assert (result.exit_code, result.stdout) == (0, "")
    assert "1 of 1 events state no log source" in result.stderr
    given = "--logsource", "category=process_creation,product=windows"
    assert lines(match("--rules", rules / "a.yml", *given, path)) == [{"line": 1, "rule": ID}]
    told = match("--rules", rules / "a.yml", "--all-rules", path)
    assert (lines(told), told.stderr) == ([{"line": 1, "rule": ID}], "")
    assert match("--rules", rules / "a.yml", "--logsource", "colour=red", path).exit_code == 2


def test_rules_and_files_that_cannot_be_read_are_named(rules: Path, tmp_path: Path) -> None:
    (rules / "c.yml").write_text("title: x\ndetection: {}\n")
    path = tmp_path / "events.ndjson"
    path.write_bytes(ndjson(HIT))
    Path(os.fsdecode(bytes(tmp_path) + b"/\xff.ndjson")).write_bytes(ndjson(HIT))
    (tmp_path / "evidence.zip").write_bytes(b"PK\x03\x04")
    result = match("--rules", rules, tmp_path, tmp_path / "gone")
    assert result.exit_code == 1
    assert [hit["file"] for hit in lines(result)] == [
        f"{tmp_path}/{name}.ndjson" for name in ("events", "\\xff") for _ in range(2)
    ]
    for reason in ("c.yml:1: ", "evidence.zip: a zip archive", "gone: No such file"):
        assert reason in result.stderr


def test_no_rule_and_no_file_are_said_and_not_taken_for_no_hit(rules: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    path = tmp_path / "events.ndjson"
    path.write_bytes(ndjson(HIT))
    for words, reason in ((("--rules", empty, path), "no rule in it"), (("--rules", rules, empty), "no file in it")):
        result = match(*words)
        assert (result.exit_code, result.stdout) == (2, "")
        assert f"{empty}: {reason}" in result.stderr


def test_events_that_soc_parse_wrote(tmp_path: Path) -> None:
    detection = "detection: {s: {src_ip: 10.1.2.3}, condition: s}"
    (tmp_path / "r.yml").write_text(f"title: x\nid: {ID}\nlogsource: {{category: firewall}}\n{detection}\n")
    path = tmp_path / "events.ndjson"
    path.write_bytes(ndjson({"event": {"dataset": "fortinet.traffic"}, "source": {"ip": "10.1.2.3"}}))
    assert lines(match("--ecs", "--rules", tmp_path / "r.yml", path)) == [{"line": 1, "rule": ID}]


def test_sysmons_names_in_a_4688_can_be_left_out(rules: Path, tmp_path: Path) -> None:
    path = tmp_path / "events.ndjson"
    path.write_bytes(
        ndjson(
            {
                "EventID": 4688,
                "Channel": "Security",
                "NewProcessName": "C:\\certutil.exe",
                "CommandLine": "urlcache",
                "SubjectUserName": "lan.nt",
            }
        )
    )
    assert lines(match("--rules", rules / "a.yml", path)) == [{"line": 1, "rule": ID}]
    assert lines(match("--rules", rules / "a.yml", "--own-names", path)) == []
