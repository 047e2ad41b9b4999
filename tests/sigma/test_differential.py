"""Random rules and events: the engine says what the plain reading says, with either scanner, in any order, in batches.

SQLite's queries are asked too, where pySigma's backend has one; what they say otherwise has to be explained.
"""

from __future__ import annotations

import base64
import itertools
import os
from collections.abc import Callable
from random import Random
from typing import Any
from unittest import mock

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from soc.core.logsource import LogSource
from tests.sigma.corpus import compiled, matcher
from tests.sigma.plain import PARTS_OF_TIME, Plain, Tree
from tests.sigma.plain_verdict import Event, holds
from tests.sigma.solve import broken, firing
from tests.sigma.sqlite import Refused, Table, queries
from tests.sigma.test_against_sql import fields

PLACEHOLDERS = {"one": ["a*", "B1"], "two": ["đ", "-a"]}
WORDS = ("aB", "Đa", "1-/", "abc", "a b\\", "ab1a")
DASHED = ("-a", "/b", " -a /b", "a-b", "-a-", "x -đ", "\u2013a")
TIMES = ("2024-05-06T07:08:09Z", "2024-01-01T00:00:00Z", "2023-12-31T23:59:59Z", "2021-01-03T01:02:03Z")
ADDRESSES = (
    "10.0.0.7",
    "10.0.0.8",
    "10.0.1.7",
    "::ffff:10.0.0.8",
    "2001:db8::1",
    "2001:DB8:8000::1",
    "fe80::1%e",
    "10.0.0.7/32",
)
NETWORKS = ("10.0.0.0/24", "10.0.0.8/32", "10.0.0.0/15", "::/0", "2001:db8::/33", "fe80::/10", "0.0.0.0/0")


def _encoded() -> tuple[str, ...]:
    """The words as an attacker's base64 holds them: behind 0, 1 or 2 other bytes, in each encoding."""
    made = [word.encode(codec) for word in WORDS for codec in ("utf-8", "utf-16-le", "utf-16-be", "utf-16")]
    return tuple(base64.b64encode(b"zz"[:before] + one + b"!").decode() for one in made for before in range(3))


FIELDS = st.sampled_from(["A", "B", "C d", "e.f-g"])
LETTERS = "aAbB1.\\/ -\n\u2013đĐςΣ\u212a_%"
SHORT = st.text(LETTERS, max_size=4)
PATTERN = st.text(LETTERS + "**??\\", max_size=5)
WORD, DASH, TIME = st.sampled_from(WORDS), st.sampled_from(DASHED), st.sampled_from(TIMES)
SCALAR = st.one_of(
    SHORT, WORD, DASH, st.integers(0, 12), st.booleans(), st.none(), TIME, st.sampled_from(ADDRESSES),
    st.sampled_from(_encoded()), st.sampled_from([0.5, 1.0, -3, "true", "7", "07", "0x7", "7.5", "1e1", "", "a\nB\n"]),
)  # fmt: skip
VALUE = st.one_of(SCALAR, st.lists(SCALAR, max_size=3).map(tuple))
EVENT = st.dictionaries(FIELDS, VALUE, max_size=4)
REGEX = st.sampled_from(
    ["a", "^a", "b$", "a.b", "[ab]+1", "a|1", "^$", r"\d", r"a\.b", "(a|b)*1", "A?B", r"\bđ", r"\s", "^.$",
     r"[^\w]", "đ", "Σ"]
)  # fmt: skip
TEXT_MODIFIERS = ("", "|contains", "|startswith", "|endswith", "|contains|all", "|all", "|cased", "|contains|cased",
                  "|neq", "|contains|neq", "|startswith|cased", "|endswith|cased|neq", "|all|neq")  # fmt: skip
ENCODINGS = ("|base64|contains", "|base64offset|contains", "|wide|base64offset|contains", "|utf16le|base64|contains",
             "|utf16be|base64offset|contains", "|utf16|base64|contains", "|base64")  # fmt: skip
REGEX_MODIFIERS = (
    "|re",
    "|re|i",
    "|re|s",
    "|re|m",
    "|re|i|m|s",
    "|re|startswith",
    "|re|endswith",
    "|re|all",
    "|re|neq",
)
COMPARISONS = ("|lt", "|lte", "|gt", "|gte", "|gte|neq")
PARTS = [f"|{part}{then}" for part in PARTS_OF_TIME for then in ("", "|lt", "|gte")]


def _many(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(values, st.lists(values, min_size=1, max_size=3))


def _of(modifiers: tuple[str, ...] | list[str], values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.tuples(FIELDS, st.sampled_from(modifiers), values)


PLAIN_VALUE = st.one_of(PATTERN, st.integers(0, 12), st.booleans(), st.none(), st.sampled_from([0.5, 1.0]))
ITEM = st.one_of(
    _of(TEXT_MODIFIERS, _many(PATTERN)),
    _of(["", "|neq", "|all"], _many(PLAIN_VALUE)),
    _of(["|windash", "|windash|contains", "|windash|contains|all", "|windash|cased"], _many(DASH)),
    _of(ENCODINGS, _many(WORD)),
    _of(["|wide", "|utf16le|contains", "|utf16be"], st.sampled_from(["a", "aB", "1"])),
    _of(REGEX_MODIFIERS, _many(REGEX)),
    _of(["|re", "|re|i", "|re|neq"], st.sampled_from(["^(?!.*b)a", "^(?=.*b)a", "^(?!a)"])),
    _of(COMPARISONS, st.one_of(st.integers(-3, 12), st.just(7.5))),
    _of(PARTS, st.sampled_from([0, 1, 5, 6, 7, 8, 52, 53, 2024])),
    _of(["|cidr", "|cidr|neq"], _many(st.sampled_from(NETWORKS))),
    _of(["|exists"], st.booleans()),
    _of(["|fieldref", "|fieldref|contains", "|fieldref|startswith", "|fieldref|endswith", "|fieldref|neq"], FIELDS),
    _of(["|expand", "|contains|expand", "|expand|startswith"], st.sampled_from(["%one%", "%two%b", "a%one%"])),
)
MAP = st.lists(ITEM, min_size=1, max_size=3).map(lambda items: {field + mods: value for field, mods, value in items})
KEYWORD = st.one_of(PATTERN.filter(bool), st.integers(0, 12))
TEXTS = st.lists(PATTERN.filter(bool), min_size=1, max_size=2)
KEYWORDS = st.one_of(
    st.lists(KEYWORD, min_size=1, max_size=2),
    st.builds(lambda modifiers, values: {modifiers: values}, st.sampled_from(["|all", "|cased"]), TEXTS),
    st.builds(lambda value: {"|re": value}, REGEX),
)
MAPS = st.lists(MAP, min_size=1, max_size=2)
DETECTION = st.one_of(MAP, MAP, MAPS, st.tuples(MAP, MAPS).map(list), KEYWORDS)
CONDITION = st.sampled_from(
    ["s_1", "not s_1", "s_1 and s_2", "s_1 or s_2", "s_1 and not s_2", "not (s_1 or s_2)", "not (s_1 and s_2)",
     "1 of s_*", "all of s_*", "1 of them", "all of them and s_1", "s_1 and not 1 of s_*", "(s_1 or s_2) and not s_3",
     "s_1 and (s_2 or not s_3)", "not s_1 and not s_2", "s_3 or (s_1 and s_2)", "2 of s_*", "not 2 of them",
     "any of them and not s_3", "s_1 or s_2 and not s_3", "not (not s_1 or not all of s_*)", ["s_1 and s_2", "s_3"]]
)  # fmt: skip
DETECTIONS = st.one_of(
    st.builds(lambda item: {"s_1": {item[0] + item[1]: item[2]}, "condition": "s_1"}, ITEM),
    st.builds(
        lambda sections, condition: {f"s_{n}": one for n, one in enumerate(sections, 1)} | {"condition": condition},
        st.tuples(DETECTION, DETECTION, DETECTION),
        CONDITION,
    ),
)
EVENTS = st.lists(EVENT, min_size=1, max_size=6)
SEED = st.integers(0, 1 << 16)
SLOW = settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def document(detection: dict[str, Any], number: int) -> dict[str, Any]:
    named = f"00000000-0000-4000-8000-{number:012}"
    return {"title": "random", "id": named, "logsource": {"category": "test"}, "detection": detection}


def tree_of(rule: dict[str, Any]) -> Tree:
    return Plain(rule, PLACEHOLDERS).tree()


def made(tree: Tree, seed: int) -> list[Event]:
    """An event that must fire the rule, where there is one, the same in other letters, and some that just miss it."""
    event = firing(tree, seed, tries=8)
    if event is None:
        return []
    other = {name: one.swapcase() if isinstance(one, str) else one for name, one in event.items()}
    misses = broken(tree, event)
    return [event, other, *Random(seed).sample(misses, min(len(misses), 12))]


Verdicts = list[set[str]]


def verdicts(match: Callable[[Event], Any], events: list[Event]) -> Verdicts:
    return [{info.id for info in match(event)} for event in events]


@SLOW
@given(detections=st.lists(DETECTIONS, min_size=1, max_size=3), events=EVENTS, seed=SEED)
def test_same_verdicts(detections: list[dict[str, Any]], events: list[Event], seed: int) -> None:
    documents = [document(one, number) for number, one in enumerate(detections)]
    rules = compiled(documents, PLACEHOLDERS)
    trees = {one["id"]: tree_of(one) for one in documents}
    events = [*events, *(one for tree in trees.values() for one in made(tree, seed))]
    wanted = [{name for name, tree in trees.items() if holds(tree, event)} for event in events]
    for scanner in ("hyperscan", "portable"):
        with mock.patch.dict(os.environ, SOC_SCANNER=scanner):
            engine, other = (matcher(rules, (LogSource("test"),)) for _ in range(2))
        cold = verdicts(engine.match, events)
        assert cold == wanted, (scanner, [one for one, a, b in zip(events, cold, wanted, strict=True) if a != b])
        assert verdicts(engine.match, events) == wanted, f"{scanner}: warm is not cold"
        together = engine.match_all(events)
        assert [{info.id for info in found} for found in together] == wanted, f"{scanner}: a batch is not its events"
        assert verdicts(other.match, events[::-1]) == wanted[::-1], f"{scanner}: the order of events matters"


REFUSALS = (
    "Value-only", "Regular expression template", "unhandled placeholder", "zero byte", "Unknown modifier 'utf16le'",
    "found 'of'",
)  # fmt: skip
QUIRKS = (
    "ASCII alone has case", "letters beyond ASCII", "null does not exist", "true is 1",
    "numbers compare as text", "a network is a wildcard", "SQLite's calendar", "expressions have no ends",
    "the mark is UTF-8", "base64offset counts letters", "windash from hyphens alone",
)  # fmt: skip


@SLOW
@given(detection=DETECTIONS, events=EVENTS, seed=SEED)
def test_sqlite_differs_only_as_known(detection: dict[str, Any], events: list[Event], seed: int) -> None:
    rule = document(detection, 0)
    tree = tree_of(rule)
    try:
        statements = queries(rule)
    except Refused as refused:
        assert any(reason in str(refused) for reason in REFUSALS), refused
        return  # test_same_verdicts covers what the backend has no query for
    events = [*events, *made(tree, seed)]
    used = [name for name in fields(tree) if name]
    table = Table(events, used)
    theirs = table.found(statements)
    table.close()
    for position, event in enumerate(events):
        if any(isinstance(event.get(name), tuple) for name in used):
            continue
        said = position in theirs
        assert said is holds(tree, event) or explained(rule, event, said), (event, said)


def explained(rule: dict[str, Any], event: Event, said: bool) -> bool:
    """Whether some of SQLite's known readings together give its verdict."""
    chosen = itertools.chain.from_iterable(itertools.combinations(QUIRKS, size) for size in (1, 2, 3))
    return any(
        holds(Plain(rule, PLACEHOLDERS, quirks).tree(), event, quirks) is said for quirks in map(frozenset, chosen)
    )
