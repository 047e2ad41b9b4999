"""Windows event logs: whole, cut short, damaged; slices that can be read apart; and through the whole pipeline."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from soc.engines import evtx
from soc.engines.analyze import analyze
from soc.engines.source import LogFile, Source, UnusableInput
from soc.pipeline.build import build_pipeline
from soc.pipeline.content import load_content
from tests.evtx_file import CHUNK, evtx_file

RULE = """
title: Download by certutil
id: 11111111-2222-4333-8444-555555555555
logsource: {category: process_creation, product: windows}
detection:
    selection: {Image|endswith: '\\certutil.exe', CommandLine|contains: urlcache, User|endswith: lan.nt}
    condition: selection
level: high
"""


def created(number: int, command: str = "certutil -urlcache x") -> str:
    return f"""<Event><System><Provider Name="Microsoft-Windows-Sysmon"/><EventID>1</EventID>
        <TimeCreated SystemTime="2026-10-05T01:14:03.{number:06}Z"/><EventRecordID>{number}</EventRecordID>
        <Channel>Microsoft-Windows-Sysmon/Operational</Channel><Computer>pc1</Computer></System>
        <EventData><Data Name="Image">C:\\certutil.exe</Data><Data Name="CommandLine">{command}</Data>
        <Data Name="User">BO\\lan.nt</Data></EventData></Event>"""


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "sysmon.evtx"
    path.write_bytes(evtx_file([[created(1), created(2, "bảng lương")], [created(3)], [created(4)]]))
    return path


def numbers(lines: list[bytes]) -> list[int]:
    return [int(orjson.loads(line)["Event"]["System"]["EventRecordID"]) for line in lines]


def read(path: Path) -> tuple[list[int], str]:
    """The records of a file and why not all of them could be read."""
    found: list[int] = []
    file = LogFile(path)
    try:
        for lines in file.batches():
            found += numbers(list(lines))
    except UnusableInput as error:
        return found, str(error)
    finally:
        file.close()
    return found, ""


def test_every_record_is_a_line_of_json(log: Path) -> None:
    assert read(log) == ([1, 2, 3, 4], "")


def test_slices_together_are_the_file(log: Path) -> None:
    start, second, end = evtx.HEADER, evtx.HEADER + CHUNK, log.stat().st_size
    assert numbers(evtx.read_slice(log, start, second)[0]) == [1, 2]
    assert numbers(evtx.read_slice(log, second, end)[0]) == [3, 4]


def test_a_file_cut_short_gives_what_is_there(log: Path) -> None:
    log.write_bytes(log.read_bytes()[: evtx.HEADER + CHUNK + 2000])
    found, why = read(log)
    assert found == [1, 2, 3]
    assert "cut short: 1 of 3 chunks are there (and 1 more)" in why


def test_a_damaged_chunk_costs_only_its_own_records(log: Path) -> None:
    whole = bytearray(log.read_bytes())
    whole[evtx.HEADER + CHUNK : evtx.HEADER + CHUNK + 8] = b"garbage!"
    log.write_bytes(whole)
    found, why = read(log)
    assert found == [1, 2, 4]
    assert f"no chunk of events at byte {evtx.HEADER + CHUNK}" in why


def test_a_damaged_record_is_told(log: Path) -> None:
    whole = bytearray(log.read_bytes())
    at = evtx.HEADER + CHUNK + 512 + 28
    whole[at : at + 40] = b"\xff" * 40
    log.write_bytes(whole)
    found, why = read(log)
    assert found == [1, 2, 4]
    assert "record number 3" in why


def test_chunks_that_are_not_used_yet_are_no_fault(log: Path) -> None:
    log.write_bytes(log.read_bytes() + bytes(2 * CHUNK))
    assert read(log) == ([1, 2, 3, 4], "")


def test_analyze_finds_what_windows_rules_ask_for(log: Path, tmp_path: Path) -> None:
    rules = tmp_path / "rules"
    rules.mkdir()
    (rules / "certutil.yml").write_text(RULE)
    pipeline = build_pipeline(load_content([rules], shipped=False), None, zone=0)
    totals = analyze(pipeline, [Source(log, log.name)], "auto", zone=0)
    assert (totals.lines, totals.events, totals.hits) == (4, 4, 3)
    assert totals.datasets == {"windows.sysmon.process_creation": 4}
    (alert,) = totals.alerts.values()
    assert dict(alert.group) == {"user.name": "lan.nt", "host.name": "pc1"}
