"""Keeps events and rejected lines within an age or a size by deleting the oldest, where no lifecycle does it.

A lifecycle drops whole indices, which costs nothing; deleting by query marks each document and merges later. So this is
for servers without ILM, and for a bound of bytes, which ILM does not have.
"""

from __future__ import annotations

from typing import Any, Final

from elasticsearch import Elasticsearch, NotFoundError

from soc.core.event import micros
from soc.core.store import Retention
from soc.stores import elasticsearch_names as names
from soc.stores.elasticsearch_rows import LAST, instant
from soc.stores.elasticsearch_schema import DAYS

DAY: Final = 86_400_000_000  # µs
STEP: Final = 50_000
"""Documents deleted by one request."""


def purge(client: Elasticsearch, events: str, rejected: str, alerts: str, retention: Retention, now: int) -> int:
    """Number of events removed. events, rejected and alerts are index patterns; alerts count, and stay."""
    gone, sized = 0, False
    if retention.max_age:
        gone += _remove_older(client, events, now - retention.max_age)
        _remove_older(client, rejected, now - retention.max_age)
    while retention.max_bytes:
        used = sum(used_bytes(client, pattern) for pattern in (events, rejected, alerts))
        total = _count(client, events) + _count(client, rejected)
        if used <= retention.max_bytes or not total:
            break
        # What is too much, but a fiftieth at least: documents differ in size, and this must come to an end
        share = max((used - retention.max_bytes) / used, 0.02)
        edge = max(_edge(client, pattern, share) for pattern in (events, rejected))
        gone += _remove_older(client, events, edge)
        _remove_older(client, rejected, edge)
        sized = True
    if sized:  # until segments are merged, what is deleted takes as much room on the disk as before
        for pattern in (events, rejected):
            client.options(request_timeout=3600).indices.forcemerge(
                index=pattern, only_expunge_deletes=True, ignore_unavailable=True
            )
    return gone


def purge_levels(client: Elasticsearch, namespace: str, now: int) -> dict[str, int]:
    """What the lifecycles would do, where there are none: events and rejected lines removed, by namespace of a level,
    that are older than systems of that level are kept."""
    gone = {}
    for level, name in zip((names.UNASSESSED, *names.LEVELS), names.namespaces(namespace), strict=True):
        gone[name] = _remove_older(client, names.stream("*", name), now - DAYS[level] * DAY)
    return gone


def used_bytes(client: Elasticsearch, indices: str) -> int:
    """Bytes that the documents take, of primaries and replicas; what is deleted and not merged yet does not count.

    Of the segments, since the statistics of whole indices are up to 10 s old.
    """
    try:
        found = client.indices.segments(
            index=indices, ignore_unavailable=True, filter_path="indices.*.shards.*.segments.*.*_docs,**.size_in_bytes"
        )
    except NotFoundError:  # there is no event yet, or no rejected line
        return 0
    used = 0
    for index in found.get("indices", {}).values():
        for copies in index["shards"].values():
            for segment in (segment for copy in copies for segment in copy.get("segments", {}).values()):
                live, dead = segment["num_docs"], segment["deleted_docs"]
                used += segment["size_in_bytes"] * live // max(live + dead, 1)
    return used


def _count(client: Elasticsearch, indices: str) -> int:
    return int(client.count(index=indices, ignore_unavailable=True)["count"])


def _edge(client: Elasticsearch, indices: str, share: float) -> int:
    """The time (µs) that about this share of the documents is older than; 0 if there are none."""
    oldest: dict[str, Any] = {"percentiles": {"field": "@timestamp", "percents": [share * 100], "keyed": False}}
    answer = client.search(index=indices, ignore_unavailable=True, size=0, aggs={"oldest": oldest})
    if "aggregations" not in answer:  # there is no stream at all
        return 0
    (found,) = answer["aggregations"]["oldest"]["values"]
    return 0 if found["value"] is None else micros(found["value_as_string"]) + 1


def _remove_older(client: Elasticsearch, indices: str, edge: int) -> int:
    """Deletes what is older than a time; the number of documents.

    Stream by stream: of a pattern, a key without the right to delete would find nothing to delete, and say no word.
    """
    if edge <= 0:
        return 0
    query = {"range": {"@timestamp": {"lt": instant(edge)}}} if edge <= LAST else {"match_all": {}}
    streams = client.indices.resolve_index(name=indices.split(","), ignore_unavailable=True)["data_streams"]
    return sum(_delete(client, stream["name"], query) for stream in streams)


def _delete(client: Elasticsearch, stream: str, query: dict[str, Any]) -> int:
    """In steps, since one answer has to come in time."""
    gone = 0
    while True:
        answer = client.options(request_timeout=600).delete_by_query(
            index=stream, query=query, max_docs=STEP, conflicts="proceed", refresh=True
        )
        gone += int(answer["deleted"])
        if answer["total"] < STEP:
            return gone
