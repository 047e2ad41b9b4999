"""SigmaHQ's own regression tests: every event fires its rule. Read from the shared data, skipped where it is absent."""

from __future__ import annotations

import gzip
import tarfile
from pathlib import Path

import orjson
import pytest

from soc.core.event import Event
from soc.core.logsource import LogSource
from soc.core.windows import number_of, place, places
from soc.core.windows.record import event_of as flat
from soc.sigma import IDENTITY, Loaded, Matcher, NativeRouter, load
from soc.sigma.evaluate import holds

DATA = Path(__file__).resolve().parents[3] / "shared" / "data" / "sigma"
SAMPLE = DATA / "regression_sample.jsonl.gz"
RULES = DATA / "sigma-rules.tar.xz"

SYSMON = "Microsoft-Windows-Sysmon/Operational"

pytestmark = pytest.mark.skipif(not SAMPLE.is_file(), reason="SigmaHQ's regression sample is not here")


def route(event: Event) -> str:
    return f"{event.get('Channel')}|{event.get('EventID')}"


def sources(name: str) -> tuple[LogSource, ...]:
    channel, _, number = name.partition("|")
    return place(channel, number_of(number), "").sources


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    folder = tmp_path_factory.mktemp("sigmahq")
    with tarfile.open(RULES) as archive:
        archive.extractall(folder, filter="data")
    return load([folder], IDENTITY)


@pytest.fixture(scope="module")
def sample() -> list[tuple[str, list[str], Event]]:
    """(test, rules that have to fire on one of its events, event)."""
    with gzip.open(SAMPLE) as lines:
        read = [orjson.loads(line) for line in lines]
    return [(one["test"], one["rule_ids"], flat(one["record"])) for one in read]


def test_every_document_is_accounted_for(loaded: Loaded) -> None:
    assert loaded.files == 3777
    assert len(loaded.rules) + len(loaded.problems) == 3777
    assert {
        problem.reason.partition("%")[0] for problem in loaded.problems if "placeholder" not in problem.reason
    } == set()


@pytest.fixture(scope="module")
def matcher(loaded: Loaded) -> Matcher:
    return Matcher(loaded.rules, NativeRouter())


def test_every_test_fires_its_rule(matcher: Matcher, sample: list[tuple[str, list[str], Event]]) -> None:
    wanted = {(test, one) for test, rules, _ in sample for one in rules}
    assert wanted - {(test, info.id) for test, _, event in sample for info in matcher.match(event)} == set()


def test_the_engine_finds_what_the_plain_evaluation_finds(
    loaded: Loaded, matcher: Matcher, sample: list[tuple[str, list[str], Event]]
) -> None:
    router = NativeRouter()
    for _, _, event in sample:
        found = router.sources(router.route(event))
        offered = [rule for rule in loaded.rules if any(rule.logsource.covers(one) for one in found)]
        wanted = {rule.info.id for rule in offered if holds(rule.condition, event)}
        assert {info.id for info in matcher.match(event)} == wanted


def test_every_windows_rule_is_reached_by_the_records_of_some_log(loaded: Loaded) -> None:
    reached = {source for written in places() for source in written.sources}
    of_windows = {rule.logsource for rule in loaded.rules if rule.logsource.product == "windows"}
    assert len(of_windows) > 60
    assert [str(one) for one in of_windows if not any(one.covers(source) for source in reached)] == []
