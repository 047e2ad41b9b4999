"""What a partition's stage remembers, kept in Kafka together with the offset at which its input goes on.

A compacted topic has one partition for each of the stage's input. A snapshot is cut into pieces, each a record with a
name of its own, and then the record "head" says which pieces make it up; the pieces of the one before are deleted after
that. Whoever is killed in between leaves the earlier snapshot whole, and a worker that was taken for dead and writes
late cannot mix its pieces with another's: at worst its head is older, and more of the input is read again. For its sake
pieces that no head names are left for an hour.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, Protocol

import msgspec
from aiokafka import TopicPartition

from soc.engines.stream.kafka import reading
from soc.engines.stream.outbox import Outbox

PIECE: Final = 512 * 1024
HEAD: Final = b"head"
ORPHANED: Final = 3_600_000
"""ms, by Kafka's clock, after which nobody will name a piece any more that no head has named."""
VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A state, and the offset of the first record that it has not seen."""

    offset: int
    state: bytes


class _Head(msgspec.Struct, array_like=True):
    version: int
    name: str
    offset: int
    pieces: int
    digest: bytes


class _Record(NamedTuple):
    """time: ms, when Kafka took it."""

    value: bytes
    time: int


class Snapshots(Protocol):
    """Where snapshots are kept. unreadable: those that were found damaged, or of another version."""

    unreadable: int

    async def load(self, partitions: Sequence[int]) -> dict[int, Snapshot]:
        """The latest of each partition that has one."""

    async def store(self, partition: int, snapshot: Snapshot) -> None:
        """Returns when it is durable."""


class TopicSnapshots:
    """In a compacted topic."""

    def __init__(self, topic: str, options: Mapping[str, object], outbox: Outbox) -> None:
        """options: of a consumer, such as its servers."""
        self._topic = topic
        self._options = options
        self._outbox = outbox
        self._stale: dict[int, list[bytes]] = {}
        self.unreadable = 0

    async def load(self, partitions: Sequence[int]) -> dict[int, Snapshot]:
        """ValueError of none: what cannot be read is counted, and the partition begins afresh."""
        if not partitions:
            return {}
        async with reading(self._options, auto_offset_reset="earliest") as consumer:
            wanted = [TopicPartition(self._topic, partition) for partition in partitions]
            consumer.assign(wanted)
            ends = await consumer.end_offsets(wanted)
            await consumer.seek_to_beginning(*wanted)
            records: dict[int, dict[bytes, _Record]] = {partition: {} for partition in partitions}
            left = {tp for tp in wanted if ends[tp] > 0 and await consumer.position(tp) < ends[tp]}
            while left:
                for tp, found in (await consumer.getmany(*left, timeout_ms=1000)).items():
                    for record in found:
                        if record.value is None:
                            records[tp.partition].pop(record.key, None)
                        else:
                            records[tp.partition][record.key] = _Record(record.value, record.timestamp)
                left = {tp for tp in left if await consumer.position(tp) < ends[tp]}
        loaded = {}
        for partition, kept in records.items():
            if (snapshot := self._put_together(partition, kept)) is not None:
                loaded[partition] = snapshot
        return loaded

    def _put_together(self, partition: int, kept: Mapping[bytes, _Record]) -> Snapshot | None:
        latest = max((record.time for record in kept.values()), default=0)
        old = {key for key, record in kept.items() if key != HEAD and record.time <= latest - ORPHANED}
        self._stale[partition] = sorted(old)
        if HEAD not in kept:
            return None
        try:
            head = msgspec.msgpack.decode(kept[HEAD].value, type=_Head)
        except msgspec.MsgspecError:
            self.unreadable += 1
            return None
        pieces = [key for key in _keys(head.name, head.pieces) if key in kept]
        self._stale[partition] = sorted({*old, *pieces})
        state = b"".join(kept[key].value for key in pieces)
        if head.version != VERSION or hashlib.blake2b(state).digest() != head.digest:
            self.unreadable += 1
            return None
        return Snapshot(head.offset, state)

    async def store(self, partition: int, snapshot: Snapshot) -> None:
        state, put, topic = snapshot.state, self._outbox.put, self._topic
        name = os.urandom(8).hex()
        keys = _keys(name, max(1, -(-len(state) // PIECE)))
        for number, key in enumerate(keys):
            put(topic, state[number * PIECE : (number + 1) * PIECE], key=key, partition=partition)
        head = _Head(VERSION, name, snapshot.offset, len(keys), hashlib.blake2b(state).digest())
        await self._outbox.settled()
        put(topic, msgspec.msgpack.encode(head), key=HEAD, partition=partition)
        await self._outbox.settled()
        for key in self._stale.get(partition, ()):
            put(topic, None, key=key, partition=partition)
        self._stale[partition] = keys


def _keys(name: str, pieces: int) -> list[bytes]:
    return [f"{name}.{number}".encode() for number in range(pieces)]
