"""Loading: nothing disappears, bombs are refused by name, and a rule's own attributes arrive."""

from __future__ import annotations

from pathlib import Path

import pytest

from soc.core.finding import Level
from soc.sigma import IDENTITY, Loaded, load

RULE = """
title: {title}
id: 00000000-0000-4000-8000-{number:012d}
logsource: {{category: test}}
detection:
  s: {{A: x}}
  condition: s
"""


def rule(number: int = 1, title: str = "One") -> str:
    return RULE.format(number=number, title=title)


def filter_text(rules: str = "any", extras: str = "") -> str:
    return f"""title: F
logsource: {{category: test}}
filter: {{rules: {rules}, s: {{A: y}}, condition: not s}}
{extras}"""


def read(tmp_path: Path, **files: str) -> Loaded:
    for name, text in files.items():
        (tmp_path / f"{name}.yml").write_text(text, "utf-8")
    return load([tmp_path], IDENTITY)


def test_every_document_is_a_rule_a_correlation_a_filter_or_a_problem(tmp_path: Path) -> None:
    loaded = read(
        tmp_path,
        a=rule(1) + "---" + rule(2),
        b="title: C\ncorrelation: {type: event_count}\n---\n" + filter_text(),
        c="title: broken\n",
        d="- a list\n",
        e="",
    )
    assert [one.info.id[-1] for one in loaded.rules] == ["1", "2"]
    assert [(Path(one.path).name, one.line, one.document["title"]) for one in loaded.correlations] == [
        ("b.yml", 1, "C")
    ]
    assert [(one.line, one.document["title"]) for one in loaded.filters] == [(4, "F")]
    assert [(Path(one.path).name, one.line, one.reason) for one in loaded.problems] == [
        ("c.yml", 1, "no detection"),
        ("d.yml", 1, "a rule is a YAML map"),
        ("e.yml", 1, "no rule in this file"),
    ]
    assert loaded.files == 5


def test_lines_point_at_the_document(tmp_path: Path) -> None:
    loaded = read(tmp_path, a=rule(1) + "---" + rule(2))
    assert [one.line for one in loaded.rules] == [2, 9]


def test_a_file_named_twice_is_read_once(tmp_path: Path) -> None:
    read(tmp_path, a=rule())
    assert len(load([tmp_path, tmp_path / "a.yml"], IDENTITY).rules) == 1


def test_an_id_belongs_to_one_rule(tmp_path: Path) -> None:
    loaded = read(tmp_path, a=rule(1), b=rule(1, "Other"))
    assert len(loaded.rules) == 1
    assert "is taken by" in loaded.problems[0].reason


def test_the_hash_is_of_the_content(tmp_path: Path) -> None:
    first = read(tmp_path, a=rule()).rules[0].info.hash
    (tmp_path / "a.yml").write_text("\n\n---" + rule() + "---" + rule(2), "utf-8")
    again, other = load([tmp_path], IDENTITY).rules
    assert (again.info.hash == first, other.info.hash == first) == (True, False)


def test_metadata_and_our_own_attributes(tmp_path: Path) -> None:
    text = (
        rule()
        + """
level: high
status: test
description: What it is.
tags: [attack.t1110.001, attack.credential-access]
falsepositives: [A scanner]
soc:
  title_vi: Một
  description_vi: Nó là gì.
  fold: [source.ip]
  next_steps: {en: [Look], vi: [Xem]}
  silent: true
"""
    )
    info = read(tmp_path, a=text).rules[0].info
    assert info.level is Level.HIGH
    assert info.techniques == ("T1110.001",)
    assert (info.title_vi, info.description_vi, info.fold, info.silent) == ("Một", "Nó là gì.", ("source.ip",), True)
    assert info.next_steps == {"en": ("Look",), "vi": ("Xem",)}
    assert info.false_positives == ("A scanner",)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a: &a [x]\nb: *a\n", "aliases are not accepted"),
        ("[" * 60 + "]" * 60, "nested deeper than"),
        ("a: [", "not YAML"),
        ("a: \x07", "not YAML"),
        ("x: " + "y" * (5 << 20), "larger than"),
        (rule() + "action: global\n", "action: is no longer part of Sigma"),
        (rule() + "level: terrible\n", "level"),
        (rule() + "soc: {title: x}\n", "unknown field"),
        (rule() + "soc: {fold: source.ip}\n", "fold"),
        (rule().replace("{category: test}", "nothing"), "logsource"),
        (rule().replace("A: x", "A|base64offset: ''"), "matches everything"),
        (rule().replace("A: x", f"A: {'x' * 20000}"), "longer than"),
        (rule().replace("A: x", "A|re: " + "x" * 9000), "longer than"),
        (rule().replace("condition: s", "condition: " + "not " * 30 + "s"), "condition"),
        (
            rule().replace("{A: x}", "{A|windash|contains: [" + ", ".join(["' -a -b -c -d -e'"] * 20) + "]}"),
            "50000 values",
        ),
    ],
)
def test_what_is_refused(tmp_path: Path, text: str, reason: str) -> None:
    loaded = read(tmp_path, a=text)
    assert loaded.rules == []
    assert reason in loaded.problems[0].reason
    assert len(loaded.problems[0].reason) < 400


def test_broken_utf8_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "a.yml").write_bytes(b"title: \xff\xfe")
    assert "not YAML" in load([tmp_path], IDENTITY).problems[0].reason
