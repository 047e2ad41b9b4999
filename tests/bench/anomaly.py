"""What anomaly models add to detection, in the stages of a worker: ``python -m tests.bench anomaly``.

Their work grows with hosts and ten minutes, not with lines, of which the story has few for each host. With and without
models alternately, since machines are noisy.
"""

from __future__ import annotations

import statistics

from tests.bench.stages import measured


def run(runs: int = 5) -> None:
    """Prints the median CPU µs a line of detect and conclude without and with the demo's models, and what they add."""
    rows: dict[bool, list[dict[str, float]]] = {False: [], True: []}
    for _ in range(runs):
        for models, seen in rows.items():
            seen.append(measured([], models=models))
    print(f"{'models':10} {'lines':>8} {'detect':>8} {'conclude':>9} {'sum':>7} {'signal bytes':>13}  a line")
    sums = {}
    for models, seen in rows.items():
        row = {key: statistics.median(one[key] for one in seen) for key in seen[0]}
        sums[models] = row["detect"] + row["conclude"]
        print(f"{'all four' if models else 'none':10} {row['lines']:8,.0f} {row['detect']:8.1f}", end="")
        print(f" {row['conclude']:9.2f} {sums[models]:7.1f} {row['signal_bytes']:13.0f}", flush=True)
    more = sums[True] - sums[False]
    print(f"models add {more:.1f} µs a line, {100 * more / sums[False]:.0f} % of detection")
