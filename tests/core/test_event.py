"""Events as others write them: dates, arrays and objects, one within the other."""

import datetime
import json

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from soc.core.event import from_json, from_wire, to_wire
from soc.core.fields import DATE_FIELDS

SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=8))
VALUES = st.one_of(SCALARS, st.lists(SCALARS, max_size=3).map(tuple))
NAMES = st.text("ab.", min_size=1, max_size=5).filter(lambda name: name not in DATE_FIELDS)
NOW = 1_795_000_000_123_456


@given(st.dictionaries(NAMES, VALUES), st.integers(0, 2**52))
def test_what_is_written_is_read_again(event, time):
    event["@timestamp"] = time
    assert from_wire(to_wire(event)) == event


@given(st.dictionaries(NAMES, VALUES), st.integers(0, 2**52))
def test_what_is_written_as_json_is_read_again(event, time):
    event["@timestamp"] = time
    line = json.dumps(to_wire(event)).encode()
    try:
        wanted = from_wire(orjson.loads(line))
    except orjson.JSONDecodeError:  # infinity
        with pytest.raises(orjson.JSONDecodeError):
            from_json(line)
    else:
        assert from_json(line) == wanted


@pytest.mark.parametrize(
    ("wire", "event"),
    [
        ({"a": {"b": 1, "c": {"d": [2, "x"]}}, "e": None}, {"a.b": 1, "a.c.d": (2, "x"), "e": None}),
        ({"a.b": 1, "a": {"b": 2, "c": 3}}, {"a.b": 1, "a.c": 3}),
        ({"a": {"b": {"c": 2}}, "a.b": 1}, {"a.b": 1}),
        ({"a": [], "b": {}, "c": [{"d": 1}, None]}, {"a": (), "c": ("{'d': 1}", None)}),
        ({"event": {"start": "2026-11-18T11:06:40.123456Z"}}, {"event.start": NOW}),
        ({"@timestamp": "2026-11-18T18:06:40.123456+07:00"}, {"@timestamp": NOW}),
        ({"@timestamp": NOW, "message": True}, {"@timestamp": NOW, "message": True}),
    ],
)
def test_objects_are_taken_apart_and_dates_are_read(wire, event):
    assert from_wire(wire) == event
    assert from_json(orjson.dumps(wire)) == event


@pytest.mark.parametrize(
    ("wire", "reason"),
    [
        ({"@timestamp": "yesterday"}, "@timestamp: "),
        ({"a": b"raw"}, "a: bytes is no event value"),
        ({"a": {"b": {"c": datetime.date(2026, 1, 1)}}}, "a.b.c: date is no event value"),
    ],
)
def test_what_is_wrong_is_named(wire, reason):
    with pytest.raises(ValueError, match=reason):
        from_wire(wire)
