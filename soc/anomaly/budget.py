"""How many alerts a day all models may raise together, and the thresholds that keep to it on history.

One alert is a model, an entity (and its peer, where the model names one) and a local day, since triage folds so. Each
model's candidates are ranked by their day's greatest score; every model gets the same number of the highest, and what
one does not use goes to the others.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

DAY: Final = 86_400_000_000
ZONE: Final = 25_200_000_000
"""µs east of UTC of the midnight that days begin at (+07:00)."""
USUAL_BUDGET: Final = 10.0


class Scored(NamedTuple):
    """One model's score of one entity in one bucket (µs). entity: whom an alert of it would be about."""

    model: str
    entity: str
    bucket: int
    score: float


def day_of(bucket: int, zone: int = ZONE) -> int:
    """The number of the local day of a time in µs; zone in µs."""
    return (bucket + zone) // DAY


def candidates(scores: Iterable[Scored], floors: Mapping[str, float]) -> dict[str, list[float]]:
    """Model -> the greatest score of each entity and day that reaches its floor, falling."""
    best: dict[tuple[str, str, int], float] = {}
    for one in scores:
        if one.score >= floors[one.model] and one.score > 0:
            key = (one.model, one.entity, day_of(one.bucket))
            best[key] = max(best.get(key, 0.0), one.score)
    found: dict[str, list[float]] = {name: [] for name in floors}
    for (model, _, _), score in best.items():
        found[model].append(score)
    return {name: sorted(values, reverse=True) for name, values in found.items()}


def thresholds(ranked: Mapping[str, list[float]], floors: Mapping[str, float], alerts: int) -> dict[str, float]:
    """Model -> the score from which on it alerts, so that on this history there are at most ``alerts`` in all.

    Equal scores are taken or left together, so there may be fewer. Where all candidates fit, the floor stays.
    """
    shares = _shares({name: len(values) for name, values in ranked.items()}, alerts)
    return {name: _threshold(values, shares[name], floors[name]) for name, values in ranked.items()}


def _shares(wanted: Mapping[str, int], alerts: int) -> dict[str, int]:
    """Fills all models evenly; the last few that cannot be divided go by the order of names."""
    given = dict.fromkeys(wanted, 0)
    left = alerts
    while left > 0 and (open_ := sorted(name for name in wanted if given[name] < wanted[name])):
        each, more = divmod(left, len(open_))
        for place, name in enumerate(open_):
            take = min(each + (place < more), wanted[name] - given[name])
            given[name] += take
            left -= take
    return given


def _threshold(values: list[float], share: int, floor: float) -> float:
    if share >= len(values):
        return floor
    return max(floor, math.nextafter(values[share], math.inf))


class Realised:
    """Alerts by model and local day, as they really came; the latest days only."""

    def __init__(self, days: int = 30) -> None:
        self._days = days
        self._seen: dict[int, set[tuple[str, str]]] = {}

    def add(self, model: str, entity: str, bucket: int) -> None:
        self._seen.setdefault(day_of(bucket), set()).add((model, entity))
        while len(self._seen) > self._days:
            del self._seen[min(self._seen)]

    def by_model(self) -> dict[str, int]:
        """Model -> its alerts in the days that are remembered."""
        return dict(sorted(Counter(model for seen in self._seen.values() for model, _ in seen).items()))

    def by_day(self) -> dict[int, int]:
        """Number of the local day since 1970 -> alerts on it, for days that had any."""
        return {day: len(seen) for day, seen in sorted(self._seen.items())}

    def items(self) -> list[tuple[int, list[tuple[str, str]]]]:
        return [(day, sorted(seen)) for day, seen in sorted(self._seen.items())]

    def restore(self, items: Iterable[tuple[int, list[tuple[str, str]]]]) -> None:
        self._seen = {day: set(seen) for day, seen in items}


def allowed(budget: float, since: int, until: int) -> int:
    """Alerts that a budget a day allows between two times (µs); at least one."""
    return max(1, math.floor(budget * (until - since) / DAY))
