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
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from soc.core.event import RawBatch
from tests.bench import stages
from tests.bench.stream_rig import Load, Measured, Servers, folder_bytes, load, servers


@dataclass(frozen=True)
class Case:
    """One row. copies: of the story's lines, which fewer are enough where Elasticsearch takes its time."""

    name: str
    workers: int = 1
    sigma: bool = False
    options: tuple[str, ...] = ()
    copies: int = 4
    runs: int = 3


CASES = (
    Case("Faust, Elasticsearch", copies=2, runs=2),
    Case("Faust, Elasticsearch", 2, copies=2, runs=2),
    Case("Faust, Elasticsearch", sigma=True, copies=2, runs=2),
    Case("Faust, no Elasticsearch", options=("--null",)),
    Case("Faust, no Elasticsearch", 2, options=("--null",)),
    Case("Faust, no Elasticsearch", sigma=True, options=("--null",)),
    Case("aiokafka, no Elasticsearch", options=("--null", "--plain")),
    Case("aiokafka, no Elasticsearch", sigma=True, options=("--null", "--plain")),
)
HEAD = (
    f"{'carrier, sink':27}{'workers':>8} {'rules':14}{'lines':>8}{'lines/s':>9}{'workers µs':>11}{'(all runs)':>20}"
    f"{'broker µs':>10}{'ES µs':>7}{'RSS MB':>8}"
)


def run(rules: Path | None = None, only: Sequence[int] = ()) -> None:
    """Prints the tables; rules: SigmaHQ's, or None."""
    if not only:
        print("stages by themselves, in one process")
        stages.run(rules)
    found: dict[tuple[str, int, bool], float] = {}
    with tempfile.TemporaryDirectory(prefix="soc-bench-") as name, servers(Path(name)) as at:
        folder = Path(name)
        pieces = {number: stages.story(folder / f"story-{number}", number) for number in {one.copies for one in CASES}}
        print(f"\n{HEAD}")
        for number, case in enumerate(CASES):
            if (case.sigma and rules is None) or (only and number not in only):
                continue
            folders = (str(rules),) if case.sigma else ()
            rows = [
                asyncio.run(_measure(case, folders, pieces[case.copies], folder / f"{number}-{again}", at))
                for again in range(case.runs)
            ]
            found[case.name, case.workers, case.sigma] = _print(case, rows)
        _disk(folder, at)
    _share(found)


async def _measure(
    case: Case, rules: tuple[str, ...], pieces: Sequence[RawBatch], folder: Path, at: Servers
) -> Load:
    name = f"b{folder.name}"
    elastic = at.elasticsearch.settings(name.replace("-", "_"))
    fleet = Measured(folder, at.kafka.servers, elastic, name, rules=rules, options=case.options)
    return await load(fleet, case.workers, pieces, len(pieces) // 6, at)


def _print(case: Case, rows: Sequence[Load]) -> float:
    micro = sorted(row.micro(row.workers) for row in rows)
    rate = max(row.lines / row.seconds for row in rows)
    rules = "own + SigmaHQ" if case.sigma else "own"
    broker, elastic = (statistics.median(one) for one in zip(*((r.micro(r.broker), r.micro(r.elasticsearch)) for r in rows)))
    runs = ", ".join(f"{one:.0f}" for one in micro)
    print(
        f"{case.name:27}{case.workers:8} {rules:14}{rows[0].lines:8,}{rate:9,.0f}{statistics.median(micro):11.1f}"
        f"{runs:>20}{broker:10.1f}{elastic:7.1f}{max(row.rss for row in rows):8.0f}",
        flush=True,
    )
    return statistics.median(micro)


def _share(found: dict[tuple[str, int, bool], float]) -> None:
    """Faust's own part of a worker's CPU."""
    for sigma in (False, True):
        with_faust = found.get(("Faust, no Elasticsearch", 1, sigma))
        without = found.get(("aiokafka, no Elasticsearch", 1, sigma))
        if with_faust and without:
            whole = found.get(("Faust, Elasticsearch", 1, sigma), with_faust)
            share = with_faust - without
            print(
                f"Faust's own share, {'own + SigmaHQ' if sigma else 'own'}: {share:.1f} of {with_faust:.1f} µs "
                f"({share / with_faust:.0%}); of {whole:.1f} µs with Elasticsearch {share / whole:.0%}"
            )


def _disk(folder: Path, at: Servers) -> None:
    """Bytes a line in Kafka's files, of the last run of a case with all lines."""
    for case in folder.glob("[0-9]-0"):
        number = case.name
        total = sum(len(piece.lines) for piece in stages.story(folder / "again", CASES[int(number[0])].copies))
        sizes = {
            kind: folder_bytes(at.kafka_folder / "data", f"b{number}.{kind}-*/*.log") / total
            for kind in ("raw", "events", "signals", "alerts", "state.raw", "state.signals")
        }
        print(f"bytes a line on the broker's disk (zstd): {', '.join(f'{k} {v:.0f}' for k, v in sizes.items())}")
        break


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rules", type=Path, help="SigmaHQ's rules")
    parser.add_argument("--only", type=int, nargs="*", default=[], help="numbers of cases")
    options = parser.parse_args()
    run(options.rules, options.only)


if __name__ == "__main__":
    main()
