"""The sample beside a model: a few lines that say what hosts do, with an anomaly planted, and what is to be found.

    {"host": "10.1.0.5", "start": 0, "buckets": 288, "events": 20}
    {"host": "10.1.0.5", "start": 288, "buckets": 1, "events": 900, "expect": "anomaly"}

A line with "expect" is scored; the others are learned first. "quiet" must stay below the model's floor.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Annotated, Final, Literal

import msgspec

from soc.anomaly.features import BUCKET, Partial, merged, partials
from soc.core.errors import SettingsError
from soc.core.event import Event

MONDAY: Final = 1_759_683_600_000_000
"""µs: Monday 2025-10-06, 00:00 in +07:00; bucket 0 of a sample."""


class Series(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one host does in each of some buckets. start: number of the first, from a Monday's midnight on.

    events    in a bucket, give or take ``spread`` of them; to ``peers`` hosts in turn, on ``ports`` ports in turn
    sent      bytes by event, give or take half; denied: share of the events
    every     instead of events: seconds between calls to ``peer``, give or take ``jitter``; 0 for none
    """

    host: str
    start: int = 0
    buckets: Annotated[int, msgspec.Meta(ge=1, le=5000)] = 1
    events: Annotated[int, msgspec.Meta(ge=0, le=20_000)] = 20
    spread: float = 0.2
    peers: Annotated[int, msgspec.Meta(ge=1, le=60_000)] = 3
    ports: Annotated[int, msgspec.Meta(ge=1, le=60_000)] = 1
    sent: int = 800
    denied: float = 0.0
    every: int = 0
    jitter: int = 0
    peer: str = "198.51.100.7"
    expect: Literal["", "quiet", "anomaly"] = ""


def read_sample(path: Path) -> list[Series]:
    """The lines of a sample; SettingsError names file and line."""
    found = []
    for number, line in enumerate(path.read_bytes().splitlines(), 1):
        try:
            found.append(msgspec.json.decode(line, type=Series))
        except msgspec.DecodeError as error:
            raise SettingsError(f"{path}:{number}", error) from error
    return found


def parts_of(series: Series, seed: int) -> list[Partial]:
    """Its partials, ordered by bucket; the same for the same seed."""
    random = Random(f"{seed} {series.host} {series.start}")  # noqa: S311 - nothing secret
    return merged(partials(_events(series, random)))


def _events(series: Series, random: Random) -> Iterator[Event]:
    begin = MONDAY + series.start * BUCKET
    if series.every:
        time = begin + random.randrange(series.every) * 1_000_000
        while time < begin + series.buckets * BUCKET:
            yield _event(series, time, series.peer, 443, random)
            time += random.randint(series.every - series.jitter, series.every + series.jitter) * 1_000_000
        return
    for place in range(series.buckets):
        number = max(0, round(series.events * random.uniform(1 - series.spread, 1 + series.spread)))
        for turn in range(number):
            which = turn % series.peers
            peer = f"203.{which // 62500 % 250}.{which // 250 % 250}.{which % 250}"
            time = begin + place * BUCKET + random.randrange(BUCKET)
            yield _event(series, time, peer, 443 + turn % series.ports, random)


def _event(series: Series, time: int, peer: str, port: int, random: Random) -> Event:
    sent = int(series.sent * random.uniform(0.5, 1.5))
    return {
        "@timestamp": time,
        "source.ip": series.host,
        "destination.ip": peer,
        "destination.port": port,
        "source.bytes": sent,
        "destination.bytes": 4800,
        "event.type": ("connection", "denied" if random.random() < series.denied else "allowed"),
    }
