"""Real logs that nobody here wrote: no crash, and every line is an event or rejected with its reason."""

import gzip
import json
from pathlib import Path

import pytest

from soc.engines.analyze import Totals, analyze
from soc.engines.source import expand
from soc.pipeline.build import build_pipeline
from soc.pipeline.content import Content, load_content

ZONE = 7 * 3600


@pytest.fixture(scope="module")
def content() -> Content:
    return load_content()


def run(content: Content, *paths: Path) -> Totals:
    totals = analyze(build_pipeline(content, None, zone=ZONE), expand(paths), "auto", zone=ZONE)
    assert totals.unusable == []
    assert totals.lines == totals.events - totals.joined + sum(totals.rejected.values())
    return totals


def test_apache_access_log(content: Content, data: Path) -> None:
    totals = run(content, data / "access_logs" / "apache_logs.gz")
    assert totals.lines == 10_000
    assert totals.rejected.total() == 0
    assert len(totals.alerts) <= 15, "ten thousand lines of an ordinary web site"


def test_suricata_alerts(content: Content, data: Path) -> None:
    totals = run(content, data / "suricata_eve" / "alerts.jsonl.gz")
    assert totals.datasets == {"suricata.alert": 368}


@pytest.mark.parametrize("folder", ["zeek_logs", "zeek_apt29_day1", "postfix_grok", "crowdsec_hub", "evtx_to_mitre"])
def test_anything_else_is_kept(content: Content, data: Path, folder: str) -> None:
    totals = run(content, data / folder)
    assert totals.lines > 150
    assert set(totals.rejected) <= {"auto: empty line"}


def test_lines_of_many_products(content: Content, data: Path, tmp_path: Path) -> None:
    raw: list[str] = []
    for name, key in (("crowdsec_parsers", "raw"), ("crowdsec_scenarios", "lines")):
        with gzip.open(data / "crowdsec_hub" / f"{name}.jsonl.gz") as rows:
            for row in map(json.loads, rows):
                raw += [row[key]] if key == "raw" else row[key]
    file = tmp_path / "mixed.log"
    file.write_text("\n".join(raw) + "\n", "utf-8")
    totals = run(content, file)
    assert totals.lines > 3000
    unexplained = totals.rejected.total() - totals.rejected["auto: empty line"]
    assert unexplained * 100 < totals.lines
