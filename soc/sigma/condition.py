"""A rule's condition, read: "selection and not 1 of filter_*" -> the tree. In time linear in its length.

Grammar: Sigma specification 2.1.0, "Condition". "not" binds before "and", "and" before "or".
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from msgspec.structs import replace

from soc.sigma.regex import glob
from soc.sigma.text import Wildcard, merge
from soc.sigma.tree import AtLeast, Leaf, Node, Not, all_of, any_of, leaves

MAX_CONDITION = 16384
MAX_BRACKETS = 24
MAX_LEAVES = 50_000

_TOKEN = re.compile(r"[()|]|[^\s()|]+")
_WORDS = frozenset({"and", "or", "not", "of"})


class ConditionError(ValueError):
    """The condition is not accepted; the text is for the rule's author."""


class Budget:
    """How many tests one rule may come to, repeats of a detection counted."""

    def __init__(self, tests: int = MAX_LEAVES) -> None:
        self._left = tests

    def spend(self, count: int) -> None:
        self._left -= count
        if self._left < 0:
            raise ConditionError(f"more than {MAX_LEAVES} values after expansion")


class Detections:
    """The named detections of one rule, and what it costs to use each."""

    def __init__(self, found: Mapping[str, Node], budget: Budget) -> None:
        self._nodes = {name: _labelled(node, name) for name, node in found.items()}
        self._sizes: dict[str, int] = {}
        self._budget = budget

    def __contains__(self, name: str) -> bool:
        return name in self._nodes

    def use(self, name: str) -> Node:
        """The detection's node. ConditionError when there is none of this name."""
        node = self._nodes.get(name)
        if node is None:
            raise ConditionError(f"condition: detection {name!r} not defined")
        size = self._sizes.get(name)
        if size is None:
            size = self._sizes[name] = sum(1 for _ in leaves(node))
        else:
            self._budget.spend(size)
        return node

    def selected(self, pattern: str) -> list[Node]:
        """Those that a selector means; names that begin with _ only when it says so."""
        pieces = ("*" if pattern == "them" else pattern).replace("*", "\0*\0").split("\0")
        wanted = glob(merge(Wildcard.MANY if piece == "*" else piece for piece in pieces))
        names = [name for name in self._nodes if pattern[0] == "_" or name[:1] != "_"]
        return [self.use(name) for name in names if wanted(name)]


def parse_condition(text: object, detections: Detections) -> Node:
    """The tree of a condition. ConditionError says what is wrong with it."""
    if not isinstance(text, str):
        raise ConditionError(f"condition: {text!r} is no text")
    if len(text) > MAX_CONDITION:
        raise ConditionError(f"condition longer than {MAX_CONDITION} characters")
    return _Parser(_TOKEN.findall(text), detections).whole()


def _labelled(node: Node, name: str) -> Node:
    return all_of([node], name) if isinstance(node, Leaf) else replace(node, label=name)


class _Parser:
    """Recursive descent; each level of brackets is one level of it, so they are bounded."""

    def __init__(self, tokens: list[str], detections: Detections) -> None:
        self._tokens = tokens
        self._at = 0
        self._detections = detections
        self._depth = 0

    def whole(self) -> Node:
        node = self._linked("or")
        if self._at < len(self._tokens):
            found = self._tokens[self._at]
            if found == "|":
                raise ConditionError(
                    "condition: | count() and the like are no longer part of Sigma; use Sigma correlations"
                )
            raise ConditionError(f"condition: {found!r} is out of place")
        return node

    def _linked(self, word: str) -> Node:
        """Operands linked by "or", each of them operands linked by "and"."""
        below = [self._operand(word)]
        while self._is(word):
            self._at += 1
            below.append(self._operand(word))
        if len(below) == 1:
            return below[0]
        return all_of(below) if word == "and" else any_of(below)

    def _operand(self, word: str) -> Node:
        return self._linked("and") if word == "or" else self._negated()

    def _negated(self) -> Node:
        if not self._is("not"):
            return self._term()
        with_not = self._at
        self._at += 1
        self._deeper(self._tokens[with_not])
        node = Not(self._negated())
        self._depth -= 1
        return node

    def _term(self) -> Node:
        found = self._next()
        if found == "(":
            self._deeper(found)
            node = self._linked("or")
            if self._next("a closing bracket") != ")":
                raise ConditionError("condition: a bracket is not closed")
            self._depth -= 1
            return node
        if self._is("of") and found not in self._detections:
            self._at += 1
            return self._selector(found)
        if found in "()|" or (found.lower() in _WORDS and found not in self._detections):
            raise ConditionError(f"condition: {found!r} is out of place")
        return self._detections.use(found)

    def _selector(self, quantifier: str) -> Node:
        pattern = self._next("a name after 'of'")
        found = self._detections.selected(pattern)
        written = f"{quantifier} of {pattern}"[:200]
        if not found:
            raise ConditionError(f"condition: {written!r} selects no detection")
        if quantifier.lower() == "all":
            return all_of(found)
        if quantifier.lower() == "any" or quantifier == "1":
            return any_of(found)
        if not re.fullmatch("[1-9][0-9]{0,8}", quantifier):
            raise ConditionError(f"condition: {written!r}: the first word is a number, 'any' or 'all'")
        if len(found) < int(quantifier):
            raise ConditionError(f"condition: {written!r}, but there are {len(found)} of them")
        return AtLeast(int(quantifier), tuple(found), written)

    def _is(self, word: str) -> bool:
        """Whether the next word is this one, in any case, and no detection's name."""
        if self._at >= len(self._tokens):
            return False
        token = self._tokens[self._at]
        return token.lower() == word and (token == word or token not in self._detections)

    def _next(self, wanted: str = "a detection's name") -> str:
        if self._at >= len(self._tokens):
            raise ConditionError(f"condition: it ends where {wanted} is expected")
        self._at += 1
        return self._tokens[self._at - 1]

    def _deeper(self, what: str) -> None:
        self._depth += 1
        if self._depth > MAX_BRACKETS:
            raise ConditionError(f"condition: over {MAX_BRACKETS} brackets or negations within another, at {what!r}")
