"""SigmaHQ's rules on real events: our verdicts are those of the SQL that pySigma's SQLite backend writes.

Where they differ, a third reading (plain.py) says who is wrong, and the difference has to be of a class that
DISAGREEMENTS.md explains. `python -m tests.sigma.test_against_sql` prints the table; with --full the third reading
is made of every pair, and not only where one of the others fires.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from soc.core.event import Event
from tests.sigma.corpus import SIGMA, Routed, by_source, compiled, rules, windows, zeek
from tests.sigma.plain import Leaf, Plain, Quirks, Reference, Tree
from tests.sigma.plain_verdict import holds
from tests.sigma.solve import firing
from tests.sigma.sqlite import Refused, Table, queries

ARRAY = "an array has no column"
QUIRKS: tuple[Quirks, ...] = (
    frozenset({"ASCII alone has case"}),
    frozenset({"a column's name has no case"}),
    frozenset({"letters beyond ASCII"}),
)
"""Readings of SQLite's that are not Sigma's. One that gives SQLite's verdict explains it."""

SAMPLE = 300
"""Events on which a rule that the backend refuses is read a second time; more with --full."""

REFUSALS = {
    "Value-only": "keywords: the backend has none",
    "Attempt to convert unhandled placeholder": "a placeholder without values: both refuse",
}


@dataclass
class Comparison:
    """What one route came to. unexplained: (rule's title, event, ours, SQL's, plain reading's)."""

    name: str
    events: int = 0
    rules: int = 0
    hits: int = 0
    explained: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    unexplained: list[tuple[Any, ...]] = field(default_factory=list)


def fields(tree: Tree) -> Iterator[str | None]:
    """Every field that a rule reads; None for keywords."""
    if isinstance(tree, Leaf):
        yield tree.field
        if isinstance(tree.test, Reference):
            yield tree.test.other
    else:
        for part in tree.parts:
            yield from fields(part)


def distinct(events: Sequence[Event], used: set[str | None]) -> list[Event]:
    """Each combination of the values that the rules read once; keywords read them all."""
    names = sorted(name for name in used if name)
    return list(
        {
            repr(one if None in used else [(name in one, one.get(name)) for name in names]): one for one in events
        }.values()
    )


def compare(route: Routed, documents: Sequence[dict[str, Any]], full: bool = False) -> Comparison:
    offered = [one for one in route.offered(documents) if "|expand" not in str(one["detection"])]
    trees = {one["id"]: Plain(one).tree() for one in offered}
    keyed = {one["id"]: set(fields(trees[one["id"]])) for one in offered}
    done = Comparison(route.name, rules=len(offered))
    for keywords in (False, True):
        chosen = [one for one in offered if (None in keyed[one["id"]]) is keywords]
        used = {name for one in chosen for name in keyed[one["id"]]}
        events = distinct(route.events, used) if chosen else []
        done.events = max(done.events, len(events))
        matcher = route.matcher(compiled(chosen))
        ours = [{info.id for info in matcher.match(event)} for event in events]
        table = Table(events, [name for name in used if name])
        for one in chosen:
            found = {position for position, ids in enumerate(ours) if one["id"] in ids}
            done.hits += len(found)
            _compare_rule(done, one, trees[one["id"]], keyed[one["id"]], events, found, table, full)
        table.close()
    return done


def _compare_rule(
    done: Comparison, rule: dict[str, Any], tree: Tree, used: set[str | None],
    events: list[Event], ours: set[int], table: Table, full: bool,
) -> None:  # fmt: skip
    theirs: set[int] | None
    try:
        theirs = table.found(queries(rule))
    except Refused as refused:
        reason = next((named for text, named in REFUSALS.items() if text in str(refused)), None)
        if reason is None:
            done.unexplained.append((rule["title"], str(refused)))
        else:
            done.refused[reason] += 1
        theirs = None
    differ = ours ^ theirs if theirs is not None else set(range(0, len(events), len(events) // SAMPLE + 1))
    for position in range(len(events)) if full else sorted(ours | differ):
        event, mine = events[position], position in ours
        plain = holds(tree, event)
        said = None if theirs is None else position in theirs
        if mine is not plain:
            done.unexplained.append((rule["title"], event, mine, said, plain))
        elif said is not None and said is not mine:
            named = explanation(tree, used, event, said)
            if named is None:
                done.unexplained.append((rule["title"], event, mine, said, plain))
            else:
                done.explained[named] += 1


def explanation(tree: Tree, used: set[str | None], event: Event, said: bool) -> str | None:
    """The class of a verdict of SQLite's that is not ours, None when it is none that we know."""
    if any(isinstance(event.get(name), tuple) for name in used if name):
        return ARRAY
    return next((", ".join(quirks) for quirks in QUIRKS if holds(tree, event, quirks) is said), None)


def made(documents: Sequence[dict[str, Any]], every: int = 1) -> Iterator[tuple[Routed, list[dict[str, Any]]]]:
    """For each log source an event for every so many of its rules, half of them shouting, and those rules."""
    for source, chosen in by_source(documents):
        rules = chosen[::every]
        events = [firing(Plain(one).tree(), seed=1) or {} for one in rules]
        events[1::2] = [{name: shouted(value) for name, value in event.items()} for event in events[1::2]]
        yield Routed(f"made: {' '.join(source.values())}", (source,), tuple(events)), rules


def shouted(value: Any) -> Any:
    return value.upper() if isinstance(value, str) else value


pytestmark = pytest.mark.skipif(not SIGMA.is_file(), reason="SigmaHQ's rules are not beside the checkout")


@pytest.fixture(scope="module")
def documents() -> list[dict[str, Any]]:
    return rules()


def test_windows(documents: list[dict[str, Any]]) -> None:
    done = [compare(route, documents) for route in windows()]
    assert [one.unexplained for one in done if one.unexplained] == []
    assert sum(one.hits for one in done) > 1000
    assert sum((one.explained for one in done), Counter()).keys() <= {ARRAY}


def test_zeek(documents: list[dict[str, Any]]) -> None:
    done = [compare(route, documents) for route in zeek()]
    assert [one.unexplained for one in done if one.unexplained] == []
    assert sum(one.hits for one in done) > 0


def test_made_events(documents: list[dict[str, Any]]) -> None:
    """Each made event against every rule of its log source; a third of the rules, all of them with --full."""
    done = [compare(route, chosen) for route, chosen in made(documents, every=3)]
    assert [one.unexplained for one in done if one.unexplained] == []
    assert sum(one.hits for one in done) > 1000


def main() -> None:
    print(f"{'route':60} {'events':>6} {'rules':>5} {'hits':>5}  differences, refusals")
    documents, full = rules(), "--full" in sys.argv
    routes = [(route, documents) for route in (*windows(), *zeek())]
    for route, chosen in (*routes, *made(documents)):
        done = compare(route, chosen, full)
        if done.rules:
            print(
                f"{done.name:60} {done.events:6} {done.rules:5} {done.hits:5}",
                *done.explained.items(),
                *done.refused.items(),
            )
        for one in done.unexplained:
            print("   NOT EXPLAINED:", *one)


if __name__ == "__main__":
    main()
