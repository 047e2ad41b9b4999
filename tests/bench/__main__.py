"""``make bench``: every measurement as a printed table; ``python -m tests.bench PART ...``: some of them.

Machines are noisy: compare within one run. The distributed parts start a Kafka and an Elasticsearch of their own.
"""

from __future__ import annotations

import platform
import sys
import tarfile
import tempfile
from collections.abc import Callable
from pathlib import Path

from tests.bench import (
    anomaly,
    burst,
    capacity,
    capacity_sizes,
    collecting,
    correlation,
    jobs,
    logprep,
    parsers,
    sigma,
    stream,
    stream_latency,
    telling,
    to_kafka,
    whole,
)
from tests.services.elasticsearch_server import LOCAL as ELASTICSEARCH
from tests.services.kafka_server import LOCAL as KAFKA

SIGMA = Path(__file__).resolve().parents[3] / "shared" / "data" / "sigma" / "sigma-rules.tar.xz"
Part = Callable[[Path | None], None]

PARTS: dict[str, tuple[str, Part]] = {
    "whole": ("soc analyze on one core, with parse (+ enrich) and detect as parts of it", whole.run),
    "jobs": ("soc analyze --jobs, and what the one process that remembers costs a line", jobs.run),
    "parsers": ("", lambda rules: parsers.run()),
    "sigma": ("", lambda rules: sigma.run()),
    "correlation": ("", lambda rules: correlation.run()),
    "anomaly": ("what anomaly models add to detection", lambda rules: anomaly.run()),
    "collecting": ("", lambda rules: collecting.run()),
    "to-kafka": ("", lambda rules: to_kafka.run()),
    "stream": ("the distributed engine under load", lambda rules: on_servers(lambda: stream.run(rules))),
    "latency": ("a line a second through all of it", lambda rules: on_servers(stream_latency.run)),
    "burst": ("a real burst, and what the simulation says", lambda rules: on_servers(burst.run)),
    "telling": ("what partitions tell each other", lambda rules: on_servers(telling.run)),
    "logprep": ("Logprep beside it", lambda rules: on_servers(lambda: logprep.run(rules))),
    "capacity": ("a simulation", lambda rules: capacity.run()),
    "sizes": ("what four rates need", lambda rules: capacity_sizes.sizes()),
}


def on_servers(part: Callable[[], None]) -> None:
    """Only where both servers can be had as plain processes."""
    if KAFKA.is_file() and ELASTICSEARCH.is_file():
        part()
    else:
        print("needs kafka-local and elasticsearch-local of shared/tools/containers beside the checkout")


def main() -> None:
    """All tables, or those named; those with SigmaHQ's rules only where they lie beside the checkout."""
    chosen = sys.argv[1:] or list(PARTS)
    if unknown := set(chosen) - set(PARTS):
        sys.exit(f"unknown: {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    print(f"Python {platform.python_version()}, {platform.machine()}")
    with tempfile.TemporaryDirectory() as folder:
        rules = None
        if SIGMA.is_file():
            with tarfile.open(SIGMA) as archive:
                archive.extractall(folder, filter="data")
            rules = Path(folder) / "rules"
        else:
            print("SigmaHQ's rules are not beside the checkout: measured with our own rules only")
        for name in chosen:
            what, part = PARTS[name]
            print(f"\n{name}{f': {what}' if what else ''}")
            part(rules)


if __name__ == "__main__":
    main()
