"""CPU time a line of each parser: header, recognition and parsing, over its own samples.

``python -m tests.bench.parsers`` from the project's root. Samples are repeated with their digits varied, so that
no memo sees the same line twice; a parser that learns the layout of lines has learned it before the clock starts.
"""

from __future__ import annotations

import random
import re
import time
from pathlib import Path

from soc.core.event import micros
from soc.parsers import Device, devices, read_line, recognise

SAMPLES = Path(__file__).parent.parent / "parsers"
LINES = 20_000
ROUNDS = 3
_RECEIVED = micros("2026-10-05T18:00:00+07:00")
_ZONE = 7 * 3600
# The last digits of numbers that differ from line to line: ports, sessions, process ids, seconds, counts.
_VARYING = re.compile(rb"(?<=\d\d)\d(?=[ \],;]|$)|(?<=:[0-5])\d(?=[ .+])")


def varied(lines: list[bytes], count: int, seed: int = 20261005) -> list[bytes]:
    """count lines made of the samples by turns, with last digits exchanged; the same for the same seed."""
    chance = random.Random(seed)
    digits = [b"%d" % digit for digit in range(10)]
    return [_VARYING.sub(lambda _: chance.choice(digits), lines[number % len(lines)]) for number in range(count)]


def readable(device: Device, lines: list[bytes]) -> list[bytes]:
    """The lines that the device parses: refusing a line is not what is measured."""
    kept = []
    for raw in lines:
        try:
            device.parse(read_line(raw, _RECEIVED, _ZONE))
        except (ValueError, LookupError):
            continue
        kept.append(raw)
    return kept


def cpu_seconds(device: Device, lines: list[bytes]) -> float:
    """The best of some rounds over the lines, in seconds of CPU."""
    best = float("inf")
    for _ in range(ROUNDS):
        start = time.process_time()
        for raw in lines:
            line = read_line(raw, _RECEIVED, _ZONE)
            recognise(line)
            device.parse(line)
        best = min(best, time.process_time() - start)
    return best


def run() -> None:
    """Prints a row for each device: lines, mean bytes a line, µs of CPU a line, lines a second on one core."""
    print(f"{'device':<16}{'lines':>8}{'bytes/line':>12}{'µs/line':>10}{'lines/s':>12}")
    for device in devices().values():
        samples = (SAMPLES / f"{device.name}.log").read_bytes().splitlines()
        lines = readable(device, varied(readable(device, samples), LINES))
        seconds = cpu_seconds(device, lines)
        size = sum(map(len, lines)) / len(lines)
        print(
            f"{device.name:<16}{len(lines):>8}{size:>12.0f}"
            f"{seconds / len(lines) * 1e6:>10.2f}{len(lines) / seconds:>12,.0f}"
        )


if __name__ == "__main__":
    run()
