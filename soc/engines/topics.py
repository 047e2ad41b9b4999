"""The topics of the distributed engine: what they should be, what they are, and the way from one to the other."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal

from collectors.kafka_producer import KafkaFailed, check_installed, failures, listen, told
from soc.core.errors import SocError
from soc.core.servers import kafka_options
from soc.core.settings import KafkaSettings, duration
from soc.core.wire import ALERTS, COUNTS, EVENTS, LARGEST, RAW, REJECTED, SIGNALS, STATE_RAW, STATE_SIGNALS, topic

if TYPE_CHECKING:
    from aiokafka.admin import AIOKafkaAdminClient

DAY: Final = 86_400_000
MOST_SIGNALS: Final = 16
"""Partitions of signals: few hits come of many lines, and each of these is told how far each of those is."""
SEGMENT: Final = 16 * 1024 * 1024
SETTLE_TRIES: Final = 50
SETTLE_SECONDS: Final = 0.2
_DYNAMIC: Final = 1  # the source of a setting that was made for the topic itself (KIP-226)


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic as it should be, or as it is. configs by Kafka's own names; values as Kafka writes them."""

    name: str
    partitions: int
    replication: int
    configs: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Found:
    """What a cluster has: topics by name, their settings with defaults, and what was set for each topic itself."""

    topics: Mapping[str, Topic] = field(default_factory=dict)
    own: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    brokers: int = 1


BROKERS = "replication {wanted}, but there are {found} brokers"
REPLICATION = "replication {found} -> {wanted} moves data between brokers, which kafka-reassign-partitions does"
FEWER = "partitions {found} -> {wanted}: Kafka takes none away; set kafka.partitions to {found}, or use another prefix"
MORE = "keys move to other partitions, and what workers remember of them does not: let them read everything first"
REASONS = (BROKERS, REPLICATION, FEWER, MORE)
"""Why something cannot be, or what to take care of; translated where it is shown."""

Kind = Literal["unchanged", "create", "change", "cannot"]


@dataclass(frozen=True, slots=True)
class Step:
    """What is to be done about a topic. changes: setting -> (old, new); why: one of REASONS with its values, or ""."""

    kind: Kind
    topic: Topic
    changes: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    why: str = ""
    found: int = 0
    wanted: int = 0


def wanted(settings: KafkaSettings) -> tuple[Topic, ...]:
    """All topics of the engine.

    raw       as long as the settings say: how far back anything can be replayed
    signals   as long as raw: both are replayed together, and a window's signals must not go before its lines; in
              no more partitions than 16, since the hits are few and what is told grows with both numbers
    events    2 days at most: they are on their way to Elasticsearch, and made again from raw if need be
    alerts    30 days, and rejected lines too: few, and what somebody looks for later
    counts    by minute; the latest total of each is kept, for 30 days
    state.*   only the latest state of each partition, compacted soon, in small files

    Retention goes by the broker's clock (LogAppendTime): a collector's clock in the past would have its lines
    deleted at once, one in the future would have them refused.
    """
    raw = duration(settings.retention) // 1000
    few, many, middling = 1, settings.partitions, min(settings.partitions, MOST_SIGNALS)
    compacted = {
        "cleanup.policy": "compact",
        "segment.bytes": str(SEGMENT),
        "segment.ms": "600000",
        "min.cleanable.dirty.ratio": "0.1",
        "max.compaction.lag.ms": "600000",
        "delete.retention.ms": "3600000",
    }

    def made(name: str, partitions: int, configs: Mapping[str, str], largest: int = LARGEST) -> Topic:
        shared = {
            "min.insync.replicas": "2" if settings.replication >= 3 else "1",
            "compression.type": "producer",  # the broker stores what producers compressed (zstd) as it is
            "message.timestamp.type": "LogAppendTime",
            "max.message.bytes": str(largest),
        }
        return Topic(topic(settings.prefix, name), partitions, settings.replication, shared | dict(configs))

    def kept(milliseconds: int) -> dict[str, str]:
        return {"cleanup.policy": "delete", "retention.ms": str(milliseconds)}

    small = 1024 * 1024
    return (
        made(RAW, many, kept(raw)),
        made(SIGNALS, middling, kept(raw)),
        made(EVENTS, many, kept(min(raw, 2 * DAY))),
        made(ALERTS, many, kept(30 * DAY)),
        made(REJECTED, few, kept(30 * DAY)),
        made(COUNTS, few, compacted | {"cleanup.policy": "compact,delete", "retention.ms": str(30 * DAY)}, small),
        made(STATE_RAW, many, compacted),
        made(STATE_SIGNALS, middling, compacted),
    )


def plan(topics: Iterable[Topic], found: Found) -> list[Step]:
    """What it takes to get from what is there to these topics, a step for each of them."""
    return [_step(one, found) for one in topics]


def _step(topic: Topic, found: Found) -> Step:
    there = found.topics.get(topic.name)
    if there is None:
        if topic.replication > found.brokers:
            return Step("cannot", topic, why=BROKERS, found=found.brokers, wanted=topic.replication)
        return Step("create", topic)
    if there.replication != topic.replication:
        return Step("cannot", topic, why=REPLICATION, found=there.replication, wanted=topic.replication)
    if there.partitions > topic.partitions:
        return Step("cannot", topic, why=FEWER, found=there.partitions, wanted=topic.partitions)
    changes = {
        key: (there.configs.get(key, ""), value)
        for key, value in topic.configs.items()
        if _ordered(there.configs.get(key, "")) != _ordered(value)
    }
    if there.partitions == topic.partitions:
        return Step("change" if changes else "unchanged", topic, changes)
    changes = {"partitions": (str(there.partitions), str(topic.partitions))} | changes
    return Step("change", topic, changes, MORE, there.partitions, topic.partitions)


def _ordered(value: str) -> list[str]:
    """Kafka gives the parts of a list such as "compact,delete" in an order of its own."""
    return sorted(value.split(","))


async def look(settings: KafkaSettings) -> tuple[list[Step], Found]:
    """The plan for the cluster as it is now. SocError when it does not answer; SettingsError names the key."""
    topics = wanted(settings)
    async with _Admin(settings) as admin:
        found = await _found(admin, [one.name for one in topics])
    return plan(topics, found), found


async def carry_out(settings: KafkaSettings, steps: Iterable[Step], found: Found) -> None:
    """Carry out what can be; when it returns, every broker asked knows of it.

    SocError names the topic where it failed; doing it again goes on from there.
    """
    todo = [step for step in steps if step.kind in {"create", "change"}]
    from aiokafka.admin import NewPartitions, NewTopic
    from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

    async with _Admin(settings) as admin:
        for step in todo:
            name, one = step.topic.name, step.topic
            if step.kind == "create":
                made = NewTopic(name, one.partitions, one.replication, topic_configs=dict(one.configs))
                answer = await admin.create_topics([made])
                _check([tuple(error)[:3] for error in answer.topic_errors])
            elif step.kind == "change":
                if "partitions" in step.changes:
                    await admin.create_partitions({name: NewPartitions(one.partitions)})
                # This request replaces everything that was set for the topic, so what others set is said again.
                configs = {**found.own.get(name, {}), **one.configs}
                if step.changes.keys() - {"partitions"}:
                    for answer in await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, name, configs)]):
                        _check([(row[3], row[0], row[1]) for row in answer.resources])
        for _ in range(SETTLE_TRIES):
            there = await _found(admin, [step.topic.name for step in todo])
            late = [step.topic.name for step in plan([step.topic for step in todo], there) if step.kind != "unchanged"]
            if not late:
                return
            await asyncio.sleep(SETTLE_SECONDS)
        raise SocError(", ".join(late), "Kafka took it, and does not show it")


def _check(answers: Iterable[tuple[str, int, str | None]]) -> None:
    from aiokafka.errors import for_code

    for name, code, text in answers:
        if code:
            raise SocError(name, text or for_code(code).__name__)


async def _found(admin: AIOKafkaAdminClient, names: list[str]) -> Found:
    """What there is of these topics. A new one is known to some brokers sooner than to others: then once more."""
    for _ in range(SETTLE_TRIES):
        found = await _found_at_once(admin, names)
        if found is not None:
            return found
        await asyncio.sleep(SETTLE_SECONDS)
    raise SocError(", ".join(names), "the brokers do not agree on what there is")


async def _found_at_once(admin: AIOKafkaAdminClient, names: list[str]) -> Found | None:
    from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
    from aiokafka.errors import UnknownTopicOrPartitionError

    brokers = len((await admin.describe_cluster())["brokers"])
    there = {one["topic"]: one["partitions"] for one in await admin.describe_topics()}
    mine = [name for name in names if name in there]
    topics: dict[str, Topic] = {}
    own: dict[str, dict[str, str]] = {}
    if mine:
        answers = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name) for name in mine])
        for code, text, _, name, rows in (resource for answer in answers for resource in answer.resources):
            partitions = there[name]
            if code == UnknownTopicOrPartitionError.errno or not partitions:
                return None
            _check([(name, code, text)])
            configs = {row[0]: row[1] or "" for row in rows}
            own[name] = {row[0]: row[1] or "" for row in rows if row[3] == _DYNAMIC}
            topics[name] = Topic(name, len(partitions), len(partitions[0]["replicas"]), configs)
    return Found(topics, own, brokers)


class _Admin:
    """A started admin client; what the client raises becomes a SocError that names the servers."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings

    async def __aenter__(self) -> AIOKafkaAdminClient:
        options = kafka_options(self._settings)
        check_installed()
        from aiokafka.admin import AIOKafkaAdminClient

        heard = listen()
        self._client = AIOKafkaAdminClient(**options, request_timeout_ms=15000)
        try:
            await self._client.start()
        except failures() as error:
            await self._client.close()
            raise KafkaFailed(heard.last or f"{', '.join(self._settings.servers)}: {told(error)}") from error
        return self._client

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        await self._client.close()
        if isinstance(error, failures()):
            raise KafkaFailed(", ".join(self._settings.servers), told(error)) from error
