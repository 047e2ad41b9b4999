"""The distributed engine under load on real servers: ``python -m tests.bench stream``, or this module by itself.

Lines as collectors send them (records of up to 500 lines), a real Kafka, ``soc stream`` processes, a real
Elasticsearch, all on one machine: events/s say little there, CPU time says what each part costs. A worker is warmed up
by a sixth of the lines, so that compiling rules does not count. What Faust itself costs is measured against the same
worker with aiokafka alone in its place (tests/bench/stream_worker.py), both with no Elasticsearch behind: the stages,
our outbox and Kafka's client are the same in both, what differs is Faust.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from soc.core.event import RawBatch
from soc.stores import elasticsearch_names as names
from soc.stores.elasticsearch_client import connect
from tests.bench import stages
from tests.bench.stream_rig import Load, Measured, Servers, folder_bytes, load, servers


@dataclass(frozen=True)
class Case:
    """One row. copies: of the story's lines, which fewer are enough where Elasticsearch takes its time; lines: in a
    record, at most.
    """

    name: str
    workers: int = 1
    sigma: bool = False
    options: tuple[str, ...] = ()
    copies: int = 4
    lines: int = 500
    partitions: int = 4


NULL, PLAIN = ("--null",), ("--null", "--plain")
FAUST, ALONE = "Faust, no Elasticsearch", "aiokafka, no Elasticsearch"
CASES = (
    Case("Faust, Elasticsearch", copies=2),
    Case("Faust, Elasticsearch", 2, copies=2),
    Case("Faust, Elasticsearch", sigma=True, copies=2),
    Case(FAUST, options=NULL),
    Case(ALONE, options=PLAIN),
    Case(FAUST, 2, options=NULL),
    Case(FAUST, sigma=True, options=NULL),
    Case(ALONE, sigma=True, options=PLAIN),
    Case(FAUST, options=NULL, copies=1, lines=50),
    Case(ALONE, options=PLAIN, copies=1, lines=50),
    Case(FAUST, options=NULL, copies=1, lines=5),
    Case(ALONE, options=PLAIN, copies=1, lines=5),
    Case(FAUST, options=(*NULL, "--profile")),
    Case(FAUST, options=(*NULL, "--profile"), copies=1, lines=5),
    Case(FAUST, options=NULL, partitions=16),
    Case(FAUST, options=NULL, partitions=32),
)
HEAD = (
    f"{'carrier, sink':27}{'workers':>8} {'rules':14}{'a record':>9}{'lines':>8}{'lines/s':>9}{'workers µs':>11}"
    f"{'(all runs)':>20}{'broker µs':>10}{'ES µs':>7}{'RSS MB':>8}"
)


def run(rules: Path | None = None, only: Sequence[int] = (), runs: int = 3) -> None:
    """Prints the tables; rules: SigmaHQ's, or None. Runs of all cases take turns, since the machine's noise does."""
    if not only:
        print("stages by themselves, in one process")
        stages.run(rules)
    cases = [
        (number, case)
        for number, case in enumerate(CASES)
        if not (case.sigma and rules is None) and (not only or number in only)
    ]
    found: dict[int, list[Load]] = {number: [] for number, _ in cases}
    with tempfile.TemporaryDirectory(prefix="soc-bench-") as name, servers(Path(name)) as at:
        folder = Path(name)
        kinds = {(case.copies, case.lines) for _, case in cases}
        pieces = {kind: stages.story(folder / f"story-{kind[0]}-{kind[1]}", *kind) for kind in kinds}
        for again in range(runs):
            for number, case in cases:
                folders = (str(rules),) if case.sigma else ()
                records = pieces[case.copies, case.lines]
                found[number].append(asyncio.run(_measure(case, folders, records, folder / f"{number}-{again}", at)))
                print(
                    f"  run {again + 1}, case {number}: {_micro(found[number][-1]):.1f} µs", file=sys.stderr, flush=True
                )
        print(f"\n{HEAD}")
        for number, case in cases:
            _print(case, found[number])
        number, case = next(((n, one) for n, one in cases if one.lines == 500), cases[0])
        _disk(number, sum(len(one.lines) for one in pieces[case.copies, case.lines]), case, at)
    _shares(cases, found)
    _signals(cases, found)
    for number, case in cases:
        _profile(case, found[number])


async def _measure(case: Case, rules: tuple[str, ...], pieces: Sequence[RawBatch], folder: Path, at: Servers) -> Load:
    name = f"b{folder.name}"
    elastic = at.elasticsearch.settings(name.replace("-", "_"))
    fleet = Measured(folder, at.kafka.servers, elastic, name, case.partitions, rules=rules, options=case.options)
    return await load(fleet, case.workers, pieces, len(pieces) // 6, at)


def _micro(row: Load) -> float:
    return row.micro(row.workers)


def _print(case: Case, rows: Sequence[Load]) -> None:
    micro = sorted(map(_micro, rows))
    rules = "own + SigmaHQ" if case.sigma else "own"
    broker = statistics.median(row.micro(row.broker) for row in rows)
    elastic = statistics.median(row.micro(row.elasticsearch) for row in rows)
    rate, rss = max(row.lines / row.seconds for row in rows), max(row.rss for row in rows)
    runs = ", ".join(f"{one:.0f}" for one in micro)
    print(
        f"{case.name:27}{case.workers:8} {rules:14}{case.lines:9}{rows[0].lines:8,}{rate:9,.0f}"
        f"{statistics.median(micro):11.1f}{runs:>20}{broker:10.1f}{elastic:7.1f}{rss:8.0f}",
        flush=True,
    )


def _shares(cases: Sequence[tuple[int, Case]], found: Mapping[int, Sequence[Load]]) -> None:
    """Faust's own part of a worker's CPU: what it takes more than aiokafka alone, run by run."""
    for number, case in cases:
        pair = next((n for n, one in cases if one == replace(case, name=ALONE, options=PLAIN)), None)
        if case.name == FAUST and pair is not None:
            both = [(_micro(one), _micro(other)) for one, other in zip(found[number], found[pair], strict=True)]
            more = statistics.median(one - other for one, other in both)
            whole = statistics.median(one for one, _ in both)
            rules = "own + SigmaHQ" if case.sigma else "own"
            told = ", ".join(f"{one - other:+.1f}" for one, other in both)
            print(f"Faust's own share, {rules}, {case.lines} lines a record: {more:.1f} of {whole:.1f} µs "
                  f"({max(0.0, more / whole):.0%}); by run {told}")  # fmt: skip


def _profile(case: Case, rows: Sequence[Load]) -> None:
    """Where the samples fell."""
    total = sum((Counter(row.profile) for row in rows), Counter[str]())
    if samples := sum(total.values()):
        parts = ", ".join(f"{name} {number / samples:.1%}" for name, number in total.most_common())
        print(f"samples, {case.lines} lines a record ({samples:,}): {parts}")


def _signals(cases: Sequence[tuple[int, Case]], found: Mapping[int, Sequence[Load]]) -> None:
    """What a signal costs: every partition of lines tells every one of signals how far it is, twice a second."""
    for number, case in cases:
        few = next((n for n, one in cases if one == replace(case, partitions=4)), None)
        if few is not None and few != number:
            runs = list(zip(found[number], found[few], strict=True))
            cost = statistics.median(
                (one.workers - other.workers) / (one.done["signals"] - other.done["signals"]) for one, other in runs
            )
            rate = statistics.median(one.done["signals"] / one.seconds for one, _ in runs)
            print(f"{case.partitions} partitions: {rate:,.0f} signals/s; each costs {cost * 1e6:.0f} µs of the worker")


def _disk(number: int, lines: int, case: Case, at: Servers) -> None:
    """Bytes a line in Kafka's files, and a document in Elasticsearch's."""
    sizes = {
        kind: folder_bytes(at.kafka_folder / "data", f"b{number}-0.{kind}-*/*.log") / lines
        for kind in ("raw", "events", "signals", "alerts", "state.raw", "state.signals")
    }
    print(f"bytes a line on the broker's disk (zstd): {', '.join(f'{k} {v:.0f}' for k, v in sizes.items())}")
    if not case.options:
        with connect(at.elasticsearch.settings(f"b{number}_0")) as client:
            pattern = names.events(f"b{number}_0")
            client.indices.refresh(index=pattern)
            total = client.indices.stats(index=pattern, metric=["store", "docs"])["_all"]["primaries"]
            size, documents = total["store"]["size_in_bytes"], total["docs"]["count"]
            print(f"bytes a document in Elasticsearch, without replica: {size / documents:.0f} of {documents:,}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rules", type=Path, help="SigmaHQ's rules")
    parser.add_argument("--only", type=int, nargs="*", default=[], help="numbers of cases")
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    run(options.rules, options.only, options.runs)


if __name__ == "__main__":
    main()
