"""Faust as the carrier: an agent for each topic, which hands records to the stages and does nothing else."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

import faust
from yarl import URL

from soc.core.servers import kafka_options
from soc.core.settings import KafkaSettings
from soc.engines.stream.guard import Released, StartAt, guard

Take = Callable[[Any], Awaitable[None]]
"""Takes one message of Faust: topic, partition, offset, timestamp (s), value."""

SESSION: Final = 6.0
"""Seconds after which a worker that says nothing is given up, and another takes over."""


def carrier(
    settings: KafkaSettings,
    takes: dict[str, Take],
    failed: Callable[[BaseException], None],
    *,
    start_at: StartAt,
    released: Released,
    folder: Path,
) -> faust.App:
    """An app, not started, that carries the records of each topic to its ``takes``, in order for each partition.

    failed: told of what a take raised; the record is then not to be counted on as dealt with, and the worker to end.
    folder: where Faust may keep what it likes; nothing of it has to survive.
    """
    app = faust.App(
        f"{settings.prefix}-workers",
        broker=[URL(f"kafka://{server}") for server in settings.servers],
        broker_credentials=_credentials(settings),
        broker_session_timeout=SESSION,
        broker_heartbeat_interval=1.5,
        broker_rebalance_timeout=20.0,
        broker_commit_interval=0.5,
        broker_request_timeout=30.0,
        consumer_auto_offset_reset="earliest",
        consumer_max_fetch_size=4 * 1024 * 1024,
        stream_recovery_delay=0.0,
        stream_wait_empty=False,
        stream_buffer_maxsize=16,
        stream_processing_timeout=3600.0,
        topic_allow_declare=False,
        topic_disable_leader=True,
        table_standby_replicas=0,
        web_enabled=False,
        datadir=folder,
    )
    guard(app, start_at, released)
    for topic, take in takes.items():
        _agent(app, topic, take, failed)
    return app


def _agent(app: faust.App, name: str, take: Take, failed: Callable[[BaseException], None]) -> None:
    topic = app.topic(name, key_serializer="raw", value_serializer="raw", value_type=bytes)

    @app.agent(topic, name=name)
    async def carry(stream: Any) -> None:
        async for event in stream.events():
            try:
                await take(event.message)
            except Exception as error:
                failed(error)
                raise


def _credentials(settings: KafkaSettings) -> Any:
    options = kafka_options(settings)
    context = options.get("ssl_context")
    if settings.user:
        return faust.SASLCredentials(
            mechanism=options["sasl_mechanism"],
            username=options["sasl_plain_username"],
            password=options["sasl_plain_password"],
            ssl_context=context,
        )
    return faust.SSLCredentials(context) if context else None
