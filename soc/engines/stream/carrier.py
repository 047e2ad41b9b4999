"""Faust as the carrier: an agent for each topic, which hands records to the stages and does nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

from soc.core.servers import kafka_options
from soc.core.settings import KafkaSettings
from soc.engines.stream.app import guarded_app
from soc.engines.stream.guard import GuardedApp, Released, StartAt

Take = Callable[[Any], Awaitable[None]]
"""Takes one message of Faust: topic, partition, offset, timestamp (s), value."""


def carrier(
    settings: KafkaSettings,
    group: str,
    takes: Mapping[str, Take],
    folder: Path,
    *,
    start_at: StartAt | None = None,
    released: Released | None = None,
    rebalance: float = 6.0,
) -> GuardedApp:
    """An app, not started, that carries the records of each topic to its ``takes``, in order for each partition.

    Faust stands still while one of an app's agents does: what may have to wait has an app, and a group, of its own.
    What a take raises ends the app, with the record not dealt with. folder: where Faust may keep what it likes.
    rebalance (s): what ``released`` and a take may need together.
    """
    options = kafka_options(settings)
    app = guarded_app(
        f"{settings.prefix}-{group}",
        settings.servers,
        folder / group,
        user=settings.user,
        password=options.get("sasl_plain_password", ""),
        ssl_context=options.get("ssl_context"),
        start_at=start_at,
        released=released,
        broker_rebalance_timeout=rebalance,
        stream_buffer_maxsize=16,
        stream_processing_timeout=3600.0,
        topic_allow_declare=False,
        table_standby_replicas=0,
    )
    for topic, take in takes.items():
        _agent(app, topic, take)
    return app


def _agent(app: GuardedApp, name: str, take: Take) -> None:
    topic = app.topic(name, key_serializer="raw", value_serializer="raw", value_type=bytes)

    @app.agent(topic, name=name)
    async def carry(stream: Any) -> None:
        async for event in stream.events():
            try:
                await take(event.message)
            except Exception as error:  # noqa: BLE001 - Faust would count the record as dealt with, and go on
                await app.crash(error)
                await asyncio.Event().wait()
