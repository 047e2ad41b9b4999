"""The demo's models are what ordinary mornings teach, and what they find on the story's morning."""

from pathlib import Path

import pytest

from soc.anomaly.content import described
from soc.anomaly.versions import PROMOTED, Versions
from soc.core.alert import Alert
from soc.engines.analyze import analyze
from soc.engines.source import expand
from soc.pipeline.build import build_pipeline, models_of
from soc.pipeline.content import load_content
from soc.story import INVENTORY, MODELS, Story, write
from tests.story.ordinary import BUDGET, ZONE, taught


@pytest.fixture(scope="module")
def told(tmp_path_factory) -> tuple[Story, list[Alert]]:
    story = write(tmp_path_factory.mktemp("story"))
    pipeline = build_pipeline(load_content(), INVENTORY, zone=ZONE, lateness="10m", anomaly=models_of(MODELS))
    totals = analyze(pipeline, expand(story.files), "auto", zone=ZONE, carry_out=lambda outcome: None)
    unusual = {one.info.id for one in described().values()}
    return story, [alert for alert in totals.alerts.values() if alert.rule_id in unusual]


def test_the_shipped_models_are_what_five_mornings_teach() -> None:
    versions = Versions(MODELS)
    about, again = versions.about(versions.named(PROMOTED)), taught()
    assert about.rules == {name: one.info.hash for name, one in described().items()}, "python -m tests.story.ordinary"
    assert (about.partials, about.candidates, about.alerts) == (again.partials, again.candidates, again.alerts)
    assert about.thresholds == pytest.approx(again.thresholds)
    assert about.budget == BUDGET


def test_the_attack_is_unusual_and_the_rest_keeps_to_the_budget(told: tuple[Story, list[Alert]]) -> None:
    story, alerts = told
    people = {address for chapter in story.truth for address in chapter.addresses}
    of_attack = {(alert.title, alert.group[0][1]) for alert in alerts if alert.group[0][1] in people}
    assert {title for title, _ in of_attack} >= {
        "Regular Calls of a Host to One Peer",
        "Host Contacts Unusually Many Hosts or Ports",
    }
    assert len(alerts) - len(of_attack) <= BUDGET
    for alert in alerts:
        assert len(alert.reasons) == 4
        assert alert.events


def test_a_morning_without_attack_has_none_of_it(tmp_path: Path) -> None:
    story = write(tmp_path, seed=8, attack=False)
    assert story.truth == ()
