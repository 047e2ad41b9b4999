"""Both scanners find at least what each test holds on, also where Hyperscan refuses a pattern or folds otherwise."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from soc.sigma.keywords import Lines, _beginnings
from soc.sigma.modifiers import tests as read
from soc.sigma.needle import needles
from soc.sigma.predicate import Regex, Text
from soc.sigma.scan import Found, Scanner, make_scanner, scanner_name
from soc.sigma.scan_hyperscan import HyperscanScanner
from soc.sigma.scan_portable import PortableScanner
from soc.sigma.text import _FOLDING, Wildcard, fold

MANY = Wildcard.MANY
PATTERNS: list[tuple[str, list[str]]] = [
    ("a*b?c", []),
    ("abc", []),
    ("", []),
    ("đ", []),
    ("x\nb", ["contains"]),
    ("\n", ["endswith"]),
    ("đ*ă\n", []),
    ("\0", ["contains"]),
    ("\0z", ["startswith"]),
    ("a\0z", []),
    ("b\0z?", []),
    ("q\0(y|z)", ["re"]),
    ("\0", ["re"]),
    ("đ*ă?", []),
    ("?" * 300, []),
    ("*", []),
    ("Σ", ["contains"]),
    ("ΟΔΟΣ", ["endswith"]),
    ("đăng", ["startswith"]),
    ("-x", ["windash", "startswith"]),
    ("Kelvin", ["contains"]),
    ("ﬀ", ["contains"]),
    (".*a.{800}b", ["re"]),
    ("^(?!.*z)a", ["re"]),
    ("(a|b)*$", ["re"]),
    ("K|đ", ["re", "i"]),
    ("^b$", ["re", "m"]),
    ("^a$", ["re"]),
    (r"\Aa\z", ["re"]),
    (r"\AaX|z\Z", ["re"]),
    (":[^ y]", ["re"]),
    (r"\bx\b|\Bo\B", ["re"]),
    ("X.*y$", ["re", "s"]),
    ("^$", ["re"]),
    (r"^\s*$", ["re"]),
    (r"^x?$", ["re", "i"]),
]
VALUES = [
    "", "abc", "aXXbYc", "Đxă1", "ĐxĂ\n", "x" * 300, "é" * 300, "ς", "οδος", "ΟΔΟΣ", "Đăng nhập", "/x y", "–x",
    "kelvin", "\u212aelvin", "ﬀ", "a" + "é" * 800 + "b", "az", "a", "b\n", "x\nb\ny", "\ud800abc\udfff", "\x00", "Đ",
    "a:", ":b", "\0z", "A\0Z", "b\0zz", "q\0y", "x y", "xox", "X\ny", "az\n",
]  # fmt: skip


def found_in(scanner: Scanner, values: list[str]) -> set[tuple[int, int]]:
    """Pairs of value and test."""
    return pairs(scanner, scanner.find(values))


def pairs(scanner: Scanner, found: Found) -> set[tuple[int, int]]:
    return {(place, number) for place, marks in found.items() for number in scanner.tests(marks)}


@pytest.mark.parametrize("make", [HyperscanScanner, PortableScanner])
def test_never_too_few(make: type[HyperscanScanner] | type[PortableScanner]) -> None:
    tests = [made for text, modifiers in PATTERNS for made in read(text, modifiers, {}, keyword=False)]
    searched = [test for test in tests if isinstance(test, Text | Regex)]
    scanner: Scanner = make(searched)
    every = ((at, number) for at in range(len(VALUES)) for number in range(len(searched)))
    wanted = {(at, number) for at, number in every if searched[number].holds(VALUES[at])}
    for first in range(len(VALUES)):  # whatever comes before a value, and after it
        turned = found_in(scanner, VALUES[first:] + VALUES[:first])
        missing = wanted - {((at + first) % len(VALUES), number) for at, number in turned}
        assert not missing, [(VALUES[at], searched[number]) for at, number in missing]
    for at, value in enumerate(VALUES):
        assert {number for place, number in wanted if place == at} <= {
            number for _, number in found_in(scanner, [value])
        }
    utf8 = [value.encode("utf-8", "replace") for value in VALUES]
    assert {pair for pair in wanted if "\ud800" not in VALUES[pair[0]]} <= pairs(scanner, scanner.find_encoded(utf8))


@pytest.mark.parametrize("make", [HyperscanScanner, PortableScanner])
def test_a_text_is_found_in_its_own_value_and_at_its_place(
    make: type[HyperscanScanner] | type[PortableScanner],
) -> None:
    tests = [Text(parts) for parts in (("ab", MANY), (MANY, "ab"), (MANY, "ab", MANY), (MANY, "đb", MANY))]
    values = ["abc", "cab", "ca", "b", "éab", "", "xĐBx", "ab"]
    assert found_in(make(tests), values) == {
        (0, 0), (0, 2), (1, 1), (1, 2), (4, 1), (4, 2), (6, 3), (7, 0), (7, 1), (7, 2)
    }  # fmt: skip


@pytest.mark.parametrize("make", [HyperscanScanner, PortableScanner])
def test_a_text_is_found_at_an_end_that_it_asks_for_whatever_its_letters(
    make: type[HyperscanScanner] | type[PortableScanner],
) -> None:
    tests = [Text(parts) for parts in (("đb",), ("đ", MANY), (MANY, "ă"), ("a", MANY, "đ"), ())]
    values = ["ĐB", "xđb", "đbx", "Ă", "ăx", "axĐ", "axđx", "", "xđ", "AĐ"]
    assert found_in(make(tests), values) == {
        (0, 0), (0, 1), (2, 1), (3, 2), (5, 3), (6, 3), (7, 4), (9, 3)
    }  # fmt: skip


@pytest.mark.parametrize("make", [HyperscanScanner, PortableScanner])
@pytest.mark.parametrize("parts", [(MANY, "x" * 20_000, MANY), ("x" * 20_000,), (MANY, "đ" * 20_000)])
def test_a_text_that_no_engine_takes_whole_is_found_and_hides_no_other(
    make: type[HyperscanScanner] | type[PortableScanner], parts: tuple[Wildcard | str, ...]
) -> None:
    long = next(part for part in parts if isinstance(part, str))
    scanner = make([Text(parts), Text((MANY, "evil", MANY)), Regex("evil.*" + "y" * 20_000)])
    found = found_in(scanner, [long, "evil", "z", "evil" + "y" * 20_000])
    assert {(0, 0), (1, 1), (3, 1), (3, 2)} <= found
    assert not any(place == 2 for place, _ in found)


def test_anchors_hold_at_the_ends_of_each_value() -> None:
    tests = [Regex("^ab"), Regex("ab$"), Regex("^ab$"), Regex("a{2}:[^ ]")]
    found = found_in(HyperscanScanner(tests), ["abc", "cab", "ab", "cabc", "aa:b", ""])
    assert found == {(0, 0), (1, 1), (2, 0), (2, 1), (2, 2), (4, 3)}


@pytest.mark.parametrize("values", [["a", ""], ["", "a"], [""], ["", ""], ["a\n", ""]])
def test_an_empty_value_is_empty_wherever_it_stands(values: list[str]) -> None:
    empty = {(place, 0) for place, value in enumerate(values) if not value}
    assert empty <= found_in(HyperscanScanner([Regex("^$")]), values)


def test_a_value_that_is_full_of_matches_is_met_by_all_expressions_and_no_other_value_is() -> None:
    values = ["ab", "+" * 1_000_000, "z", "", "q"]
    found = found_in(HyperscanScanner([Regex(r"\++"), Regex("[xyz]$"), Regex("b$")]), values)
    assert found == {(0, 2), (1, 0), (1, 1), (1, 2), (2, 1)}


WORDS = st.lists(st.text("abc:.", min_size=1, max_size=9), min_size=1, max_size=8)


@given(WORDS, st.lists(st.text("abcABC:. ", max_size=30), min_size=1, max_size=5), st.text("abc:. ", max_size=60))
def test_texts_in_lines_are_found_whole_whatever_was_seen(texts: list[str], lines: list[str], seen: str) -> None:
    found = Lines(texts, seen.encode()).find([line.encode() for line in lines])
    wanted = [{n for n, text in enumerate(texts) if text in line.lower()} for line in lines]
    assert [found.get(place, set()) for place in range(len(lines))] == wanted


def test_texts_with_one_beginning_are_searched_for_as_one_and_what_is_common_is_not() -> None:
    words = ["kerberos::ptt", "kerberos::golden", "system32\\abc", "system32\\xyz"]
    assert _beginnings(words, b"c:\\windows\\system32\\cmd.exe") == ["kerberos::", "kerberos::", *words[2:]]


def test_of_what_a_value_must_hold_the_rarest_is_searched_for() -> None:
    expression, wildcard = (
        Regex("cmd.*powershell.*(?:input|noexit)"),
        Text((MANY, "\\system32\\", Wildcard.ONE, "evil")),
    )
    assert list(needles(expression)) == ["powershell"]
    assert list(needles(wildcard)) == ["\\system32\\"]
    seen = "c:\\windows\\system32\\cmd.exe /c powershell -file x.ps1"
    assert list(needles(expression, seen)) == ["input", "noexit"]
    assert list(needles(wildcard, seen)) == ["evil\n"]


@given(st.text("abc ", max_size=20), st.lists(st.text("abcd ", max_size=12), min_size=1, max_size=5))
def test_whatever_was_seen_nothing_is_missed(seen: str, values: list[str]) -> None:
    tests = [Regex("abca.*(?:bcab|cabc).*aaaa|bbbb"), Regex("abca.*bcab"), Text((MANY, "ab", Wildcard.ONE, "c", MANY))]
    wanted = {(place, n) for place, value in enumerate(values) for n, test in enumerate(tests) if test.holds(value)}
    for make in (HyperscanScanner, PortableScanner):
        assert wanted <= found_in(make(tests, seen), values)


def test_the_portable_scanner_on_demand(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOC_SCANNER", "portable")
    assert scanner_name() == "portable"
    assert isinstance(make_scanner([]), PortableScanner)


def test_folding_a_text_is_folding_its_letters() -> None:
    letters = [chr(code) for code in range(0x110000) if not 0xD800 <= code < 0xE000]
    texts = [f"Đ{one} {one}" for one in letters]
    assert [text for text in texts if fold(text) != text.translate(_FOLDING)] == []
    assert fold("ΟΔΟΣ ΟΔΟΣ \u212a İ ĐƯỜNG") == "οδοσ οδοσ \u212a İ đường"
