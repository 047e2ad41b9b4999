"""What all correlations together may remember, and who gives way when it is too much."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from soc.correlation.lane import Lane


@dataclass(frozen=True, slots=True)
class Budget:
    """The bounds of all correlations together; each has its own besides (Bounds).

    groups   groups
    entries  times and values
    samples  whole events kept as examples, divided evenly
    """

    groups: int = 200_000
    entries: int = 2_000_000
    samples: int = 20_000

    def settle(self, lanes: Sequence[Lane], now: int) -> None:
        """Makes those that have more than their fair share give way, if all together have too much.

        A fair share is what each could have if all asked for as much as they can get; what some leave, others may
        use. Who has no more than the total divided by the number of correlations never gives way.
        """
        sizes = [len(lane.groups) for lane in lanes]
        if sum(sizes) > self.groups:
            for lane in lanes:
                lane.expire(now - lane.correlation.span)
            share = fair_share((len(lane.groups) for lane in lanes), self.groups)
            for lane in lanes:
                lane.shrink(share, now)
        if sum(lane.entries for lane in lanes) > self.entries:
            share = fair_share((lane.entries for lane in lanes), self.entries)
            for lane in lanes:
                if lane.entries > share:
                    lane.audit(now - lane.correlation.span, share)


def fair_share(sizes: Iterable[int], total: int) -> int:
    """The highest level to which sizes can be cut so that they add up to the total at most.

    >>> fair_share([10, 10, 100], 60)
    40
    """
    rest = total
    ranked = sorted(sizes)
    for place, size in enumerate(ranked):
        share = rest // (len(ranked) - place)
        if size > share:
            return share
        rest -= size
    return ranked[-1] if ranked else total
