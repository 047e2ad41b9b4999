"""beacon: a host that calls the same peer at even intervals, jitter and missed beats allowed, as implants call home."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import pairwise

import msgspec

from soc.anomaly.bounded import kept
from soc.anomaly.entities import Entities
from soc.anomaly.features import Partial
from soc.anomaly.model import Explanation, amount, reason

SHARED = 16
MISSED = 0.2


class BeaconParameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """least: calls needed. times: latest seconds with calls of a pair that are looked at. shortest, longest: seconds
    between calls; what follows another sooner belongs to it.

    common    callers of a peer, beside the first, that halve the score: what many call is rather a service
    settle    days of regular calls after which a pair is taken as known
    regular   regularity from which a pair counts as regular
    pairs     of an entity, entities, peers: that are remembered; those longest unseen are forgotten
    """

    least: int = 12
    times: int = 96
    shortest: int = 5
    longest: int = 7200
    common: int = 8
    settle: int = 3
    regular: float = 0.75
    pairs: int = 64
    entities: int = 3000


class Pair(msgspec.Struct, array_like=True):
    """Whole seconds in which calls began, ordered, as devices report them: several may report one call. since: second
    of the first regular call, 0 for none.
    """

    times: list[int]
    since: int = 0


class Beacon:
    """regularity x fewness of callers x enough calls, each 0 to 1.

    regularity = 1 - MAD / median of the intervals (as in RITA's beacon score: 1 a clock, 0.31 a Poisson process, 0.75 a
    jitter of +-50 %), where up to a fifth of the intervals may be multiples of the median, which are missed beats.
    """

    name = "beacon"
    live = True
    of_peers = True

    def __init__(self, parameters: BeaconParameters = BeaconParameters()) -> None:
        self._is = parameters
        self._pairs: Entities[dict[str, Pair]] = Entities(parameters.entities)
        self._callers: Entities[list[str]] = Entities(parameters.entities)

    def learn(self, parts: Sequence[Partial]) -> None:
        for part in parts:
            if not part.calls or not part.entity.startswith("source.ip="):
                continue
            pairs = self._pairs.touch(part.entity, dict[str, Pair])
            for peer in sorted(part.calls):
                known = pairs.pop(peer, None) or Pair([])
                known.times = self._times(known, part.calls[peer])
                regular = self._regularity(self._calls(known.times)) >= self._is.regular
                known.since = (known.since or known.times[0]) if regular else 0
                pairs[peer] = known
                callers = self._callers.touch(peer, list[str])
                if part.entity not in callers:
                    callers[:] = kept([*callers, part.entity], SHARED)
            while len(pairs) > self._is.pairs:
                del pairs[next(iter(pairs))]

    def score(self, part: Partial, least: float = 0.0) -> float:
        return max((self._score(part, peer)[0] for peer in part.calls), default=0.0)

    def _times(self, known: Pair | None, more: Sequence[int]) -> list[int]:
        return sorted({*(known.times if known else ()), *more})[-self._is.times :]

    def _calls(self, times: Sequence[int]) -> list[int]:
        """Where a call begins after silence: the firewall and the IDS tell of one call seconds apart, and a browser
        opens several connections at once.
        """
        return [late for early, late in pairwise((-(10**9), *times)) if late - early >= self._is.shortest]

    def _score(self, part: Partial, peer: str) -> tuple[float, float, list[int], int]:
        """(score, regularity, calls, callers) of one pair with this partial's calls."""
        known = (self._pairs.get(part.entity) or {}).get(peer)
        times = self._calls(self._times(known, part.calls[peer]))
        callers = len({*(self._callers.get(peer) or ()), part.entity})
        regular = self._regularity(times) if part.entity.startswith("source.ip=") else 0.0
        few = self._is.common / (self._is.common + callers - 1)
        settled = times[-1] - ((known and known.since) or times[0]) > self._is.settle * 86_400
        enough = min(1.0, len(times) / (2 * self._is.least))
        return regular * few * (0.5 + 0.5 * enough) * (0.5 if settled else 1.0), regular, times, callers

    def _regularity(self, times: Sequence[int]) -> float:
        if len(times) < self._is.least:
            return 0.0
        gaps: list[float] = sorted(late - early for early, late in pairwise(times))
        usual = gaps[len(gaps) // 2]
        if not self._is.shortest <= usual <= self._is.longest:
            return 0.0
        if gaps[math.floor((1 - MISSED) * (len(gaps) - 1))] <= 1.5 * usual:
            gaps = [gap / round(gap / usual) if gap > 1.5 * usual else gap for gap in gaps]
        return max(0.0, 1 - middle(abs(gap - usual) for gap in gaps) / usual)

    def explain(self, part: Partial) -> Explanation:
        score, peer = max(((self._score(part, peer)[0], peer) for peer in sorted(part.calls)), default=(0.0, ""))
        if not peer:
            return Explanation("", "", ())
        _, regular, times, callers = self._score(part, peer)
        others = [
            self._regularity(calls)
            for name, pair in (self._pairs.get(part.entity) or {}).items()
            if name != peer and len(calls := self._calls(pair.times)) >= self._is.least
        ]
        usual = f"{middle(others):.2f}" if others else "0.31"
        gaps = [late - early for early, late in pairwise(times)] or [0]
        period = middle(gaps)
        jitter = middle(abs(gap - period) for gap in gaps)
        return Explanation(
            usual,
            f"{regular:.2f}",
            (
                reason("regularity of calls", usual, f"{regular:.2f} → {peer} ({score:.2f})"),
                reason("seconds between calls", "±69 %", f"{amount(period)} ±{amount(jitter)}"),
                reason("hosts that call the same peer", f"≥ {self._is.common}", f"{callers} ({len(times)}×)"),
            ),
            peer,
        )

    def save(self) -> bytes:
        return msgspec.msgpack.encode((self._pairs.items(), self._callers.items()))

    def load(self, state: bytes) -> None:
        kind = tuple[list[tuple[str, dict[str, Pair]]], list[tuple[str, list[str]]]]
        pairs, callers = msgspec.msgpack.decode(state, type=kind)
        self._pairs.restore(pairs)
        self._callers.restore(callers)


def middle(values: Iterable[float]) -> float:
    """The upper median; statistics.median takes ten times as long."""
    ordered = sorted(values)
    return ordered[len(ordered) // 2]
