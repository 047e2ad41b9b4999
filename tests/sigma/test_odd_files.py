"""Files and attributes that are not as they should be: each is tolerated or refused by name, and none disappears."""

from __future__ import annotations

import copy
import os
import random
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from soc.core.errors import Problem
from soc.sigma import IDENTITY, Document, Loaded, load
from soc.sigma.load import read_rule

HEAD = "title: T\nid: 00000000-0000-4000-8000-000000000001\nlogsource: {category: test}\n"
RULE = HEAD + "detection:\n  s: {A: x}\n  condition: s\n"


def read(folder: Path, raw: str | bytes) -> Loaded:
    (folder / "a.yml").write_bytes(raw if isinstance(raw, bytes) else raw.encode())
    return load([folder], IDENTITY)


@pytest.mark.parametrize(
    "raw",
    [
        b"\xef\xbb\xbf" + RULE.encode(),
        RULE.replace("\n", "\r\n").encode(),
        RULE.encode() + b"\n\n---\n\n",
        b"# comment\n---\n" + RULE.encode() + b"...\n",
        RULE.encode().replace(b"A: x", b"A:\tx"),
    ],
)
def test_what_is_tolerated(tmp_path: Path, raw: bytes) -> None:
    loaded = read(tmp_path, raw)
    assert (len(loaded.rules), loaded.problems) == (1, [])


def test_line_ends_do_not_change_a_rules_hash(tmp_path: Path) -> None:
    first = read(tmp_path, RULE).rules[0].info.hash
    assert read(tmp_path, RULE.replace("\n", "\r\n")).rules[0].info.hash == first


@pytest.mark.parametrize(
    ("raw", "line", "reason"),
    [
        (b"", 1, "no rule in this file"),
        (b"# nothing\n", 1, "no rule in this file"),
        (b"title: \xff\xfe", 1, "not YAML"),
        (RULE.encode("utf-16"), 1, "not YAML"),
        (b"a: \x00", 1, "not YAML"),
        (b"title: x\n\tid: y\n", 2, "not YAML"),
        (RULE.encode() + b"title: again\n", 7, "title is there twice"),
        (RULE.replace("{A: x}", "{A: x, A: y}").encode(), 5, "A is there twice"),
        (b"? [a, b]\n: c\n", 1, "a key is plain text"),
        (b"<<: {a: b}\n", 1, "a key is plain text"),
        (b"a: !!python/object:os.system {}\n", 1, "is not accepted"),
        (b"a: !!python/name:os.system\n", 1, "not YAML"),
        (b"a: !!set {b}\n", 1, "is not accepted"),
        (b"- x\n", 1, "a rule is a YAML map"),
        (b"just text\n", 1, "a rule is a YAML map"),
        (b"1: 2\n", 1, "no detection"),
    ],
)
def test_what_is_no_yaml(tmp_path: Path, raw: bytes, line: int, reason: str) -> None:
    loaded = read(tmp_path, raw)
    assert loaded.rules == []
    assert (loaded.problems[0].line, reason in loaded.problems[0].reason) == (line, True), loaded.problems


def test_what_is_no_file(tmp_path: Path) -> None:
    read(tmp_path, RULE)
    (tmp_path / "b.yml").mkdir()
    (tmp_path / "b.yml" / "inner.yml").write_text("title: inner", "utf-8")
    (tmp_path / "nowhere.yml").symlink_to("gone.yml")
    (tmp_path / "circle.yml").symlink_to("circle.yml")
    (tmp_path / "around").symlink_to(tmp_path)
    (tmp_path / "again.yml").symlink_to("a.yml")
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "hidden.yml").write_text("title: hidden", "utf-8")
    os.mkfifo(tmp_path / "pipe.yml")
    loaded = load([tmp_path, tmp_path / "missing.yml"], IDENTITY)
    assert len(loaded.rules) == 1
    assert [(Path(one.path).name, one.reason) for one in sorted(loaded.problems)] == [
        ("inner.yml", "no detection"),
        ("circle.yml", "Too many levels of symbolic links: a link to nowhere"),
        ("missing.yml", "No such file or directory"),
        ("nowhere.yml", "No such file or directory: a link to nowhere"),
        ("pipe.yml", "no file"),
    ]
    assert loaded.files == 6


@pytest.fixture
def nobody(tmp_path: Path) -> Iterator[None]:
    """Root reads everything: then as a user who owns nothing but the folder."""
    if os.geteuid() != 0:
        yield
        return
    os.chown(tmp_path, 65534, -1)
    for folder in tmp_path.parents:
        if folder.stat().st_uid == 0 and folder.stat().st_mode & 0o011 != 0o011:
            folder.chmod(folder.stat().st_mode | 0o011)
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.mark.usefixtures("nobody")
def test_what_may_not_be_read(tmp_path: Path) -> None:
    read(tmp_path, RULE)
    (tmp_path / "a.yml").chmod(0)
    closed = tmp_path / "closed"
    closed.mkdir(mode=0)
    reasons = {Path(one.path).name: one.reason for one in load([tmp_path], IDENTITY).problems}
    closed.chmod(0o700)
    assert reasons == {"a.yml": "Permission denied", "closed": "a folder that cannot be read"}


@pytest.mark.parametrize(
    ("attribute", "reason"),
    [
        ("title: 7", "title: Expected `str`, got `int`"),
        ("title:", "title: Expected `str`, got `null`"),
        ("title: ''", "title: Expected `str` of length >= 1"),
        ("title: " + "x" * 300, "title: Expected `str` of length <= 256"),
        ("id: 7", "id: Expected"),
        ("id: not-one", "id: 'not-one' is no UUID"),
        ("level: terrible", "level: Invalid enum value 'terrible'"),
        ("level: 3", "level: Expected"),
        ("status: fine", "status: Invalid enum value 'fine'"),
        ("status: unsupported", "status: unsupported rules are not run"),
        ("tags: attack.t1110", "tags: Expected"),
        ("tags: [attack]", "tags[0]: Expected `str` matching regex"),
        ("tags: [[a.b]]", "tags[0]: Expected"),
        ("references: [7]", "references[0]: Expected"),
        ("falsepositives: [[a]]", "falsepositives[0]"),
        ("falsepositives: unknown", "falsepositives: Expected"),
        ("fields: {a: b}", "fields: Expected"),
        ("scope: server", "scope: Expected"),
        ("author: [a, b]", "author: Expected"),
        ("description: {a: b}", "description: Expected"),
        ("description: " + "x" * 70_000, "description: Expected `str` of length <= 65535"),
        ("license: 1.1", "license: Expected"),
        ("name: [x]", "name: Expected"),
        ("taxonomy: splunk", "taxonomy: 'splunk' is not known here"),
        ("date: 2026-13-01", "'2026-13-01': month must be in 1..12"),
        ("date: '2026-13-01'", "date: '2026-13-01' is no date"),
        ("date: 5 October", "date: '5 October' is no date"),
        ("date: 20261005", "date: '20261005' is no date"),
        ("modified: [2026-10-05]", "modified: "),
        ("related: x", "related: Expected"),
        ("related: [{id: x, type: derived}]", "related: 'x' is no UUID"),
        ("related: [{id: 00000000-0000-4000-8000-000000000001, type: x}]", "related[0].type"),
        ("related: [{type: derived}]", "related[0]: Object missing required field `id`"),
        ("logsource: firewall", "logsource: a map"),
        ("logsource: {}", "logsource: one of category, product and service"),
        ("logsource: {definition: x}", "logsource: one of"),
        ("logsource: {category: [a]}", "logsource.category"),
        ("logsource: {category: 7}", "logsource.category: '7' is no text"),
        ("detection: [a]", "no detection"),
        ("detection:", "no detection"),
        ("soc: text", "soc: Expected"),
        ("soc: {1: 2}", "soc: "),
        ("soc: {next_steps: {vi: x}}", "soc.next_steps"),
        ("action: global", "action: is no longer part of Sigma"),
        ("action: repeat", "action: is no longer part of Sigma"),
    ],
)
def test_an_attribute_of_the_wrong_type_is_named(tmp_path: Path, attribute: str, reason: str) -> None:
    kept = [line for line in RULE.splitlines() if not line.startswith(attribute.split(":")[0] + ":")]
    if attribute.startswith("detection"):
        kept = kept[:-2]
    loaded = read(tmp_path, "\n".join([*kept, attribute, ""]))
    assert loaded.rules == []
    assert reason in loaded.problems[0].reason


@pytest.mark.parametrize(
    "attribute",
    [
        "date: 2026-10-05",
        "date: '2026-10-05'",
        "date: 2026/10/05",
        "modified:",
        "level:",
        "tags: []",
        "references:",
        "falsepositives: [none, 7]",
        "status: deprecated",
        "license: DRL-1.1",
        "scope: [server]",
        "taxonomy: ecs",
        "related: [{id: 00000000-0000-4000-8000-000000000001, type: similar}]",
        "custom: {anything: [1, 2]}",
        "soc:",
    ],
)
def test_attributes_that_are_fine(tmp_path: Path, attribute: str) -> None:
    assert read(tmp_path, RULE + attribute + "\n").problems == []


WRONG: list[Any] = [
    None, True, 0, -1, 7.5, float("nan"), float("inf"), 10**400, "", " ", "x", "*", "a|b", "\x00", "\ud800", "%x%",
    [], {}, [None], [[]], [{}], {"": ""}, {None: None}, {1: 2}, {"a": {"b": {"c": []}}}, [[["x"]]], date(2026, 10, 5),
    b"x", {"x"}, "x" * 20_000, "(" * 100, "1 of them", "not", ["x", None, 1, True], {"|all": ["a"]},
    {"A|re": "(a"}, {"A|cidr": 1},
]  # fmt: skip


def places(node: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where a value is: () for the whole."""
    yield path
    below = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in below:
        yield from places(value, (*path, key))


def mutated(document: dict[Any, Any], chance: random.Random) -> dict[Any, Any]:
    """The document with one to three values dropped, renamed or replaced."""
    made = copy.deepcopy(document)
    for _ in range(chance.randint(1, 3)):
        *above, last = chance.choice([path for path in places(made) if path])
        holder: Any = made
        for step in above:
            holder = holder[step]
        what = chance.random()
        if what < 0.2:
            del holder[last]
        elif what < 0.4 and isinstance(holder, dict):
            new = chance.choice([None, 1, "", "x|y", f"{last}|re", f"{last}|all", "not", "condition", True])
            holder[new] = holder.pop(last)
        else:
            holder[last] = copy.deepcopy(chance.choice(WRONG))
    return made


SEED = """
title: Seed
id: 00000000-0000-4000-8000-000000000001
related: [{id: 00000000-0000-4000-8000-000000000002, type: derived}]
name: seed
status: test
description: Text
references: [https://example.org]
author: A
date: 2026-10-05
modified: 2026-10-06
tags: [attack.t1110, attack.execution]
logsource: {category: process_creation, product: windows, definition: x}
detection:
  selection_1:
    Image|endswith: ['\\a.exe', '\\b.exe']
    CommandLine|contains|all: [' -x', ' -y']
    CommandLine|windash|contains: ' -z '
  selection_2:
    - EventID: 4688
    - {User|re|i: '^adm', Ip|cidr: 10.0.0.0/8, N|gt: 5, T|hour|lt: 6}
  keywords: [a, b, 7]
  other: {A: null, B|exists: true, C|fieldref: D, E|base64offset|contains: abc, F|wide|base64: x, G|neq: 1}
  condition: (1 of selection_* or keywords) and not other
fields: [A, B]
falsepositives: [None]
level: high
soc: {fold: [source.ip], next_steps: {vi: [a], en: [b]}}
"""


def test_whatever_is_wrong_the_rule_is_read_or_refused_with_a_reason() -> None:
    chance = random.Random(4)
    document = yaml.safe_load(SEED)
    refused = 0
    for _ in range(4000):
        made = mutated(document, chance)
        found = read_rule(Document(made, "seed.yml", 1, "hash"), IDENTITY)
        if isinstance(found, Problem):
            refused += 1
            assert 5 < len(found.reason) < 1000
            for word in ("object has no attribute", "NoneType", "Traceback", "unhashable", "not subscriptable"):
                assert word not in found.reason, (word, found.reason)
    assert 1000 < refused < 3900


@pytest.mark.parametrize("kind", ["correlation", "filter", "rule"])
def test_whatever_is_wrong_every_document_is_accounted_for(tmp_path: Path, kind: str) -> None:
    chance = random.Random(5)
    document = yaml.safe_load(SEED)
    if kind == "filter":
        document["filter"] = {**document.pop("detection"), "rules": ["seed"]}
        document["soc"] = {"owner": "A", "reason": "B", "expires": date(2027, 1, 1)}
    if kind == "correlation":
        document["correlation"] = {"type": "event_count", "rules": ["seed"], "condition": {"gte": 5}}
    made = [mutated(document, chance) for _ in range(150)]
    texts = [yaml.safe_dump(one, allow_unicode=False) for one in made if not _unwritable(one)]
    for number, text in enumerate(texts):
        (tmp_path / f"{number}.yml").write_text(text, "utf-8")
    loaded = load([tmp_path], IDENTITY, today=date(2026, 10, 5))
    whole: list[Any] = [*loaded.rules, *loaded.correlations, *loaded.filters, *loaded.problems]
    assert len(whole) == len(texts) == loaded.files > 100
    assert len({one.path for one in whole}) == len(texts)


def _unwritable(document: Any) -> bool:
    """Python can hold what YAML cannot write: lone surrogates."""
    return "\\ud800" in repr(document)
