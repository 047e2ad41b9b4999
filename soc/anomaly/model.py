"""The contract of an anomaly model: learn, score, explain, save, load. One file a model, its words in
``detections/anomaly/<name>.yml``. Its state is keyed by entity and bounded.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from soc.anomaly.features import Partial
from soc.core.finding import Reason

REASONS = 3


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a partial has its score: what is usual, what was there, and the top three reasons, the weightiest first.

    peer: the one of the partial's calls ("203.0.113.9:443") that it is about; "" where it is about all that a host does
    """

    baseline: str
    value: str
    reasons: tuple[Reason, ...]
    peer: str = ""


class Model(Protocol):
    """Whole partials (merged, of closed buckets) come in order of bucket and entity; a score is asked for before
    that partial is learned. The same partials give the same scores and the same bytes.
    """

    name: str
    live: bool
    """Whether it goes on learning as it runs; False: only from stored history, in ``soc anomaly train``."""
    of_peers: bool
    """Whether its alerts are about one peer that a host calls, see Explanation.peer."""

    def learn(self, parts: Sequence[Partial]) -> None:
        """Takes these as part of what is normal. A live model adds to what it knows; the others begin anew."""

    def score(self, part: Partial, least: float = 0.0) -> float:
        """How unusual it is: 0 for not at all, or not known yet; greater is more unusual. Each model has its scale.

        What is below ``least`` may be called 0, where that is known sooner.
        """

    def explain(self, part: Partial) -> Explanation:
        """In words, with the same knowledge that ``score`` had."""

    def save(self) -> bytes:
        """Everything learned."""

    def load(self, state: bytes) -> None:
        """The inverse of save; msgspec.DecodeError (a ValueError) if it is not ours."""


def reason(what: str, usual: object, value: object, operator: str = "usually") -> Reason:
    """ "connections, usually 12, was 340". ``what`` and ``operator`` are words of soc.anomaly.words."""
    return Reason(what, operator, str(usual), str(value))


def amount(value: float) -> str:
    """A number as people read it: "1,234", "0.25"."""
    return f"{value:,.0f}" if abs(value) >= 10 or value == int(value) else f"{value:.2g}"
