"""forest: scikit-learn's IsolationForest over what a host does in ten minutes: mixes that no number shows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from heapq import nsmallest
from statistics import median

import msgspec

from soc.anomaly.bounded import rank
from soc.anomaly.features import Partial
from soc.anomaly.model import REASONS, Explanation, amount, reason
from soc.anomaly.trees import Forest as Trees
from soc.anomaly.trees import grow

FEATURES = (
    "events in 10 min",
    "hosts contacted in 10 min",
    "ports contacted in 10 min",
    "bytes sent in 10 min",
    "bytes received in 10 min",
    "share of failures",
    "share of denied",
    "events for each host contacted",
    "bytes sent for each event",
    "share of bytes sent",
)
SHARES = frozenset({5, 6, 9})
FEW = 5
"""Events added to those of a share, so that one failure of one event is no 100 %."""


class ForestParameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """trees, sample: as in the paper, 100 trees of 256 rows each. seed: of the choice of rows and splits.

    rows   at most so many partials of the history are learned from, chosen by a hash of entity and bucket
    fewest rows that are needed
    least  events in a bucket below which nothing is unusual
    """

    trees: int = 100
    sample: int = 256
    seed: int = 1
    rows: int = 50_000
    fewest: int = 64
    least: int = 5


class _State(msgspec.Struct, array_like=True):
    trees: Trees | None
    usual: list[float]


class Forest:
    """The score is the paper's: about 0.4 to 0.5 for the usual, never above 1."""

    name = "forest"
    live = False
    of_peers = False

    def __init__(self, parameters: ForestParameters = ForestParameters()) -> None:
        self._is = parameters
        self._state = _State(None, [0.0] * len(FEATURES))

    def learn(self, parts: Sequence[Partial]) -> None:
        """Grows a forest of these partials, in place of what was known; too few leave it as it was."""
        chosen = nsmallest(self._is.rows, parts, key=lambda part: rank(f"{part.bucket} {part.entity}"))
        rows = [vector(part) for part in chosen]
        if len(rows) >= self._is.fewest:
            trees = grow(rows, trees=self._is.trees, sample=self._is.sample, seed=self._is.seed)
            self._state = _State(trees, [median(column) for column in zip(*rows, strict=True)])

    def score(self, part: Partial, least: float = 0.0) -> float:
        trees = self._state.trees
        if trees is None or part.events < self._is.least:
            return 0.0
        return trees.score(vector(part), least)

    def explain(self, part: Partial) -> Explanation:
        """The features whose replacement by their median makes the row most usual."""
        trees = self._state.trees
        if trees is None:
            return Explanation("", "", ())
        row, usual = vector(part), self._state.usual
        score = trees.score(row)
        gains = [score - trees.score([*row[:place], usual[place], *row[place + 1 :]]) for place in range(len(row))]
        order = sorted(range(len(row)), key=lambda place: (-gains[place], place))[:REASONS]
        reasons = tuple(
            reason(FEATURES[place], _shown(place, usual[place]), f"{_shown(place, row[place])} (+{gains[place]:.3f})")
            for place in order
        )
        return Explanation(f"{trees.score(usual):.2f}", f"{score:.2f}", reasons)

    def save(self) -> bytes:
        return msgspec.msgpack.encode(self._state)

    def load(self, state: bytes) -> None:
        self._state = msgspec.msgpack.decode(state, type=_State)


def vector(part: Partial) -> list[float]:
    """A partial as FEATURES: logs of counts, which differ by factors, and shares as they are."""
    hosts, ports = part.peer_count, part.port_count
    return [
        math.log1p(part.events),
        math.log1p(hosts),
        math.log1p(ports),
        math.log1p(part.sent),
        math.log1p(part.received),
        part.failures / (part.events + FEW),
        part.denied / (part.events + FEW),
        math.log1p(part.events / max(1, hosts)),
        math.log1p(part.sent / part.events),
        (part.sent + 1) / (part.sent + part.received + 2),
    ]


def _shown(place: int, value: float) -> str:
    return f"{value:.0%}" if place in SHARES else amount(math.expm1(value))
