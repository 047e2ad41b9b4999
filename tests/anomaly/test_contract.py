"""Every model keeps the contract, on the sample beside its words: learn, score, explain, save, load; quiet when all is
normal; bounded.
"""

import math
from pathlib import Path

import msgspec
import pytest

from soc.anomaly.content import NAMES, described
from soc.anomaly.features import Partial
from soc.anomaly.model import REASONS, Model
from soc.anomaly.sample import parts_of, read_sample
from soc.anomaly.words import WORDS
from soc.core.content import content_root

pytest.importorskip("sklearn")

FOLDER = content_root() / "anomaly"
CONTENT = described()


def test_every_model_has_words_and_a_sample_and_nothing_is_left_over() -> None:
    assert {path.stem for path in FOLDER.glob("*.yml")} == set(NAMES) == set(CONTENT)
    assert {path.stem for path in FOLDER.glob("*.jsonl")} == set(NAMES)
    assert len({one.info.id for one in CONTENT.values()}) == len(NAMES)
    assert all((Path("soc/anomaly") / f"{name}.py").name for name in NAMES)


def learned(name: str) -> Model:
    model = CONTENT[name].make()
    model.learn(history(name))
    return model


def history(name: str) -> list[Partial]:
    parts = [
        part
        for seed, series in enumerate(read_sample(FOLDER / f"{name}.jsonl"))
        if not series.expect
        for part in parts_of(series, seed)
    ]
    return sorted(parts, key=lambda part: (part.bucket, part.entity))


def judged(name: str, model: Model) -> list[tuple[str, float, Partial]]:
    """(what is expected, the greatest score, its partial) of each line of the sample that expects something."""
    found = []
    for seed, series in enumerate(read_sample(FOLDER / f"{name}.jsonl")):
        if series.expect:
            scores = []
            for part in parts_of(series, seed):
                scores.append((model.score(part), part.bucket, part))
                if model.live:
                    model.learn([part])
            score, _, part = max(scores, key=lambda one: one[:2])
            found.append((series.expect, score, part))
    return found


@pytest.mark.parametrize("name", NAMES)
def test_the_planted_is_found_and_the_normal_is_quiet(name: str) -> None:
    seen = judged(name, learned(name))
    assert {expect for expect, _, _ in seen} == {"quiet", "anomaly"}
    floor = CONTENT[name].floor
    assert [(expect, round(score, 3)) for expect, score, _ in seen if (score >= floor) != (expect == "anomaly")] == []


@pytest.mark.parametrize("name", NAMES)
def test_what_is_asked_for_the_least_is_as_exact_from_there_on(name: str) -> None:
    model = learned(name)
    parts = [part for _, _, part in judged(name, learned(name))]
    scores = sorted(model.score(part) for part in parts)
    for part in parts:
        score = model.score(part)
        for least in (*scores, score, math.nextafter(score, 9), math.nextafter(score, 0)):
            found = model.score(part, least)
            assert found == score if score >= least else found < least


@pytest.mark.parametrize("name", NAMES)
def test_an_untaught_model_says_nothing(name: str) -> None:
    model = CONTENT[name].make()
    assert [model.score(part) for part in history(name)[:50]] == [0.0] * 50


@pytest.mark.parametrize("name", NAMES)
def test_an_explanation_has_baseline_value_and_three_reasons_in_known_words(name: str) -> None:
    model = learned(name)
    (part,) = [part for expect, _, part in judged(name, learned(name)) if expect == "anomaly"][:1]
    why = model.explain(part)
    assert why.baseline
    assert why.value
    assert why.baseline != why.value
    assert bool(why.peer) == model.of_peers
    assert why.peer in {"", *part.calls}
    assert len(why.reasons) == REASONS
    assert all(reason.field in WORDS and reason.operator in WORDS for reason in why.reasons)
    assert all(reason.pattern and reason.value for reason in why.reasons)


@pytest.mark.parametrize("name", NAMES)
def test_what_is_saved_and_loaded_goes_on_the_same(name: str) -> None:
    model, again = learned(name), CONTENT[name].make()
    again.load(model.save())
    assert again.save() == model.save()
    first, second = judged(name, model), judged(name, again)
    assert [score for _, score, _ in first] == [score for _, score, _ in second]
    assert again.save() == model.save()


@pytest.mark.parametrize("name", NAMES)
def test_the_same_history_gives_the_same_bytes(name: str) -> None:
    assert learned(name).save() == learned(name).save()


@pytest.mark.parametrize("name", NAMES)
def test_what_is_no_state_is_refused(name: str) -> None:
    with pytest.raises(msgspec.DecodeError):
        CONTENT[name].make().load(b"\xc1 no state")


@pytest.mark.parametrize("name", ["rate", "breadth", "beacon"])
def test_state_is_bounded(name: str) -> None:
    kind = type(CONTENT[name].make())
    from soc.anomaly.beacon import BeaconParameters
    from soc.anomaly.breadth import BreadthParameters
    from soc.anomaly.rate import RateParameters

    few = {"rate": RateParameters, "breadth": BreadthParameters, "beacon": BeaconParameters}[name](entities=5)
    model = kind(few)  # type: ignore[call-arg]
    example = history(name)[0]

    def others(numbers: range) -> list[Partial]:
        return [msgspec.structs.replace(example, entity=f"source.ip=10.{n // 250}.{n % 250}.1") for n in numbers]

    model.learn(others(range(1000, 1100)))
    full = len(model.save())
    model.learn(others(range(2000, 5000)))
    assert len(model.save()) < full * 1.2 + 100
