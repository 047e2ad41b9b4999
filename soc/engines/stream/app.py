"""One Faust app as all our workers are made, and how it runs inside our own process."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import faust
from faust.types.auth import CredentialsT

from soc.core.errors import SocError
from soc.core.wire import LARGEST
from soc.engines.stream.guard import GuardedApp, Released, StartAt

STOP_SECONDS = 30.0


def guarded_app(
    name: str,
    servers: Sequence[str],
    folder: Path,
    *,
    user: str = "",
    password: str = "",
    ssl_context: ssl.SSLContext | None = None,
    start_at: StartAt | None = None,
    released: Released | None = None,
    **settings: Any,
) -> GuardedApp:
    """An app that loses nothing; ``name`` is also its consumer group. Nothing is connected before it runs.

    servers   "host:port" of some brokers
    folder    where Faust may keep files; we have no tables, so it keeps none
    user      of SASL/SCRAM-SHA-512; "" for none. With ``ssl_context``, over TLS
    start_at, released   see guard.py
    settings  of Faust, instead of those given here. An agent's longest step and ``released`` together must stay below
              ``broker_rebalance_timeout``
    """
    app = GuardedApp(
        name,
        **{
            "broker": [f"kafka://{server}" for server in servers],
            "broker_credentials": _credentials(user, password, ssl_context),
            "datadir": folder,
            "autodiscover": False,
            "web_enabled": False,
            "topic_disable_leader": True,
            "broker_session_timeout": 6.0,
            "broker_heartbeat_interval": 1.5,
            "broker_rebalance_timeout": 6.0,
            "broker_commit_interval": 0.5,
            "broker_max_poll_records": 32,
            "consumer_auto_offset_reset": "earliest",
            "consumer_max_fetch_size": LARGEST,
            "producer_acks": -1,
            "producer_compression_type": "zstd",
            "producer_max_request_size": LARGEST,
            "stream_buffer_maxsize": 32,
            "stream_recovery_delay": 0.0,
            "stream_wait_empty": False,
            **settings,
        },
    )
    app.start_at, app.released = start_at, released
    return app


async def run_app(app: GuardedApp, stop: asyncio.Event) -> None:
    """Run until ``stop`` is set, then finish what is in work, commit and leave the group.

    Signals stay with the caller. SocError when the worker fails by itself.
    """
    starting = asyncio.ensure_future(app.start())
    stopping = asyncio.ensure_future(stop.wait())
    ended = asyncio.ensure_future(app.wait_until_stopped())
    try:
        await asyncio.wait({starting, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if not starting.done() or starting.exception() is None:
            await asyncio.wait({stopping, ended}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        try:
            await asyncio.wait_for(app.stop(), STOP_SECONDS)
        finally:
            for task in (starting, stopping, ended):
                task.cancel()
                with suppress(asyncio.CancelledError, Exception):
                    await task
    reason = app.crash_reason or (None if starting.cancelled() else starting.exception())
    if reason is not None:
        raise SocError("the worker {name} failed: {why}", name=app.conf.id, why=repr(reason)) from reason


def _credentials(user: str, password: str, context: ssl.SSLContext | None) -> CredentialsT | None:
    if user:
        return faust.SASLCredentials(username=user, password=password, ssl_context=context, mechanism="SCRAM-SHA-512")
    return faust.SSLCredentials(context) if context is not None else None
