"""Health of a worker as JSON, and its metrics as Prometheus reads them."""

from __future__ import annotations

import socket
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, fields
from typing import Any, Final

import uvicorn
from aiokafka.errors import IllegalStateError
from faust.types import TP
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from soc.core.clock import Clock
from soc.engines.service import Server, listen
from soc.engines.stream.indexer import Indexer
from soc.engines.stream.kafka import End
from soc.engines.stream.worker import Worker
from soc.sigma.backtrack import overruns

_SUMS: Final = {
    "late": "hits and partials that came too late for correlations and anomaly models",
    "early": "hits that were decided early, because too many waited",
    "repeated_signals": "signals that came again and were passed over",
    "unknown_rules": "hits of rules that this worker has not",
    "defects": "batches and hits that broke a stage",
    "unreadable_states": "stored states that could not be read, whose partitions began afresh",
}
WITHOUT: Final = 60_000_000
"""µs without any assignment after which a worker is not healthy: Kafka is away, or it was left out."""


class Health:
    """What is known of a worker from outside: it asks, and changes nothing."""

    def __init__(self, worker: Worker, indexer: Indexer, clock: Clock) -> None:
        self._worker = worker
        self._indexer = indexer
        self._clock = clock
        self._since = clock.now()
        self._groups: dict[str, set[TP]] = {}
        self._next: dict[TP, int] = {}
        self._ends: dict[TP, End] = {}
        self.rebalances = 0

    def assigned(self, group: str, partitions: set[TP]) -> None:
        """This worker has these partitions of a group from now on."""
        self._groups[group], self._since = partitions, self._clock.now()
        self._next = {tp: offset for tp, offset in self._next.items() if tp in self._assigned}
        self.rebalances += 1

    @property
    def _assigned(self) -> set[TP]:
        return set().union(*self._groups.values())

    def wrote(self, message: Any) -> None:
        """A record is in Elasticsearch."""
        self._next[TP(message.topic, message.partition)] = message.offset + 1

    def ends(self, apps: Iterable[Any], lines: str) -> Mapping[int, End]:
        """How far each partition of lines goes, as far as Kafka has said; also for the lag."""
        for app, assigned in zip(apps, (self._groups.get("detect", ()), self._groups.get("index", ())), strict=True):
            for tp in assigned:
                with suppress(IllegalStateError, AssertionError):  # it has just been taken away
                    if (end := app.consumer.end(tp)) is not None:
                        self._ends[tp] = End(end[0], end[1] * 1000)
                        self._next.setdefault(tp, app.consumer.begun_at.get(tp, 0))
        return {tp.partition: end for tp, end in self._ends.items() if tp.topic == lines}

    def lag(self) -> dict[str, int]:
        """ "topic/partition" -> records that are not dealt with yet."""
        stages: dict[str, Mapping[int, Any]] = {"raw": self._worker.lines, "signals": self._worker.signals}
        lag = {}
        for tp in self._assigned:
            own = stages.get(tp.topic.rsplit(".", 1)[-1], {}).get(tp.partition)
            at = own.next if own is not None else self._next.get(tp)
            if at is not None and tp in self._ends:
                lag[f"{tp.topic}/{tp.partition}"] = max(0, self._ends[tp].offset - at)
        return lag

    def state(self) -> tuple[bool, dict[str, object]]:
        """Whether it is well, and what there is to say."""
        worker, indexer = self._worker, self._indexer
        conclusions = [own.conclusion for own in worker.signals.values()]
        well = bool(self._assigned) or self._clock.now() - self._since < WITHOUT
        return well and not indexer.trouble, {
            "partitions": sorted(f"{tp.topic}/{tp.partition}" for tp in self._assigned),
            "rebalances": self.rebalances,
            "lag": self.lag(),
            "watermarks": {n: own.conclusion.watermark(worker.partitions) for n, own in worker.signals.items()},
            "late": sum(one.late for one in conclusions),
            "early": sum(one.concluder.early for one in conclusions),
            "repeated_signals": sum(one.repeated for one in conclusions),
            "unknown_rules": sum(one.unknown for one in conclusions),
            "defects": worker.counts.defects + sum(one.defects for one in conclusions),
            "unreadable_states": worker.unreadable_states,
            "counts": {one.name: getattr(worker.counts, one.name) for one in fields(worker.counts)},
            "written": {kind: asdict(writer.counts) for kind, writer in indexer.writers.items()},
            "trouble": indexer.trouble or next((w.last_failure for w in indexer.writers.values()), ""),
            "slow_expressions": overruns(),
        }


class _Metrics(Collector):
    """The same as metrics; names begin with soc_."""

    def __init__(self, health: Health) -> None:
        self._health = health

    def collect(self) -> Iterable[Metric]:
        well, state = self._health.state()
        counts: Any = state["counts"]
        yield GaugeMetricFamily("soc_up", "1 when the worker is well", float(well))
        yield _by("soc_lag_records", "records that are not dealt with yet", "partition", state["lag"])
        yield _by("soc_watermark_seconds", "event time that is concluded", "partition", _seconds(state["watermarks"]))
        yield _by("soc_state_bytes", "size of the latest stored state", "partition", counts["state_bytes"])
        for name in ("lines", "events", "joined", "rejected", "signals", "alerts", "repeated", "unreadable"):
            yield CounterMetricFamily(f"soc_{name}", f"{name} since the start", float(counts[name]))
        for name, what in _SUMS.items():
            yield CounterMetricFamily(f"soc_{name}", what, _number(state[name]))
        rules = CounterMetricFamily("soc_rule_hits", "hits of each rule", labels=["rule"])
        for rule, hits in counts["hits"].items():
            rules.add_metric([rule], hits)
        yield rules
        yield from self._written(state["written"])

    def _written(self, written: Any) -> Iterator[Metric]:
        for what in ("written", "there_already", "refused", "retried"):
            family = CounterMetricFamily(f"soc_index_{what}", f"documents {what.replace('_', ' ')}", labels=["kind"])
            for kind, counts in written.items():
                family.add_metric([kind], counts[what])
            yield family


def _by(name: str, what: str, label: str, values: Any) -> Metric:
    family = GaugeMetricFamily(name, what, labels=[label])
    for key, value in values.items():
        family.add_metric([str(key)], float(value))
    return family


def _seconds(values: Any) -> dict[str, float]:
    return {key: micros / 1e6 for key, micros in values.items()}


def _number(value: Any) -> float:
    return float(value)


def health_server(health: Health, host: str, port: int) -> tuple[Server, socket.socket]:
    """/health: JSON with status 200 or 503; /metrics: text. Not yet started."""
    registry = CollectorRegistry()
    registry.register(_Metrics(health))

    async def state(_: Request) -> Response:
        well, found = health.state()
        return JSONResponse({"status": "ok" if well else "ill", **found}, 200 if well else 503)

    async def metrics(_: Request) -> Response:
        return Response(generate_latest(registry), media_type="text/plain; version=0.0.4; charset=utf-8")

    app = Starlette(routes=[Route("/health", state), Route("/metrics", metrics)])
    config = uvicorn.Config(app, log_level="warning", access_log=False, server_header=False, lifespan="off")
    return Server(config), listen(host, port)
