"""Value lists: %name% of |expand, from files with a version and an owner."""

from __future__ import annotations

from pathlib import Path

import pytest

from soc.sigma import IDENTITY, Loaded, load
from soc.sigma.evaluate import holds

RULE = """
title: A rule
id: 00000000-0000-4000-8000-000000000001
logsource: {category: test}
detection:
  s: {A|expand: '%Servers%', B|contains|expand: 'x-%word%-'}
  condition: s
"""


def values(listed: str = "[srv*, dc]") -> str:
    return f"version: 1\nowner: An\nvalues: {listed}\n"


def read(tmp_path: Path, rule: str = RULE, **lists: str) -> Loaded:
    (tmp_path / "rule.yml").write_text(rule, "utf-8")
    (tmp_path / "lists").mkdir(exist_ok=True)
    for name, text in lists.items():
        (tmp_path / "lists" / f"{name}.yml").write_text(text, "utf-8")
    return load([tmp_path], IDENTITY)


def test_a_list_gives_a_placeholder_its_values(tmp_path: Path) -> None:
    loaded = read(tmp_path, Servers=values(), word=values("[7, b]"))
    assert (loaded.problems, loaded.lists, loaded.files) == ([], 2, 3)
    (rule,) = loaded.rules
    assert holds(rule.condition, {"A": "SRV-3", "B": "ax-7-b"})
    assert holds(rule.condition, {"A": "dc", "B": "x-b-"})
    assert not holds(rule.condition, {"A": "dc3", "B": "x-b-"})
    assert not holds(rule.condition, {"A": "dc", "B": "x-c-"})


def test_without_its_list_a_rule_is_rejected_by_name(tmp_path: Path) -> None:
    loaded = read(tmp_path, servers=values(), word=values())
    assert loaded.rules == []
    assert "%Servers% has no values" in loaded.problems[0].reason


def test_the_hash_follows_the_values_that_are_used(tmp_path: Path) -> None:
    def hashed(**lists: str) -> str:
        return read(tmp_path, **lists).rules[0].info.hash

    first = hashed(Servers=values(), word=values())
    assert hashed(other=values()) == first
    assert hashed(word=values("[c]")) != first
    assert hashed(word=values()) == first


def test_a_setting_comes_before_a_file(tmp_path: Path) -> None:
    read(tmp_path, Servers=values(), word=values())
    loaded = load([tmp_path], IDENTITY, {"word": ["c"]})
    assert "there is a list word already" in loaded.problems[0].reason
    assert holds(loaded.rules[0].condition, {"A": "dc", "B": "x-c-"})


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("version: 1\nvalues: [a]\n", "owner"),
        ("owner: An\nvalues: [a]\n", "version"),
        (values("[]"), "no values"),
        (values("['']"), "an empty value"),
        (values("[[a]]"), "values"),
        (values("a"), "values"),
        (values() + "x: 1\n", "unknown field"),
        (values() + "---\n" + values(), "one document"),
        ("- a\n", "a YAML map"),
        ("", "no rule in this file"),
        ("a: [", "not YAML"),
    ],
)
def test_a_list_that_is_none_is_a_problem(tmp_path: Path, text: str, reason: str) -> None:
    loaded = read(tmp_path, Servers=values(), word=text)
    assert reason in loaded.problems[0].reason
    assert loaded.problems[0].path.endswith("word.yml")
    assert "%word% has no values" in loaded.problems[1].reason
    assert loaded.lists == 1


def test_a_list_of_many_values_is_refused_by_name(tmp_path: Path) -> None:
    loaded = read(tmp_path, Servers=values(str([f"s{number}" for number in range(100_000)])), word=values())
    assert "makes more than 20000 alternatives" in loaded.problems[0].reason


def test_filters_take_lists_too(tmp_path: Path) -> None:
    text = (
        RULE.replace("'%Servers%', B|contains|expand: 'x-%word%-'", "x")
        + "---\ntitle: F\nlogsource: {category: test}\n"
        "filter: {rules: any, s: {B|expand: '%word%'}, condition: not s}\n"
    )
    first = read(tmp_path, text.replace("A|expand", "A"), word=values("[y]")).rules[0]
    assert (holds(first.condition, {"A": "x", "B": "y"}), holds(first.condition, {"A": "x", "B": "z"})) == (False, True)
    assert read(tmp_path, text.replace("A|expand", "A"), word=values("[z]")).rules[0].info.hash != first.info.hash
