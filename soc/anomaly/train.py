"""Learning from stored history: models on its first two thirds, thresholds on the last, which they have not seen."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from soc.anomaly.budget import DAY, USUAL_BUDGET, Scored, allowed, candidates, day_of, thresholds
from soc.anomaly.content import Described
from soc.anomaly.features import BUCKET, Features, Partial, merged
from soc.anomaly.model import Model
from soc.anomaly.watch import scored
from soc.core.errors import SocError
from soc.core.event import Event

FEWEST = 200
BATCH = 2000


class UnusableHistory(SocError):
    """Too little is stored to learn from."""


class Trained(NamedTuple):
    """Models that have learned all of it, and what the calibration came to.

    since, middle, until   µs: the history, and where calibration begins; partials: its number
    candidates   model -> entities and days above the floor in the calibration; alerts: those at the thresholds
    """

    models: dict[str, Model]
    thresholds: dict[str, float]
    since: int
    middle: int
    until: int
    partials: int
    candidates: dict[str, int]
    alerts: dict[str, int]
    budget: float

    @property
    def days(self) -> float:
        """Length of the calibration."""
        return (self.until - self.middle) / DAY

    @property
    def rate(self) -> float:
        """Alerts a day of all models together, as calibrated."""
        return sum(self.alerts.values()) / self.days


def history(events: Iterable[Event]) -> list[Partial]:
    """Stored events as whole partials, ordered by bucket and entity."""
    features = Features()
    parts: list[Partial] = []
    batch: list[Event] = []
    for event in events:
        batch.append(event)
        if len(batch) == BATCH:
            parts += features.of(batch)
            batch = []
    return merged([*parts, *features.of(batch)])


def train(content: Mapping[str, Described], parts: Sequence[Partial], budget: float = USUAL_BUDGET) -> Trained:
    """Fresh models, taught and calibrated; UnusableHistory if there are fewer than FEWEST partials or three hours."""
    if len(parts) < FEWEST or parts[-1].bucket - parts[0].bucket < 18 * BUCKET:
        raise UnusableHistory(
            "{number} host buckets of ten minutes are stored; at least {least} over three hours are needed",
            number=len(parts),
            least=FEWEST,
        )
    since, until = parts[0].bucket, parts[-1].bucket + BUCKET
    middle = (since + (until - since) * 2 // 3) // BUCKET * BUCKET
    early = [part for part in parts if part.bucket < middle]
    models = {name: one.make() for name, one in content.items()}
    for model in models.values():
        model.learn(early)
    scores = scored(models.values(), (part for part in parts if part.bucket >= middle))
    floors = {name: one.floor for name, one in content.items()}
    ranked = candidates(scores, floors)
    levels = thresholds(ranked, floors, allowed(budget, middle, until))
    return Trained(
        models=models,
        thresholds=levels,
        since=since,
        middle=middle,
        until=until,
        partials=len(parts),
        candidates={name: len(values) for name, values in ranked.items()},
        alerts=_alerts(scores, levels),
        budget=budget,
    )


def _alerts(scores: Iterable[Scored], levels: Mapping[str, float]) -> dict[str, int]:
    raised = {(one.model, one.entity, day_of(one.bucket)) for one in scores if 0 < one.score >= levels[one.model]}
    return {name: sum(model == name for model, _, _ in raised) for name in levels}
