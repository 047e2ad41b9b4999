"""All of SigmaHQ and the specification's own examples: every file accounted for, rejected only for want of a list."""

from __future__ import annotations

import pickle
import re
import tarfile
from pathlib import Path

import pytest

from soc.sigma import IDENTITY, Loaded, load
from soc.sigma.fixed import simplified
from soc.sigma.tree import leaves
from tests.sigma.corpus import excluded

SIGMA = Path(__file__).resolve().parents[3] / "shared" / "data" / "sigma"

pytestmark = pytest.mark.skipif(not SIGMA.is_dir(), reason="the SigmaHQ data set is not here")


def unpacked(name: str, folder: Path) -> Path:
    with tarfile.open(SIGMA / name) as archive:
        archive.extractall(folder, filter="data")
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return unpacked("sigma-rules.tar.xz", tmp_path_factory.mktemp("sigmahq"))


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def loaded(folder: Path, cache: Path) -> Loaded:
    return load([folder], IDENTITY, cache=cache)


def test_the_cache_has_the_same(loaded: Loaded, folder: Path, cache: Path) -> None:
    (entry,) = cache.iterdir()
    written = entry.stat().st_ino
    assert repr(load([folder], IDENTITY, cache=cache)) == repr(loaded)
    assert entry.stat().st_ino == written


def test_every_file_is_a_rule_or_lacks_a_list(loaded: Loaded) -> None:
    assert len(loaded.rules) + len(loaded.problems) == loaded.files == 3777
    assert {re.sub(r"%.*%", "%name%", one.reason.partition(": ")[2]) for one in loaded.problems} == {
        "placeholder %name% has no values here"
    }


def test_what_a_rule_demands_it_cannot_do_without(loaded: Loaded) -> None:
    asked = {"EventID": 1, "Channel": "Security", "Provider_Name": "SAM", "_path": "dns", "Level": 2}
    left_out = [one for one in loaded.rules if excluded(one.condition, asked)]
    assert len(left_out) > 300
    assert {simplified(one.condition, asked) for one in left_out} == {False}


def test_with_its_lists_every_rule_is_read(loaded: Loaded, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "lists").mkdir()
    wanted = set(re.findall("%(.+?)%", " ".join(one.reason for one in loaded.problems)))
    rejected = loaded
    while rejected.problems:  # a rule names one list that it lacks; the next time round it names another
        for name in wanted:
            (tmp_path / "lists" / f"{name}.yml").write_text("version: 1\nowner: An\nvalues: [one, two*]\n", "utf-8")
        rejected = load([folder / "rules-placeholder", folder / "rules", tmp_path], IDENTITY)
        found = set(re.findall("%(.+?)%", " ".join(one.reason for one in rejected.problems)))
        assert not found & wanted
        wanted = found
    assert len(rejected.rules) + rejected.lists == rejected.files


def test_a_pickle_is_the_same_rules(loaded: Loaded) -> None:
    again = pickle.loads(pickle.dumps(loaded))
    assert again.problems == loaded.problems
    assert len(again.rules) == len(loaded.rules)
    for one, other in zip(loaded.rules, again.rules, strict=True):
        assert (one.info, one.logsource, one.fields, one.written) == (
            other.info, other.logsource, other.fields, other.written)  # fmt: skip
        assert list(leaves(one.condition)) == list(leaves(other.condition))
        assert repr(one.condition) == repr(other.condition)
        assert (one.path, one.line, one.taxonomy) == (other.path, other.line, other.taxonomy)


def test_the_specifications_own_examples(tmp_path: Path) -> None:
    read = [
        load([file], IDENTITY) for file in unpacked("sigma-specification.tar.xz", tmp_path).rglob("*/schema/*/*.yml")
    ]
    kinds = [(one.rules, one.correlations, one.filters) for one in read]
    assert [one.problems for one in read if one.problems] == []
    assert [sum(map(len, kind)) for kind in zip(*kinds, strict=True)] == [2, 8, 2]
    assert {state.word for one in read for state in one.filter_states} == {"unused"}
