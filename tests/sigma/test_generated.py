"""Every SigmaHQ rule can fire: for each an event is made that must fire it, and events that just miss it.

What the generator makes is judged by the plain reading; the engine has to agree, all rules compiled together.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import pytest

from soc.core.event import Event
from tests.sigma.corpus import SIGMA, Routed, Source, compiled, rules
from tests.sigma.plain import Plain
from tests.sigma.solve import broken, firing
from tests.sigma.test_against_sql import compare

pytestmark = pytest.mark.skipif(not SIGMA.is_file(), reason="SigmaHQ's rules are not beside the checkout")

PLACEHOLDERS = {
    "Admins_Workstations": ["adm-*", "pc1"], "Administrators": ["root"], "ApprovedUserUpn": ["a@b.vn"],
}  # fmt: skip


@pytest.fixture(scope="module")
def documents() -> list[dict[str, Any]]:
    return rules()


def by_source(documents: list[dict[str, Any]]) -> dict[tuple[tuple[str, str], ...], list[dict[str, Any]]]:
    found: dict[tuple[tuple[str, str], ...], list[dict[str, Any]]] = defaultdict(list)
    for one in documents:
        if "|expand" in str(one["detection"]):
            continue
        stated = one["logsource"]
        found[tuple((part, stated[part]) for part in ("category", "product", "service") if part in stated)].append(one)
    return found


def test_every_rule_fires_and_just_misses(documents: list[dict[str, Any]]) -> None:
    wrong: list[tuple[str, str, Event]] = []
    made = 0
    for source, chosen in by_source(documents).items():
        stated: Source = dict(source)
        matcher = Routed("", (stated,), ()).matcher(compiled(chosen))
        for one in chosen:
            tree = Plain(one).tree()
            event = firing(tree)
            assert event is not None, one["title"]
            misses = broken(tree, event)
            assert misses, one["title"]
            made += 1
            if one["id"] not in {info.id for info in matcher.match(event)}:
                wrong.append(("does not fire", one["title"], event))
            wrong += [
                ("fires", one["title"], miss)
                for miss in misses
                if one["id"] in {info.id for info in matcher.match(miss)}
            ]
    assert wrong == []
    assert made == len(documents) - sum("|expand" in str(one["detection"]) for one in documents)


def test_made_events_against_sql(documents: list[dict[str, Any]]) -> None:
    """Each made event against every rule of its log source."""
    unexplained, hits = [], 0
    for source, chosen in by_source(documents).items():
        events = [firing(Plain(one).tree(), seed=1) for one in chosen]
        done = compare(Routed("", (dict(source),), tuple(one for one in events if one is not None)), chosen)
        unexplained += done.unexplained
        hits += done.hits
    assert unexplained == []
    assert hits > 3000
