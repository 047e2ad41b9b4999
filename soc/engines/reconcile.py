"""Was any line lost? What each stage had of every source and minute of receipt, compared.

    received (collector) ─> in Kafka ─> detected ─> stored + rejected + refused by Elasticsearch

A line is told by its origin and number, so what was sent or read twice counts once. A stage counts as having had what a
later one has: old lines are gone from Kafka, and not lost. What is younger than the grace is under way, and no gap.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple

from soc.core.intervals import Intervals
from soc.core.wire import Count

MINUTE: Final = 60_000_000
OTHERS: Final = "others"
"""As what a collector counts the origins beyond its first 4,096 of a minute."""

Stage = Literal["collector->kafka", "kafka->detect", "detect->index"]
STAGES: Final[tuple[Stage, ...]] = ("collector->kafka", "kafka->detect", "detect->index")


class Gap(NamedTuple):
    """So many lines did not get past a stage."""

    stage: Stage
    lines: int


@dataclass(slots=True)
class Flow:
    """What each stage has had of an origin's lines that were received within a minute.

    received  by collector; kafka, detected: numbers of lines; joined: of events that stand for several lines
    documents in Elasticsearch: "stored" (events), "rejected" (lines), "refused" (events that it did not take)
    """

    received: dict[str, int] = field(default_factory=dict)
    kafka: Intervals = field(default_factory=Intervals)
    detected: Intervals = field(default_factory=Intervals)
    joined: Intervals = field(default_factory=Intervals)
    documents: Counter[str] = field(default_factory=Counter)


class Row(NamedTuple):
    """A source's minute (its start, s since the epoch). received None: of it no collector tells, as of soc ship.

    pending: it is under way, so nothing is missing yet.
    """

    origin: str
    minute: int
    received: int | None
    kafka: int
    detected: int
    joined: int
    stored: int
    rejected: int
    refused: int
    pending: bool
    gaps: tuple[Gap, ...]


class Ledger:
    """The flows of lines received within since <= time < until (µs); since is the start of a minute."""

    def __init__(self, since: int, until: int) -> None:
        self.since, self.until = since // MINUTE * MINUTE, until
        self.flows: dict[tuple[str, int], Flow] = {}
        self.unreadable = 0

    def flow(self, origin: str, received: int) -> Flow | None:
        """That of an origin's minute; None if it is not asked for."""
        if not self.since <= received < self.until:
            return None
        key = origin, received // MINUTE * 60
        found = self.flows.get(key)
        if found is None:
            found = self.flows[key] = Flow()
        return found

    def count(self, count: Count) -> None:
        """A collector's total; a later one of the same replaces it."""
        flow = self.flow(count.origin, count.minute * 1_000_000) if count.stage == "collector" else None
        if flow is not None:
            flow.received[count.collector] = count.lines

    def documents(self, kind: str, origin: str, minute: int, lines: int) -> None:
        """So many documents of a kind (see Flow) more; minute: its start, s."""
        flow = self.flow(origin, minute * 1_000_000)
        if flow is not None:
            flow.documents[kind] += lines


Recount = Callable[[str, int], int]
"""(origin, minute) -> lines in Elasticsearch, each once however often it is there."""


def judge(ledger: Ledger, now: int, grace: int, recount: Recount) -> list[Row]:
    """A row for each source and minute, in order of minute and source. now, grace: µs."""
    return sorted(_rows(_gathered(ledger.flows), now, grace, recount), key=lambda row: (row.minute, row.origin))


def _gathered(flows: dict[tuple[str, int], Flow]) -> dict[tuple[str, int], list[tuple[str, Flow]]]:
    """Flows by what they are compared as: where a collector has counted some origins as others, so are they here."""
    others = {minute for origin, minute in flows if origin == OTHERS}
    gathered: dict[tuple[str, int], list[tuple[str, Flow]]] = {}
    for (origin, minute), flow in flows.items():
        as_other = minute in others and not flow.received
        gathered.setdefault((OTHERS if as_other else origin, minute), []).append((origin, flow))
    return gathered


def _rows(
    gathered: dict[tuple[str, int], list[tuple[str, Flow]]], now: int, grace: int, recount: Recount
) -> Iterator[Row]:
    for (origin, minute), flows in gathered.items():
        counts = [lines for _, flow in flows for lines in flow.received.values()]
        received = sum(counts) if counts else None
        kafka = sum(len(flow.kafka) for _, flow in flows)
        detected = sum(len(flow.detected) for _, flow in flows)
        rejected = sum(flow.documents["rejected"] for _, flow in flows)
        refused = sum(flow.documents["refused"] for _, flow in flows)
        stored = 0
        for name, flow in flows:
            found = flow.documents["stored"]
            if flow.documents.total() > max(len(flow.kafka), len(flow.detected)):
                # Written again after its index rolled over, it is there twice, and would hide one that is missing
                found = max(0, recount(name, minute) - flow.documents["rejected"])
            stored += found
        pending = now < minute * 1_000_000 + MINUTE + grace
        gaps = () if pending else tuple(_gaps(received, kafka, detected, stored + rejected + refused))
        joined = sum(len(flow.joined) for _, flow in flows)
        yield Row(origin, minute, received, kafka, detected, joined, stored, rejected, refused, pending, gaps)


def _gaps(received: int | None, kafka: int, detected: int, out: int) -> Iterator[Gap]:
    detected = max(detected, out)
    kafka = max(kafka, detected)
    before = (kafka if received is None else received, kafka, detected)
    for stage, had, has in zip(STAGES, before, (kafka, detected, out), strict=True):
        if has < had:
            yield Gap(stage, had - has)
