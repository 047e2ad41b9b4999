"""The whole of ``soc analyze`` on one core, source by source: lines/s, CPU µs a line, peak memory.

Each measurement is a process of its own on one processor. Loading the rules is measured apart, because a long
run pays it once. A source's file is the story's, analysed again and again by fresh pipelines until some 100,000
lines have passed, so that correlations see the times that they were made for. "first" is the whole at the first start,
where no earlier run has kept what the rules are compiled to.
"""

from __future__ import annotations

import json
import os
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
    print(f"{'source':11} {'rules':14} {'lines':>8} {'parse':>8} {'detect':>8} {'whole':>8} {'first':>8} ", end="")
    print(f"{'lines/s':>9} {'RSS MB':>7} {'load s':>7}\n{'':35} {'µs':>8} {'µs':>8} {'µs':>8} {'µs':>8}")
    with tempfile.TemporaryDirectory() as folder:
        story = write(Path(folder))
        for source, name in SOURCES.items():
            file = next(file for file in story.files if file.name == name)
            for pack, rules in packs.items():
                first, figures = (_measured(file, Path(folder) / "cache", rules) for _ in range(2))
                parts = " ".join(f"{figures[part]:8.1f}" for part in ("parse", "detect", "whole"))
                parts += f" {first['whole']:8.1f}"
                rate = f"{1e6 / figures['whole']:9,.0f} {figures['rss']:7.0f} {figures['load']:7.1f}"
                print(f"{source:11} {pack:14} {figures['lines']:8,.0f} {parts} {rate}", flush=True)


def _measured(file: Path, cache: Path, rules: list[Path]) -> dict[str, float]:
    command = [sys.executable, "-m", "tests.bench.whole", *map(str, (file, cache, *rules))]
    return json.loads(subprocess.run(command, check=True, capture_output=True).stdout)


def _batches(file: Path) -> Iterator[RawBatch]:
    lines = file.read_bytes().splitlines()
    received = int(file.stat().st_mtime * 1e6)
    for start in range(0, len(lines), 2000):
        yield RawBatch("bench", "auto", received, start, tuple(lines[start : start + 2000]))


def _child(file: Path, cache: Path, rules: list[Path]) -> dict[str, float]:
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    began = time.process_time()
    content = load_content(rules, cache=cache)
    load = time.process_time() - began
    batches = list(_batches(file))
    once = sum(len(batch.lines) for batch in batches)
    rounds = max(1, round(LINES / once))
    whole = parse = detect = 0.0
    match = content.matcher.match
    for _ in range(rounds):
        pipeline = build_pipeline(content, INVENTORY, zone=ZONE, lateness="10m")
        began = time.process_time()
        analyze(pipeline, expand([file]), "auto", zone=ZONE)
        whole += time.process_time() - began
    rss = _peak()
    content.matcher.keep()
    for _ in range(rounds):
        normalise = Normaliser(Enricher(read_inventory(INVENTORY)), ZONE)
        for batch in batches:
            began = time.process_time()
            events = normalise(batch).events
            parsed = time.process_time()
            for event in events:
                match(event)
            parse += parsed - began
            detect += time.process_time() - parsed
    micro = 1e6 / (once * rounds)
    times = {"parse": parse * micro, "detect": detect * micro, "whole": whole * micro}
    return {"lines": once * rounds, "rss": rss, "load": load, **times}


def _peak() -> float:
    """Peak memory of this process in MB; ru_maxrss would include the parent's from before the exec."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


if __name__ == "__main__":
    print(json.dumps(_child(Path(sys.argv[1]), Path(sys.argv[2]), [Path(rules) for rules in sys.argv[3:]])))
