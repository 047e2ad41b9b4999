"""Hunting in stored events: the same alerts as when they happened, marked late, and never twice."""

from collections.abc import Iterator

import pytest

from soc.core.alert import Alert
from soc.core.clock import END_OF_TIME
from soc.core.errors import SocError
from soc.core.store import AlertFilter, Store
from soc.engines.analyze import analyze
from soc.engines.hunt import by_rule, hunt, record
from soc.engines.source import expand
from soc.pipeline.build import build_pipeline
from soc.pipeline.choose import named, only
from soc.pipeline.content import Content, load_content
from soc.pipeline.pipeline import Outcome, Pipeline
from soc.stores.memory import MemoryStore
from soc.stores.sqlite import SqliteStore
from soc.story import INVENTORY, Story

ZONE = 7 * 3600
ALL = AlertFilter(limit=1000)


@pytest.fixture(scope="module")
def content() -> Content:
    return load_content()


@pytest.fixture(scope="module")
def told(story: Story, content: Content, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SqliteStore]:
    """The story's events and alerts as they were found in time."""
    store = SqliteStore(tmp_path_factory.mktemp("hunt") / "soc.db")

    def keep(outcome: Outcome) -> None:
        store.put_events(outcome.events)
        store.put_alerts(outcome.alerts)

    analyze(pipeline(content), expand(story.files), "auto", zone=ZONE, carry_out=keep)
    store.commit()
    yield store
    store.close()


def pipeline(content: Content) -> Pipeline:
    return build_pipeline(content, INVENTORY, zone=ZONE, lateness="10m")


def essence(alerts: list[Alert]) -> set[tuple[object, ...]]:
    return {(alert.id, alert.first_seen, alert.last_seen, alert.count, alert.severity, alert.hosts) for alert in alerts}


def test_hunting_for_everything_finds_what_was_found_in_time(told: SqliteStore, content: Content) -> None:
    found = hunt(told, pipeline(content), 0, END_OF_TIME)
    assert found.events == told.counts()["events"]
    assert essence(list(found.alerts.values())) == essence(told.alerts(ALL))
    assert all(alert.late for alert in found.alerts.values())


@pytest.mark.parametrize("rule", ["beacon", "ssh_brute_force", "ClamAV Found Malware in a File on a"])
def test_one_rule_or_correlation_gives_its_own_alerts_only(told: SqliteStore, content: Content, rule: str) -> None:
    info = named(content, rule)
    found = hunt(told, pipeline(only(content, [info.id])), 0, END_OF_TIME)
    assert found.alerts
    assert essence(list(found.alerts.values())) == essence(told.alerts(AlertFilter(rule=info.id, limit=1000)))


def test_what_was_found_in_time_is_left_and_the_rest_is_marked(told: SqliteStore, content: Content) -> None:
    found = hunt(told, pipeline(only(content, [named(content, "beacon").id])), 0, END_OF_TIME)
    in_time, *later = sorted(found.alerts.values(), key=lambda alert: alert.id)
    store: Store = MemoryStore()
    known = told.alert(in_time.id)
    assert known is not None
    assert later
    store.put_alerts([known])
    assert record(store, found.alerts.values()) == [alert.id for alert in found.alerts.values() if alert in later]
    assert record(store, found.alerts.values()) == []
    assert {alert.id: alert.late for alert in store.alerts(ALL)} == {
        in_time.id: False,
        **{alert.id: True for alert in later},
    }


def test_only_the_asked_time_is_looked_at(told: SqliteStore, content: Content) -> None:
    whole = [event["@timestamp"] for event in told.events(0, END_OF_TIME)]
    middle = whole[len(whole) // 2]
    assert isinstance(middle, int)
    halves = [hunt(told, pipeline(content), *half).events for half in ((0, middle), (middle, END_OF_TIME))]
    assert sum(halves) == len(whole)
    assert 0 < halves[0] < len(whole)


def test_what_each_rule_would_have_raised(told: SqliteStore, content: Content) -> None:
    would = by_rule(hunt(told, pipeline(content), 0, END_OF_TIME))
    alerts = told.alerts(ALL)
    assert sum(one.alerts_a_day for one in would.values()) == pytest.approx(len(alerts))
    assert sum(one.hits for one in would.values()) == sum(alert.count for alert in alerts)
    assert all(one.first <= one.last and 0 < len(one.examples) <= 3 for one in would.values())


@pytest.mark.parametrize(("wanted", "why"), [("no such rule", "no rule"), ("SSH", r"rules are meant: .*; \.\.\.")])
def test_what_names_no_rule_or_several_is_said(content: Content, wanted: str, why: str) -> None:
    with pytest.raises(SocError, match=why):
        named(content, wanted)
