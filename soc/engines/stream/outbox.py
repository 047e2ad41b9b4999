"""What a worker sends: handed over at once, sent in order, and known to be durable when it is asked for."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import Final

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaConnectionError, KafkaTimeoutError, UnknownTopicOrPartitionError

from collectors.kafka_producer import abandon

PAUSE: Final = 1.0
MOST_BYTES: Final = 32 * 1024 * 1024
"""So much may wait to be sent before a stage is held up."""


@dataclass(slots=True)
class _Sending:
    topic: str
    partition: int | None
    key: bytes | None
    value: bytes | None
    done: bool = False


class Outbox:
    """Records on their way to Kafka. What a stage puts after a step is one moment of its state: nothing of it waits.

    ``settled`` is the only promise: what was put before is durable. The first error is raised there and in ``room``,
    and nothing is sent after it, so that no later record overtakes a lost one.
    """

    def __init__(self, producer: AIOKafkaProducer) -> None:
        """producer: started, and waiting for all replicas; it is stopped with the outbox."""
        self._producer = producer
        self._waiting: deque[_Sending] = deque()
        self._open: deque[_Sending] = deque()
        self._put = self._durable = 0
        self._bytes = 0
        self._wake = asyncio.Event()
        self._less = asyncio.Event()
        self._error: BaseException | None = None
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Gives up what has not been sent; ask for ``settled`` before."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    def put(self, topic: str, value: bytes | None, *, key: bytes | None = None, partition: int | None = None) -> None:
        """A record, in the order of calls. value None deletes a key from a compacted topic."""
        sending = _Sending(topic, partition, key, value)
        self._waiting.append(sending)
        self._open.append(sending)
        self._put += 1
        self._bytes += len(value or b"")
        self._wake.set()

    async def room(self) -> None:
        """Waits while too much is waiting."""
        while self._bytes > MOST_BYTES and self._error is None:
            self._less.clear()
            await self._less.wait()
        self._raise()

    async def settled(self) -> None:
        """Waits until everything that was put before is durable."""
        put = self._put
        while self._durable < put and self._error is None:
            self._less.clear()
            await self._less.wait()
        self._raise()

    def _raise(self) -> None:
        if self._error is not None:
            raise RuntimeError(f"Kafka does not take what was to be sent: {self._error}") from self._error

    async def _run(self) -> None:
        try:
            while self._error is None:
                while self._waiting and self._error is None:
                    await self._send(self._waiting.popleft())
                self._wake.clear()
                if not self._waiting:
                    await self._wake.wait()
        except Exception as error:  # noqa: BLE001 - whatever it is, nothing more can be sent
            self._fail(error)
        finally:
            await abandon(self._producer)  # its stop() would wait for a Kafka that is away

    async def _send(self, sending: _Sending) -> None:
        while True:
            try:
                future = await self._producer.send(
                    sending.topic, sending.value, key=sending.key, partition=sending.partition
                )
                break
            except (UnknownTopicOrPartitionError, KafkaTimeoutError, KafkaConnectionError):
                # nothing has been taken yet: Kafka has been away for longer than the client waits
                await asyncio.sleep(PAUSE)
        future.add_done_callback(lambda future: self._acknowledged(future, sending))

    def _acknowledged(self, future: asyncio.Future[object], sending: _Sending) -> None:
        error = None if future.cancelled() else future.exception()
        if future.cancelled() or error is not None:
            self._fail(error or RuntimeError("cancelled"))
            return
        sending.done = True
        self._bytes -= len(sending.value or b"")
        while self._open and self._open[0].done:  # partitions are acknowledged in any order
            self._open.popleft()
            self._durable += 1
        self._less.set()

    def _fail(self, error: BaseException) -> None:
        self._error = self._error or error
        self._wake.set()
        self._less.set()
