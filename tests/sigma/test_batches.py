"""Whatever is batched, remembered, forgotten or searched in lines: the verdicts are those of the plain evaluation."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from soc.core.batch import Batch
from soc.core.event import Event
from soc.core.logsource import LogSource
from soc.sigma import FieldMap, Matcher, Rule, candidate, compiled, field, keywords, memo, plan, program
from soc.sigma.evaluate import holds
from soc.sigma.field import hashable
from soc.sigma.required import required
from tests.sigma.test_matcher import matcher, rule

WORDS = ["evil", "EVIL.exe", "đăng nhập", "a\\b", "o'k \"x\"", "x/y", "\n", "k\u017f", "\u212aey", "7", "1", "true", "",
         "kiss", "ΟΔΟΣ", "😀😀😀", "10.0.0.1", "\v", "\x00z", "-5", "nt authority"]  # fmt: skip
EXPRESSIONS = [
    "(?i)kiss.*", "evil(\\.exe)?$", "^(?!.*exe)evil", "[[:^alpha:]evil]x", "abcd|", "(?<=e)vil", "ev(?:il){1,2}", "^$",
    "(?i)\\p{Lu}evil", "evil(*PRUNE)x|abcd", "\\Z", "^\\n", "đ.ng", "(?:evil){0,3}x", "a\\\\b", "\\S$", "(?-m)^e.",
]  # fmt: skip
NAMES = ["A", "B", "C"]
SCALARS = st.one_of(
    st.sampled_from(WORDS),
    st.sampled_from([None, True, False, 0, 1, 1.0, 5, 5.0, -5, 1e16, 7, 2**60]),
    st.tuples(st.sampled_from(WORDS), st.sampled_from(["", "\n", "x", "\ud800", "é", "y" * 5000])).map("".join),
)
VALUES = st.one_of(SCALARS, st.lists(SCALARS, max_size=3).map(tuple), st.lists(SCALARS, max_size=2))
EVENTS = st.dictionaries(st.sampled_from([*NAMES, "", "message", "event.original"]), VALUES, max_size=4)
TESTS: st.SearchStrategy[tuple[str, Any]] = st.one_of(
    st.tuples(
        st.sampled_from(["", "|contains", "|startswith", "|endswith", "|contains|cased"]), st.sampled_from(WORDS[:12])
    ),
    st.tuples(st.just(""), st.sampled_from([None, True, 1, 7, "a*b", "?", "*", "*evil*exe*", "đ?ng*"])),
    st.tuples(st.sampled_from(["|re", "|re|i"]), st.sampled_from(EXPRESSIONS)),
    st.tuples(st.sampled_from(["|gt", "|lte", "|hour"]), st.sampled_from([0, 1, 5])),
    st.tuples(st.sampled_from(["|fieldref", "|fieldref|contains"]), st.sampled_from(NAMES)),
    st.tuples(st.just("|exists"), st.booleans()),
    st.just(("|cidr", "10.0.0.0/8")),
)
MAPS = st.dictionaries(st.sampled_from(NAMES), TESTS, min_size=1, max_size=2).map(
    lambda found: {f"{name}{modifiers}": value for name, (modifiers, value) in found.items()}
)
KEYWORDS = st.lists(st.sampled_from([one for one in WORDS if one]), min_size=1, max_size=2)
CONDITIONS = ["a", "not a", "a and b", "a and not b", "a or not b", "1 of them", "not (a and b)"]
DETECTIONS = st.builds(
    lambda a, b, condition: {"a": a, "b": b, "condition": condition},
    MAPS,
    st.one_of(MAPS, KEYWORDS),
    st.sampled_from(CONDITIONS),
)
DETECTIONS_OF_WORDS = st.builds(lambda a, b: {"a": a, "b": b, "condition": "a or b"}, KEYWORDS, MAPS)


def as_line(event: Event, escaped: bool) -> bytes | None:
    """Its JSON; None for what is not to be written."""
    try:
        line = orjson.dumps(event)
    except TypeError:  # a lone surrogate
        return None
    if escaped:
        line = b"".join(
            one.encode() if one < "\x80" else b"".join(b"\\u%04x" % unit for unit in _units(one))
            for one in line.decode()
        )
    return line


def _units(letter: str) -> list[int]:
    pairs = letter.encode("utf-16-be")
    return [int.from_bytes(pairs[at : at + 2]) for at in range(0, len(pairs), 2)]


@pytest.mark.parametrize("scanner", ["", "portable"])
@pytest.mark.parametrize("bound", ["usual", "tiny", "never few"])
def test_batches_say_what_each_event_alone_says(bound: str, scanner: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOC_SCANNER", scanner)
    if bound != "usual":
        for module, name, most in (
            (plan, "FEW", 6 if bound == "tiny" else 0), (compiled, "SAMPLE", 3), (plan, "_WASTE", 0),
            (plan, "_MOST_VERDICTS", 3), (field, "MOST_VALUES", 3), (memo, "MOST_SETS", 2), (field, "_FEW", 2),
            (candidate, "_MOST_VERDICTS", 2),
        ):  # fmt: skip
            monkeypatch.setattr(module, name, most)

    @settings(max_examples=60, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
    @given(
        st.lists(st.one_of(DETECTIONS, DETECTIONS_OF_WORDS), min_size=1, max_size=6),
        st.lists(st.lists(EVENTS, min_size=1, max_size=8), min_size=1, max_size=5),
        st.booleans(),
        st.booleans(),
    )
    def check(detections: list[dict[str, Any]], batches: list[list[Event]], with_lines: bool, escaped: bool) -> None:
        rules = [rule(one) for one in detections]
        with TemporaryDirectory() as folder:
            for _ in ("compiled", "kept"):
                matched = matcher(*rules, cache=Path(folder))
                if bound != "usual":
                    matched._budget._most = 1000
                compare(rules, matched, batches, with_lines, escaped)
                matched.keep()

    def compare(
        rules: list[Rule], matched: Matcher, batches: list[list[Event]], with_lines: bool, escaped: bool
    ) -> None:
        for batch in batches:
            lines = None
            if with_lines:
                written = [(event, as_line(event, escaped)) for event in batch]
                batch = [event for event, line in written if line is not None]
                lines = [line for _, line in written if line is not None]
            met = dict(matched.hits(Batch(batch), lines))
            for place, event in enumerate(batch):
                wanted = [one.info for one in rules if holds(one.condition, event)]
                assert met.get(place, []) == wanted, event

    check()


NEAR = st.one_of(
    st.sampled_from(["evil", "EVIL", "evil\n", "\nevil", "x\nevil", "evil\nx", "ev\nil", "", "\n", "a?b", "a\ud800b",
                     "e\u212ail", "k", "\u212a", "đ evil", "evil đ", None, 1, True, 1.0, "1", "true"]),
    st.text("evilEV\n? ", max_size=8),
)  # fmt: skip
TEXTS_ALONE = st.dictionaries(
    st.tuples(st.sampled_from(NAMES), st.sampled_from(["", "|contains", "|startswith", "|endswith"])).map("".join),
    st.lists(
        st.sampled_from(["evil", "ev", "il", "e", "x", "1", "true", "k", "a\\?b", "ev\nil"]), min_size=1, max_size=3
    ),
    min_size=1,
    max_size=3,
)
NULLS = st.sampled_from(NAMES).map(lambda name: {name: None})


@pytest.mark.parametrize("scanner", ["", "portable"])
@pytest.mark.parametrize("few", [0, 10_000])
def test_rules_that_are_told_by_what_is_found_fire_on_what_meets_them(
    few: int, scanner: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOC_SCANNER", scanner)
    monkeypatch.setattr(plan, "FEW", few)
    told = []

    @settings(max_examples=150, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
    @given(
        st.lists(
            st.builds(
                lambda a, b, condition: {"a": a, "b": b, "condition": condition},
                TEXTS_ALONE,
                st.one_of(TEXTS_ALONE, NULLS),
                st.sampled_from(["a", "not a", "a and not b", "not a and not b", "not (a and b)", "a or b"]),
            ),
            min_size=1,
            max_size=5,
        ),
        st.lists(
            st.dictionaries(st.sampled_from(NAMES), st.one_of(NEAR, st.lists(NEAR, max_size=3).map(tuple))), min_size=1
        ),
    )
    def check(detections: list[dict[str, Any]], events: list[Event]) -> None:
        rules = [rule(one) for one in detections]
        matched = matcher(*rules)
        for batch in (events, events[::-1], [*events, *events]):
            wanted = [[one.info for one in rules if holds(one.condition, event)] for event in batch]
            assert list(map(list, matched.match_all(batch))) == wanted
        told.append(sum(len(each._compiled.told) for each in matched._plans.values() if each._compiled) / len(rules))

    check()
    assert sum(told) > len(told) / 8


@pytest.mark.parametrize("scanner", ["", "portable"])
@pytest.mark.parametrize("few", [0, 10_000])
@pytest.mark.parametrize("shape", ["", "|contains", "|startswith", "|endswith"])
@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("a\\?b", ["a\ud800b", "a?b", "xa?bx"]),
        ("ev\nil", ["xev", "ilx", "ev\nil", "ev", "il"]),
        ("a\0b", ["a", "a\0b", "a\0", "b"]),
        (
            "evil",
            ["evil", "x\nevil", "evil\nx", "x\nevil\nx", "evilx", "xevil", "EVIL đ", ("x", "evil"), ("x\nevil",), ()],
        ),
        ("1", ["1", 1, True, 1.0, (True,), "11"]),
        ("", ["", None, "\n", "x", (), ("",)]),
        ("k", ["\u212a", "K", "\u212ak"]),
        ("đ" * 6, ["đ" * 6, "đ" * 4, "Đ" * 7, "x" + "đ" * 5]),
        ("x" * 2000, ["x" * 1999, "x" * 2000, "X" * 2001]),
    ],
)
def test_what_cannot_be_told_by_what_is_found_is_looked_at(
    text: str, values: list[Any], shape: str, few: int, scanner: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOC_SCANNER", scanner)
    monkeypatch.setattr(plan, "FEW", few)
    rules = [rule({"s": {f"A{shape}": text}, "condition": one}) for one in ("s", "not s")]
    matched = matcher(*rules)
    events: list[Event] = [{}, *({"A": value} for value in values)]
    wanted = [[one.info for one in rules if holds(one.condition, event)] for event in events]
    assert [list(found) for found in matched.match_all(events)] == wanted


@dataclass(frozen=True)
class ByField:
    """A route for each value of A, which is fixed there."""

    def routes(self, events: Batch) -> list[tuple[Any, ...]]:
        return [(type(value), hashable(value)) for value in events.column("A")]

    def sources(self, route: Any) -> tuple[LogSource, ...]:
        return (LogSource("test"),)

    def fixed(self, route: Any) -> Event:
        return {} if route[1] is None else {"A": route[1]}


OF_THREE = st.builds(
    lambda a, b, c, condition: {"a": a, "b": b, "c": c, "condition": condition},
    MAPS,
    MAPS,
    MAPS,
    st.sampled_from(
        ["(a or b) and (not a or c)", "2 of them", "not 2 of them", "a and not b or c", "1 of them and not (a and b)"]
    ),
)


@settings(max_examples=150, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
@given(st.lists(OF_THREE, min_size=1, max_size=4), st.lists(EVENTS, min_size=1, max_size=8))
def test_routes_that_fix_a_field_share_only_what_is_the_same(
    detections: list[dict[str, Any]], events: list[Event]
) -> None:
    rules = [rule(one) for one in detections]
    with TemporaryDirectory() as folder:
        for _ in ("compiled", "kept"):
            matched = Matcher(rules, ByField(), Path(folder))
            met = dict(matched.hits(Batch(events)))
            for place, event in enumerate(events):
                assert met.get(place, []) == [one.info for one in rules if holds(one.condition, event)], event
            matched.keep()


def test_routes_share_a_plan_where_what_they_fix_comes_out_alike() -> None:
    rules = [
        rule({"s": {"A": ["x", "y"], "B|contains": "evil"}, "condition": "s"}),
        rule({"k": ["evil word"], "f": {"A": "z"}, "condition": "k and not f"}),
    ]
    matched = Matcher(rules, ByField())
    events: list[Event] = [{"A": one, "B": "an evil word"} for one in ("x", "y", "z", "q", "r")]
    met = dict(matched.hits(Batch(events)))
    assert [len(met.get(place, ())) for place in range(5)] == [2, 2, 0, 1, 1]
    assert len({id(plan) for plan in matched._routes.values()}) == 3


def test_keywords_in_lines_with_letters_by_their_number_and_in_values_that_are_no_part_of_the_line() -> None:
    matched = matcher(rule({"k": ["đăng nhập", "nt authority"], "condition": "k"}))
    events: list[Event] = [{"A": "Đăng nhập"}, {"EventID": 4688, "User": "NT AUTHORITY\\SYSTEM"}, {"A": "no"}]
    lines = [b'{"A":"\\u0110\\u0103ng nh\\u1eadp"}', b'{"EventID":4688,"SubjectUserSid":"S-1-5-18"}', b'{"A":"no"}']
    assert sorted(place for place, _ in matched.hits(Batch(events), lines)) == [0, 1]


@pytest.mark.parametrize(
    "event",
    [{"event.original": "\xa0{}", "A": "c:\\1000"}, {"A": ["c:\\1000"]}, {"A": 1e16}, {"": "x", "A": "c:\\1000"}],
)
def test_keywords_in_unusual_values(event: Event) -> None:
    assert matcher(rule({"k": ["c:\\1000", "10000000"], "condition": "k"})).match(event)


@pytest.mark.parametrize("value", [(1, "x"), (True, "x"), (1.0, "x")])
@pytest.mark.parametrize("first", [(1, "x"), (True, "x"), (1.0, "x")])
def test_arrays_that_are_equal_as_keys(first: Any, value: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan, "FEW", 0)
    one = rule({"s": {"A": 1}, "condition": "not s"})
    matched = matcher(one)
    for event in ({"A": first}, {"A": value}):
        assert bool(matched.match(event)) is holds(one.condition, event)


@pytest.mark.parametrize("order", [(5, 5.0), (5.0, 5)])
def test_a_moment_is_the_same_number_whole_or_not(order: tuple[Any, ...]) -> None:
    matched = matcher(rule({"s": {"A|hour": 0}, "condition": "s"}))
    assert all(matched.match({"A": value}) for value in order)


@pytest.mark.parametrize(
    ("source", "pieces"),
    [
        ("[[:^alpha:]evil]abcd", {"abcd"}), ("abcd(*PRUNE)ef", set()), ("(" * 400 + "abcd" + ")" * 400, set()),
        ("abcdl{00}", {"abcd"}), ("abcd|", set()), ("(?:evil){0,3}abcd", {"abcd"}), ("abcde?fghi", {"abcd"}),
        ("(?i)maskabc", set()), ("evil|abcd", {"abcd", "evil"}),
    ],
)  # fmt: skip
def test_what_an_expression_requires(source: str, pieces: set[str]) -> None:
    assert [set(one) for one in required(source, "")][:1] == ([pieces] if pieces else [])


def test_deep_groups_do_not_stop_the_engine() -> None:
    assert matcher(rule({"s": {"A|re": "(" * 400 + "abcd" + ")" * 400}, "condition": "s"})).match({"A": "abcd"})


@pytest.mark.parametrize("few", [0, 400])
def test_classes_of_case_without_case(few: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan, "FEW", few)
    for source in ("\\p{Lu}evil", "[[:upper:]]evil"):
        one = rule({"s": {"A|re|i": source}, "condition": "s"})
        matched = matcher(one)
        for text in ("Xevil", "xevil", "đEVIL", "1evil"):
            assert bool(matched.match({"A": text})) is holds(one.condition, {"A": text}), (source, text)


@pytest.mark.parametrize("few", [0, 400])
@pytest.mark.parametrize(
    ("modifiers", "source"),
    [
        ("re", "^\\S$"), ("re", "^[^\\s]$"), ("re|m", "^$"), ("re", "(?m)^$"), ("re", "^$"), ("re", "^\\s*$"),
        ("re", "(?-m)^b"), ("re|i", "ა"), ("re|i", "^[\\x{10d0}-\\x{10f0}]$"), ("re", "^b$"), ("re|i", "(?-i)K$"),
        ("re|i", "^\\w$"),
    ],
)  # fmt: skip
def test_engines_of_expressions_differ_and_verdicts_do_not(
    modifiers: str, source: str, few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plan, "FEW", few)
    one = rule({"s": {f"A|{modifiers}": source}, "condition": "s"})
    for values in (
        ["\v", "a\n", "x", "Ა", "b\na", "K"],
        ["a", "b"],
        ["a", ""],
        ["", "x"],
        ["k", "K", "\u212a", "\u017f"],
    ):
        events: list[Event] = [{"A": value} for value in values]
        met = dict(matcher(one).hits(Batch(events)))
        assert [place in met for place in range(len(events))] == [holds(one.condition, event) for event in events]


@pytest.mark.parametrize("scanner", ["", "portable"])
@pytest.mark.parametrize("few", [0, 400])
def test_what_was_compiled_is_there_at_the_next_start(
    scanner: str, few: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOC_SCANNER", scanner)
    monkeypatch.setattr(plan, "FEW", few)
    found = {
        "A|contains": ["evil", "đăng nhập"],
        "B|re": "(?:evil|good)[0-9]+$",
        "C|cidr": "10.0.0.0/8",
        "A|re": "^.?.?$",
    }
    rules = [
        rule({"s": found, "condition": "1 of s*"}),
        rule({"k": ["word"], "n": {"A": "*.exe"}, "condition": "k and not n"}),
        rule({"s": [{"A": "x"}, {"B": "x"}, {"B|re": "^[a-z]{3}$"}], "condition": "s"}),
    ]
    events: list[Event] = [{"A": "x"}, {"B": "abc"}, {"A": "evil", "B": "evil7", "C": "10.1.2.3"}, {"C": "a word"}]
    first = matcher(*rules, cache=tmp_path)
    wanted = first.match_all(events)
    first.keep()
    monkeypatch.setattr(plan, "compiled", None)  # nothing is compiled any more
    monkeypatch.setattr(keywords, "make_scanner", None)
    again = matcher(*rules, cache=tmp_path)
    assert again.match_all(events) == wanted != [()] * len(events)
    with pytest.raises(TypeError, match="not callable"):
        matcher(*rules[1:], cache=tmp_path).match_all(events)


def test_the_code_of_conditions_is_there_at_the_next_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = rule({"s": {"A|contains": "evil", "B|re": "x.z"}, "t": {"C": "1"}, "condition": "s and not t"})
    event: Event = {"A": "evil", "B": "xyz"}
    monkeypatch.setattr(program, "CODES", program.Codes())
    monkeypatch.setattr(compiled, "CODES", program.CODES)
    matched = matcher(made, cache=tmp_path)
    assert matched.match(event)
    matched.keep()
    program.CODES.clear()
    monkeypatch.setattr(program.Codes, "__missing__", lambda codes, source: pytest.fail(f"compiled again: {source}"))
    assert matcher(made, cache=tmp_path).match(event)


def test_codes_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(program, "_MOST_CODES", 3)
    codes = program.Codes()
    assert [eval(codes[f"{number} + 1"]) for number in range(10)] == list(range(1, 11))
    assert len(codes) <= 3


def test_a_database_of_another_processor_is_compiled_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan, "FEW", 0)
    one = rule({"s": {"A|contains": ["evil", "good"]}, "k": ["word"], "condition": "s and k"})
    events: list[Event] = [{"A": "an evil word"}, {"A": "an evil"}, {"A": "nothing"}]
    first = matcher(one, cache=tmp_path)
    wanted = first.match_all(events)
    hyperscan = pytest.importorskip("hyperscan")
    with monkeypatch.context() as damaged:
        damaged.setattr(hyperscan, "dumpb", lambda database: b"of another processor")
        first.keep()
    again = matcher(one, cache=tmp_path)
    assert again._shelf._kept
    assert again.match_all(events) == wanted == [[one.info], (), ()]


def test_what_is_kept_is_for_the_same_fields_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two mappings that exchange names leave a rule's content and its set of fields as they are."""
    monkeypatch.setattr(plan, "FEW", 0)
    detection = {"s": {"srcip|contains": "evil", "dstip|contains": "good"}, "condition": "s"}
    one, other = (
        rule(detection, mapping=FieldMap(((LogSource("test"), {"srcip": (source,), "dstip": (target,)}, ""),)))
        for source, target in (("A", "B"), ("B", "A"))
    )
    assert (one.fields, one.info.hash) == (other.fields, other.info.hash)
    events: list[Event] = [{"A": "evil", "B": "good"}, {"A": "good", "B": "evil"}]
    first = matcher(one, cache=tmp_path)
    assert first.match_all(events) == [[one.info], ()]
    first.keep()
    assert matcher(other, cache=tmp_path).match_all(events) == [(), [other.info]]


def test_matchers_share_no_engine() -> None:
    """A reload tries the new rules in a thread while the old ones run: an engine is for one thread at a time."""
    one = rule({"k": ["evil word"], "condition": "k"})
    made = [matcher(one), matcher(one)]
    for each in made:
        assert each.match({"A": "an evil word"})
    first, second = ([id(engine) for pair in each._engines.values() for engine in pair] for each in made)
    assert first
    assert not set(first) & set(second)
