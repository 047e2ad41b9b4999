"""Whose code a worker's CPU time goes into, by samples: Faust's, the Kafka client's, ours.

A timer of the CPU time interrupts the process 200 times a CPU second. A sample belongs to the package of the innermost
frame that is of a known one, so what C code or the standard library does counts for who called it. While the main
thread waits, it belongs to whichever other thread does not. SIGUSR1 begins afresh, SIGUSR2 writes the counts.
"""

from __future__ import annotations

import json
import signal
import sys
from collections import Counter
from pathlib import Path
from types import FrameType

EVERY = 0.005
OWNERS = (
    "/site-packages/faust/",
    "/site-packages/mode/",
    "/site-packages/aiokafka/",
    "/site-packages/elastic",
    "/soc/",
)
NAMES = {"faust": "Faust", "mode": "Faust", "aiokafka": "aiokafka", "elastic": "Elasticsearch's client", "soc": "ours"}
WAITING = frozenset(("select", "wait", "acquire", "_worker", "_wait_for_tstate_lock", "get"))


def start(file: Path) -> None:
    """Samples from now on; the counts go to the file."""
    counts: Counter[str] = Counter()

    def sample(number: int, frame: FrameType | None) -> None:
        if frame is not None and frame.f_code.co_name in WAITING:
            others = [one for one in sys._current_frames().values() if one.f_code.co_name not in WAITING]
            others = [one for one in others if one.f_code is not sample.__code__]
            frame = others[0] if others else frame
        counts[owner(frame)] += 1

    def afresh(number: int, frame: FrameType | None) -> None:
        counts.clear()

    def write(number: int, frame: FrameType | None) -> None:
        file.write_text(json.dumps(counts))

    signal.signal(signal.SIGPROF, sample)
    signal.signal(signal.SIGUSR1, afresh)
    signal.signal(signal.SIGUSR2, write)
    signal.setitimer(signal.ITIMER_PROF, EVERY, EVERY)


def owner(frame: FrameType | None) -> str:
    """Of the innermost frame of a known package; the event loop itself is nobody's."""
    while frame is not None:
        name = frame.f_code.co_filename
        for part in OWNERS:
            if part in name:
                return NAMES[part.strip("/").rpartition("/")[2]]
        frame = frame.f_back
    return "the event loop"
