"""Events that must fire a rule, made from the rule: one branch is chosen, values are picked that satisfy it.

The choice is random from a seed; a try counts only when the plain reading says that the rule holds on it.
"""

from __future__ import annotations

import re
from collections import defaultdict
from ipaddress import ip_address
from random import Random
from typing import Any

from tests.sigma.plain import (
    Cidr,
    Compare,
    Exists,
    Leaf,
    Node,
    Null,
    Pieces,
    Reference,
    Regex,
    Text,
    Tree,
    Wild,
)
from tests.sigma.plain_verdict import holds

KEYWORDS = "Message"
"""Where the generated events carry what keywords look for."""

Event = dict[str, Any]
Demand = tuple[Leaf, bool]


def firing(tree: Tree, seed: int = 0, tries: int = 200) -> Event | None:
    """An event on which the rule holds; None when none was found."""
    random = Random(seed)
    for _ in range(tries):
        event = _event(_demands(tree, True, random), random)
        if holds(tree, event):
            return event
    return None


def broken(tree: Tree, event: Event) -> list[Event]:
    """The event with one field lost or spoilt, where the rule no longer holds; else any event where it does not."""
    made = [{key: one for key, one in event.items() if key != name} for name in sorted(event)]
    made += [{**event, name: "\u00a7"} for name in sorted(event)]
    made += [{**event, name: None} for name in sorted(event)]
    for name, one in sorted(event.items()):
        if isinstance(one, str):
            made += [{**event, name: text} for text in (f"\u00a7{one[1:]}", f"{one[:-1]}\u00a7", *_neighbours(one))]
        elif type(one) is int:
            made += [{**event, name: one - 1}, {**event, name: one + 1}]
    missed = [one for one in made if not holds(tree, one)]
    other = None if missed else firing(Node(0, (tree,)))
    return missed if other is None else [other]


def _neighbours(value: str) -> list[str]:
    """The addresses before and after one."""
    try:
        address = ip_address(value)
        return [str(address - 1), str(address + 1)]
    except ValueError:  # none, or the very first or last
        return []


def _demands(tree: Tree, wanted: bool, random: Random) -> list[Demand]:
    """Tests that have to hold, or not to hold, so that the tree is as wanted: one way of several."""
    if isinstance(tree, Leaf):
        return [(tree, wanted)]
    if tree.count == 0:
        return _demands(tree.parts[0], not wanted, random)
    needed = tree.count if wanted else len(tree.parts) - tree.count + 1
    chosen = sorted(random.sample(range(len(tree.parts)), needed))
    return [one for position in chosen for one in _demands(tree.parts[position], wanted, random)]


def _event(demands: list[Demand], random: Random) -> Event:
    by_field: dict[str, list[Demand]] = defaultdict(list)
    for leaf, wanted in demands:
        by_field[KEYWORDS if leaf.field is None else leaf.field].append((leaf, wanted))
    event: Event = {}
    for name, asked in by_field.items():
        value = _value(asked, random)
        if value is not None:
            event[name] = value
    for leaf, wanted in demands:
        if isinstance(leaf.test, Reference) and leaf.field is not None:
            same = event.get(leaf.field) or event.get(leaf.test.other) or "same"
            event[leaf.field] = same
            event[leaf.test.other] = same if wanted else "other"
    return event


def _value(asked: list[Demand], random: Random) -> Any:
    """A value that meets all the demands on a field; None when it is best left out."""
    there = [leaf.test for leaf, wanted in asked if wanted]
    not_there = [leaf.test for leaf, wanted in asked if not wanted]
    if any(isinstance(test, Null) or test == Exists(False) for test in there) or Exists(True) in not_there:
        return None
    for test in there:
        if isinstance(test, Compare):
            return _compared(test, random)
        if isinstance(test, Cidr):
            return str(test.network[random.choice([0, -1])])
    texts = [_parts(test, random) for test in there if isinstance(test, Text | Regex)]
    if texts:
        return _joined(texts, random)
    present = any(isinstance(test, Exists) for test in (*there, *not_there)) or any(
        isinstance(test, Null) for test in not_there
    )
    if not_there and (present or random.random() < 0.3):
        return random.choice(["1", "x y", "C:\\other\\other.exe", 7])
    return "x" if present else None


def _compared(test: Compare, random: Random) -> Any:
    number = int(test.number) + random.choice([-1, 0, 1])
    if not test.part:
        return number
    parts = {"year": 2024, "month": 5, "day": 6, "hour": 7, "minute": 8, test.part: number}
    if test.part == "week":
        return f"2024-01-{1 + 7 * (number - 1):02}T00:00:00Z"
    return "{year}-{month:02}-{day:02}T{hour:02}:{minute:02}:00Z".format(**parts)


Ends = tuple[bool, str, bool]
"""Whether the text has to begin the value, the text, whether it has to end it."""


def _parts(test: Text | Regex, random: Random) -> Ends:
    if isinstance(test, Text):
        form: Pieces = test.pieces
        first = form[:1] != (Wild.MANY,)
        last = form[-1:] != (Wild.MANY,)
        filled = [
            one if isinstance(one, str) else _fill(one, random) for one in form[not first : len(form) - (not last)]
        ]
        return first, "".join(filled), last
    return test.source.startswith("^"), sample(test.source, random), test.source.endswith("$")


def _fill(wild: Wild, random: Random) -> str:
    return "x" if wild is Wild.ONE else random.choice(["", "x", "\\", " "])


def _joined(texts: list[Ends], random: Random) -> Any:
    whole = sorted({text for first, text, last in texts if first and last})
    if whole:
        parts = [text for first, text, last in texts if not (first and last)] if random.random() < 0.3 else []
        return whole[0] if len(whole) + len(parts) == 1 else (*whole, *parts)
    heads = sorted({text for first, text, _ in texts if first}, key=len)
    tails = sorted({text for _, text, last in texts if last}, key=len)
    middles = list(dict.fromkeys(text for first, text, last in texts if not first and not last))
    if random.random() < 0.4:
        random.shuffle(middles)
    between = random.choice([" ", "", "x", "\\"])
    before = "" if heads else random.choice(["", "", "x\\"])
    return before + between.join([*heads[-1:], *middles, *tails[-1:]])


# --- regular expressions -----------------------------------------------------------------------------------------


def sample(source: str, random: Random) -> str:
    """A text that the expression is likely to match; look-around is ignored."""
    parsed = re._parser.parse(re.sub(r"^\(\?[ims]+\)", "", source))  # type: ignore[attr-defined]
    return "".join(_sampled(parsed, random, {}))


def _sampled(parsed: Any, random: Random, groups: dict[int, str]) -> list[str]:
    made: list[str] = []
    for operator, argument in parsed:
        name = str(operator)
        if name == "LITERAL":
            made.append(chr(argument))
        elif name == "NOT_LITERAL":
            made.append("b" if chr(argument) == "a" else "a")
        elif name == "ANY":
            made.append("a")
        elif name == "IN":
            made.append(_one_of(argument, random))
        elif name in {"MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"}:
            low, high, inner = argument
            for _ in range(low if random.random() < 0.7 else min(int(high), low + 1)):
                made += _sampled(inner, random, groups)
        elif name == "SUBPATTERN":
            text = "".join(_sampled(argument[-1], random, groups))
            if argument[0] is not None:
                groups[argument[0]] = text
            made.append(text)
        elif name == "BRANCH":
            made += _sampled(random.choice(argument[1]), random, groups)
        elif name == "GROUPREF":
            made.append(groups.get(argument, ""))
        elif name == "ATOMIC_GROUP":
            made += _sampled(argument, random, groups)
    return made


_CATEGORIES = {"CATEGORY_DIGIT": "7", "CATEGORY_WORD": "w", "CATEGORY_SPACE": " ", "CATEGORY_NOT_SPACE": "n"}
_CATEGORIES |= {"CATEGORY_NOT_DIGIT": "d", "CATEGORY_NOT_WORD": "-"}


def _one_of(members: list[tuple[Any, Any]], random: Random) -> str:
    if str(members[0][0]) == "NEGATE":
        plain = "".join(str(member) for member in members)
        written = {chr(argument) for operator, argument in members[1:] if str(operator) == "LITERAL"}
        spaces = "SPACE" in plain
        return next(one for one in "a0-Z!" if one not in written and not (spaces and one == " "))
    operator, argument = random.choice(members)
    if str(operator) == "LITERAL":
        return chr(argument)
    if str(operator) == "RANGE":
        return chr(random.randint(*argument))
    return _CATEGORIES[str(argument)]
