"""Whose line it is: by program, by looks, else the fallback's; and no two devices make the same dataset."""

from __future__ import annotations

from pathlib import Path

import pytest

from soc.core.event import micros
from soc.parsers import devices, fills_by_dataset, read_line, recognise
from soc.parsers._registry import ALWAYS

SAMPLES = Path(__file__).parent
RECEIVED = micros("2026-10-05T18:00:00+07:00")


def owner(text: str) -> str:
    return recognise(read_line(text.encode(), RECEIVED, 0)).name


def test_every_device_is_named_like_its_file_and_one_is_the_fallback() -> None:
    assert all(device.name == name for name, device in devices().items())
    assert [device.name for device in devices().values() if device.fallback] == ["syslog"]


def test_a_program_belongs_to_one_device() -> None:
    claimed = [program for device in devices().values() for program in device.programs]
    assert len(claimed) == len(set(claimed))
    assert all(program == program.lower() and "/" not in program for program in claimed)


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ('<189>date=2026-10-05 time=08:14:03 logid="0000000013" type="traffic" subtype="forward"', "fortigate"),
        ('<13>Oct  5 08:14:03 relay forwarder: date=2026-10-05 logid="1" subtype="x"', "fortigate"),
        ("<13>Oct  5 08:14:03 fw CEF:0|Fortinet|Fortigate|v7.4.4|00013|traffic|3|act=deny", "fortigate"),
        ("<13>Oct  5 08:14:03 mx1 postfix/smtpd[1]: connect from unknown[198.51.100.1]", "postfix"),
        ("<13>Oct  5 08:14:03 mx1 Postfix/SMTPD[1]: the same in capitals", "postfix"),
        ("<13>Oct  5 08:14:03 ns1 named[1]: zone loaded", "syslog"),
        ("", "syslog"),
    ],
)
def test_lines_find_their_device(line: str, name: str) -> None:
    assert owner(line) == name
    assert owner(line) == name, "from the memo"


def test_datasets_are_told_apart_and_hold_what_every_event_has() -> None:
    merged = fills_by_dataset()
    assert len(merged) == sum(len(device.datasets) for device in devices().values())
    assert all(dataset.fills >= ALWAYS for dataset in merged.values())
    assert all(dataset.sources for dataset in merged.values())


def test_no_name_is_guessed_by_looks_of_another_devices_samples() -> None:
    """A looks_like that is too generous would take lines from the device whose they are."""
    for device in devices().values():
        if not device.fallback:
            assert not device.looks_like("")
            assert not device.looks_like("Mật khẩu của bạn sắp hết hạn")


def test_no_line_looks_like_two_devices() -> None:
    """Otherwise the order of trying would decide whose line it is."""
    for name in devices():
        for raw in (SAMPLES / f"{name}.log").read_bytes().splitlines():
            text = read_line(raw, RECEIVED, 0).text
            alike = [device.name for device in devices().values() if device.looks_like(text)]
            assert len(alike) <= 1, f"{raw[:100]!r} looks like {alike}"
