"""``soc analyze --jobs N``: how the time falls with N, and what the one process that remembers costs a line.

The latter bounds the scaling: with workers enough, a line takes as long as it takes there. Wall time means little on
a machine that does other work, processor time a little more; both are of the analysis alone, without loading rules.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from contextlib import nullcontext
from pathlib import Path

from soc.engines.analyze import analyze
from soc.engines.source import expand
from soc.engines.workers import Workers, usable_processors
from soc.pipeline.build import build_digester, build_pipeline
from soc.pipeline.content import load_content
from soc.story import INVENTORY, write
from tests.bench.whole import SOURCES, ZONE

COPIES = 5


def run(rules: Path | None) -> None:
    """Prints the table; rules is a folder with more rules, such as SigmaHQ's, or None."""
    print(f"{'source':11} {'jobs':>5} {'lines':>8} {'wall s':>7} {'lines/s':>9} {'one process':>12} {'workers':>8}")
    print(f"{'':11} {'':5} {'':8} {'':7} {'':9} {'µs a line':>12} {'µs':>8}")
    with tempfile.TemporaryDirectory() as folder:
        story = write(Path(folder))
        inputs = {name: next(file for file in story.files if file.name == log) for name, log in SOURCES.items()}
        for source, path in {"all": Path(folder), **inputs}.items():
            for jobs in sorted({1, 2, usable_processors()}):
                figures = _measured(path, jobs, [rules] if rules else [])
                rate = f"{figures['wall']:7.2f} {figures['lines'] / figures['wall']:9,.0f}"
                parts = f"{figures['here']:12.2f} {figures['workers']:8.2f}"
                print(f"{source:11} {jobs:5} {figures['lines']:8,.0f} {rate} {parts}", flush=True)


def _measured(path: Path, jobs: int, rules: list[Path]) -> dict[str, float]:
    command = [sys.executable, "-m", "tests.bench.jobs", str(path), str(jobs), *map(str, rules)]
    figures: dict[str, float] = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    return figures


def _child(path: Path, jobs: int, rules: list[Path]) -> dict[str, float]:
    """A file is read several times over, as one long log; of a folder, each."""
    content = load_content(rules)
    with tempfile.TemporaryDirectory() as folder:
        for file in sorted(path.iterdir()) if path.is_dir() else [path]:
            (Path(folder) / file.name).write_bytes(file.read_bytes() * COPIES)
        pipeline = build_pipeline(content, INVENTORY, zone=ZONE, lateness="10m")
        digester = build_digester(content, INVENTORY, zone=ZONE)
        wall, here = time.perf_counter(), time.process_time()
        with Workers(jobs, digester) if jobs > 1 else nullcontext() as workers:
            totals = analyze(pipeline, expand([Path(folder)]), "auto", zone=ZONE, workers=workers)
        wall, here = time.perf_counter() - wall, time.process_time() - here
    there = resource.getrusage(resource.RUSAGE_CHILDREN)
    micro = 1e6 / totals.lines
    return {
        "lines": totals.lines,
        "wall": wall,
        "here": here * micro,
        "workers": (there.ru_utime + there.ru_stime) * micro,
    }


if __name__ == "__main__":
    print(json.dumps(_child(Path(sys.argv[1]), int(sys.argv[2]), [Path(rules) for rules in sys.argv[3:]])))
