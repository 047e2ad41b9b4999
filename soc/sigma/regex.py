"""Regular expressions and wildcards in time linear in the value: RE2 runs them.

Look-ahead at the start says "and" or "and not" and is run as that: ``^(?!.*test).*\\.exe$``. What RE2 cannot run
otherwise (look-behind, back-references) goes to an engine that backtracks, on a budget: soc.sigma.backtrack.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

import re2

from soc.sigma.backtrack import backtracking
from soc.sigma.text import Parts, Wildcard

Pattern = Callable[[str], bool]

MAX_PATTERN = 8192
_MAX_MEMORY = 32 << 20
_TOKEN = re.compile(r"\\.|\[\^?\]?(?:\\.|\[:\^?\w+:\]|[^\]\\])*\]|.", re.DOTALL)
"""An escaped character, a class [...], or one character."""
_COUNT = re.compile(r"\{(\d{1,4})(?:,(\d{1,4}))?\}")
_COUNTS = re.compile(r"\\.|\[\^?\]?(?:\\.|\[:\^?\w+:\]|[^\]\\])*\]|\{\d{1,4}(?:,\d{1,4})?\}|.", re.DOTALL)
"""The same, with a counted repeat as one token."""


class RegexError(ValueError):
    """The pattern is not accepted; the text says why, for the rule's author."""


def _options() -> re2.Options:
    options = re2.Options()
    options.log_errors = False
    options.max_mem = _MAX_MEMORY
    return options


def counted(source: str) -> int:
    """How many places the pattern's counted repeats unroll to: ``a{3}.{0,200}`` has 203.

    Hyperscan builds a state for each, several for a class in UTF-8; some hundreds cost it seconds to compile.
    """
    ends = (_COUNT.fullmatch(token) for token in _COUNTS.findall(source))
    return sum(int(found[2] or found[1]) for found in ends if found)


def encode(text: str) -> bytes:
    """UTF-8 for the engines; what has no UTF-8 form (a lone surrogate) becomes "?"."""
    return text.encode("utf-8", "replace")


@lru_cache(maxsize=65536)
def compile_regex(source: str, flags: str) -> Pattern:
    """A search for the pattern anywhere in a text. RegexError when neither engine can run it."""
    if len(source) > MAX_PATTERN:
        raise RegexError(f"regular expression longer than {MAX_PATTERN} characters")
    conjunction = None if "m" in flags else split_lookaheads(source)
    if conjunction is not None and not any(needs_backtracking(part, flags) for part, _ in conjunction):
        parts = [(_linear(part, flags), wanted) for part, wanted in conjunction]
        return lambda text: all(search(text) is wanted for search, wanted in parts)
    if not needs_backtracking(source, flags):
        return _linear(source, flags)
    try:
        return backtracking(source, flags)
    except ValueError as error:
        raise RegexError(f"regular expression not accepted: {error}") from error


@lru_cache(maxsize=65536)
def needs_backtracking(source: str, flags: str = "") -> bool:
    """Whether RE2 cannot run the expression as one: then Hyperscan cannot either. Look-aheads at its start count."""
    try:
        _linear(source, flags)
    except RegexError as error:
        return _BEYOND_RE2.search(str(error)) is not None
    return False


_BEYOND_RE2 = re.compile(r"perl operator|escape sequence|repetition operator|repetition size: \{(?:\d+,)?\d{4,5}\}")
"""What RE2 says of expressions that are fine in PCRE; repeats of repeats come with smaller counts and stay refused."""


@lru_cache(maxsize=65536)
def _linear(source: str, flags: str) -> Pattern:
    try:
        search = re2.compile(translate(source, flags), _options()).search
    except re2.error as error:
        reason = error.args[0] if error.args else "unknown"
        reason = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
        raise RegexError(f"regular expression not accepted: {reason}") from error
    return lambda text: search(encode(text)) is not None


def translate(source: str, flags: str) -> str:
    """The pattern for RE2: flags in front, and ``$`` and ``\\Z`` before a final line feed, as PCRE has it."""
    ends = {r"\Z"} if "m" in flags else {r"\Z", "$"}
    body = "".join(r"(?:\n?\z)" if token in ends else token for token in _TOKEN.findall(source))
    return f"(?{flags}){body}" if flags else body


def split_lookaheads(source: str) -> list[tuple[str, bool]] | None:
    """``^(?!A)(?=B)C`` -> [("^A", False), ("^B", True), ("^C", True)]; None when it has no such start.

    At the start of the text a look-ahead and what follows it are conditions of their own. That holds
    only when the ^ is the whole pattern's: an alternative outside of all groups makes it another pattern.
    """
    if not source.startswith(("^(?!", "^(?=")):
        return None
    found: list[tuple[str, bool]] = []
    rest = source[1:]
    while rest.startswith(("(?!", "(?=")):
        end = _group_end(rest)
        if end < 0:
            return None
        found.append((f"^(?:{rest[3:end]})", rest[2] == "="))
        rest = rest[end + 1 :]
    if _has_outer_alternative(rest) or rest[:1] in {"*", "+", "?", "{"}:
        return None
    return [*found, (f"^{rest}", True)]


def _group_end(text: str) -> int:
    """Where the group that text begins with ends, -1 if it does not."""
    depth = 0
    for position, character in _plain_characters(text):
        depth += (character == "(") - (character == ")")
        if depth == 0:
            return position
    return -1


def _has_outer_alternative(text: str) -> bool:
    depth = 0
    for _, character in _plain_characters(text):
        depth += (character == "(") - (character == ")")
        if character == "|" and depth == 0:
            return True
    return False


def _plain_characters(text: str) -> list[tuple[int, str]]:
    """(position, character) of what is neither escaped nor in a class."""
    return [(token.start(), token[0]) for token in _TOKEN.finditer(text) if len(token[0]) == 1]


@lru_cache(maxsize=65536)
def glob(parts: Parts) -> Pattern:
    """Wildcards over a whole text: ``*`` runs over lines, ``?`` is any one character."""
    if Wildcard.ONE not in parts:
        return _in_order(parts)
    body = "".join(_GLOB[part] if isinstance(part, Wildcard) else re2.escape(part) for part in parts)
    match = re2.compile(f"(?s){body}", _options()).fullmatch
    longest = max((part for part in parts if isinstance(part, str)), key=len, default="")
    return lambda text: longest in text and match(encode(text)) is not None


_GLOB = {Wildcard.MANY: ".*", Wildcard.ONE: "."}


def _in_order(parts: Parts) -> Pattern:
    """Fixed texts one after the other; taking each at its first place is never wrong."""
    fixed = [part for part in parts if isinstance(part, str)]
    head = "" if parts[0] is Wildcard.MANY else fixed.pop(0)
    tail = "" if parts[-1] is Wildcard.MANY else fixed.pop()

    def holds(text: str) -> bool:
        if not text.startswith(head) or not text.endswith(tail):
            return False
        position, end = len(head), len(text) - len(tail)
        for piece in fixed:
            position = text.find(piece, position, end)
            if position < 0:
                return False
            position += len(piece)
        return position <= end

    return holds
