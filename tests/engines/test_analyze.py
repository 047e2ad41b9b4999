"""Files through the pipeline: every line accounted for, devices side by side in time, the story told."""

import os
import shutil
from pathlib import Path

import pytest

from soc.engines.analyze import Totals, analyze
from soc.engines.source import expand
from soc.pipeline.build import build_pipeline
from soc.pipeline.content import Content, load_content
from soc.story import INVENTORY, Story

ZONE = 7 * 3600


@pytest.fixture(scope="module")
def content() -> Content:
    return load_content()


def run(content: Content, *paths: Path, lateness: str = "10m") -> Totals:
    pipeline = build_pipeline(content, INVENTORY, zone=ZONE, lateness=lateness)
    return analyze(pipeline, expand(paths), "auto", zone=ZONE)


@pytest.fixture(scope="module")
def morning(content: Content, story: Story) -> Totals:
    return run(content, story.files[0].parent)


def test_every_line_is_an_event_or_rejected(morning: Totals, story: Story) -> None:
    assert morning.lines == story.lines
    assert morning.lines == morning.events - morning.joined + sum(morning.rejected.values())
    assert morning.joined > 500
    assert morning.unusable == []


def test_the_same_files_give_the_same_alerts_wherever_they_lie(
    content: Content, story: Story, morning: Totals, tmp_path: Path
) -> None:
    copy = tmp_path / "elsewhere"
    shutil.copytree(story.files[0].parent, copy)
    again = run(content, copy)
    assert again.alerts == morning.alerts


def test_few_alerts_tell_every_chapter_and_none_is_false(morning: Totals, story: Story) -> None:
    chapters_of: dict[tuple[str, object], set[str]] = {}
    for chapter in story.truth:
        for line in chapter.lines:
            chapters_of.setdefault(line, set()).add(chapter.name)
    told: set[str] = set()
    for alert in morning.alerts.values():
        lines = [(str(ref.event["soc.origin"]).removeprefix("file:"), ref.event["log.offset"]) for ref in alert.events]
        chapters = set().union(*(chapters_of.get(line, set()) for line in lines))
        assert chapters, f"false alert: {alert.title} about {alert.group}"
        told |= chapters
    assert told == {chapter.name for chapter in story.truth}
    assert len(morning.alerts) <= 25


def test_without_the_attack_the_morning_is_silent(content: Content, story: Story, tmp_path: Path) -> None:
    hostile = {line for chapter in story.truth for line in chapter.lines}
    for file in story.files:
        lines = enumerate(file.read_bytes().splitlines(keepends=True), 1)
        ordinary = tmp_path / file.name
        ordinary.write_bytes(b"".join(line for number, line in lines if (file.name, number) not in hostile))
        written = file.stat().st_mtime_ns
        os.utime(ordinary, ns=(written, written))
    totals = run(content, tmp_path)
    assert totals.lines == story.lines - len(hostile)
    assert totals.alerts == {}


def test_the_vulnerability_scanner_is_explained_and_counted(morning: Totals) -> None:
    assert morning.suppressed > 0
    assert not any("10.1.99.30" in value for alert in morning.alerts.values() for _, value in alert.group)


def test_an_unusable_file_is_named_and_the_rest_goes_on(content: Content, tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(b"PK\x03\x04....")
    (tmp_path / "b.log").write_text("Oct  5 08:00:00 host chronyd[1]: Selected source\n" * 10)
    totals = run(content, tmp_path)
    assert len(totals.unusable) == 1
    assert "a.zip" in totals.unusable[0]
    assert totals.lines == totals.events == 10
