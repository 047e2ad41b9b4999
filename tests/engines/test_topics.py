"""The plan for topics, from what should be and what is there."""

import dataclasses
import sys

import pytest
from click.testing import CliRunner

from soc.cli import main
from soc.core.settings import KafkaSettings
from soc.engines.topics import BROKERS, FEWER, MORE, REPLICATION, Found, Topic, plan, wanted

SETTINGS = KafkaSettings(("k:9092",), "p", partitions=6, replication=3, retention="1d")
DAY = "86400000"


def there(*topics: Topic, brokers: int = 3) -> Found:
    return Found({one.name: one for one in topics}, {one.name: one.configs for one in topics}, brokers)


def test_every_topic_has_its_layout() -> None:
    topics = {one.name: one for one in wanted(SETTINGS)}
    assert set(topics) == {
        f"p.{name}"
        for name in ("raw", "signals", "events", "alerts", "rejected", "counts", "state.raw", "state.signals")
    }
    assert {one.configs["min.insync.replicas"] for one in topics.values()} == {"2"}
    assert {one.configs["min.insync.replicas"] for one in wanted(KafkaSettings())} == {"1"}
    assert topics["p.raw"].configs["retention.ms"] == topics["p.events"].configs["retention.ms"] == DAY
    assert topics["p.state.raw"].partitions == topics["p.raw"].partitions == 6
    assert topics["p.rejected"].partitions == topics["p.counts"].partitions == 1
    long = {one.name: one.configs for one in wanted(KafkaSettings(prefix="p", retention="30d"))}
    assert long["p.signals"]["retention.ms"] == "2592000000" and long["p.events"]["retention.ms"] == "172800000"


def test_nothing_is_to_do_when_all_is_there() -> None:
    steps = plan(wanted(SETTINGS), there(*wanted(SETTINGS)))
    assert {step.kind for step in steps} == {"unchanged"}


def test_what_is_missing_is_made_if_there_are_brokers_enough() -> None:
    assert {step.kind for step in plan(wanted(SETTINGS), there())} == {"create"}
    assert {(step.kind, step.why) for step in plan(wanted(SETTINGS), there(brokers=2))} == {("cannot", BROKERS)}


@pytest.mark.parametrize(
    ("differs", "kind", "why"),
    [
        ({"partitions": 4}, "change", MORE),
        ({"partitions": 8}, "cannot", FEWER),
        ({"replication": 1}, "cannot", REPLICATION),
    ],
)
def test_partitions_and_copies(differs: dict[str, int], kind: str, why: str) -> None:
    raw = wanted(SETTINGS)[0]
    (step,) = plan([raw], there(dataclasses.replace(raw, **differs)))
    assert (step.kind, step.why) == (kind, why)
    assert step.why.format(found=step.found, wanted=step.wanted)
    assert dict(step.changes) == ({"partitions": ("4", "6")} if kind == "change" else {})


def test_settings_that_differ_are_named_with_old_and_new_and_lists_have_no_order() -> None:
    counts = next(one for one in wanted(SETTINGS) if one.name == "p.counts")
    found = {**counts.configs, "cleanup.policy": "delete,compact", "retention.ms": "5", "another": "setting"}
    (step,) = plan([counts], there(dataclasses.replace(counts, configs=found)))
    assert (step.kind, dict(step.changes)) == ("change", {"retention.ms": ("5", "2592000000")})


def test_without_aiokafka_the_verbs_are_there_and_say_how_to_get_it(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "aiokafka"]:
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setitem(sys.modules, "aiokafka", None)
    (tmp_path / "soc.yml").write_text("kafka: {servers: ['127.0.0.1:1']}\n")
    (tmp_path / "a.log").write_text("line\n")
    assert "ship" in CliRunner().invoke(main, ["--help"]).output
    for verb in (["topics", "apply"], ["ship", str(tmp_path / "a.log")]):
        done = CliRunner().invoke(main, [*verb, "--settings", str(tmp_path / "soc.yml")])
        assert done.exit_code == 2 and "pip install 'soc-pipeline[stream]'" in done.stderr
