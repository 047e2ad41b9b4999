"""A labelled history to measure models on: ordinary hosts by hour of day, with attacks planted among them.

It is synthetic and says so: what it shows is that the models work as meant, not how well they do on a real network.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from random import Random
from typing import Final, NamedTuple

from soc.anomaly.features import BUCKET, Partial, merged, partials
from soc.core.event import Event

START: Final = 1_759_708_800_000_000
"""µs: Monday 2025-10-06, 00:00 UTC."""
DAY: Final = 86_400_000_000
KINDS: Final = ("burst", "scan", "beacon", "exfiltration")


class World(NamedTuple):
    """hosts, days of ordinary work; then planted attacks of each kind in the last third; and the seed of it all."""

    hosts: int = 30
    days: int = 9
    attacks: int = 10
    seed: int = 7


WORLD: Final = World()


class Labelled(NamedTuple):
    """A whole partial, and the kind of attack in it, "" for none."""

    part: Partial
    kind: str


def labelled(world: World = WORLD) -> list[Labelled]:
    """The world's partials in order of bucket and entity; the same for the same parameters."""
    random = Random(world.seed)  # noqa: S311 - nothing secret
    plants = _plants(world, random)
    found = []
    for bucket in range(START, START + world.days * DAY, BUCKET):
        parts: list[Partial] = []
        kinds: dict[str, str] = {}
        for host in range(world.hosts):
            kind = plants.get((host, bucket), "")
            events = list(_ordinary(host, bucket, random))
            events += _attack(kind, host, bucket, random) if kind else []
            made = partials(events)
            parts += made
            kinds |= {part.entity: kind for part in made}
        found += [Labelled(part, kinds[part.entity]) for part in merged(parts)]
    return found


def _plants(world: World, random: Random) -> dict[tuple[int, int], str]:
    """(host, bucket) -> kind. A burst, scan or exfiltration takes two buckets, a beacon twelve hours."""
    plants: dict[tuple[int, int], str] = {}
    begin, end = START + world.days * DAY * 2 // 3, START + world.days * DAY
    for number in range(world.attacks * len(KINDS)):
        kind = KINDS[number % len(KINDS)]
        length = 72 if kind == "beacon" else 2
        first = random.randrange(begin // BUCKET, end // BUCKET - length) * BUCKET
        host = random.randrange(world.hosts)
        for step in range(length):
            plants.setdefault((host, first + step * BUCKET), kind)
    return plants


def _event(time: int, host: int, peer: str, port: int, sent: int, received: int, *, denied: bool = False) -> Event:
    return {
        "@timestamp": time,
        "source.ip": f"10.1.{host // 250}.{host % 250 + 1}",
        "destination.ip": peer,
        "destination.port": port,
        "source.bytes": sent,
        "destination.bytes": received,
        "event.outcome": "failure" if denied else "success",
        "event.type": ("connection", "denied" if denied else "allowed"),
    }


def _ordinary(host: int, bucket: int, random: Random) -> Iterator[Event]:
    """Office hours in +07:00; each host has its own pace, its favourite peers and some new ones. One host in ten is a
    server: six times the pace, dozens of peers. One event in a hundred is an upload.
    """
    hour = bucket // 3_600_000_000 % 24 + 7
    busy = 0.15 + math.exp(-(((hour % 24) - 13.0) ** 2) / 18)
    server = host % 10 == 9
    pace = (8 + 25 * ((host * 37) % 11) / 10) * (6 if server else 1)
    for _ in range(int(random.lognormvariate(math.log(pace * busy + 0.5), 0.35))):
        which = random.randrange(60) if server else min(int(random.expovariate(0.5)), 30)
        peer = f"203.0.113.{(host * 7 + which) % 200}"
        sent = int(random.lognormvariate(12.0 if random.random() < 0.01 else 6.5, 1.0))
        received = int(sent * random.lognormvariate(1.2, 1.2))
        port = random.choice((443, 443, 443, 80, 53))
        yield _event(_within(bucket, random), host, peer, port, sent, received, denied=random.random() < 0.02)


def _within(bucket: int, random: Random) -> int:
    return bucket + random.randrange(BUCKET)


def _attack(kind: str, host: int, bucket: int, random: Random) -> list[Event]:
    if kind == "burst":  # a flood or guessing at one peer, 8 times the host's usual pace and more
        number = random.randrange(250, 700)
        return [_event(_within(bucket, random), host, "10.2.0.9", 443, 300, 300) for _ in range(number)]
    if kind == "scan":
        number = random.randrange(25, 120)
        return [
            _event(
                _within(bucket, random),
                host,
                f"10.3.{random.randrange(4)}.{random.randrange(250)}",
                445,
                60,
                0,
                denied=random.random() < 0.7,
            )
            for _ in range(number)
        ]
    if kind == "beacon":  # a minute, with a jitter of +-25 %
        second, calls = random.randrange(10), []
        while second < 600:
            calls.append(_event(bucket + second * 1_000_000, host, f"198.51.100.{70 + host % 6}", 8443, 420, 160))
            second += random.randrange(45, 76)
        return calls
    return [
        _event(_within(bucket, random), host, "198.51.100.9", 443, random.randrange(10**6, 10**8), 900)
        for _ in range(6)
    ]
