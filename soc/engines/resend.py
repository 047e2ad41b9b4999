"""Rejected lines to Kafka, as they came: the workers read them like any others."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from itertools import islice

from collectors.kafka_producer import KafkaFailed, abandon, connect, failures, forget, told
from collectors.parcels import parcels
from soc.core.event import RawBatch, Rejected
from soc.core.settings import KafkaSettings
from soc.core.store import Store
from soc.core.wire import RAW, encode_raw, topic
from soc.engines.rejected import Replayed, Tried

LINES = 500
"""Lines that are sent, acknowledged and removed at a time."""
ANSWER_SECONDS = 60.0


def resend(settings: KafkaSettings, store: Store, tried: Sequence[Tried]) -> Replayed:
    """Sends those that parse, and removes them once Kafka has acknowledged them.

    Each goes with its own origin, number and time of receipt, to the partition of its collector. Workers have to be of
    this version: one that cannot read a line yet rejects it again. KafkaFailed: what was not acknowledged is still a
    rejected line, and doing it again is harmless.
    """
    done = Replayed(len(tried), stayed=[one for one in tried if one.fate == "stays"])
    ready = [one for one in tried if one.fate == "parses"]
    if ready:
        asyncio.run(_resend(settings, store, ready, done))
    return done


async def _resend(settings: KafkaSettings, store: Store, ready: Sequence[Tried], done: Replayed) -> None:
    raw = topic(settings.prefix, RAW)
    producer = await connect(settings, [raw], "soc-rejected")
    flying: list[asyncio.Future[object]] = []
    rest = iter(sorted(ready, key=lambda one: (one.line.received, one.line.origin, one.line.position)))
    try:
        while part := list(islice(rest, LINES)):
            for line, batch in batches(part):
                value, key, partition = encode_raw(batch), key_of(line), partition_of(line)
                flying.append(await producer.send(raw, value, key=key, partition=partition))
            async with asyncio.timeout(ANSWER_SECONDS):
                await asyncio.gather(*flying)
            flying.clear()
            lines = [one.line for one in part]
            store.remove_rejected(lines)
            store.commit()
            done.back += lines
    except failures() as error:
        raise KafkaFailed(", ".join(settings.servers), told(error)) from error
    finally:
        forget(flying)
        await abandon(producer)


def batches(tried: Sequence[Tried]) -> Iterator[tuple[Rejected, RawBatch]]:
    """Lines that came together in one batch each, with the first line of it; twins of one number apart."""
    first: Rejected | None = None
    held = RawBatch("", "", 0, 0, ())
    for one in tried:
        line = one.line
        follows = (line.origin, one.device, line.received, line.position, line.partition)
        if first is not None and follows != (
            held.origin,
            held.device,
            held.received,
            held.position + len(held.lines),
            first.partition,
        ):
            yield from ((first, parcel) for parcel in parcels([held]))
            first = None
        if first is None:
            first, held = line, RawBatch(line.origin, one.device, line.received, line.position, ())
        held = RawBatch(held.origin, held.device, held.received, held.position, (*held.lines, line.raw))
    if first is not None:
        yield from ((first, parcel) for parcel in parcels([held]))


def key_of(line: Rejected) -> bytes:
    """Its collector, whose name begins the origin ("hq-1/udp:10.1.0.1"), else the origin."""
    return (_collector(line) or line.origin).encode("utf-8", "replace")


def partition_of(line: Rejected) -> int | None:
    """None for a collector's line, whose key says it; what came with another key goes where it was."""
    return None if _collector(line) or line.partition < 0 else line.partition


def _collector(line: Rejected) -> str:
    name, slash, _ = line.origin.partition("/")
    return name if slash and ":" not in name else ""  # "tail:/var/log" has a slash, and no collector
