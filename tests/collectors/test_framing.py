"""RFC 6587 framing: what senders do, what attackers do, and TCP's freedom to cut anywhere."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collectors.framing import COUNT_FACTOR, Framer, Mode


def frames(raw: bytes, mode: Mode = "auto", max_line: int = 1000) -> list[bytes]:
    framer = Framer(mode, max_line)
    return framer.feed(raw) + framer.close()


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"<34>a\n<34>b\n", [b"<34>a", b"<34>b"]),
        (b"<34>a\r\n<34>b\r\n", [b"<34>a", b"<34>b"]),
        (b"<34>a\0\n<34>b\n\0", [b"<34>a", b"<34>b"]),
        (b"<34>a\n\n\n<34>b", [b"<34>a", b"<34>b"]),
        (b"5 <34>a6 <34>bc", [b"<34>a", b"<34>bc"]),
        (b"6 <34>a\n6 <34>b\n", [b"<34>a", b"<34>b"]),
        (b"5 <34>a\n5 <34>b\n", [b"<34>a", b"<34>b"]),
        (b"<34>a\n5 <34>b<34>c\n", [b"<34>a", b"<34>b", b"<34>c"]),
        (b"7 <34>a\nb<34>c\n", [b"<34>a\nb", b"<34>c"]),
        (b"no header\n12 apples\n", [b"no header", b"12 apples"]),
        (b"\xff\xfe\xc3(\x1b[31m\n", [b"\xff\xfe\xc3(\x1b[31m"]),
        (b"a\0b\n", [b"a\0b"]),
        (b"-5 <34>a\n", [b"-5 <34>a"]),
        (b"0 <34>a\n", [b"0 <34>a"]),
        (b"2147483648 <34>a\n<34>b\n", [b"2147483648 <34>a", b"<34>b"]),
        (b"999999999 <34>a\n<34>b\n", [b"999999999 <34>a", b"<34>b"]),
        (b"99999999999999999999 <34>a\n", [b"99999999999999999999 <34>a"]),
        (b"1234", [b"1234"]),
        (b"", []),
        (b"\n\r\n\0\n", []),
    ],
)
def test_auto_tells_the_framings_apart(raw: bytes, expected: list[bytes]) -> None:
    assert frames(raw) == expected


def test_newline_mode_never_takes_a_number_for_a_count() -> None:
    assert frames(b"5 <34>a\n9 <x\n", "newline") == [b"5 <34>a", b"9 <x"]


def test_octet_mode_needs_no_priority_and_counts_what_has_no_count() -> None:
    framer = Framer("octet")
    assert framer.feed(b"3 abc-1 <34>x\n5 12345oops\r\n\r\n2 ok") == [b"abc", b"-1 <34>x", b"12345", b"oops", b"ok"]
    assert framer.malformed == 2


def test_a_counted_message_that_breaks_off_is_dropped_and_counted() -> None:
    framer = Framer()
    assert framer.feed(b"100 <34>half") == []
    assert framer.close() == []
    assert framer.malformed == 1


@pytest.mark.parametrize("raw", [b"x" * 2500 + b"\n<34>next\n", b"2500 <" + b"x" * 2499 + b"<34>next\n"])
def test_a_message_over_the_limit_is_cut_into_parts(raw: bytes) -> None:
    framer = Framer(max_line=1000)
    found = framer.feed(raw)
    assert [len(part) for part in found] == [1000, 1000, 500, 8]
    assert framer.truncated == 2


def test_a_line_of_exactly_the_limit_is_not_cut() -> None:
    framer = Framer(max_line=1000)
    assert framer.feed(b"x" * 1000) == []
    assert framer.feed(b"\n") == [b"x" * 1000]
    assert framer.truncated == 0


def test_an_endless_line_is_never_held() -> None:
    framer = Framer(max_line=1000)
    held = []
    for _ in range(200):
        framer.feed(b"x" * 997)
        held.append(framer.pending)
    assert max(held) <= 1000
    assert framer.truncated == 199


def test_a_forged_count_swallows_a_bounded_stretch() -> None:
    framer = Framer(max_line=500)
    swallowed = framer.feed(f"{500 * COUNT_FACTOR} <34>".encode() + b"<34>x\n" * 5000)
    assert swallowed[-1] == b"<34>x"
    assert sum(1 for frame in swallowed if frame == b"<34>x") > 3000


pieces = st.lists(
    st.one_of(
        st.sampled_from([b"\n", b"\r\n", b"\0", b"<34>", b"5 <34>a", b"12 <34>", b"1", b"3 ", b" ", b"-1 <", b"0 <"]),
        st.binary(max_size=30),
        st.binary(min_size=1, max_size=20).map(lambda raw: b"%d <" % len(raw) + raw),
        st.integers(0, 2**40).map(lambda number: b"%d <" % number),
    ),
    max_size=30,
).map(b"".join)


@pytest.mark.parametrize("mode", ["auto", "octet", "newline"])
@settings(max_examples=400, deadline=None)
@given(raw=pieces, cuts=st.lists(st.integers(0, 400), max_size=12), max_line=st.sampled_from([7, 20, 1000]))
def test_any_chunking_gives_the_same_frames(mode: Mode, raw: bytes, cuts: list[int], max_line: int) -> None:
    whole = Framer(mode, max_line)
    expected = whole.feed(raw) + whole.close()
    for edges in (sorted(cuts), list(range(len(raw)))):
        framer = Framer(mode, max_line)
        found = []
        for start, stop in zip([0, *edges], [*edges, len(raw)], strict=True):
            found += framer.feed(raw[start:stop])
            assert framer.pending <= max_line + 10
        assert found + framer.close() == expected
        assert (framer.truncated, framer.malformed) == (whole.truncated, whole.malformed)


@given(lines=st.lists(st.binary(max_size=50).map(lambda raw: b"<34>" + raw.strip(b"\r\n\0")), max_size=20))
def test_counted_messages_come_out_as_they_went_in(lines: list[bytes]) -> None:
    assert frames(b"".join(b"%d %s" % (len(line), line) for line in lines)) == lines
