"""CPU µs a hit for correlations, one core: ``python -m tests.bench.correlation`` or ``make bench``."""

from __future__ import annotations

import gc
import random
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterator

import yaml

from soc.core.event import Event
from soc.core.finding import Hit, Kind, Level, RuleInfo
from soc.correlation import Correlation, Correlator, load

HITS = 200_000
BATCH = 500
LATENESS = 10_000_000
RULE = RuleInfo(id="denied", name="denied", title="Denied", kind=Kind.RULE, level=Level.LOW, hash="")
OTHER = RuleInfo(id="allowed", name="allowed", title="Allowed", kind=Kind.RULE, level=Level.LOW, hash="")

KINDS = {
    "event_count": "type: event_count, rules: [denied], group-by: [source.ip], timespan: 1m, condition: {gte: 100}",
    "value_count (port scan)": "type: value_count, rules: [denied], group-by: [source.ip], timespan: 1m,"
    " condition: {field: destination.port, gte: 50}",
    "value_count, 2 group fields": "type: value_count, rules: [denied], group-by: [source.ip, destination.ip],"
    " timespan: 1m, condition: {field: destination.port, gte: 50}",
    "temporal": "type: temporal, rules: [denied, allowed], group-by: [source.ip], timespan: 1m",
    "temporal_ordered": "type: temporal_ordered, rules: [denied, allowed], group-by: [source.ip], timespan: 1m",
    "temporal, a and not b": "type: temporal, rules: [denied, allowed], group-by: [source.ip], timespan: 1m,"
    " condition: denied and not allowed",
    "event_count, lt": "type: event_count, rules: [denied], group-by: [source.ip], timespan: 1m, condition: {lt: 5}",
    "event_count, range": "type: event_count, rules: [denied], group-by: [source.ip], timespan: 1m,"
    " condition: {gt: 100, lte: 1000}",
    "event_count, silence": "type: event_count, rules: [denied], group-by: [source.ip], timespan: 1m,"
    " condition: {lt: 1}",
    "value_sum": "type: value_sum, rules: [denied], group-by: [source.ip], timespan: 1m,"
    " condition: {field: source.bytes, gte: 1000000}",
    "value_avg": "type: value_avg, rules: [denied], group-by: [source.ip], timespan: 1m,"
    " condition: {field: source.bytes, gte: 1400}",
    "value_median": "type: value_median, rules: [denied], group-by: [source.ip], timespan: 1m,"
    " condition: {field: source.bytes, gte: 1400}",
    "rare value": "type: value_percentile, rules: [denied], group-by: [source.ip], timespan: 1m,"
    " condition: {field: destination.ip, lte: 1}",
    "value_percentile": "type: value_percentile, rules: [denied], group-by: [source.ip], timespan: 1m,"
    " condition: {field: source.bytes, percentile: 90, gte: 1400}",
}


def correlation(body: str) -> list[Correlation]:
    """One correlation from the inside of its ``correlation:`` mapping."""
    raw = {"title": "Bench", "name": "bench", "correlation": yaml.safe_load(f"{{{body}}}")}
    correlations, problems = load([(raw, "bench.yml", 1, "")], {"denied": RULE, "allowed": OTHER})
    if problems:
        raise SystemExit(str(problems[0]))
    return correlations


def firewall(sources: Callable[[random.Random, int], str]) -> Iterator[list[Hit]]:
    """Batches of firewall hits, 2,000 a second of event time, up to a second out of order."""
    dice = random.Random(1)
    for start in range(0, HITS, BATCH):
        batch = []
        for number in range(start, start + BATCH):
            event: Event = {
                "@timestamp": 1_760_000_000_000_000 + number * 500 - dice.randrange(1_000_000),
                "soc.origin": "udp:10.0.0.1",
                "log.offset": number,
                "source.ip": sources(dice, number),
                "destination.ip": f"10.1.{dice.randrange(4)}.{dice.randrange(200)}",
                "destination.port": dice.randrange(1, 65_536),
                "source.bytes": dice.randrange(40, 1_500),
            }
            batch.append(Hit(RULE if dice.random() < 0.9 else OTHER, event))
        yield batch


def usual(dice: random.Random, number: int) -> str:
    """Few loud sources, many quiet ones."""
    return f"203.0.113.{int(dice.paretovariate(0.4)) % 250}"


def flood(dice: random.Random, number: int) -> str:
    """Every hit from another source: a forged-address flood."""
    return f"198.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"


def measure(correlations: list[Correlation], batches: list[list[Hit]]) -> tuple[float, int, Correlator]:
    """CPU µs a hit, number of findings, and the correlator as it was at the end."""
    correlator = Correlator(correlations, LATENESS)
    findings = latest = 0
    began = time.process_time()
    for batch in batches:
        correlator.feed(batch)
        latest = max(latest, int(batch[-1].event["@timestamp"]))  # type: ignore[call-overload]
        findings += len(correlator.advance(latest - LATENESS))
    findings += len(correlator.advance(latest * 2))
    return (time.process_time() - began) / HITS * 1e6, findings, correlator


def run() -> None:
    """Prints the table."""
    streams = {"usual": list(firewall(usual)), "every source new": list(firewall(flood))}
    gc.freeze()  # the streams themselves are not the correlator's garbage
    print(f"{'correlation':30}{'stream':20}{'µs/hit':>8}{'findings':>10}{'evicted':>9}")
    for stream, batches in streams.items():
        for name, body in KINDS.items():
            cost, findings, correlator = measure(correlation(body), batches)
            evicted = sum(pressure.evicted for pressure in correlator.pressure.values())
            print(f"{name:30}{stream:20}{cost:8.2f}{findings:10}{evicted:9}")
    _state(streams["usual"])
    for name, body in KINDS.items():
        _bytes_of_a_group(name, body)
    _flood()


def _state(batches: list[list[Hit]]) -> None:
    correlator = Correlator(correlation(KINDS["value_count (port scan)"]), LATENESS)
    tracemalloc.start()
    for batch in batches[:200]:
        correlator.feed(batch)
        correlator.advance(int(batch[-1].event["@timestamp"]) - LATENESS)  # type: ignore[call-overload]
    kept = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    began = time.process_time()
    state = correlator.state()
    cost = time.process_time() - began
    print(
        f"after 100,000 hits: {kept / 1e6:.1f} MB beside the events; {len(state) / 1e6:.1f} MB in {cost * 1e3:.0f} ms"
    )


def _bytes_of_a_group(name: str, body: str) -> None:
    """A group with one hit, in memory (its event aside) and as state."""
    groups = 5_000
    hits = [
        Hit(RULE, {**event, "source.ip": f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}"})
        for n, event in enumerate([firewall_event()] * groups)
    ]
    correlator = Correlator(correlation(body), 0)
    tracemalloc.start()
    correlator.feed(hits)
    correlator.advance(1_760_000_000_000_001)
    kept = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    state = len(correlator.state())
    print(f"{name:30}{kept / groups:10.0f} bytes a group in memory{state / groups:8.0f} as state")


def firewall_event() -> Event:
    """One that the streams could have."""
    return next(firewall(usual))[0].event


def _flood() -> None:
    """A million forged sources at one correlation; a slow attack that another is to find all the while."""
    bodies = {
        "flooded": "type: event_count, rules: [denied], group-by: [source.ip], timespan: 1h, condition: {gte: 100}",
        "quiet": "type: event_count, rules: [allowed], group-by: [source.ip], timespan: 1h, condition: {gte: 10}",
    }
    raw = [
        ({"title": name, "name": name, "correlation": yaml.safe_load(f"{{{body}}}")}, "bench.yml", n, name)
        for n, (name, body) in enumerate(bodies.items())
    ]
    correlations, _ = load(raw, {"denied": RULE, "allowed": OTHER})
    correlator = Correlator(correlations, 0)
    found, most = [], 0
    began = time.process_time()
    for start in range(0, 1_000_000, 10_000):
        now = 1_760_000_000_000_000 + start * 3_000
        hits = [
            Hit(RULE, {"@timestamp": now + n, "source.ip": f"{n >> 8 & 255}.{n & 255}.{start // 10_000}"})
            for n in range(10_000)
        ]
        if start % 100_000 == 0:
            hits.append(Hit(OTHER, {"@timestamp": now, "source.ip": "203.0.113.9"}))
        correlator.feed(hits)
        found += correlator.advance(now + 20_000)
        most = max(most, sum(len(lane.groups) for lane in correlator.lanes.values()))
    cost = time.process_time() - began
    given_up = {name: pressure.evicted for name, pressure in correlator.pressure.items()}
    print(f"flood of 1,000,000 keys: {cost:.1f} s with making them, at most {most:,} groups, given up {given_up},")
    print(f"slow attack beside it found: {[(one.rule.name, one.count) for one in found]}")


if __name__ == "__main__":
    sys.exit(run())
