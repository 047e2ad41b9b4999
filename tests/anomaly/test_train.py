"""Training, versions on disk, and the measures: deterministic, whole, and right against known values."""

import math
from pathlib import Path

import pytest

from soc.anomaly.content import described
from soc.anomaly.evaluate import BadTable, on_table, on_world, read_table, scaling
from soc.anomaly.forest import ForestParameters
from soc.anomaly.generate import KINDS, World, labelled
from soc.anomaly.measure import auc, recall_at
from soc.anomaly.replay import replayed
from soc.anomaly.train import Trained, UnusableHistory, train
from soc.anomaly.trees import grow, mean_depth
from soc.anomaly.versions import PROMOTED, SHADOW, BadVersion, Versions

numpy = pytest.importorskip("numpy")
pytest.importorskip("sklearn")

SMALL = World(hosts=8, days=3, attacks=3, seed=5)
PARTS = [one.part for one in labelled(SMALL)]
CONTENT = described()


@pytest.fixture(scope="module")
def trained() -> Trained:
    return train(CONTENT, PARTS, budget=4)


def test_a_world_is_the_same_for_the_same_seed_and_has_every_attack() -> None:
    again = labelled(SMALL)
    assert [one.part for one in again] == PARTS
    assert {one.kind for one in again} == {"", *KINDS}
    assert [one.part for one in labelled(SMALL._replace(seed=6))] != PARTS


def test_training_keeps_to_the_budget_where_it_was_calibrated(trained: Trained) -> None:
    assert 0 < sum(trained.alerts.values()) <= 4 * trained.days
    assert trained.rate <= 4
    assert all(trained.thresholds[name] >= one.floor for name, one in CONTENT.items())
    assert sum(trained.candidates.values()) > sum(trained.alerts.values())


def test_training_twice_gives_the_same_version(trained: Trained, tmp_path: Path) -> None:
    again = train(CONTENT, PARTS, budget=4)
    one = Versions(tmp_path / "one").write(trained, CONTENT, 1)
    two = Versions(tmp_path / "two").write(again, CONTENT, 1)
    assert one == two
    for name in CONTENT:
        files = [tmp_path / where / "anomaly" / one.version / f"{name}.state" for where in ("one", "two")]
        assert files[0].read_bytes() == files[1].read_bytes()


def test_too_little_history_is_refused() -> None:
    with pytest.raises(UnusableHistory, match="17 host buckets"):
        train(CONTENT, PARTS[:17])


def test_a_version_is_a_shadow_before_it_is_promoted(trained: Trained, tmp_path: Path) -> None:
    versions = Versions(tmp_path)
    with pytest.raises(BadVersion):
        versions.promote()
    about = versions.write(trained, CONTENT, 7)
    assert (versions.named(SHADOW), versions.named(PROMOTED)) == (about.version, "")
    assert versions.watch(CONTENT) is None
    assert versions.promote() == about
    assert (versions.named(SHADOW), versions.named(PROMOTED)) == ("", about.version)
    watch = versions.watch(CONTENT)
    assert watch is not None
    assert watch.thresholds() == trained.thresholds
    assert versions.all() == [about]
    late = [part for part in PARTS if part.bucket >= trained.middle]
    assert replayed(versions.alone(about.version, CONTENT), late).days == pytest.approx(trained.days)


def test_a_changed_file_is_noticed(trained: Trained, tmp_path: Path) -> None:
    versions = Versions(tmp_path)
    about = versions.write(trained, CONTENT, 7)
    file = tmp_path / "anomaly" / about.version / "rate.state"
    file.write_bytes(file.read_bytes() + b"\0")
    with pytest.raises(BadVersion, match="not what was written"):
        versions.promote()
    with pytest.raises(BadVersion, match="no version"):
        versions.promote("../../etc")


def test_state_of_another_version_is_not_taken_over(trained: Trained, tmp_path: Path) -> None:
    versions = Versions(tmp_path)
    versions.write(trained, CONTENT, 7)
    versions.promote()
    old = versions.watch(CONTENT)
    assert old is not None
    old.take(PARTS[-5:], "more")
    old.advance(PARTS[-1].bucket * 2)
    versions.write(train(CONTENT, PARTS, budget=1), CONTENT, 8)
    versions.promote()
    new, fresh = versions.watch(CONTENT), versions.watch(CONTENT)
    assert new is not None
    assert fresh is not None
    new.restore(old.state())
    probe = PARTS[-40:]
    assert [m.model.save() for m in new._watched.values()] == [m.model.save() for m in fresh._watched.values()]
    assert len(probe) == 40


def test_our_forest_scores_as_scikit_learn_does() -> None:
    from sklearn.ensemble import IsolationForest

    rows = numpy.random.default_rng(3).normal(size=(600, 5)).astype(numpy.float32)
    theirs = IsolationForest(n_estimators=50, max_samples=128, random_state=9).fit(rows)
    ours = grow(rows.tolist(), trees=50, sample=128, seed=9)
    probe = numpy.concatenate([rows[:50], rows[:20] * 4])
    assert [ours.score(row) for row in probe.tolist()] == pytest.approx(list(-theirs.score_samples(probe)), abs=1e-6)


def test_mean_depth() -> None:
    assert (mean_depth(1), mean_depth(2)) == (0, 1)
    assert mean_depth(256) == pytest.approx(2 * sum(1 / n for n in range(1, 256)) - 2 * 255 / 256, abs=0.01)


def test_auc_and_recall() -> None:
    assert auc([1, 2, 3, 4], [False, False, True, True]) == 1
    assert auc([1, 1, 1, 1], [False, False, True, True]) == 0.5
    assert auc([4, 3, 2, 1], [False, True, False, True]) == 0.25
    scores, labels = [*range(200), 150.5, 300], [*[False] * 200, True, True]
    assert recall_at(scores, labels, 0.01) == 0.5
    assert recall_at(scores, labels, 0.3) == 1
    assert recall_at([1.0] * 10, [True, *[False] * 9]) == 0
    with pytest.raises(ValueError, match="both classes"):
        auc([1.0], [True])


def test_auc_is_that_of_scikit_learn() -> None:
    from sklearn.metrics import roc_auc_score

    random = numpy.random.default_rng(1)
    scores, labels = random.integers(0, 20, 300).tolist(), (random.random(300) < 0.2).tolist()
    assert auc(scores, labels) == pytest.approx(roc_auc_score(labels, scores))


def table(path: Path) -> Path:
    random = numpy.random.default_rng(4)
    lines = ["name, a,b,c,class"]
    for number in range(600):
        bad = number % 20 == 0
        a, b = random.normal(size=2) * (6 if bad else 1)
        lines.append(f"x{number},{a:.4f},{b:.4f},{'' if number % 7 == 0 else 1},{'attack' if bad else 'Normal'}")
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


def test_a_labelled_table(tmp_path: Path) -> None:
    read = read_table(table(tmp_path / "t.csv"), "class")
    assert (read.columns, read.skipped) == (("a", "b", "c"), ("name",))
    assert (len(read.rows), sum(read.labels)) == (600, 30)
    figures = {one.method.partition(":")[0]: one for one in on_table(read, ForestParameters(trees=30))}
    assert set(figures) == {"forest", "distance in MADs", "best feature"}
    assert figures["forest"].auc > 0.9
    assert figures["distance in MADs"].auc > 0.9
    assert figures["best feature"].auc < figures["forest"].auc
    assert on_table(read) == on_table(read)


def test_what_is_wrong_with_a_table_is_said(tmp_path: Path) -> None:
    file = table(tmp_path / "t.csv")
    with pytest.raises(BadTable, match=r"no column 'label'; there are: name, a, b, c, class"):
        read_table(file, "label")
    with pytest.raises(BadTable, match="both normal and other"):
        read_table(file, "class", ("attack", "normal"))


def test_scaling_is_robust_and_survives_constants() -> None:
    (middle, spread), constant, mostly = scaling([[1, 5, 0], [2, 5, 0], [3, 5, 0], [1e9, 5, 9]])
    assert middle == 2.5
    assert math.isclose(spread, 1.4826)
    assert constant == (5, 1.0)
    assert mostly == (0, 2.25)


def test_each_model_is_good_at_its_own_kind_of_attack() -> None:
    figures = {(one.kind, one.method): one for one in on_world(CONTENT, SMALL)}
    assert figures["burst", "rate"].recall == 1
    assert figures["scan", "breadth"].recall == 1
    assert figures["beacon", "beacon"].recall > 0.8
    assert figures["exfiltration", "forest"].auc > 0.9
    assert figures["beacon", "breadth"].recall < 0.1 > figures["beacon", "rate"].recall
    assert figures["", "all models"].auc > max(figures["", name].auc for name in CONTENT)
