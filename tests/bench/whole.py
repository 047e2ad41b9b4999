"""The whole of ``soc analyze`` on one core, source by source: lines/s, CPU µs a line, peak memory.

Each measurement is a process of its own on one processor. Loading the rules is measured apart, because a long
run pays it once; a source's file is the story's, repeated with later times so that it has some 100,000 lines.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from soc.core.event import RawBatch
from soc.engines.analyze import analyze
from soc.engines.source import expand
from soc.enrich import Enricher, read_inventory
from soc.pipeline.build import build_pipeline
from soc.pipeline.content import load_content
from soc.pipeline.normalise import Normaliser
from soc.story import INVENTORY, write

ZONE = 7 * 3600
LINES = 100_000
SOURCES = {
    "fortigate": "fortigate-thd113.log",
    "suricata": "suricata-eve.json",
    "mail": "mail.log",
    "nginx": "web-portal.access.log",
    "sign-ins": "nasati-web-01.auth.log",
}


def run(sigma_rules: Path | None) -> None:
    """Prints the table; sigma_rules is a folder with all SigmaHQ rules, or None where there is none."""
    packs = {"own rules": [], "own + SigmaHQ": [sigma_rules]} if sigma_rules else {"own rules": []}
    print(f"{'source':11} {'rules':14} {'lines':>8} {'parse':>8} {'detect':>8} {'whole':>8} ", end="")
    print(f"{'lines/s':>9} {'RSS MB':>7} {'load s':>7}\n{'':35} {'µs':>8} {'µs':>8} {'µs':>8}")
    with tempfile.TemporaryDirectory() as folder:
        story = write(Path(folder))
        for source, name in SOURCES.items():
            original = next(file for file in story.files if file.name == name)
            repeated = Path(folder) / f"repeated-{name}"
            count = _repeat(original, repeated)
            for pack, rules in packs.items():
                figures = _measured(repeated, rules)
                parts = " ".join(f"{figures[part]:8.1f}" for part in ("parse", "detect", "whole"))
                rate = f"{1e6 / figures['whole']:9,.0f} {figures['rss']:7.0f} {figures['load']:7.1f}"
                print(f"{source:11} {pack:14} {count:8,} {parts} {rate}", flush=True)


def _repeat(original: Path, target: Path) -> int:
    lines = original.read_bytes().splitlines(keepends=True)
    times = max(1, round(LINES / len(lines)))
    with target.open("wb") as out:
        for _ in range(times):
            out.writelines(lines)
    stat = original.stat()
    os.utime(target, ns=(stat.st_mtime_ns, stat.st_mtime_ns))
    return times * len(lines)


def _measured(file: Path, rules: list[Path]) -> dict[str, float]:
    command = [sys.executable, "-m", "tests.bench.whole", str(file), *map(str, rules)]
    return json.loads(subprocess.run(command, check=True, capture_output=True).stdout)


def _batches(file: Path) -> Iterator[RawBatch]:
    lines = file.read_bytes().splitlines()
    received = int(file.stat().st_mtime * 1e6)
    for start in range(0, len(lines), 2000):
        yield RawBatch("bench", "auto", received, start, tuple(lines[start : start + 2000]))


def _child(file: Path, rules: list[Path]) -> dict[str, float]:
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    began = time.process_time()
    content = load_content(rules)
    load = time.process_time() - began
    pipeline = build_pipeline(content, INVENTORY, zone=ZONE, lateness="10m")
    began = time.process_time()
    totals = analyze(pipeline, expand([file]), "auto", zone=ZONE)
    whole = time.process_time() - began
    rss = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    parse = detect = 0.0
    normalise, match = Normaliser(Enricher(read_inventory(INVENTORY)), ZONE), content.matcher.match
    for batch in _batches(file):
        began = time.process_time()
        events = normalise(batch).events
        parsed = time.process_time()
        for event in events:
            match(event)
        parse += parsed - began
        detect += time.process_time() - parsed
    micro = 1e6 / totals.lines
    return {"parse": parse * micro, "detect": detect * micro, "whole": whole * micro, "rss": rss, "load": load}


if __name__ == "__main__":
    print(json.dumps(_child(Path(sys.argv[1]), [Path(rules) for rules in sys.argv[2:]])))
