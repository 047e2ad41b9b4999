"""Rule files made to hurt, and rule files gone wrong: each is refused by name, in bounded time and memory."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from soc.sigma import IDENTITY, Loaded, load

HEAD = "title: T\nid: 00000000-0000-4000-8000-000000000001\nlogsource: {category: test}\n"
RULE = HEAD + "detection:\n  s: {A: x}\n  condition: s\n"


def rule(selection: str = "{A: x}", condition: str = "s", more: str = "") -> str:
    return HEAD + f"detection:\n  s: {selection}\n  condition: {condition}\n{more}"


def read(tmp_path: Path, raw: str | bytes) -> Loaded:
    (tmp_path / "a.yml").write_bytes(raw if isinstance(raw, bytes) else raw.encode())
    return load([tmp_path], IDENTITY)


def many(text: str, count: int, joint: str = ", ") -> str:
    return joint.join(text.replace("#", str(number)) for number in range(count))


BOMBS: dict[str, tuple[Callable[[], str], str]] = {
    "YAML in brackets": (lambda: "a: " + "[" * 100_000, "nested deeper"),
    "YAML in braces": (lambda: "{a: " * 50_000 + "1" + "}" * 50_000, "nested deeper"),
    "YAML in dashes": (lambda: "- " * 100_000 + "x", "nested deeper"),
    "YAML in indents": (lambda: "".join(" " * depth + "a:\n" for depth in range(2500)), "nested deeper"),
    "YAML in keys": (lambda: "? " * 50_000 + "x", "nested deeper"),
    "aliases": (
        lambda: "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 60)),
        "aliases are not accepted",
    ),
    "an alias of itself": (lambda: "a: &a [*a]\n", "aliases are not accepted"),
    "size": (lambda: "a: " + "x" * 5_000_000, "larger than"),
    "values by the million": (lambda: "[" + "a," * 2_000_000 + "]", "300000 keys and values"),
    "a number of a million digits": (lambda: rule("{A: " + "9" * 1_000_000 + "}"), "400 digits"),
    "a number in sixties": (lambda: rule("{A: 1" + ":59" * 300_000 + "}"), "400 digits"),
    "keys by the hundred thousand": (lambda: "{" + many("k#: 1", 200_000) + "}", "300000 keys and values"),
    "values by the hundred thousand": (lambda: rule("{A: [" + many("v#", 100_000) + "]}"), "50000 values"),
    "values that all repeat": (lambda: rule("{A|all: [" + many("v", 100_000) + "]}"), "50000 values"),
    "maps by the ten thousand": (lambda: rule("[" + many("{A: #}", 60_000) + "]"), "50000 values"),
    "maps by the hundred thousand": (lambda: rule("[" + many("{A: #}", 100_000) + "]"), "300000 keys and values"),
    "windash": (lambda: rule("{A|windash: '" + " -a" * 40 + "'}"), "|windash of 40 dashes"),
    "windash on many values": (lambda: rule("{A|windash: [" + many("'-a -b -c -d #'", 500) + "]}"), "50000 values"),
    "modifiers in a row": (lambda: rule("{A" + "|base64" * 5000 + ": x}"), ""),
    "offsets of offsets": (lambda: rule("{A|" + "|".join(["base64offset"] * 30) + ": xxxxxxxx}"), "alternatives"),
    "expansions of expansions": (lambda: rule("{A|expand: '" + "%x%" * 5000 + "'}"), "no values"),
    "a long value": (lambda: rule("{A: " + "x" * 100_000 + "}"), "longer than 16384"),
    "wildcards": (lambda: rule("{A: '" + "*a" * 8000 + "'}"), ""),
    "question marks": (lambda: rule("{A: '" + "?" * 16_000 + "'}"), ""),
    "a long expression": (lambda: rule("{A|re: '" + "a" * 10_000 + "'}"), "longer than 8192"),
    "an expression in brackets": (lambda: rule("{A|re: '" + "(" * 4000 + ")" * 4000 + "'}"), ""),
    "an expression in brackets that backtracks": (
        lambda: rule("{A|re: '(?<!x)" + "(" * 4000 + ")" * 4000 + "'}"),
        "nested deeper",
    ),
    "repeats of repeats": (lambda: rule("{A|re: '((((a{99}){99}){99}){99}){99}'}"), "not accepted"),
    "repeats of repeats that backtrack": (
        lambda: rule("{A|re: '(?<!x)((((a{99}){99}){99}){99}){99}'}"),
        "65535 places",
    ),
    "repeats of stars": (lambda: rule("{A|re: '((a*)*)*b'}"), ""),
    "classes by the thousand": (lambda: rule("{A|re: '" + r"\p{L}{1,900}" * 500 + "'}"), "not accepted"),
    "a condition in brackets": (lambda: rule(condition="(" * 2000 + "s" + ")" * 2000), "24 brackets"),
    "a condition of negations": (lambda: rule(condition="not " * 2000 + "s"), "24 brackets"),
    "a condition without end": (lambda: rule(condition="s or " * 10_000 + "s"), "longer than 16384"),
    "a condition of alternatives": (lambda: rule(condition="s and " * 2500 + "s"), ""),
    "a condition that multiplies": (
        lambda: rule("{A: [" + many("v#", 1000) + "]}", " and ".join(["(s or s)"] * 500)),
        "50000 values",
    ),
    "alternatives of conjunctions": (
        lambda: rule("{A: x, B: y}", " and ".join(["(s or not s)"] * 1000)),
        "",
    ),
    "selections by the thousand": (
        lambda: HEAD + "detection:\n" + many("  s#: {A: x#}\n", 5000, "") + "  condition: 1 of s*\n",
        "",
    ),
    "selections by the thousand, again and again": (
        lambda: (
            HEAD + "detection:\n" + many("  s#: {A: x}\n", 5000, "") + "  condition: " + many("1 of s*", 900, " or ")
        ),
        "50000 values",
    ),
    "a pattern of stars": (
        lambda: HEAD + f"detection:\n  {'a' * 900}: {{A: x}}\n  condition: 1 of " + "*a" * 400 + "*b\n",
        "selects no detection",
    ),
    "documents by the ten thousand": (lambda: "---\n".join(["title: x\n"] * 50_000), "no detection"),
    "empty documents by the hundred thousand": (lambda: "---\n" * 500_000, "300000 keys and values"),
    "a filter of every rule": (
        lambda: (
            RULE
            + "---\ntitle: F\nlogsource: {category: test}\nfilter:\n  rules: ["
            + many("r#", 100_000)
            + "]\n  s: {A: y}\n  condition: not s\n"
        ),
        "",
    ),
    "a title": (lambda: rule().replace("title: T", "title: " + "T" * 1_000_000), "title"),
    "tags by the hundred thousand": (lambda: rule(more="tags: [" + many("attack.t#", 100_000) + "]\n"), ""),
}
"""What the file holds, and why it is refused; "" where it is a rule like others, or refused for any reason."""

CHILD = """
import resource, sys
from pathlib import Path
resource.setrlimit(resource.RLIMIT_AS, (2_000_000_000, 2_000_000_000))
resource.setrlimit(resource.RLIMIT_CPU, (20, 20))
from soc.sigma import IDENTITY, load
for file in sorted(Path(sys.argv[1]).iterdir()):
    loaded = load([file], IDENTITY)
    whole = len(loaded.rules) + len(loaded.filters) + len(loaded.problems)
    print(whole, loaded.problems[0].reason[:300] if loaded.problems else "", sep="\\t", flush=True)
"""


@pytest.mark.parametrize("name", BOMBS)
def test_bombs(name: str, tmp_path: Path) -> None:
    make, reason = BOMBS[name]
    (tmp_path / "bomb.yml").write_text(make(), "utf-8")
    child = subprocess.run(
        [sys.executable, "-c", CHILD, str(tmp_path)], capture_output=True, text=True, timeout=60, check=False
    )
    assert child.returncode == 0, child.stderr[-2000:]
    documents, _, found = child.stdout.rstrip("\n").partition("\t")
    assert int(documents) >= 1
    assert reason in found
