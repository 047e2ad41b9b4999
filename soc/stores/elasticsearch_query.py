"""An AlertFilter as a query: every value is a term, so log text and user input never become a query."""

from __future__ import annotations

import re
from typing import Any

from soc.core.store import AlertFilter
from soc.stores.encoding import storable_text
from soc.stores.filtering import comparable, least_level

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


def _rule(text: str) -> list[Json]:
    """A rule by its id or name, or by a part of a title in which * and ? mean themselves."""
    part = re.sub(r"([*?\\])", r"\\\1", comparable(text))
    name = storable_text(text)
    return [
        {"term": {"rule.id": name}},
        {"term": {"rule.name": name}},
        {"wildcard": {"titles": {"value": f"*{part}*"}}},
    ]
