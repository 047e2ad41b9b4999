"""Correlations written as rule authors write them, over base rules that are named by one letter."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from hashlib import blake2b

import pytest
import yaml

from soc.core.errors import Problem
from soc.core.finding import Hit, Kind, Level, RuleInfo
from soc.correlation import Correlation, load

Loader = Callable[[str], tuple[list[Correlation], list[Problem]]]
MakeHit = Callable[..., Hit]


def _rule(name: str, level: Level) -> RuleInfo:
    return RuleInfo(id=f"id-{name}", name=name, title=f"Rule {name}", kind=Kind.RULE, level=level, hash=name)


@pytest.fixture(scope="session")
def rules() -> Mapping[str, RuleInfo]:
    made = [_rule("a", Level.LOW), _rule("b", Level.MEDIUM), _rule("c", Level.LOW)]
    return {key: rule for rule in made for key in (rule.id, rule.name)}


@pytest.fixture(scope="session")
def read(rules: Mapping[str, RuleInfo]) -> Loader:
    """Reads a multi-document YAML text; document n is said to be at line n."""

    def read_text(text: str) -> tuple[list[Correlation], list[Problem]]:
        documents = [
            (raw, "c.yml", number, blake2b(repr(raw).encode(), digest_size=8).hexdigest())
            for number, raw in enumerate(yaml.safe_load_all(text), 1)
        ]
        return load(documents, rules)

    return read_text


@pytest.fixture(scope="session")
def hit(rules: Mapping[str, RuleInfo]) -> MakeHit:
    """hit("a", 5, user="u") is a hit of rule a at second 5 with user.name u; offset is its place in the log."""

    def make(
        rule: str,
        second: float,
        *,
        offset: int | None = None,
        origin: str = "log",
        user: object = "u",
        **fields: object,
    ) -> Hit:
        event = {
            "@timestamp": round(second * 1_000_000),
            "soc.origin": origin,
            "log.offset": round(second * 1_000_000) if offset is None else offset,
            "user.name": user,
            **{name.replace("__", "."): value for name, value in fields.items()},
        }
        return Hit(rules[rule], {name: value for name, value in event.items() if value is not None})  # type: ignore[misc]

    return make
