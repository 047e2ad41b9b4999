"""Expressions that only a backtracking engine can run (look-behind, back-references, possessive repeats), on a budget.

An expression has 50 ms of CPU time for each 64 KiB of text. When that is not enough the test is not met and the
overrun is counted; after five of them the expression is switched off until the program starts anew, so a line made
to be slow costs a quarter of a second in all. The engine is the regex package, the one with a time limit.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import regex

SECONDS = 0.05
PER_CHARACTERS = 65536
MOST_OVERRUNS = 5
MAX_GROUPS_DEEP = 50
MAX_SIZE = 65535
"""Places that an expression may have once its counted repeats are written out, as in PCRE."""

_overruns: dict[str, int] = {}


def overruns() -> dict[str, int]:
    """Expression -> how often it ran out of time since the program started; from MOST_OVERRUNS on it is off."""
    return dict(_overruns)


def forget_overruns() -> None:
    """Every expression runs again, as at the start."""
    _overruns.clear()


_TOKEN = re.compile(
    r"\\x\{[0-9a-fA-F]{1,6}\}|\\[kg](?:\{\w+\}|<\w+>|'\w+')|\\."
    r"|\[\^?\]?(?:\\.|\[:\^?\w+:\]|[^\]\\])*\]|\(\?[a-zA-Z-]+\)|\{\d+(?:,\d*)?\}|.",
    re.DOTALL,
)
"""An escape, a class [...], a group of flags (?i), a counted repeat, or one character."""
_SAME = {r"\Z": r"(?=\n?\Z)", r"\z": r"\Z", r"\e": r"\x1b", "{": r"\{"}
"""What PCRE writes another way: its \\Z is before a final line feed too, and a brace that counts nothing is a brace."""
_FOREIGN = frozenset((r"\L", r"\m", r"\M", r"\N", r"\U"))
"""Escapes to which the package gives a meaning of its own."""
_FLAGS = {"i": regex.IGNORECASE, "m": regex.MULTILINE, "s": regex.DOTALL}


def backtracking(source: str, flags: str) -> Callable[[str], bool]:
    """A search for the expression anywhere in a text. ValueError says why it cannot be run."""
    tokens = _TOKEN.findall(source)
    if any(len(token) > 3 and token.startswith("(?") for token in tokens[1:]):
        raise ValueError("flags like (?i) within an expression that backtracks belong at its start")
    foreign = next((part for part in tokens if part in _FOREIGN), None)
    if foreign:
        raise ValueError(f"bad escape {foreign}")
    _check_size(tokens)
    body = "".join(map(_written, tokens))
    chosen = regex.VERSION0 | regex.ASCII
    for flag in flags:
        chosen |= _FLAGS[flag]
    try:
        search = regex.compile(body, chosen).search
    except (regex.error, RecursionError) as error:
        raise ValueError(str(error) or "too deep") from error
    known = f"(?{flags}){source}" if flags else source

    def holds(text: str) -> bool:
        if _overruns.get(known, 0) >= MOST_OVERRUNS:
            return False
        try:
            return search(text, timeout=SECONDS * max(1.0, len(text) / PER_CHARACTERS)) is not None
        except TimeoutError:
            _overruns[known] = _overruns.get(known, 0) + 1
            return False

    return holds


def _check_size(tokens: Sequence[str]) -> None:
    """ValueError when groups are too deep, or repeats of repeats come to too much: the package writes them out."""
    sizes, last = [0], 0
    for part in tokens:
        if part == "(":
            sizes.append(0)
            if len(sizes) > MAX_GROUPS_DEEP:
                raise ValueError(f"groups nested deeper than {MAX_GROUPS_DEEP}")
        elif part == ")" and len(sizes) > 1:
            last = sizes.pop()
            sizes[-1] += last
        elif len(part) > 2 and part[0] == "{":
            times = max(map(int, filter(None, part[1:-1].split(","))))
            sizes[-1] += last * max(0, times - 1)
            last *= times
        else:
            last = 1
            sizes[-1] += 1
        if sizes[-1] > MAX_SIZE:
            raise ValueError(f"its repeats come to more than {MAX_SIZE} places")


def _written(token: str) -> str:
    """One token of PCRE as the regex package has it."""
    if token.startswith(r"\k"):
        return f"(?P={token[3:-1]})"
    if token.startswith(r"\x{"):
        return f"\\U{int(token[3:-1], 16):08x}"
    return _SAME.get(token, token)
