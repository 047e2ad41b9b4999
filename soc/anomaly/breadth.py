"""breadth: how many different hosts and ports an entity contacts in ten minutes, against what is usual for it.

An entity that is hardly known is compared with all others.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec

from soc.anomaly.entities import Entities
from soc.anomaly.features import Partial
from soc.anomaly.model import Explanation, amount, reason
from soc.anomaly.robust import Level


class BreadthParameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """floor: the least deviation of log(1 + n) that is believed. warm: buckets until an entity is judged by itself.

    least     hosts or ports below which nothing is a scan
    entities  that are remembered; of more, those longest unseen are forgotten
    """

    floor: float = 0.5
    warm: int = 12
    least: int = 15
    entities: int = 5000


class Habit(msgspec.Struct, array_like=True):
    """Levels of log(1 + number of distinct hosts and ports in a bucket)."""

    hosts: Level
    ports: Level


class Breadth:
    """The greater of the distances of hosts and of ports, in standard deviations of their logs."""

    name = "breadth"
    live = True
    of_peers = False

    def __init__(self, parameters: BreadthParameters = BreadthParameters()) -> None:
        self._is = parameters
        self._habits: Entities[Habit] = Entities(parameters.entities)
        self._everybody = Habit(Level(), Level())

    def learn(self, parts: Sequence[Partial]) -> None:
        for part in parts:
            if not _acts(part):
                continue
            hosts, ports = math.log1p(part.peer_count), math.log1p(part.port_count)
            for habit in (self._habits.touch(part.entity, lambda: Habit(Level(), Level())), self._everybody):
                habit.hosts.add(hosts)
                habit.ports.add(ports)

    def score(self, part: Partial, least: float = 0.0) -> float:
        if not _acts(part) or self._everybody.hosts.number < self._is.warm:
            return 0.0
        return max(0.0, *(distance for distance, *_ in self._measures(part)))

    def _measures(self, part: Partial) -> list[tuple[float, str, int, float]]:
        """(distance, what, number, usual number) of hosts and ports, the farthest first."""
        habit = self._habit(part)
        found = []
        for what, count, level in (
            ("hosts contacted in 10 min", part.peer_count, habit.hosts),
            ("ports contacted in 10 min", part.port_count, habit.ports),
        ):
            far = level.distance(math.log1p(count), self._is.floor) if count >= self._is.least else 0.0
            found.append((far, what, count, math.expm1(level.middle)))
        return sorted(found, key=lambda one: -one[0])

    def _habit(self, part: Partial) -> Habit:
        own = self._habits.get(part.entity)
        return own if own is not None and own.hosts.number >= self._is.warm else self._everybody

    def explain(self, part: Partial) -> Explanation:
        (far, what, count, usual), (_, other, second, usual2) = self._measures(part)
        own = self._habits.get(part.entity)
        known = own.hosts.number if own is not None else 0
        denied = reason("share of denied", "0–100 %", f"{part.denied / part.events:.0%}")
        return Explanation(
            amount(usual),
            amount(count),
            (
                reason(what, amount(usual), f"{amount(count)} ({far:.1f} σ)"),
                reason(other, amount(usual2), amount(second)),
                denied if part.denied else reason("buckets known of this host", f"≥ {self._is.warm}", known),
            ),
        )

    def save(self) -> bytes:
        return msgspec.msgpack.encode((self._everybody, self._habits.items()))

    def load(self, state: bytes) -> None:
        everybody, habits = msgspec.msgpack.decode(state, type=tuple[Habit, list[tuple[str, Habit]]])
        self._everybody = everybody
        self._habits.restore(habits)


def _acts(part: Partial) -> bool:
    """Whether it is about a host that contacts others; outsiders who contact ours are many by nature."""
    return part.entity.startswith("source.ip=") and bool(part.peers)
