"""The connection to Kafka: lines go in order, and count as sent when all replicas that must have them say so."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from soc.core.errors import SocError
from soc.core.servers import kafka_options
from soc.core.settings import KafkaSettings
from soc.core.wire import LARGEST

if TYPE_CHECKING:
    from aiokafka import AIOKafkaProducer

MAX_BATCH = 1024 * 1024
START_SECONDS = 30.0
CLOSE_SECONDS = 1.0


class KafkaFailed(SocError):
    """Kafka is not to be had, or refused what was sent. Nothing of it is lost: it is still where it came from."""


def check_installed() -> None:
    """SocError without aiokafka, which a collector that only keeps lines on disk does without."""
    try:
        import aiokafka  # noqa: F401
    except ImportError as error:
        raise SocError(
            "Kafka needs aiokafka: pip install 'soc-pipeline[stream]' (or 'soc-collector[kafka]')"
        ) from error


def failures() -> tuple[type[Exception], ...]:
    """What the client raises when Kafka is away or refuses; all of it may be tried again."""
    from aiokafka.errors import KafkaError

    return (KafkaError, OSError, TimeoutError)


async def connect(settings: KafkaSettings, topics: Iterable[str], client: str) -> AIOKafkaProducer:
    """A started producer, once all these topics are there. KafkaFailed says what is missing; SettingsError names it.

    Once started, it tries again for ever by itself while Kafka is away, and keeps the order. A topic is never made by
    sending to it, since it would have the broker's defaults.
    """
    check_installed()
    from aiokafka import AIOKafkaProducer

    heard = listen()
    producer = AIOKafkaProducer(
        **kafka_options(settings),
        client_id=client or "soc",
        acks="all",
        enable_idempotence=True,
        compression_type="zstd",
        max_batch_size=MAX_BATCH,
        max_request_size=LARGEST,
    )
    try:
        async with asyncio.timeout(START_SECONDS):
            await producer.start()
        known = (await producer.client.fetch_all_metadata()).topics()
    except failures() as error:
        await abandon(producer)
        raise KafkaFailed(heard.last or f"{', '.join(settings.servers)}: {told(error)}") from error
    except BaseException:
        await abandon(producer)
        raise
    if missing := sorted(set(topics) - known):
        await abandon(producer)
        raise KafkaFailed("no topic {names}; 'soc topics apply --yes' makes them", names=", ".join(missing))
    return producer


async def abandon(producer: AIOKafkaProducer) -> None:
    """Close it without waiting for Kafka: what was not acknowledged may or may not be there, and is sent anew."""
    sender: Any = producer._sender
    producer._closed = True  # its stop() would wait until everything is delivered, which may be never
    try:
        async with asyncio.timeout(CLOSE_SECONDS):
            await sender.close()
    except TimeoutError:  # a request that hangs; without its connection it ends
        pass
    except failures():
        pass
    await producer.client.close()


def forget(futures: Iterable[asyncio.Future[Any]]) -> None:
    """Ask no more what became of what was sent; without this, asyncio logs each error that nobody looked at."""
    for future in futures:
        if not future.done():
            future.cancel()
        elif not future.cancelled():
            future.exception()


def told(error: BaseException) -> str:
    """An error of the client in a few words, with its kind; some have nothing else."""
    kind = type(error).__name__
    text = str(error).removeprefix(f"{kind}: ")
    return f"{kind}: {text}" if text else kind


class Heard(logging.Handler):
    """The last complaint in the client's log: why it cannot connect is only there, not in what it raises."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.last = ""

    def emit(self, record: logging.LogRecord) -> None:
        self.last = record.getMessage()


_heard = Heard()


def listen() -> Heard:
    """Keep the client's log, which tells each attempt, to ourselves, and forget what it said before."""
    log = logging.getLogger("aiokafka")
    log.addHandler(_heard)  # a second time, this does nothing
    log.propagate = False
    _heard.last = ""
    return _heard
