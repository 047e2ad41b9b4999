import gzip
import json
from pathlib import Path

import pytest

from soc.core.finding import Kind, Level, RuleInfo
from soc.respond.attack import named, tactics
from soc.respond.next_steps import next_steps

SHARED = Path(__file__).parents[3] / "shared" / "data" / "attack" / "enterprise-attack.rebuilt.json.gz"
CATALOGUE = Path(__file__).parents[2] / "soc" / "respond" / "attack.json"


def rule(**fields):
    return RuleInfo("id", "name", "title", Kind.RULE, Level.HIGH, "hash", **fields)


def test_techniques_are_named():
    assert named(("T1110.001", "T9999")) == (("T1110.001", "Password Guessing"), ("T9999", ""))


def test_the_rules_own_tactic_tags_win_over_the_techniques():
    assert tactics(("attack.initial-access", "attack.t1078"), ("T1078",)) == ("Initial Access",)
    assert tactics(("attack.command_and_control",), ()) == ("Command and Control",)


def test_without_tags_a_technique_brings_its_tactics_in_the_order_of_an_attack():
    assert tactics(("attack.t1078",), ("T1078",)) == (
        "Initial Access",
        "Persistence",
        "Privilege Escalation",
        "Defense Evasion",
    )


@pytest.mark.skipif(not SHARED.exists(), reason="the ATT&CK bundle is not here")
def test_the_catalogue_is_what_the_bundle_says():
    bundle = json.loads(gzip.decompress(SHARED.read_bytes()))["objects"]
    expected = {
        item["external_references"][0]["external_id"]: item["name"]
        for item in bundle
        if item["type"] == "attack-pattern" and not item.get("revoked") and not item.get("x_mitre_deprecated")
    }
    catalogue = json.loads(CATALOGUE.read_text("utf-8"))
    assert {id: name for id, (name, _) in catalogue["techniques"].items()} == expected


def test_the_catalogue_carries_its_notice_and_licence():
    notice = json.loads(CATALOGUE.read_text("utf-8"))["notice"]
    licence = CATALOGUE.with_name("attack.LICENSE.txt").read_text("utf-8")
    assert "© 2025 The MITRE Corporation" in notice
    assert "non-exclusive, royalty-free license" in licence


def test_every_tactic_of_an_attack_inside_has_its_own_steps_in_both_languages():
    names = json.loads(CATALOGUE.read_text("utf-8"))["tactics"].values()
    otherwise = next_steps(rule(), (), ())
    for name in names:
        steps = next_steps(rule(), (name,), ())
        assert set(steps) == {"vi", "en"}
        assert len(steps["vi"]) == len(steps["en"]) >= 3
        # what an attacker prepares at home leaves nothing in our logs
        assert (steps == otherwise) == (name == "Resource Development")


def test_the_tactic_furthest_into_an_attack_decides():
    assert next_steps(rule(), ("Initial Access", "Exfiltration"), ()) == next_steps(rule(), ("Exfiltration",), ())


def test_without_a_tactic_the_events_category_decides():
    assert "mailboxes" in " ".join(next_steps(rule(), (), ("unheard of", "email"))["en"])


def test_the_rules_own_steps_win_language_by_language():
    steps = next_steps(rule(next_steps={"en": ("Ring the bell",)}), ("Impact",), ())
    assert steps["en"] == ("Ring the bell",)
    assert steps["vi"] == next_steps(rule(), ("Impact",), ())["vi"]
