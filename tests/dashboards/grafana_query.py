"""What Grafana's Elasticsearch data source asks of Elasticsearch for a panel's target, as the body of ``_search``.

No Grafana server is to be had on these machines. This says again, in Python, what its backend publicly does
(pkg/tsdb/elasticsearch of Grafana 12), as far as our dashboards use it; what it does not know is an error, so that no
panel is taken for proven that was not asked. Used by tests only.
"""

import json
import re
from dataclasses import dataclass

DEFAULT_SIZE = 500
METRICS = {"count", "sum", "max", "min", "avg", "cardinality", "percentiles"}
DOCUMENTS = {"raw_data", "logs"}
_VARIABLE = re.compile(r"\$(?:\{(\w+)(?::(\w+))?\}|(\w+))")
_SPECIAL = re.compile(r'([!*+\-=<>\s&|()\[\]{}^~?:\\/"])')


class Invalid(Exception):
    """Grafana would show an error, or leave something out without a word."""


@dataclass(frozen=True)
class Range:
    """The dashboard's time (ms since 1970), and into how many points a panel divides it."""

    start: int
    end: int
    points: int = 200

    @property
    def interval(self):
        return max((self.end - self.start) // self.points, 1000)


def search(target, time, values):
    """The body for a target. values: of each variable, a text or a list; "All" is what allValue says, as it is."""
    metrics, buckets = target["metrics"], target["bucketAggs"]
    if not metrics:
        raise Invalid("no metrics")
    body = {
        "size": 0,
        "query": {"bool": {"filter": [_range(target["timeField"], time)]}},
    }
    if query := interpolated(target["query"], values):
        body["query"]["bool"]["filter"].append(_words(query))
    kind = metrics[0]["type"]
    if kind in DOCUMENTS:
        return body | _documents(metrics[0], target["timeField"], time)
    if not buckets:
        raise Invalid("missing metrics and aggregations")  # Grafana's own words
    return body | {"aggs": _aggregations(buckets, metrics, target["timeField"], time)}


def variable(query, time, time_field="@timestamp"):
    """The body for a variable's query, such as {"find": "terms", "field": "unit"}."""
    asked = json.loads(query)
    if asked.get("find") != "terms" or not asked.keys() <= {"find", "field", "query", "size"}:
        raise Invalid(f"not a query for terms: {query}")
    filters = [_range(time_field, time)]
    if "query" in asked:
        filters.append(_words(asked["query"]))
    terms = {"field": asked["field"], "size": asked.get("size", DEFAULT_SIZE), "order": {"_key": "asc"}}
    return {"size": 0, "query": {"bool": {"filter": filters}}, "aggs": {"1": {"terms": terms}}}


def variables_in(text):
    """Names of the variables in a text."""
    return {match[1] or match[3] for match in _VARIABLE.finditer(text)}


def interpolated(text, values):
    """A query with the variables put in as Lucene wants them: one value escaped, several quoted and joined by OR."""

    def put(match):
        name = match[1] or match[3]
        if name not in values:
            raise Invalid(f"no variable {name}")
        value = values[name]
        if isinstance(value, All):
            return value.text
        if isinstance(value, str):
            return _SPECIAL.sub(r"\\\1", value)
        quoted = ['"' + one.replace("\\", "\\\\").replace('"', '\\"') + '"' for one in value]
        return quoted[0] if len(quoted) == 1 else f"({' OR '.join(quoted)})"

    return _VARIABLE.sub(put, text)


@dataclass(frozen=True)
class All:
    """What "All" puts in: allValue, without any escape."""

    text: str


def rows(target, answer):
    """How many rows or points with a value the panel would have."""
    if target["metrics"][0]["type"] in DOCUMENTS:
        return len(answer["hits"]["hits"])
    return _rows(answer["aggregations"], target["bucketAggs"])


def fields(target):
    """Fields that a target names outside its query: of aggregations, and the time."""
    named = {part["field"] for part in (*target["metrics"], *target["bucketAggs"]) if "field" in part}
    return named | {target["timeField"]}


def _rows(aggregations, buckets):
    first, *rest = buckets
    found = aggregations[first["id"]]["buckets"]
    found = [bucket for bucket in (found.values() if isinstance(found, dict) else found) if bucket["doc_count"]]
    return sum(_rows(bucket, rest) for bucket in found) if rest else len(found)


def _range(field, time):
    return {"range": {field: {"gte": time.start, "lte": time.end, "format": "epoch_millis"}}}


def _words(query):
    return {"query_string": {"query": query, "analyze_wildcard": True}}


def _documents(metric, time_field, time):
    settings = metric.get("settings", {})
    body = {
        "size": int(settings.get("size" if metric["type"] == "raw_data" else "limit", DEFAULT_SIZE)) or DEFAULT_SIZE,
        "sort": [{time_field: {"order": "desc", "unmapped_type": "boolean"}}, {"_doc": {"order": "desc"}}],
        "docvalue_fields": [time_field],
    }
    if metric["type"] == "logs":
        body["aggs"] = {"1": _histogram({"field": time_field}, time_field, time)}
        body["highlight"] = {"fields": {"*": {}}, "pre_tags": ["@HIGHLIGHT@"], "post_tags": ["@/HIGHLIGHT@"]}
    return body


def _aggregations(buckets, metrics, time_field, time):
    """The first bucket with the others within, and the metrics within the last."""
    first, *rest = buckets
    made = _bucket(first, metrics, time_field, time)
    within = _aggregations(rest, metrics, time_field, time) if rest else _metrics(metrics)
    if within:
        made.setdefault("aggs", {}).update(within)
    return {first["id"]: made}


def _bucket(bucket, metrics, time_field, time):
    settings = bucket.get("settings", {})
    match bucket["type"]:
        case "date_histogram":
            return _histogram(bucket, time_field, time)
        case "filters":
            named = {one["label"] or one["query"]: _words(one["query"]) for one in settings["filters"]}
            if len(named) != len(settings["filters"]):
                raise Invalid("two filters of one label: Grafana keeps the last")
            return {"filters": {"filters": named}}
        case "terms":
            return _terms(bucket, settings, metrics)
        case other:
            raise Invalid(f"unknown bucket {other}")


def _histogram(bucket, time_field, time):
    settings = bucket.get("settings", {})
    every = settings.get("interval", "auto")
    made = {
        "field": bucket.get("field") or time_field,
        "fixed_interval": f"{time.interval}ms" if every == "auto" else every,
        "min_doc_count": int(settings.get("min_doc_count", 0)),
        "extended_bounds": {"min": time.start, "max": time.end},
        "format": "epoch_millis",
    }
    if settings.get("timeZone", "utc") != "utc":
        made["time_zone"] = settings["timeZone"]
    return {"date_histogram": made}


def _terms(bucket, settings, metrics):
    terms = {"field": bucket["field"], "size": int(settings.get("size", DEFAULT_SIZE)) or DEFAULT_SIZE}
    if "min_doc_count" in settings:
        terms["min_doc_count"] = int(settings["min_doc_count"])
    if "missing" in settings:
        terms["missing"] = settings["missing"]
    made = {"terms": terms}
    by, order = settings.get("orderBy", "_count"), settings.get("order", "desc")
    if by in ("_key", "_count", "_term"):
        terms["order"] = {"_key" if by == "_term" else by: order}
        return made
    (metric,) = [metric for metric in metrics if metric["id"] == by] or [None]
    if metric is None:
        raise Invalid(f"ordered by {by}, which is no metric")
    if metric["type"] == "count":
        terms["order"] = {"_count": order}
    else:
        terms["order"] = {by: order}
        made["aggs"] = _metrics([metric])  # at the level where the order is
    return made


def _metrics(metrics):
    made = {}
    for metric in metrics:
        kind = metric["type"]
        if kind not in METRICS:
            raise Invalid(f"unknown metric {kind}")
        if kind != "count" and not metric.get("hide"):
            made[metric["id"]] = {kind: {"field": metric["field"], **metric.get("settings", {})}}
    return made
