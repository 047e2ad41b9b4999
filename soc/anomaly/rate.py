"""rate: how many events an entity has in ten minutes, against its own usual number at this hour of the week."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import msgspec

from soc.anomaly.entities import Entities
from soc.anomaly.features import BUCKET, Partial
from soc.anomaly.model import Explanation, amount, reason
from soc.anomaly.robust import Level

HOUR: Final = 3_600_000_000
WEEK: Final = 168
MONDAY: Final = 4 * 24
"""1970-01-01 was a Thursday; hour 0 of the week is Monday's first."""
SLOT: Final = 4
"""Values that a slot must have seen before it is believed over the entity's general level."""


class RateParameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """floor: the least deviation of log(1 + events) that is believed. warm: buckets an entity must have been seen in.

    least     events in a bucket below which nothing is unusual
    entities  that are remembered; of more, those longest unseen are forgotten
    zone      hours east of UTC of the hours of the week
    """

    floor: float = 0.35
    warm: int = 36
    least: int = 30
    entities: int = 5000
    zone: int = 7


class Habit(msgspec.Struct, array_like=True):
    """What is usual for one entity: at all, and in each hour of the week in which it was seen (0 = Monday 00:00)."""

    whole: Level
    hours: dict[int, Level]


class Rate:
    """z = (log(1 + n) - usual) / deviation. Logs, since counts vary by factors; the deviation of a count of n is about
    sqrt(n), which is 1 / sqrt(n) of its log, and is never taken for less.
    """

    name = "rate"
    live = True
    of_peers = False

    def __init__(self, parameters: RateParameters = RateParameters()) -> None:
        self._is = parameters
        self._habits: Entities[Habit] = Entities(parameters.entities)

    def learn(self, parts: Sequence[Partial]) -> None:
        for part in parts:
            habit = self._habits.touch(part.entity, lambda: Habit(Level(), {}))
            value = math.log1p(part.events)
            habit.whole.add(value)
            habit.hours.setdefault(self._hour(part), Level()).add(value)

    def score(self, part: Partial, least: float = 0.0) -> float:
        habit = self._habits.get(part.entity)
        if habit is None or habit.whole.number < self._is.warm or part.events < self._is.least:
            return 0.0
        return max(0.0, self._distance(self._level(habit, part), part))

    def _level(self, habit: Habit, part: Partial) -> Level:
        """The hour's own level, or the neighbours', or the entity's at all hours while the hour is new."""
        hour = self._hour(part)
        for candidate in (hour, (hour - 24) % WEEK, (hour + 24) % WEEK):
            level = habit.hours.get(candidate)
            if level is not None and level.number >= SLOT:
                return level
        return habit.whole

    def _distance(self, level: Level, part: Partial) -> float:
        noise = 1 / math.sqrt(1 + math.expm1(max(level.middle, 0.0)))
        return level.distance(math.log1p(part.events), math.hypot(self._is.floor, noise))

    def _hour(self, part: Partial) -> int:
        return (part.bucket // HOUR + self._is.zone - MONDAY) % WEEK

    def explain(self, part: Partial) -> Explanation:
        habit = self._habits.get(part.entity) or Habit(Level(), {})
        level = self._level(habit, part)
        usual, clock = amount(math.expm1(level.middle)), f"{self._hour(part) % 24:02d}:00"
        high = math.expm1(level.middle + 3 * math.hypot(1.25 * level.spread, self._is.floor))
        baseline = f"{usual} ({clock})"
        return Explanation(
            baseline,
            amount(part.events),
            (
                reason("events in 10 min", baseline, amount(part.events)),
                reason(
                    "standard deviations above", 3, f"{self._distance(level, part):.1f} (≤ {amount(high)})", "at most"
                ),
                reason(
                    "buckets known of this host",
                    f"≥ {self._is.warm}",
                    f"{habit.whole.number} ({clock}: {level.number})",
                ),
            ),
        )

    def save(self) -> bytes:
        return msgspec.msgpack.encode(self._habits.items())

    def load(self, state: bytes) -> None:
        self._habits.restore(msgspec.msgpack.decode(state, type=list[tuple[str, Habit]]))


assert HOUR % BUCKET == 0
