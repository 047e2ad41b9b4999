"""Models beside simple baselines: on a generated history, or on any labelled table of numbers."""

from __future__ import annotations

import csv
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from random import Random
from statistics import median
from typing import NamedTuple

from soc.anomaly.content import Described
from soc.anomaly.features import Partial
from soc.anomaly.forest import FEATURES, ForestParameters, vector
from soc.anomaly.generate import DAY as WORLD_DAY
from soc.anomaly.generate import KINDS, START, WORLD, World, labelled
from soc.anomaly.measure import auc, recall_at
from soc.anomaly.model import Model
from soc.anomaly.trees import grow
from soc.anomaly.watch import scored
from soc.core.errors import SocError

NORMAL = ("", "0", "0.0", "normal", "benign", "false", "no", "n", "-")
MAX_ROWS = 200_000
SPREAD = 1.4826
"""Standard deviation of a normal distribution over its MAD."""

Rows = list[list[float]]


class BadTable(SocError):
    """A labelled file that cannot be used; the text names file and what is wrong."""


class Figure(NamedTuple):
    """One method on one set: AUC, and recall at 1 % false positives. kind: which anomalies count; "" for all."""

    method: str
    kind: str
    auc: float
    recall: float


class Table(NamedTuple):
    """Numeric columns by name, a row of numbers each, and whether it is an anomaly. skipped: columns left out."""

    columns: tuple[str, ...]
    rows: Rows
    labels: list[bool]
    skipped: tuple[str, ...]


def read_table(path: Path, label: str, normal: Collection[str] = NORMAL) -> Table:
    """A CSV file with a heading. A column with a value that is no number is left out; "" is its column's median.

    normal: the label's values, in small letters, that mean no anomaly.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig", errors="replace") as file:
            lines = csv.DictReader(file, skipinitialspace=True)
            label = label if label in (lines.fieldnames or ()) else label.strip()
            names = [name for name in lines.fieldnames or () if name != label]
            if label not in (lines.fieldnames or ()):
                raise BadTable(
                    path,
                    "no column {label}; there are: {names}",
                    label=repr(label),
                    names=", ".join(lines.fieldnames or ()),
                )
            raw = [row for row, _ in zip(lines, range(MAX_ROWS), strict=False)]
    except (OSError, csv.Error) as error:
        raise BadTable(path, error) from error
    columns = {name: values for name in names if (values := _numbers([row[name] for row in raw])) is not None}
    labels = [(row[label] or "").strip().lower() not in normal for row in raw]
    if not columns or len(set(labels)) < 2:
        raise BadTable(path, "needs a numeric column, and both normal and other values in {label}", label=repr(label))
    rows = [list(row) for row in zip(*columns.values(), strict=True)]
    return Table(tuple(columns), rows, labels, tuple(name for name in names if name not in columns))


def _numbers(texts: Sequence[str | None]) -> list[float] | None:
    values: list[float | None] = []
    for text in texts:
        try:
            value = float(text) if text and text.strip() else None
        except ValueError:
            return None
        values.append(None if (value is not None and abs(value) > 1e30) or value != value else value)
    known = [value for value in values if value is not None]
    usual = median(known) if known else 0.0
    return [usual if value is None else value for value in values]


def scaling(rows: Sequence[Sequence[float]]) -> list[tuple[float, float]]:
    """(median, deviation) of each column: 1.4826 MAD, or of those that vary otherwise their mean deviation, or 1."""
    found = []
    for column in zip(*rows, strict=True):
        middle = median(column)
        away = [abs(value - middle) for value in column]
        found.append((middle, SPREAD * median(away) or sum(away) / len(away) or 1.0))
    return found


def scaled(rows: Sequence[Sequence[float]], by: Sequence[tuple[float, float]]) -> Rows:
    """Rows in deviations from the median, at most a million either way."""
    return [[max(-1e6, min(1e6, (v - m) / s)) for v, (m, s) in zip(row, by, strict=True)] for row in rows]


def on_table(table: Table, parameters: ForestParameters = ForestParameters()) -> list[Figure]:
    """The forest and both baselines on a table: learned on a random half without its labels, measured on the other."""
    order = list(range(len(table.rows)))
    Random(parameters.seed).shuffle(order)  # noqa: S311 - nothing secret
    half = len(order) // 2
    learn, test = order[:half], order[half:]
    by = scaling([table.rows[place] for place in learn])
    known, unknown = (scaled([table.rows[place] for place in part], by) for part in (learn, test))
    forest = grow(known, trees=parameters.trees, sample=parameters.sample, seed=parameters.seed)
    labels = [table.labels[place] for place in test]
    taught = [table.labels[place] for place in learn]
    methods = {"forest": [forest.score(row) for row in unknown]}
    return _figures("", methods | _baselines(known, taught, unknown, table.columns), labels)


def _baselines(known: Rows, taught: Sequence[bool], unknown: Rows, names: Sequence[str]) -> dict[str, list[float]]:
    """Distance from the median in MADs (root of the sum of squares); and the one feature, in the one direction, that
    is best on the learned half by its labels, which no unsupervised model is shown.
    """
    found = {"distance in MADs": [sum(value * value for value in row) ** 0.5 for row in unknown]}
    if len(set(taught)) == 2:
        quality = [(auc([row[place] for row in known], taught), place) for place in range(len(names))]
        best, place = max((max(area, 1 - area), place) for area, place in quality)
        sign = 1 if (best, place) in quality else -1
        found[f"best feature: {names[place]}"] = [sign * row[place] for row in unknown]
    return found


def on_world(content: Mapping[str, Described], world: World = WORLD) -> list[Figure]:
    """Every model on the generated history: learned on its first two thirds, which hold no attack, measured on the
    rest, each kind of attack by itself and all together.
    """
    history = labelled(world)
    middle = START + world.days * WORLD_DAY * 2 // 3
    early = [one.part for one in history if one.part.bucket < middle]
    late = [one for one in history if one.part.bucket >= middle]
    models = {name: one.make() for name, one in content.items()}
    methods: dict[str, list[float]] = {name: [] for name in models}
    levels = {name: max(level, content[name].floor) for name, level in _taught(models, early).items()}
    for one in late:
        for name, model in models.items():
            methods[name].append(model.score(one.part))
            if model.live:
                model.learn([one.part])
    methods["all models"] = [max(pair) for pair in zip(*_over(methods, levels), strict=True)]
    by = scaling([vector(part) for part in early])
    rows = scaled([vector(one.part) for one in late], by)
    kinds = [one.kind for one in late]
    figures: list[Figure] = []
    for kind in ("", *KINDS):
        chosen = [place for place, own in enumerate(kinds) if own in ("", kind) or not kind]
        labels = [bool(kinds[place]) for place in chosen]
        own = {name: [scores[place] for place in chosen] for name, scores in methods.items()}
        some = [rows[place] for place in chosen]
        figures += _figures(kind, own | _baselines(some, labels, some, FEATURES), labels)
    return figures


def _taught(models: Mapping[str, Model], early: Sequence[Partial]) -> dict[str, float]:
    """Teaches the models all of it; model -> what one in 200 scores of its last third exceeded, scored unlearned."""
    cut = len(early) * 2 // 3
    for model in models.values():
        model.learn(early[:cut])
    scores: dict[str, list[float]] = {name: [] for name in models}
    for one in scored(models.values(), early[cut:]):
        scores[one.model].append(one.score)
    for model in models.values():
        if not model.live:
            model.learn(early)
    return {name: sorted(values)[len(values) * 199 // 200] for name, values in scores.items()}


def _over(methods: Mapping[str, list[float]], levels: Mapping[str, float]) -> list[list[float]]:
    """Scores as multiples of their level, which is how thresholds from history make models comparable."""
    return [[score / levels[name] for score in methods[name]] for name in levels]


def _figures(kind: str, methods: Mapping[str, list[float]], labels: Sequence[bool]) -> list[Figure]:
    return [Figure(name, kind, auc(scores, labels), recall_at(scores, labels)) for name, scores in methods.items()]
