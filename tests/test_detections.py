"""What every rule that can raise an alert says to the analyst, in English and in Vietnamese."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

DETECTIONS = Path(__file__).parents[1] / "detections"
FOLDERS = ("rules", "correlations", "anomaly")
TECHNIQUE = re.compile(r"attack\.t\d{4}(\.\d{3})?")
LETTERS_OF_VIETNAMESE = re.compile("[ăâđêôơưạảấầẩẫậắằẳẵặẹẻẽếềểễệỉịọỏốồổỗộớờởỡợụủứừửữựỳỵỷỹ]", re.IGNORECASE)


def _documents() -> list[tuple[str, dict[str, Any]]]:
    """Every document of the rule and correlation files, with its path below ``detections`` and its number."""
    found = []
    for folder in FOLDERS:
        for path in sorted((DETECTIONS / folder).rglob("*.yml")):
            documents = [one for one in yaml.safe_load_all(path.read_text("utf-8")) if one]
            name = path.relative_to(DETECTIONS).with_suffix("").as_posix()
            found += [(f"{name}:{number}", one) for number, one in enumerate(documents, start=1)]
    return found


DOCUMENTS = _documents()
ALERTING = [
    pytest.param(document, id=name) for name, document in DOCUMENTS if not document.get("soc", {}).get("silent", False)
]


def _has_words(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def test_rules_and_correlations_are_found() -> None:
    kinds = {"correlation" if "correlation" in document else "rule" for _, document in DOCUMENTS}
    assert kinds == {"correlation", "rule"}
    assert len(ALERTING) > 50


@pytest.mark.parametrize("document", ALERTING)
def test_alert_has_a_title_and_description_in_both_languages(document: dict[str, Any]) -> None:
    extras = document["soc"]
    assert _has_words(document.get("title"))
    assert _has_words(document.get("description"))
    for key in ("title_vi", "description_vi"):
        assert _has_words(extras.get(key)), key
    assert LETTERS_OF_VIETNAMESE.search(extras["description_vi"]), "no Vietnamese letter"


@pytest.mark.parametrize("document", ALERTING)
def test_next_steps_are_the_same_number_in_both_languages(document: dict[str, Any]) -> None:
    steps = document["soc"].get("next_steps", {})
    assert set(steps) == {"en", "vi"}
    assert len(steps["en"]) == len(steps["vi"]) > 0
    assert all(map(_has_words, (*steps["en"], *steps["vi"])))


@pytest.mark.parametrize("document", ALERTING)
def test_alert_names_an_attack_technique(document: dict[str, Any]) -> None:
    assert any(TECHNIQUE.fullmatch(tag) for tag in document.get("tags", ()))


@pytest.mark.parametrize("document", ALERTING)
def test_false_positives_are_the_same_number_in_both_languages(document: dict[str, Any]) -> None:
    english = document.get("falsepositives", ())
    vietnamese = document["soc"].get("false_positives_vi", ())
    assert len(english) == len(vietnamese) > 0
    assert all(map(_has_words, (*english, *vietnamese)))
    assert not set(english) & set(vietnamese), "left in English"
