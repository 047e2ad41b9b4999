"""ATT&CK: the names and tactics behind a rule's technique ids, from attack.json (see attack.LICENSE.txt)."""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import cache
from importlib.resources import files


@cache
def _catalogue() -> tuple[dict[str, str], dict[str, tuple[str, tuple[str, ...]]]]:
    """(tactic short name -> name, in the order of an attack), (technique id -> name and tactic short names)."""
    data = json.loads((files("soc.respond") / "attack.json").read_text("utf-8"))
    return data["tactics"], {id: (name, tuple(phases)) for id, (name, phases) in data["techniques"].items()}


def named(techniques: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """("T1110.001",) -> (("T1110.001", "Password Guessing"),); an id that ATT&CK does not have has the name ""."""
    known = _catalogue()[1]
    return tuple((id, known[id][0] if id in known else "") for id in techniques)


def tactics(tags: Iterable[str], techniques: Iterable[str]) -> tuple[str, ...]:
    """Tactic names in the order of an attack: those that the rule is tagged with, else its techniques' tactics.

    A technique may serve several tactics (T1078 serves four), so the author's own tags say it better.
    """
    names, known = _catalogue()
    tagged = {tag[7:].lower().replace("_", "-") for tag in tags if tag.lower().startswith("attack.")}
    meant = tagged & names.keys()
    if not meant:
        meant = {phase for id in techniques if id in known for phase in known[id][1]}
    return tuple(name for short, name in names.items() if short in meant)


def every_tactic() -> tuple[str, ...]:
    """The names of all tactics, in the order of an attack."""
    return tuple(_catalogue()[0].values())
