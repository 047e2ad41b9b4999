"""Records in the usual shape are read by a road of their own, which must find what the general one finds."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from soc.core.event import Event
from soc.core.windows.read import _usual, read, read_as_recorded
from soc.core.windows.record import as_recorded, event_of
from tests.core.test_windows_record import WHOLE, record, shapes

SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**63), 2**64 - 1), st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=8),
)  # fmt: skip
NAMES = st.sampled_from(["Image", "EventID", "Channel", "Level", "#attributes", "#text", "Threat Name"])
ODD = st.one_of(SCALARS, st.lists(SCALARS, max_size=3), st.dictionaries(NAMES, SCALARS, max_size=3))
ELEMENTS = ["Provider", "EventID", "TimeCreated", "Execution", "Security", "Correlation", "Channel", "Level", "More"]


def typed(event: Event) -> dict[str, tuple[type, object]]:
    """True, 1 and 1.0 apart."""
    return {name: (type(value), value) for name, value in event.items()}


def same(made: dict[str, Any]) -> None:
    line = orjson.dumps(made)
    assert typed(read(line)) == typed(event_of(orjson.loads(line)))
    assert typed(read_as_recorded(line)) == typed(as_recorded(orjson.loads(line)))


@given(st.dictionaries(NAMES, SCALARS, max_size=5), st.sampled_from([1, "4688", {"#attributes": {"Q": 0}, "#text": 1}]))
def test_a_usual_record(fields: dict[str, Any], number: object) -> None:
    made = record(**WHOLE | {"EventID": number})
    made["Event"]["EventData"] = fields
    same(made)


@given(
    st.dictionaries(st.sampled_from(ELEMENTS), ODD, max_size=2),
    st.dictionaries(NAMES, ODD, max_size=5),
    st.dictionaries(st.sampled_from(["EventData", "UserData", "RenderingInfo", "System"]), ODD, max_size=1),
    st.sets(st.sampled_from(sorted(WHOLE)), max_size=1),
)
def test_an_odd_record(
    elements: dict[str, object], fields: dict[str, object], others: dict[str, object], missing: set[str]
) -> None:
    made = record(**WHOLE | elements)
    for name in missing:
        made["Event"]["System"].pop(name, None)
    made["Event"] |= {"EventData": fields} | others
    same(made)


@pytest.mark.parametrize("shape", shapes())
def test_every_shape(shape: str) -> None:
    same(shapes()[shape])


def test_which_records_are_usual() -> None:
    usual = record(**WHOLE)
    assert _usual(orjson.dumps(usual)) is not None
    assert _usual(orjson.dumps(usual, option=orjson.OPT_INDENT_2)) is not None
    for data in (None, {"Words": ["a"]}, {"Big": 2**64 - 1}):
        usual["Event"]["EventData"] = data
        assert _usual(orjson.dumps(usual)) is None


@pytest.mark.parametrize(
    "line",
    [
        b"", b"{", b"[1]", b"7", b'{"Event"', b'{"Event":1} x', b'{"Event":{"System":' + b"[" * 5000,
        b'{"Event":{"System":{"Level":"\xff"}}}', b'{"Event":{"EventData":{"a":1e999}}}',
    ],
)  # fmt: skip
def test_no_json_object(line: bytes) -> None:
    for function in (read, read_as_recorded):
        with pytest.raises(ValueError, match=r"."):
            function(line)


def test_bad_letters_in_a_usual_record_are_no_event() -> None:
    line = orjson.dumps(record(**WHOLE)).replace(b"pc1", b"pc\xff")
    assert b"\xff" in line
    with pytest.raises(ValueError, match="UTF-8"):
        read(line)
