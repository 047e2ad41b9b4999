"""A boolean condition over rules (Sigma SEP 198): ``recon_a and (recon_b or recon_c) and not admin``.

Also ``1 of recon_*``, ``all of them``, and names with dashes (ids), which rule conditions have and authors expect.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import product

MAX_LENGTH = 2_000
MAX_DEPTH = 20
# Up to this many rules, a condition that can never hold is found by trying every case.
MAX_TRIED = 10

_TOKEN = re.compile(r"\s*([()]|[^\s()]+)")
_WORDS = frozenset(("and", "or", "not", "of", "(", ")"))


@dataclass(frozen=True, slots=True)
class Seen:
    """True when the rule at this position has a hit in the window."""

    role: int


@dataclass(frozen=True, slots=True)
class Absent:
    """True when the rule at this position has none."""

    role: int


@dataclass(frozen=True, slots=True)
class Both:
    """True when all parts are."""

    parts: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Either:
    """True when any part is."""

    parts: tuple[Expression, ...]


Expression = Seen | Absent | Both | Either


def holds(expression: Expression, seen: int, spoilt: int = 0) -> bool:
    """Whether it holds, given as bits the rules that were hit, and those that were hit where they must be absent."""
    match expression:
        case Seen(role):
            return bool(seen >> role & 1)
        case Absent(role):
            return not spoilt >> role & 1
        case Both(parts):
            return all(holds(part, seen, spoilt) for part in parts)
        case Either(parts):
            return any(holds(part, seen, spoilt) for part in parts)


def roles_of(expression: Expression, kind: type[Seen] | type[Absent]) -> frozenset[int]:
    """Positions of the rules that must be seen, or that must be absent, somewhere in it."""
    if isinstance(expression, Seen | Absent):
        return frozenset((expression.role,)) if isinstance(expression, kind) else frozenset()
    return frozenset().union(*(roles_of(part, kind) for part in expression.parts))


def names_in(text: str) -> list[str]:
    """The rules that a condition names, in order, each once; patterns and ``them`` are not names."""
    tokens = [token.lower() if token.lower() in _WORDS else token for token in _tokens(text)]
    around = zip(["", *tokens], tokens, [*tokens[1:], ""], strict=False)
    named = [token for before, token, after in around if token not in _WORDS and "of" not in (before, after)]
    return list(dict.fromkeys(named))


def parse(text: str, names: Sequence[str]) -> Expression:
    """The condition over the rules of these names; a rule's position in names is its role.

    ValueError says what is wrong: not a condition, too large, a name that is not listed or listed and not used,
    one that holds when nothing happens, or one that never does.
    """
    parser = _Parser(_tokens(text), names)
    expression = parser.whole()
    used = roles_of(expression, Seen) | roles_of(expression, Absent)
    if unused := [name for place, name in enumerate(names) if place not in used]:
        raise ValueError(f"rules lists {unused[0][:80]!r}, which its condition does not use")
    if holds(expression, 0):
        raise ValueError("condition holds when nothing happens: it needs a rule that must be seen")
    if len(used) <= MAX_TRIED and not _satisfiable(expression, sorted(used)):
        raise ValueError("condition can never hold")
    return expression


def _tokens(text: str) -> list[str]:
    if len(text) > MAX_LENGTH:
        raise ValueError(f"condition is longer than {MAX_LENGTH} characters")
    return _TOKEN.findall(text)


def _satisfiable(expression: Expression, roles: Sequence[int]) -> bool:
    cases = (sum(chosen) for chosen in product(*((0, 1 << role) for role in roles)))
    return any(holds(expression, case, case) for case in cases)


class _Parser:
    """Recursive descent; ``not`` binds closest, then ``and``, then ``or``. Negation is pushed down to the rules."""

    def __init__(self, tokens: list[str], names: Sequence[str]) -> None:
        self._tokens = tokens
        self._names = names
        self._place = 0

    def whole(self) -> Expression:
        expression = self._any(False, 0)
        if self._place < len(self._tokens):
            raise ValueError(f"condition: {self._tokens[self._place][:80]!r} is not expected here")
        return expression

    def _next(self) -> str:
        return self._tokens[self._place] if self._place < len(self._tokens) else ""

    def _take(self, word: str) -> bool:
        taken = self._next().lower() == word
        self._place += taken
        return taken

    def _any(self, negated: bool, depth: int) -> Expression:
        if depth > MAX_DEPTH:
            raise ValueError(f"condition is nested deeper than {MAX_DEPTH}")
        parts = [self._all(negated, depth)]
        while self._take("or"):
            parts.append(self._all(negated, depth))
        return _join(parts, not negated)

    def _all(self, negated: bool, depth: int) -> Expression:
        parts = [self._one(negated, depth)]
        while self._take("and"):
            parts.append(self._one(negated, depth))
        return _join(parts, negated)

    def _one(self, negated: bool, depth: int) -> Expression:
        while self._take("not"):
            negated = not negated
        if self._take("("):
            inner = self._any(negated, depth + 1)
            if not self._take(")"):
                raise ValueError("condition: a parenthesis is not closed")
            return inner
        token = self._next()
        if not token or token.lower() in _WORDS:
            raise ValueError(f"condition: a rule is missing {f'before {token!r}' if token else 'at its end'}")
        self._place += 1
        if self._take("of"):
            return self._some(token.lower(), negated)
        if token not in self._names:
            raise ValueError(f"condition: {token[:80]!r} is not among its rules")
        role = self._names.index(token)
        return Absent(role) if negated else Seen(role)

    def _some(self, number: str, negated: bool) -> Expression:
        """``1 of``, ``any of`` and ``all of`` a pattern or ``them``."""
        if number not in ("1", "any", "all"):
            raise ValueError(f"condition: '{number[:20]} of' is not known; there are '1 of', 'any of' and 'all of'")
        pattern = self._next()
        self._place += 1
        roles = [
            place for place, name in enumerate(self._names) if pattern.lower() == "them" or fnmatchcase(name, pattern)
        ]
        if not pattern or not roles:
            raise ValueError(f"condition: {pattern[:80]!r} fits none of its rules")
        return _join([Absent(role) if negated else Seen(role) for role in roles], (number != "all") != negated)


def _join(parts: list[Expression], either: bool) -> Expression:
    if len(parts) == 1:
        return parts[0]
    return Either(tuple(parts)) if either else Both(tuple(parts))
