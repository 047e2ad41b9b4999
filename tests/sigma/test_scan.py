"""Both scanners find at least what each test holds on, also where Hyperscan refuses a pattern or folds otherwise."""

from __future__ import annotations

import pytest

from soc.sigma.modifiers import tests as read
from soc.sigma.predicate import Regex, Text
from soc.sigma.scan import Scanner, make_scanner, scanner_name
from soc.sigma.scan_hyperscan import HyperscanScanner
from soc.sigma.scan_portable import PortableScanner

PATTERNS: list[tuple[str, list[str]]] = [
    ("a*b?c", []),
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
]
VALUES = [
    "", "abc", "aXXbYc", "Đxă1", "ĐxĂ\n", "x" * 300, "é" * 300, "ς", "οδος", "ΟΔΟΣ", "Đăng nhập", "/x y", "–x",
    "kelvin", "\u212aelvin", "ﬀ", "a" + "é" * 800 + "b", "az", "a", "b\n", "x\nb\ny", "\ud800abc\udfff", "\x00", "Đ",
]  # fmt: skip


@pytest.mark.parametrize("make", [HyperscanScanner, PortableScanner])
def test_never_too_few(make: type[HyperscanScanner] | type[PortableScanner]) -> None:
    tests = [made for text, modifiers in PATTERNS for made in read(text, modifiers, {}, keyword=False)]
    searched = [test for test in tests if isinstance(test, Text | Regex)]
    scanner: Scanner = make(searched)
    for value in VALUES:
        wanted = {number for number, test in enumerate(searched) if test.holds(value)}
        assert wanted <= set(scanner.scan(value)), (value, [searched[one] for one in wanted - set(scanner.scan(value))])


def test_the_portable_scanner_on_demand(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOC_SCANNER", "portable")
    assert scanner_name() == "portable"
    assert isinstance(make_scanner([]), PortableScanner)
