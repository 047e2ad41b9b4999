"""key=value text: quotes, escapes, and orders of keys that are learned and then read the same, only faster."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from soc.parsers import ParseError
from soc.parsers._cef import extension
from soc.parsers._kv import ANY, WHOLE, Layouts, Order, pairs


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("a=1 b=2", [("a", "1"), ("b", "2")]),
        ('a="x y" b=""  c=', [("a", "x y"), ("b", ""), ("c", "")]),
        (r'a="say \"hi\"" b="C:\\x" c="C:\x"', [("a", 'say "hi"'), ("b", r"C:\x"), ("c", r"C:\x")]),
        ('a="k=v b=2" c="x"', [("a", "k=v b=2"), ("c", "x")]),
        ('url="/?q=1&r=2" n=3', [("url", "/?q=1&r=2"), ("n", "3")]),
        ("noise a=1 = more=2 =x", [("a", "1"), ("more", "2")]),
        ('action="deny" agent="never closed action=pass', [("action", "deny"), ("agent", "never closed action=pass")]),
        ('action="deny" agent="x action=pass\\', [("action", "deny"), ("agent", "x action=pass")]),
        ('a="x"y b=2', [("b", "2")]),
        (f"{'k' * 65}=1 b=2", [("b", "2")]),
        # An escaped quote cannot end a value early and smuggle a key in.
        (r'agent="x\" action=\"pass" action="deny"', [("agent", 'x" action="pass'), ("action", "deny")]),
    ],
)
def test_pairs(text: str, expected: list[tuple[str, str]]) -> None:
    assert pairs(text) == expected


def test_pairs_apart_by_commas() -> None:
    assert pairs('a=1,b="x, y",c= ,d', commas=True) == [("a", "1"), ("b", "x, y"), ("c", " ")]


def layouts() -> Layouts[tuple[str, ...]]:
    def order_of(line: dict[str, str]) -> Order[tuple[str, ...]] | None:
        if "skip" in line:
            return None
        captured = {"n": WHOLE, "name": ANY}
        return Order(captured, frozenset({"kind"}), tuple(key for key in line if key in captured))

    return Layouts(order_of)


LINE = 'n=1 kind="a" name="Nguyễn Văn An" rest=x other="y z"'


def learned(line: str = LINE, times: int = 40) -> Layouts[tuple[str, ...]]:
    known = layouts()
    for _ in range(times):
        known.learn("13", line, tuple(dict(pairs(line))))
    return known


def test_an_order_is_known_after_enough_lines() -> None:
    assert learned(times=39).read("13", LINE) is None
    assert learned().read("13", LINE) == (("n", "name"), ("1", "Nguyễn Văn An"))
    assert learned().read("13", LINE.replace("=1", "=77").replace("y z", "")) == (
        ("n", "name"),
        ("77", "Nguyễn Văn An"),
    )


@pytest.mark.parametrize(
    "line",
    [
        LINE.replace('kind="a"', 'kind="b"'),
        LINE.replace("n=1", "n=x"),
        LINE.replace("n=1", "n=" + "9" * 19),
        LINE.replace("Nguyễn Văn An", ""),
        LINE.replace("Văn", r"\"Văn\""),
        LINE + " more=1",
        LINE + " ",
        LINE.replace("rest=x", "rest=x y"),
        'kind="a" n=1 name="Nguyễn Văn An" rest=x other="y z"',
    ],
)
def test_what_a_learned_order_does_not_fit_is_left_to_the_slow_way(line: str) -> None:
    assert learned().read("13", line) is None


def test_an_order_is_tried_only_under_its_own_head() -> None:
    assert learned().read("14", LINE) is None


def test_an_order_that_the_device_declines_or_that_repeats_a_key_is_not_learned() -> None:
    for line in ("skip=1 n=2", 'n=1 n=2 name="x"', "no pairs here"):
        assert learned(line).read("13", line) is None


def test_an_order_of_very_many_keys_is_not_learned() -> None:
    line = " ".join(f"k{number}=1" for number in range(129))
    assert learned(line).read("13", line) is None


def test_hostile_orders_are_bounded() -> None:
    known = layouts()
    for number in range(400):
        for _ in range(40):
            known.learn(str(number), f"k{number}=1 n=2", (f"k{number}", "n"))
    assert known.read("0", "k0=1 n=2") is not None
    assert known.read("255", "k255=1 n=2") is not None
    assert known.read("256", "k256=1 n=2") is None


@given(
    st.lists(st.tuples(st.from_regex(r"[a-z_]{1,8}", fullmatch=True), st.text(max_size=12), st.booleans()), max_size=8)
)
def test_a_learned_order_reads_what_the_slow_way_reads(items: list[tuple[str, str, bool]]) -> None:
    text = " ".join(f'{key}="{value}"' if quoted else f"{key}={value}" for key, value, quoted in items)
    slow = dict(pairs(text))
    known: Layouts[tuple[str, ...]] = Layouts(lambda line: Order(dict.fromkeys(line, ANY), frozenset(), tuple(line)))
    for _ in range(41):
        known.learn("1", text, tuple(slow))
    found = known.read("1", text)
    if found is not None:
        assert dict(zip(*found, strict=True)) == slow


def test_cef_extension() -> None:
    text = r"CEF:0|Fortinet|Forti\|gate|v7|1|a name|3|act=close msg=two words \= one line\nmore cat=traffic:forward x="
    assert extension(text) == {
        "act": "close",
        "msg": "two words = one line\nmore",
        "cat": "traffic:forward",
        "x": "",
    }
    for wrong in ("", "CEF:0|a|b", "LEEF:1|a|b|c|d|e|f|g"):
        with pytest.raises(ParseError):
            extension(wrong)
