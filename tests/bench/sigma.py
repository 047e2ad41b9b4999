"""CPU µs an event for matching Sigma rules on one core: ``python -m tests.bench.sigma`` from the project's root.

"first" is the first pass over the events, memos empty and rule functions not yet made; "again" a second pass;
"JSON" is a first pass by a fresh matcher from JSON bytes to hits. Rules and Windows events are the shared data.
"""

from __future__ import annotations

import gzip
import random
import resource
import tarfile
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import orjson

from soc.core.content import content_root
from soc.core.event import Event
from soc.parsers import fills_by_dataset
from soc.sigma import IDENTITY, FieldMap, Rule, load, shipped_mapping
from soc.sigma.matcher import Fixed, Matcher, Route, Routes, by_dataset
from tests.sigma.test_regression import RULES, SYSMON, flat, route, sources

EVTX = RULES.parent.parent / "evtx_to_mitre" / "events.jsonl.gz"
EVENTS = 20_000
SIZES = (100, 1000)


@dataclass(frozen=True)
class Workload:
    """Events and the rules they are matched against."""

    name: str
    events: Sequence[Event]
    rules: Sequence[Rule]
    routes: Routes
    route: Route
    fixed: Fixed


def run() -> None:
    """Prints the table; says so when the shared data is not there."""
    if not RULES.is_file() or not EVTX.is_file():
        print("SigmaHQ's rules and the Windows events are not here: nothing to measure")
        return
    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(RULES) as archive:
            archive.extractall(folder, filter="data")
        native, mapped = _load(Path(folder), IDENTITY), _load(Path(folder), shipped_mapping())
    print(f"\n{'workload':<34}{'rules':>6}{'events':>8}", end="")
    print(f"{'compile s':>11}{'first µs':>10}{'again µs':>10}{'JSON µs':>9}{'hits':>7}")
    for workload in _workloads(native, mapped):
        for size in (*(size for size in SIZES if size < len(workload.rules)), len(workload.rules)):
            _measure(workload, random.Random(1).sample(list(workload.rules), size))
    print(f"peak RSS {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


def _load(folder: Path, mapping: FieldMap) -> list[Rule]:
    start = time.process_time()
    loaded = load([folder / "rules"], mapping)
    seconds = time.process_time() - start
    print(f"{len(loaded.rules)} rules, {len(loaded.problems)} rejected, loaded in {seconds:.1f} s of CPU")
    return loaded.rules


def _measure(workload: Workload, rules: Sequence[Rule]) -> None:
    start = time.process_time()
    matcher = Matcher(rules, workload.routes, workload.route, workload.fixed)
    compiled = time.process_time() - start
    first, hits = _match(matcher, workload.events)
    again = min(_match(matcher, workload.events)[0] for _ in range(3))
    lines = [orjson.dumps(event) for event in workload.events]
    fresh = Matcher(rules, workload.routes, workload.route, workload.fixed)
    both, _ = _match(fresh, map(orjson.loads, lines))
    count = len(workload.events)
    times = "".join(f"{seconds / count * 1e6:>{width}.1f}" for seconds, width in ((first, 10), (again, 10), (both, 9)))
    print(f"{workload.name:<34}{len(rules):>6}{count:>8}{compiled:>11.1f}{times}{hits:>7}")


def _match(matcher: Matcher, events: Iterable[Event]) -> tuple[float, int]:
    hits = 0
    start = time.process_time()
    for event in events:
        hits += len(matcher.match(event))
    return time.process_time() - start, hits


def _workloads(native: Sequence[Rule], mapped: Sequence[Rule]) -> Iterator[Workload]:
    ours = load([content_root()]).rules
    routes = {name: dataset.sources for name, dataset in fills_by_dataset().items()}
    fixed: Fixed = {name: {"event.dataset": name} for name in routes}
    network = list(_network())
    if ours:
        yield Workload("network, our rules", network, ours, routes, by_dataset, fixed)
    yield Workload("network, ours and SigmaHQ", network, [*ours, *mapped], routes, by_dataset, fixed)
    with gzip.open(EVTX) as lines:
        windows = [flat(orjson.loads(line)["record"]) for line in lines]
    random.Random(1).shuffle(windows)
    windows_rules = [rule for rule in native if rule.logsource.product == "windows"]
    tables = {route(event): event for event in windows}
    by_channel = {name: sources(name) for name in tables}
    known: Fixed = {name: {key: event.get(key) for key in ("Channel", "EventID")} for name, event in tables.items()}
    yield Workload("Windows mix", windows, windows_rules, by_channel, route, known)
    created = [event for event in windows if route(event) in {f"{SYSMON}|1", "Security|4688"}]
    distinct = [_distinct(event, number) for number in range(4) for event in created]
    yield Workload("process creation", created * 4, windows_rules, by_channel, route, known)
    yield Workload("process creation, all distinct", distinct, windows_rules, by_channel, route, known)


def _distinct(event: Event, number: int) -> Event:
    """The same event with values that no other event has; what routes it stays."""
    mark = f" {id(event) % 1_000_003}{number}"
    return {
        name: value + mark if isinstance(value, str) and name not in {"Channel", "EventID"} else value
        for name, value in event.items()
    }


def _network() -> Iterator[Event]:
    """Firewall, proxy, web server, DNS and sign-in events as the parsers make them, much repeated as in life."""
    dice = random.Random(20261005)
    hosts = [f"host{number}.example.vn" for number in range(800)]
    agents = [
        f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/{number}.0.0.0 Safari/537.36" for number in range(100, 130)
    ]
    for number in range(EVENTS):
        source, destination = f"10.1.{dice.randrange(8)}.{dice.randrange(250)}", f"203.0.113.{dice.randrange(250)}"
        ends: Event = {"source.ip": source, "source.port": dice.randrange(1024, 65536), "destination.ip": destination}
        path = f"/{dice.choice(['index', 'news', 'van-ban', 'tra-cuu'])}/{dice.randrange(3000)}"
        web: Event = {
            "url.original": path + "?id=1", "url.path": path, "url.query": "id=1", "url.domain": dice.choice(hosts),
            "http.request.method": dice.choice(["GET", "GET", "POST"]), "http.response.status_code": 200,
            "user_agent.original": dice.choice(agents), "http.response.body.bytes": dice.randrange(9000),
        }  # fmt: skip
        kind = number % 10
        if kind < 5:
            event: Event = {"event.dataset": "fortinet.traffic", **ends, "destination.port": dice.choice([443, 80, 53]),
                            "event.action": "accept", "network.transport": "tcp", "rule.id": "12"}  # fmt: skip
        elif kind < 7:
            event = {
                "event.dataset": "fortinet.webfilter",
                **ends,
                **web,
                "url.full": f"https://{web['url.domain']}{path}",
            }
        elif kind == 7:
            event = {"event.dataset": "nginx.access", "source.ip": source, **web}
        elif kind == 8:
            event = {"event.dataset": "suricata.dns", **ends, "dns.question.name": dice.choice(hosts),
                     "dns.question.type": "A", "dns.resolved_ip": (destination,)}  # fmt: skip
        else:
            event = {"event.dataset": "linux.sshd", "source.ip": source, "user.name": "an", "event.outcome": "success",
                     "message": "Accepted publickey for an"}  # fmt: skip
        event["event.original"] = f"<134>{number} " + " ".join(f"{name}={value}" for name, value in event.items())
        yield event


if __name__ == "__main__":
    run()
