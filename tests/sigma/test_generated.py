"""Every SigmaHQ rule can fire: for each an event is made that must fire it, and events that just miss it.

What the generator makes is judged by the plain reading; the engine has to agree, all rules compiled together.
"""

from __future__ import annotations

from typing import Any

import pytest

from soc.core.event import Event
from tests.sigma.corpus import SIGMA, Routed, by_source, compiled, rules
from tests.sigma.plain import Plain
from tests.sigma.solve import broken, firing

pytestmark = pytest.mark.skipif(not SIGMA.is_file(), reason="SigmaHQ's rules are not beside the checkout")


@pytest.fixture(scope="module")
def documents() -> list[dict[str, Any]]:
    return rules()


def test_every_rule_fires_and_just_misses(documents: list[dict[str, Any]]) -> None:
    wrong: list[tuple[str, str, Event]] = []
    made = 0
    for source, chosen in by_source(documents):
        matcher = Routed("", (source,), ()).matcher(compiled(chosen))
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
