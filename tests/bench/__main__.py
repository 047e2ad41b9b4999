"""``make bench``: every measurement as a printed table. Machines are noisy: compare within one run."""

from __future__ import annotations

import platform
import tarfile
import tempfile
from pathlib import Path

from tests.bench import collecting, correlation, jobs, parsers, sigma, to_kafka, whole

SIGMA = Path(__file__).resolve().parents[3] / "shared" / "data" / "sigma" / "sigma-rules.tar.xz"


def main() -> None:
    """All tables; those with SigmaHQ's rules only where they lie beside the checkout."""
    print(f"Python {platform.python_version()}, {platform.machine()}\n")
    with tempfile.TemporaryDirectory() as folder:
        rules = None
        if SIGMA.is_file():
            with tarfile.open(SIGMA) as archive:
                archive.extractall(folder, filter="data")
            rules = Path(folder) / "rules"
        else:
            print("SigmaHQ's rules are not beside the checkout: measured with our own rules only\n")
        print("whole: soc analyze on one core, with parse (+ enrich) and detect as parts of it")
        whole.run(rules)
        print("\njobs: soc analyze --jobs, and what the one process that remembers costs a line")
        jobs.run(rules)
    for name, part in (
        ("parsers", parsers),
        ("sigma", sigma),
        ("correlation", correlation),
        ("collecting", collecting),
        ("to Kafka", to_kafka),
    ):
        print(f"\n{name}")
        part.run()


if __name__ == "__main__":
    main()
