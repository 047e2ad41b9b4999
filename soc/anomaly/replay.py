"""A version over stored history: how many alerts a day it really comes to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from soc.anomaly.budget import DAY
from soc.anomaly.features import BUCKET, Partial
from soc.anomaly.watch import Watch


class Real(NamedTuple):
    """Alerts by model, and over how many days."""

    alerts: dict[str, int]
    days: float

    @property
    def rate(self) -> float:
        """Alerts a day of all models together."""
        return sum(self.alerts.values()) / self.days


def replayed(watch: Watch, parts: Sequence[Partial]) -> Real:
    """What a watch, which is used up by it, raises on whole partials in order; ValueError if there are none."""
    if not parts:
        raise ValueError("no partials")
    reached = parts[0].bucket
    for part in parts:
        if part.bucket > reached:
            watch.advance(part.bucket)
            reached = part.bucket
        watch.take([part], "history")
    watch.advance(parts[-1].bucket + BUCKET)
    return Real(watch.realised.by_model(), (parts[-1].bucket + BUCKET - parts[0].bucket) / DAY)
