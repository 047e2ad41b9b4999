"""The words and parameters of each model, from ``detections/anomaly/<name>.yml``, and the models made of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from soc.anomaly.beacon import Beacon, BeaconParameters
from soc.anomaly.breadth import Breadth, BreadthParameters
from soc.anomaly.forest import Forest, ForestParameters
from soc.anomaly.model import Model
from soc.anomaly.rate import Rate, RateParameters
from soc.core.content import content_root
from soc.core.finding import Kind, Level, RuleInfo
from soc.core.ids import content_id
from soc.core.yamlfile import read_struct, wrong_value

FOLDER = "anomaly"

_MODELS: dict[str, tuple[type[msgspec.Struct], Callable[[Any], Model]]] = {
    "rate": (RateParameters, Rate),
    "breadth": (BreadthParameters, Breadth),
    "beacon": (BeaconParameters, Beacon),
    "forest": (ForestParameters, Forest),
}
NAMES = tuple(_MODELS)


class _Soc(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    title_vi: str
    description_vi: str
    false_positives_vi: tuple[str, ...] = ()
    next_steps: dict[str, tuple[str, ...]] = {}


class _Words(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file; ``floor`` is the score below which the model is silent however small the budget's use."""

    title: str
    id: str
    name: str
    status: str
    description: str
    author: str
    date: Any
    tags: tuple[str, ...]
    level: str
    floor: float
    parameters: dict[str, Any]
    soc: _Soc
    references: tuple[str, ...] = ()
    falsepositives: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Described:
    """One model's content: what its alerts say, its least score, and how a fresh one is made."""

    info: RuleInfo
    floor: float
    make: Callable[[], Model]


def described(folder: Path | None = None) -> dict[str, Described]:
    """Model name -> its content, in the order of NAMES. SettingsError names file, line and key."""
    where = folder or content_root() / FOLDER
    return {name: _read(where / f"{name}.yml", name) for name in NAMES}


def _read(path: Path, name: str) -> Described:
    words = read_struct(path, _Words)
    if words.name != name:
        raise wrong_value(path, "name", "{name} must be the file's name", name=words.name)
    if words.level.upper() not in Level.__members__:
        raise wrong_value(path, "level", "{name} is no level", name=words.level)
    kind, make = _MODELS[name]
    try:
        parameters = msgspec.convert(words.parameters, kind)
    except msgspec.ValidationError as error:
        raise wrong_value(path, "parameters", str(error)) from error
    info = RuleInfo(
        id=words.id,
        name=name,
        title=words.title,
        kind=Kind.ANOMALY,
        level=Level[words.level.upper()],
        hash=content_id([path.read_text("utf-8")]),
        description=words.description,
        title_vi=words.soc.title_vi,
        description_vi=words.soc.description_vi,
        tags=words.tags,
        false_positives=words.falsepositives,
        false_positives_vi=words.soc.false_positives_vi,
        references=words.references,
        author=words.author,
        path=str(path),
        next_steps=words.soc.next_steps,
    )
    return Described(info, words.floor, lambda: make(parameters))
