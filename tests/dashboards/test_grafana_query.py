"""The translator of targets itself, against bodies that Grafana's backend is known to send."""

import pytest

from tests.dashboards.grafana_query import All, Invalid, Range, interpolated, rows, search, variable

TIME = Range(1_000_000, 201_000_000, 100)
COUNT = {"id": "1", "type": "count"}


def target(metrics, buckets, query="*"):
    return {"query": query, "timeField": "@timestamp", "metrics": metrics, "bucketAggs": buckets}


def test_terms_hold_the_histogram_and_that_the_metrics():
    terms = {"id": "2", "type": "terms", "field": "unit", "settings": {"size": "0", "orderBy": "1", "order": "asc"}}
    histogram = {"id": "3", "type": "date_histogram", "field": "@timestamp", "settings": {"interval": "auto"}}
    body = search(target([COUNT, {"id": "4", "type": "max", "field": "score"}], [terms, histogram]), TIME, {})
    outer = body["aggs"]["2"]
    assert outer["terms"] == {"field": "unit", "size": 500, "order": {"_count": "asc"}}
    inner = outer["aggs"]["3"]
    assert inner["date_histogram"] == {
        "field": "@timestamp",
        "fixed_interval": "2000000ms",
        "min_doc_count": 0,
        "extended_bounds": {"min": 1_000_000, "max": 201_000_000},
        "format": "epoch_millis",
    }
    assert inner["aggs"] == {"4": {"max": {"field": "score"}}}
    assert body["size"] == 0
    assert body["query"]["bool"]["filter"] == [
        {"range": {"@timestamp": {"gte": 1_000_000, "lte": 201_000_000, "format": "epoch_millis"}}},
        {"query_string": {"query": "*", "analyze_wildcard": True}},
    ]


def test_an_order_by_a_metric_brings_it_to_the_level_of_the_order():
    terms = {"id": "2", "type": "terms", "field": "unit", "settings": {"orderBy": "4"}}
    histogram = {"id": "3", "type": "date_histogram"}
    metric = {"id": "4", "type": "sum", "field": "count"}
    outer = search(target([metric], [terms, histogram]), TIME, {})["aggs"]["2"]
    assert outer["terms"]["order"] == {"4": "desc"}
    assert outer["aggs"]["4"] == outer["aggs"]["3"]["aggs"]["4"] == {"sum": {"field": "count"}}


def test_documents_come_the_newest_first():
    body = search(target([{"id": "1", "type": "raw_data", "settings": {"size": "20"}}], []), TIME, {})
    assert body["size"] == 20
    assert body["sort"][0] == {"@timestamp": {"order": "desc", "unmapped_type": "boolean"}}
    assert "aggs" not in body
    assert search(target([{"id": "1", "type": "logs"}], []), TIME, {})["size"] == 500


@pytest.mark.parametrize(
    ("metrics", "buckets"),
    [
        ([], []),
        ([COUNT], []),
        ([COUNT], [{"id": "2", "type": "geohash_grid", "field": "x"}]),
        ([{"id": "1", "type": "moving_avg", "field": "x"}], [{"id": "2", "type": "terms", "field": "x"}]),
        ([COUNT], [{"id": "2", "type": "terms", "field": "x", "settings": {"orderBy": "9"}}]),
        ([COUNT], [{"id": "2", "type": "filters", "settings": {"filters": [{"query": "a", "label": ""}] * 2}}]),
    ],
)
def test_what_grafana_would_refuse_or_lose_is_an_error(metrics, buckets):
    with pytest.raises(Invalid):
        search(target(metrics, buckets), TIME, {})


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (All("*"), "unit:*"),
        ("a-b", r"unit:a\-b"),
        (["a"], 'unit:"a"'),
        (["a", 'b"c'], r'unit:("a" OR "b\"c")'),
    ],
)
def test_variables_are_put_in_as_lucene_has_them(value, said):
    assert interpolated("unit:$unit", {"unit": value}) == said
    assert interpolated("unit:${unit:lucene}", {"unit": value}) == said


def test_an_unknown_variable_is_an_error():
    with pytest.raises(Invalid, match="no variable unit"):
        interpolated("unit:$unit", {})


def test_a_variable_asks_for_terms_within_the_time():
    body = variable('{"find": "terms", "field": "unit"}', TIME)
    assert body["aggs"]["1"]["terms"] == {"field": "unit", "size": 500, "order": {"_key": "asc"}}
    assert "range" in body["query"]["bool"]["filter"][0]
    with pytest.raises(Invalid):
        variable('{"find": "fields"}', TIME)


def test_rows_are_buckets_with_documents():
    terms = {"id": "2", "type": "terms", "field": "unit"}
    histogram = {"id": "3", "type": "date_histogram"}
    inner = {"buckets": [{"doc_count": 0}, {"doc_count": 4}]}
    answer = {"aggregations": {"2": {"buckets": [{"doc_count": 4, "3": inner}, {"doc_count": 0, "3": inner}]}}}
    assert rows(target([COUNT], [terms, histogram]), answer) == 1
    filters = {"id": "2", "type": "filters"}
    assert rows(target([COUNT], [filters]), {"aggregations": {"2": {"buckets": {"all": {"doc_count": 0}}}}}) == 0
