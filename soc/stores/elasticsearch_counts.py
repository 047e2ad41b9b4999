"""How many lines of each source and minute of receipt Elasticsearch has: what reconciliation ends with.

And its events by hour, for the monthly report.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Iterator
from typing import Any, Final, Literal, NamedTuple

import orjson
from elasticsearch import Elasticsearch

from soc.core.store import HourCount
from soc.stores import elasticsearch_names as names
from soc.stores.elasticsearch_client import telling
from soc.stores.elasticsearch_rows import REFUSED, instant

Json = dict[str, Any]
Kind = Literal["stored", "rejected", "refused"]
PAGE: Final = 5000
DOCUMENTS: Final = 200
"""Refused events are read whole, so their pages are smaller."""
MINUTE: Final = 60_000_000


class Counted(NamedTuple):
    """minute: its start, s since the epoch."""

    kind: Kind
    origin: str
    minute: int
    lines: int


def counted(client: Elasticsearch, namespace: str, since: int, until: int) -> Iterator[Counted]:
    """Events (joined ones are none), rejected lines, and events that were refused, received within since <= t < until
    (µs). The same source and minute may come several times. StoreError if the server cannot be asked."""
    within: Json = {"range": {"soc.received": {"gte": since, "lt": until}}}
    kinds: tuple[tuple[Kind, str], ...] = (("stored", names.events(namespace)), ("rejected", names.rejected(namespace)))
    for kind, index in kinds:
        asked: Json = {"bool": {"filter": [within], "must_not": [{"term": {"soc.joined": True}}, _refused()]}}
        sources: list[Json] = [
            {"origin": {"terms": {"field": "soc.origin"}}},
            {"minute": {"histogram": {"field": "soc.received", "interval": MINUTE}}},
        ]
        for bucket in _buckets(client, index, asked, sources):
            key = bucket["key"]
            yield Counted(kind, key["origin"], int(key["minute"]) // 1_000_000, bucket["doc_count"])
    yield from _refusals(client, namespace, since, until)


def distinct(client: Elasticsearch, namespace: str, origin: str, minute: int) -> int:
    """Lines of a source and minute, stored or rejected, each number once however often it is there."""
    since = minute * 1_000_000
    asked: Json = {
        "bool": {
            "filter": [
                {"term": {"soc.origin": origin}},
                {"range": {"soc.received": {"gte": since, "lt": since + MINUTE}}},
            ],
            "must_not": [{"term": {"soc.joined": True}}],
        }
    }
    index = ",".join(names.stream("*", name) for name in names.namespaces(namespace))  # the rejected among them
    return sum(1 for _ in _buckets(client, index, asked, [{"number": {"terms": {"field": "log.offset"}}}]))


def hourly(client: Elasticsearch, namespace: str, since: int, until: int) -> list[HourCount]:
    """Stored events by origin, module and hour of their own time; StoreError if the server cannot be asked.

    An event that was written again after its index rolled over counts twice.
    """
    asked: Json = {"range": {"@timestamp": {"gte": instant(since), "lt": instant(until)}}}
    sources: list[Json] = [
        {"origin": {"terms": {"field": "soc.origin", "missing_bucket": True}}},
        {"module": {"terms": {"field": "event.module", "missing_bucket": True}}},
        {"hour": {"date_histogram": {"field": "@timestamp", "fixed_interval": "1h"}}},
    ]
    return sorted(
        HourCount(key["origin"] or "", key["module"] or "", int(key["hour"]) * 1000, bucket["doc_count"])
        for bucket in _buckets(client, names.events(namespace), asked, sources)
        for key in (bucket["key"],)
    )


def _refused() -> Json:
    return {"prefix": {"soc.origin": REFUSED}}


def _buckets(client: Elasticsearch, index: str, asked: Json, sources: list[Json]) -> Iterator[Json]:
    after: Json = {}
    while True:
        composite: Json = {"size": PAGE, "sources": sources, **after}
        found = _search(client, index, query=asked, size=0, aggs={"all": {"composite": composite}})
        answer: Json = found.get("aggregations", {}).get("all", {})
        yield from answer.get("buckets", ())
        if "after_key" not in answer:
            return
        after = {"after": answer["after_key"]}


def _refusals(client: Elasticsearch, namespace: str, since: int, until: int) -> Iterator[Counted]:
    """Of the documents that were refused, those that are events of lines; their own receipt was before the refusal."""
    asked: Json = {"bool": {"filter": [_refused(), {"range": {"soc.received": {"gte": since}}}]}}
    sort: list[Json] = [{"soc.received": "asc"}, {"soc.origin": "asc"}]
    more: Json = {}
    while True:
        answer = _search(
            client, names.rejected(namespace), query=asked, size=DOCUMENTS, sort=sort, source=["soc.raw"], **more
        )
        hits = answer["hits"]["hits"]
        for hit in hits:
            event = _document(hit["_source"].get("soc.raw", ""))
            received = event.get("soc.received")
            if isinstance(received, int) and since <= received < until and not event.get("soc.joined"):
                yield Counted("refused", str(event.get("soc.origin", "")), received // MINUTE * 60, 1)
        if len(hits) < DOCUMENTS:
            return
        more = {"search_after": hits[-1]["sort"]}


def _document(raw: str) -> Json:
    try:
        found = orjson.loads(b64decode(raw))
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _search(client: Elasticsearch, index: str, **asked: Any) -> Json:
    with telling():
        answer = client.search(
            index=index, ignore_unavailable=True, allow_no_indices=True, track_total_hits=False, **asked
        )
    body: Json = answer.body
    return body
