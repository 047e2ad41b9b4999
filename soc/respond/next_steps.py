"""What to do first: the rule's own advice, else the default for its ATT&CK tactic or the event's category."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from importlib.resources import as_file, files

import msgspec

from soc.core.finding import RuleInfo
from soc.core.yamlfile import read_struct

Steps = dict[str, tuple[str, ...]]


class _Defaults(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """next_steps.yml: tactic name -> language -> steps; ECS event.category -> the same; and for all the rest."""

    tactics: dict[str, Steps]
    categories: dict[str, Steps]
    otherwise: Steps


@cache
def _defaults() -> _Defaults:
    with as_file(files("soc.respond") / "next_steps.yml") as path:
        return read_struct(path, _Defaults)


def next_steps(rule: RuleInfo, tactics: Iterable[str], categories: Iterable[str]) -> Steps:
    """{"vi": (...), "en": (...)}: from the rule, with the default in each language that it does not speak.

    Of several tactics the one furthest into an attack decides, because it asks for the most.
    """
    defaults = _defaults()
    candidates = [defaults.tactics[tactic] for tactic in reversed(tuple(tactics)) if tactic in defaults.tactics]
    candidates += [defaults.categories[category] for category in categories if category in defaults.categories]
    default = candidates[0] if candidates else defaults.otherwise
    if not rule.next_steps:
        return default
    return default | {language: steps for language, steps in rule.next_steps.items() if steps}
