"""Filters as queries: every value is a term, so log text and user input never become a query."""

from __future__ import annotations

import re
from typing import Any

from soc.core.storable import storable_text
from soc.core.store import AlertFilter, LineFilter
from soc.stores.filtering import comparable, id_range, least_level

Json = dict[str, Any]

BY_RANK: list[Json] = [{"score": "desc"}, {"last_micros": "desc"}, {"id": "asc"}]


def query(wanted: AlertFilter) -> Json:
    """ValueError for an unknown severity word."""
    must: list[Json] = []
    if wanted.min_severity is not None:
        must.append({"range": {"rank": {"gte": int(least_level(wanted.min_severity))}}})
    if wanted.rule is not None:
        must.append({"bool": {"should": _rule(wanted.rule), "minimum_should_match": 1}})
    if wanted.host is not None:
        must.append({"term": {"found_by": comparable(wanted.host)}})
    if wanted.since is not None:
        must.append({"range": {"last_micros": {"gte": wanted.since}}})
    if wanted.until is not None:
        must.append({"range": {"first_micros": {"lt": wanted.until}}})
    return {"bool": {"filter": must}}


def lines_query(wanted: LineFilter) -> Json:
    """The same of rejected lines; an id that can be none finds nothing."""
    must: list[Json] = []
    for field, part in (("error.message", wanted.reason), ("soc.origin", wanted.origin)):
        if part is not None:
            asked = {"value": f"*{_literal(storable_text(part))}*", "case_insensitive": True}
            must.append({"wildcard": {field: asked}})
    if wanted.since is not None:
        must.append({"range": {"soc.received": {"gte": wanted.since}}})
    if wanted.id is not None:
        first, last = id_range(wanted.id)
        if first == last:  # what was stored before documents had event.id is found by its whole id
            must.append({"ids": {"values": [first]}})
        else:
            must.append({"range": {"event.id": {"gte": first, "lte": last}}})
    return {"bool": {"filter": must}}


def _literal(text: str) -> str:
    """A text for a wildcard query in which * and ? mean themselves."""
    return re.sub(r"([*?\\])", r"\\\1", text)


def _rule(text: str) -> list[Json]:
    """A rule by its id or name, or by a part of a title in which * and ? mean themselves."""
    part = _literal(comparable(text))
    name = storable_text(text)
    return [
        {"term": {"rule.id": name}},
        {"term": {"rule.name": name}},
        {"wildcard": {"titles": {"value": f"*{part}*"}}},
    ]
