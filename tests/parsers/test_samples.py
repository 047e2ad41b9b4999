"""Every parser against its samples: <device>.log line by line is exactly <device>.json, and hostile text is survived.

After a change, look at the new events before they become the expectation:
``python -m tests.parsers.test_samples DEVICE`` prints them, ``> tests/parsers/DEVICE.json`` keeps them.
"""

from __future__ import annotations

import re
import sys
from functools import cache
from pathlib import Path

import orjson
import pytest

from soc.core.event import Event, micros, to_wire
from soc.core.fields import FIELDS, check_event
from soc.parsers import Device, devices, fills_by_dataset, read_line, recognise
from soc.parsers._registry import ALWAYS

HERE = Path(__file__).parent
# When the samples arrived, for year-less times; and Hà Nội, for times without a zone.
RECEIVED = micros("2026-10-05T18:00:00+07:00")
ZONE = 7 * 3600
# What a parser may raise on a line that it cannot read.
UNREADABLE = (ValueError, KeyError, IndexError)
HUGE = "9" * 5000

each_device = pytest.mark.parametrize("device", devices().values(), ids=list(devices()))


def raw_lines(device: Device) -> list[bytes]:
    raw = (HERE / f"{device.name}.log").read_bytes()
    return raw.removesuffix(b"\n").split(b"\n") if raw else []


def parsed(device: Device, raw: bytes) -> Event | None:
    try:
        return device.parse(read_line(raw, RECEIVED, ZONE))
    except UNREADABLE:
        return None


def outcome(device: Device, raw: bytes) -> dict[str, object]:
    """What ``soc parse`` says of the line: the event as JSON has it, or its error."""
    try:
        event = device.parse(read_line(raw, RECEIVED, ZONE))
    except UNREADABLE as error:
        return {"error": str(error)}
    return orjson.loads(orjson.dumps(to_wire(event)))


def wrong_fields(event: Event) -> list[str]:
    """What contradicts the field table; a record's own fields, where they are passed through, are only flat."""
    dataset = fills_by_dataset()[str(event["event.dataset"])]
    if not dataset.open:
        return check_event(event)
    own = {name: value for name, value in event.items() if name not in FIELDS}
    nested = [name for name, value in own.items() if isinstance(value, dict | list)]
    return nested + check_event({name: value for name, value in event.items() if name not in own})


def declared(event: Event, name: str) -> bool:
    """Whether the event's dataset says that it can have this field."""
    dataset = fills_by_dataset()[str(event["event.dataset"])]
    return name in dataset.fills or (dataset.open and name not in FIELDS)


@cache
def events_of(device_name: str) -> list[Event]:
    device = devices()[device_name]
    return [event for raw in raw_lines(device) if (event := parsed(device, raw)) is not None]


def joined_events(device: Device) -> list[Event]:
    """What the device's join makes of the samples of all devices that are offered to joins."""
    if device.join is None:
        return []
    join = device.join()
    offered = sorted(
        (event for other in devices().values() if other.joins for event in events_of(other.name)),
        key=lambda event: str(event["@timestamp"]),
    )
    return [whole for event in offered for whole in join.feed(event)] + list(join.expire(1 << 62))


def test_samples_and_parsers_come_in_pairs() -> None:
    for suffix in (".log", ".json"):
        assert sorted(path.stem for path in HERE.glob(f"*{suffix}")) == sorted(devices())


@each_device
def test_lines_parse_to_their_golden_events(device: Device) -> None:
    expected = orjson.loads((HERE / f"{device.name}.json").read_bytes())
    lines = raw_lines(device)
    assert len(lines) == len(expected), "one JSON value for each line"
    for number, (raw, wanted) in enumerate(zip(lines, expected, strict=True), start=1):
        assert outcome(device, raw) == wanted, f"{device.name}.log:{number}"


@each_device
def test_events_obey_the_field_table(device: Device) -> None:
    for event in events_of(device.name):
        assert wrong_fields(event) == []
        assert event.keys() >= ALWAYS


@each_device
def test_datasets_fill_exactly_what_they_say(device: Device) -> None:
    filled: dict[str, set[str]] = {name: set() for name in device.datasets}
    for event in [*events_of(device.name), *joined_events(device)]:
        filled[str(event["event.dataset"])] |= event.keys()
    passed = set().union(*filled.values())
    for name, dataset in device.datasets.items():
        own = filled[name] - FIELDS.keys() if dataset.open else set()
        assert sorted(filled[name] - dataset.fills - ALWAYS - own) == [], f"{name}: filled but not declared"
        if dataset.open:  # one of very many alike: what they have in common is in the samples of some
            filled[name] = passed
        assert sorted(dataset.fills - filled[name] - ALWAYS) == [], f"{name}: declared but in no sample"


@each_device
def test_lines_are_recognised_by_their_content(device: Device) -> None:
    for number, raw in enumerate(raw_lines(device), start=1):
        if parsed(device, raw) is not None:
            assert recognise(read_line(raw, RECEIVED, ZONE)).name == device.name, f"line {number}"


@each_device
def test_parsing_twice_gives_the_same_event(device: Device) -> None:
    """Also with every memo warm, and after a line was seen often enough for a parser to learn its layout."""
    for raw in raw_lines(device):
        outcomes = [outcome(device, raw) for _ in range(100)]
        assert all(again == outcomes[0] for again in outcomes)


def hostile_lines(raw: bytes) -> list[bytes]:
    text = raw.decode("utf-8", "backslashreplace")
    return [
        *(raw[:end] for end in range(0, len(raw), 7)),
        raw + b"A" * (65536 - len(raw)),
        raw.replace(b" ", b"\0"),
        raw.replace(b"=", b"=\x1b[2J\xff\xfe"),
        raw.replace(b'"', b"<script>alert(1)</script>"),
        raw.replace(b" ", b"  "),
        raw.replace(b'"', b'\\"'),
        raw + b"\r",
        re.sub(r"\d+", HUGE, text)[:65536].encode(),
        re.sub(r"\d+", "-1", text).encode(),
        re.sub(r"\d", "٣", text).encode(),
        re.sub(r":", ":[", text).encode(),
    ]


@each_device
def test_hostile_lines_are_refused_or_made_sound_events(device: Device) -> None:
    foreign = [b"", b" ", b"\0" * 64, b"{" * 65536, b"[" * 65536, b"<" * 300, b"=" * 300, b'"' * 301, b"\xff" * 64]
    hostile = [line for raw in raw_lines(device) for line in hostile_lines(raw)]
    for raw in foreign + hostile:
        event = parsed(device, raw)
        if event is None:
            assert not device.fallback, f"the fallback refused {raw[:200]!r}"
            continue
        assert wrong_fields(event) == [], raw[:200]
        orjson.dumps(to_wire(event))  # also refuses integers that no store takes
        assert event["event.dataset"] in fills_by_dataset()
        assert all(declared(event, name) for name in event), raw[:200]


if __name__ == "__main__":
    chosen = devices()[sys.argv[1]]
    blocks = [
        orjson.dumps(outcome(chosen, raw), option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS)
        for raw in raw_lines(chosen)
    ]
    print("[\n" + ",\n".join(block.decode() for block in blocks) + "\n]")
