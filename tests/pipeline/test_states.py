"""Every document has one state, and every file is accounted for; a mute silences a rule and nothing else."""

import tarfile
from collections import Counter
from datetime import date
from pathlib import Path

import pytest
import yaml

from soc.core.clock import END_OF_TIME
from soc.core.event import from_wire
from soc.enrich import Inventory
from soc.pipeline.content import Content, content_paths, load_content
from soc.pipeline.mutes import Mute
from soc.pipeline.pipeline import Pipeline
from soc.pipeline.states import STATES, rows
from soc.sigma.documents import rule_files

TODAY = date(2026, 11, 23)
RULE = """\
title: Root
id: 3f0f3c67-1f0e-4bd6-8d30-b1f0b3a7a001
name: root_in
logsource: {product: linux, service: sshd}
detection: {a: {user.name: root}, condition: a}
"""
TWICE = """\
title: Root twice
id: 3f0f3c67-1f0e-4bd6-8d30-b1f0b3a7a002
correlation: {type: event_count, rules: [root_in], group-by: [host.name], timespan: 5m, condition: {gte: 2},
              generate: true}
level: high
"""
BROKEN = {
    "empty.yml": "",
    "dashes.yml": "---\n---\n",
    "text.yml": "just text\n",
    "list.yaml": "- 1\n- 2\n",
    "not.yml": "a: [\n",
    "bomb.yml": "a: &a [1]\nb: [*a, *a]\n",
    "bytes.yml": "\x00\x01",
    "two.yml": RULE + "---\ntitle: No detection\n---\n" + TWICE,
    "twin.yml": RULE,
    "circle.yml": TWICE.replace("root_in", "itself").replace("a002", "a003").replace("title", "name: itself\ntitle"),
    "blind.yml": RULE.replace("a001", "a004").replace("root_in", "blind").replace("sshd", "nothing"),
    "other.txt": "not read",
}


def muting(*ids: str, until: date = date(2026, 12, 1)) -> list[Mute]:
    return [Mute(id, until, "Lan", "noisy") for id in ids]


def ids(content: Content) -> dict[str, str]:
    return {row.id[-4:]: row.state for row in rows(content) if row.id}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "rules.yml").write_text(f"{RULE}---\n{TWICE}")
    return tmp_path


def alerts(content: Content, name: str = "root") -> list[str]:
    """Rule ids of the alerts on two sign-ins within the timespan."""
    pipeline = Pipeline(content, Inventory.empty(), zone=0, lateness=0, fold=86_400_000_000)
    wire = {"event.dataset": "linux.sshd", "user.name": name, "host.name": "h", "event.original": "", "soc.origin": "t"}
    events = [from_wire({**wire, "@timestamp": f"2026-11-23T08:00:0{n}Z", "log.offset": n}) for n in range(2)]
    found = pipeline.replay(events).alerts + pipeline.advance(END_OF_TIME).alerts
    return sorted({alert.rule_id[-4:] for alert in found})


def test_a_muted_rule_is_quiet_and_still_feeds_its_correlation(folder: Path) -> None:
    loaded = load_content([folder], shipped=False)
    assert alerts(loaded) == ["a001", "a002"]
    muted = load_content([folder], shipped=False, mutes=muting(loaded.rules[0].info.id), today=TODAY)
    assert alerts(muted) == ["a002"]
    assert ids(muted) == {"a001": "muted", "a002": "active"}
    assert rows(muted)[0].reason == "by Lan until 2026-12-01: noisy"


def test_a_muted_correlation_is_quiet_and_its_rule_is_heard(folder: Path) -> None:
    id = load_content([folder], shipped=False).correlations[0].info.id
    muted = load_content([folder], shipped=False, mutes=muting(id), today=TODAY)
    assert alerts(muted) == ["a001"]
    assert ids(muted) == {"a001": "active", "a002": "muted"}


def test_a_mute_ends_by_itself_and_one_of_no_rule_is_told(folder: Path) -> None:
    id = load_content([folder], shipped=False).rules[0].info.id
    mutes = [*muting(id), *muting("gone", until=date(2027, 1, 1))]
    before = load_content([folder], shipped=False, mutes=mutes, today=date(2026, 11, 30))
    after = load_content([folder], shipped=False, mutes=mutes, today=date(2026, 12, 1))
    assert (before.valid_until, after.valid_until) == (date(2026, 12, 1), date(2027, 1, 1))
    assert alerts(after) == ["a001", "a002"]
    assert [mute.id for mute in before.idle_mutes] == ["gone"]
    assert [mute.id for mute in after.idle_mutes] == [id, "gone"]


def test_broken_things_are_all_accounted_for(tmp_path: Path) -> None:
    for name, text in BROKEN.items():
        (tmp_path / name).write_text(text)
    content = load_content([tmp_path], shipped=False)
    found = rows(content)
    assert {Path(row.path).name for row in found} == set(BROKEN) - {"other.txt"}
    assert len(found) == content.files + 2  # two.yml holds three
    assert Counter(row.state for row in found) == {"active": 2, "blind": 1, "rejected": 10}
    assert all(row.reason and row.line for row in found if row.state == "rejected")


def test_all_of_sigmahq_is_accounted_for(data: Path, tmp_path: Path) -> None:
    with tarfile.open(data / "sigma" / "sigma-rules.tar.xz") as archive:
        archive.extractall(tmp_path, filter="data")
    files = rule_files([tmp_path])
    documents = sum(
        sum(1 for one in yaml.load_all(file.read_bytes(), yaml.CSafeLoader) if one is not None) for file in files
    )
    first = load_content([tmp_path], shipped=False)
    chosen = first.rules[0].info.id
    content = load_content([tmp_path], shipped=False, mutes=muting(chosen), today=TODAY)
    found = rows(content)
    states = Counter(row.state for row in found)
    assert set(states) <= set(STATES)
    assert states["muted"] == 1
    others = [one.path for one in content.filters if one.word != "rejected"]
    assert len(found) + len(others) == documents == 3777
    assert {row.path for row in found} | set(others) == {str(file) for file in files}
    assert len(files) == content.files


def test_the_paths_that_matter(folder: Path) -> None:
    assert content_paths([folder], shipped=False, mutes=folder / "mutes.yml") == (folder, folder / "mutes.yml")
