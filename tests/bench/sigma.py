"""CPU µs an event for Sigma rules: ``python -m tests.bench.sigma [--plot FILE.svg] [--only NAME]``.

Each figure is of a process of its own that reads a file of JSON as ``soc sigma match`` does, with nothing remembered
at the start: user and system time of the whole process, without that for loading rules.
  match    the matcher alone
  whole    from JSON bytes to hits
  steady   the same of the file's second half, when much is remembered
  first    whole, where no earlier run has kept what the rules are compiled to
Machines are noisy: the best of the runs is given and, of more than one, the median of whole. growth is whole with all
rules by whole with 100.

Where there is a program rsigma (crates.io; in PATH, or named by RSIGMA), it gets the same events in the same run: flat,
as it reads no nested Windows records, and each with its log source. "routed" is its --logsource-routing. What one event
costs it, which is mostly loading, is taken off.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import orjson

from soc.core.batch import Batch
from soc.core.content import rule_folders
from soc.core.event import from_json
from soc.core.finding import RuleInfo
from soc.core.logsource import LogSource
from soc.core.windows.read import read_all
from soc.core.windows.record import event_of
from soc.engines.source import expand
from soc.engines.sweep import Part, Sweeper, Swept, examine, sweep
from soc.pipeline.content import available_datasets
from soc.sigma import IDENTITY, Matcher, NativeRouter, Rule, load, shipped_mapping
from soc.sigma.route import DatasetRouter, Router
from tests.bench import sigma_events
from tests.bench.sigma_plot import draw
from tests.sigma.test_regression import RULES

SIZES = {10: 1, 100: 3, 1000: 1}
"""Number of rules, drawn by chance -> runs; then all of them, three times."""
FROM = 100
RUNS = 3
DISTINCT = 500_000


@dataclass(frozen=True)
class Workload:
    """A stream and the rules for it."""

    name: str
    make: Callable[[int], Iterator[sigma_events.Record]]
    events: int
    ecs: bool = False
    product: str = ""


WORKLOADS = {
    "mix": Workload("Windows mix", sigma_events.windows, 150_000, product="windows"),
    "repetitive": Workload("process creation", sigma_events.repetitive, 100_000, product="windows"),
    "distinct": Workload("process creation, distinct", sigma_events.distinct, 100_000, product="windows"),
    "worst": Workload("every value distinct", sigma_events.worst, 30_000, product="windows"),
    "network": Workload("network, our parsers' events", sigma_events.network, 100_000, ecs=True),
    "story": Workload("network, the demo's morning", sigma_events.story, 100_000, ecs=True),
    "zeek": Workload("network, Zeek's own records", sigma_events.zeek, 100_000),
}
Figures = dict[str, float]


def run(plot: Path | None = None, only: Sequence[str] = ()) -> None:
    """Prints the table, or these rows of it; says so when the shared data is not there."""
    if not RULES.is_file() or not (sigma_events.DATA / "evtx_to_mitre").is_dir():
        print("SigmaHQ's rules and the Windows events are not here: nothing to measure")
        return
    curves: dict[str, list[tuple[int, float]]] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with tarfile.open(RULES) as archive:
            archive.extractall(folder, filter="data")
        _loading(folder)
        print(_HEAD)
        for key, workload in WORKLOADS.items():
            if only and key not in only:
                continue
            _progress(f"{workload.name}: making events")
            sigma_events.write(folder / f"{key}.ndjson", workload.make(workload.events))
            measured = _measured(folder, key)
            wholes = {size: min(row["whole"] for row in rows) for size, (_, *rows) in measured.items()}
            for size, (first, *rows) in measured.items():
                curves.setdefault(workload.name, []).append((int(rows[0]["rules"]), wholes[size]))
                more = "" if size else f"{wholes[0] / wholes[FROM]:8.2f}{_rsigma(folder, key)}"
                print(_line(workload.name, first, rows) + more, flush=True)
        if not only or "worst" in only:
            _progress(f"memory after {DISTINCT:,} events")
            rss = _apart(folder, "worst", 0, "memory")["rss"]
            print(f"\nRSS after {DISTINCT:,} process creations, every value distinct: {rss:.0f} MB")
    if plot:
        plot.write_text(draw(curves), encoding="utf-8")


def _measured(folder: Path, key: str) -> dict[int, list[Figures]]:
    """Number of rules -> a first start, then the runs: in turns, since a machine is now quick and now slow."""
    sizes = {**SIZES, 0: RUNS}
    found: dict[int, list[Figures]] = {size: [] for size in sizes}
    for turn in range(RUNS + 1):
        for size, runs in sizes.items():
            if turn <= runs:
                _progress(f"{WORKLOADS[key].name}: {size or 'all'} rules")
                found[size].append(_apart(folder, key, size))
    return found


_HEAD = (
    f"\n{'workload':<29}{'rules':>6}{'events':>8}{'match µs':>10}{'steady':>8}{'whole µs':>10}{'median':>8}"
    f"{'steady':>8}{'first':>8}{'hits':>8}{'RSS MB':>8}{'growth':>8}{'rsigma':>8}{'routed':>8}"
)


def _line(name: str, first: Figures, rows: Sequence[Figures]) -> str:
    best = {part: min(row[part] for row in rows) for part in rows[0]}
    middle = f"{median(row['whole'] for row in rows):8.1f}" if len(rows) > 1 else " " * 8
    times = f"{best['match']:10.1f}{best['match_steady']:8.1f}{best['whole']:10.1f}{middle}{best['steady']:8.1f}"
    times += f"{first['whole']:8.1f}"
    return f"{name:<29}{best['rules']:6.0f}{best['events']:8.0f}{times}{best['hits']:8.0f}{best['rss']:8.0f}"


def _progress(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _loading(folder: Path) -> None:
    _progress("loading")
    for kept in ("afresh", "kept"):
        figures = _apart(folder, "zeek", 0, "load")
        print(f"{figures['rules']:.0f} rules, {kept}: loaded in {figures['load']:.2f} s of CPU")


def _apart(folder: Path, key: str, size: int, what: str = "sweep") -> Figures:
    """Measured in a new process."""
    command = [sys.executable, "-m", "tests.bench.sigma", "--child", what, str(folder), key, str(size)]
    figures: Figures = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    return figures


def _child(what: str, folder: Path, key: str, size: int) -> Figures:
    rules, seconds = _loaded(folder, WORKLOADS[key])
    figures = {"rules": size or len(rules), "load": seconds}
    if what != "load":
        chosen = random.Random(1).sample(rules, size) if size else rules
        matcher = _Timed(Matcher(chosen, _router(key), folder / f"routes-{key}" if what == "sweep" else None))
        sweeper = Sweeper(matcher, _read_ecs if WORKLOADS[key].ecs else read_all, lambda: 0)
        path = folder / f"{key}.ndjson"
        figures |= _memory(sweeper, path) if what == "memory" else _sweep(sweeper, matcher, path)
        matcher.keep()
    return {**figures, "rss": _peak()}


def _loaded(folder: Path, workload: Workload) -> tuple[list[Rule], float]:
    """All rules for these events, and the CPU seconds for reading them."""
    began = time.process_time()
    paths = [*rule_folders(), folder / "rules"] if workload.ecs else [folder / "rules"]
    rules = load(paths, shipped_mapping() if workload.ecs else IDENTITY, cache=folder / "cache").rules
    seconds = time.process_time() - began
    return [rule for rule in rules if workload.product in ("", rule.logsource.product)], seconds


def _router(key: str) -> Router:
    return DatasetRouter(available_datasets()) if WORKLOADS[key].ecs else NativeRouter()


def _read_ecs(lines: Sequence[bytes]) -> Batch:
    return Batch(list(map(from_json, lines)))


class _Timed:
    """A matcher and the CPU seconds that it took."""

    def __init__(self, matcher: Matcher) -> None:
        self._matcher = matcher
        self.seconds = 0.0

    def keep(self) -> None:
        self._matcher.keep()

    def hits(self, events: Batch, lines: Sequence[bytes]) -> list[tuple[int, Sequence[RuleInfo]]]:
        began = time.process_time()
        found: list[tuple[int, Sequence[RuleInfo]]] = list(self._matcher.hits(events, lines))
        self.seconds += time.process_time() - began
        return found


def _sweep(sweeper: Sweeper, matcher: _Timed, path: Path) -> Figures:
    marks = [(0, time.process_time(), 0.0)]
    swept = sweep(
        sweeper,
        expand([path]),
        lambda source, line, record, rule: None,
        progress=lambda so_far: marks.append((so_far.events, time.process_time(), matcher.seconds)),
    )
    _all_read(swept)
    middle = next(mark for mark in marks if mark[0] >= swept.events / 2)
    whole, match = _micro(marks[0], marks[-1])
    steady, match_steady = _micro(middle, marks[-1])
    parts = {"whole": whole, "match": match, "steady": steady, "match_steady": match_steady}
    return {"events": swept.events, "hits": swept.hits, **parts}


def _micro(start: tuple[int, float, float], end: tuple[int, float, float]) -> tuple[float, float]:
    """µs an event between two marks: (events, seconds, seconds of the matcher)."""
    events = max(1, end[0] - start[0])
    return (end[1] - start[1]) / events * 1e6, (end[2] - start[2]) / events * 1e6


def _all_read(swept: Swept) -> None:
    if swept.problems or swept.unreadable:
        raise SystemExit(f"not all was read: {swept.problems}")


def _memory(sweeper: Sweeper, path: Path) -> Figures:
    """The events again and again with other values, as if the stream went on."""
    lines, mark, done, again = path.read_bytes().splitlines(), sigma_events.MARK.encode(), 0, 0
    while done < DISTINCT:
        again += 1
        for start in range(0, len(lines), 500):
            text = b"\n".join(lines[start : start + 500]).replace(mark, b"%b%d-" % (mark, again))
            done += examine(sweeper, Part(text=text)).events
    return {"events": done}


def _peak() -> float:
    """Peak memory of this process in MB; ru_maxrss would include the parent's from before the exec."""
    return int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0]) / 1024


def _rsigma(folder: Path, key: str) -> str:
    program = os.environ.get("RSIGMA") or shutil.which("rsigma")
    if not program:
        return ""
    workload = WORKLOADS[key]
    rules = folder / "rules" / "windows" if workload.product else folder / "rules"
    path, one = folder / f"{key}.flat.ndjson", folder / f"{key}.one.ndjson"
    router = _router(key)
    with (folder / f"{key}.ndjson").open("rb") as lines:
        sigma_events.write(path, (_stated(orjson.loads(line), router, ecs=workload.ecs) for line in lines))
    with path.open("rb") as lines:
        one.write_bytes(lines.readline())
    figures = []
    for option in ([], ["--logsource-routing"]):
        _progress(f"{workload.name}: rsigma {' '.join(option)}")
        command = [program, "engine", "eval", "-r", str(rules), "--input-format", "json", "-q", *option, "-e"]
        seconds = _seconds([*command, f"@{path}"]) - _seconds([*command, f"@{one}"])
        figures.append(seconds / workload.events * 1e6)
    return "".join(f"{each:8.1f}" for each in figures)


def _seconds(command: Sequence[str]) -> float:
    """CPU seconds of a program."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _stated(record: sigma_events.Record, router: Router, *, ecs: bool) -> sigma_events.Record:
    """The event, flat, with its log source."""
    event = record if ecs else dict(event_of(record))
    sources = router.sources(router.routes(Batch([event]))[0])
    stated = {part: value for part in ("product", "service", "category") if (value := _first(sources, part))}
    return {**event, **stated}


def _first(sources: Sequence[LogSource], part: str) -> str | None:
    return next((value for source in sources if (value := getattr(source, part))), None)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        print(json.dumps(_child(sys.argv[2], Path(sys.argv[3]), sys.argv[4], int(sys.argv[5]))))
    else:
        options = argparse.ArgumentParser()
        options.add_argument("--plot", type=Path, metavar="FILE.svg", help="draw whole by number of rules")
        options.add_argument("--only", action="append", default=[], choices=WORKLOADS, help="one of the workloads")
        chosen = options.parse_args()
        run(chosen.plot, chosen.only)
