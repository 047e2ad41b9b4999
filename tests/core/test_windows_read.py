"""Records in the usual shape are read by a road of their own, which must find what the general one finds."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from soc.core.event import Event
from soc.core.windows.read import _usual, read, read_all
from soc.core.windows.record import as_recorded, event_of
from soc.core.windows.usual import SYSTEM, Records
from tests.core.test_windows_record import WHOLE, record, shapes

SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**63), 2**64 - 1), st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=8),
)  # fmt: skip
NAMES = st.sampled_from(["Image", "EventID", "Channel", "Level", "#attributes", "#text", "Threat Name"])
ODD = st.one_of(SCALARS, st.lists(SCALARS, max_size=3), st.dictionaries(NAMES, SCALARS, max_size=3))
ELEMENTS = ["Provider", "EventID", "TimeCreated", "Execution", "Security", "Correlation", "Channel", "Level", "More"]


USUAL = orjson.dumps(record(**WHOLE))


def typed(event: Event) -> dict[str, tuple[type, object]]:
    """True, 1 and 1.0 apart."""
    return {name: (type(value), value) for name, value in event.items()}


def same(made: dict[str, Any]) -> None:
    """Read alone, and among others: as a whole, and field by field."""
    line = orjson.dumps(made)
    event, recorded = event_of(orjson.loads(line)), as_recorded(orjson.loads(line))
    assert typed(read(line)) == typed(event)
    assert typed(read_all([line])[0]) == typed(event)
    assert typed(read_all([line], synonyms=False)[0]) == typed(recorded)
    for batch, wanted in ((read_all([USUAL, line]), event), (read_all([USUAL, line], synonyms=False), recorded)):
        assert typed(batch[1]) == typed(wanted)
        assert {name for name in wanted if name not in SYSTEM} <= batch.own(1).keys() <= wanted.keys()
        chosen = batch.at([1])
        assert [typed(one) for one in chosen] == [typed(wanted)]
        for name in SYSTEM | wanted.keys():
            assert typed({name: batch.column(name)[1]}) == typed({name: wanted.get(name)})
            assert chosen.column(name) == batch.column(name)[1:]


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


def test_records_of_several_shapes_in_a_batch() -> None:
    made = [record(**WHOLE), *shapes().values(), {"c-uri": "/"}, record(**WHOLE | {"EventID": 4688})]
    lines = [orjson.dumps(one) for one in made]
    for turned in (lines, lines[::-1]):
        batch = read_all(turned)
        wanted = list(map(read, turned))
        assert list(map(typed, batch)) == list(map(typed, wanted))
        assert batch.column("EventID") == [event.get("EventID") for event in wanted]
        places = [2, 0, len(batch) - 1]
        assert list(map(typed, batch.at(places))) == [typed(wanted[place]) for place in places]
        assert batch.at(places).column("Channel") == [wanted[place].get("Channel") for place in places]
    assert len(read_all([])) == 0
    with pytest.raises(ValueError, match="object"):
        read_all([*lines, b"7"])


def test_an_old_provider_states_no_version() -> None:
    old = record(**WHOLE)
    for name in ("Version", "Opcode", "Level"):
        del old["Event"]["System"][name]
    line = orjson.dumps(old)
    assert _usual(line) is not None
    assert {"Version", "Opcode", "Level"}.isdisjoint(read(line))
    same(old)


def test_which_records_are_usual() -> None:
    assert isinstance(read_all([USUAL]), Records)
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
    with pytest.raises(ValueError, match=r"."):
        read(line)
    for lines in ([line], [USUAL, line]):
        with pytest.raises(ValueError, match=r"."):
            read_all(lines)


def test_bad_letters_in_a_usual_record_are_no_event() -> None:
    line = orjson.dumps(record(**WHOLE)).replace(b"pc1", b"pc\xff")
    assert b"\xff" in line
    with pytest.raises(ValueError, match="UTF-8"):
        read(line)
