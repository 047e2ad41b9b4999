"""Counts findings so that telling it twice counts once: an episode that goes on reports totals, not increments."""

from __future__ import annotations

import msgspec

from soc.core.finding import Finding, Kind
from soc.core.ids import content_id

# Episodes whose totals are kept apart; beyond it the one that has been quiet longest is taken as finished.
EPISODES = 1000


class Tally(msgspec.Struct):
    """Number of events behind an alert, with first and last time (µs).

    A rule's finding is one event each. A correlation or model repeats its total so far for each episode (anchor and
    group); the largest total of each counts, so a repeated or overtaken report changes nothing.
    """

    first: int
    last: int
    single: int = 0
    finished: int = 0
    episodes: dict[str, int] = {}

    @classmethod
    def of(cls, finding: Finding) -> Tally:
        """A tally that has counted this finding only."""
        tally = cls(finding.first, finding.last)
        tally.add(finding)
        return tally

    @property
    def count(self) -> int:
        return self.single + self.finished + sum(self.episodes.values())

    def add(self, finding: Finding) -> None:
        self.first = min(self.first, finding.first)
        self.last = max(self.last, finding.last)
        if finding.rule.kind is Kind.RULE:
            self.single += finding.count
            return
        values = (text for pair in finding.group for text in pair)
        episode = content_id([str(finding.anchor), *values], size=8)
        self.episodes[episode] = max(finding.count, self.episodes.pop(episode, 0))
        if len(self.episodes) > EPISODES:
            self.finished += self.episodes.pop(next(iter(self.episodes)))
