"""Which devices there are, and whose line this is. A parser file is found by being here."""

from __future__ import annotations

import pkgutil
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from importlib import import_module
from typing import Final

import soc.parsers as package
from soc.core.logsource import Dataset
from soc.parsers._device import Device, Line

# What every event carries; a Dataset need not list these.
ALWAYS: Final = frozenset({"@timestamp", "event.kind", "event.module", "event.dataset", "event.original"})
# Those who send most of the lines without a program's name are tried first. A new device need not be here.
_FREQUENT: Final = frozenset({"fortigate", "suricata"})
_MEMO_SIZE: Final = 4096

_by_program: dict[str, Device | None] = {}


@cache
def devices() -> dict[str, Device]:
    """Every device by name, in that order. TypeError names a file whose DEVICE is missing or misnamed."""
    found = {}
    for module in sorted(pkgutil.iter_modules(package.__path__), key=lambda module: module.name):
        if module.name.startswith("_"):
            continue
        device = getattr(import_module(f"{package.__name__}.{module.name}"), "DEVICE", None)
        if not isinstance(device, Device) or device.name != module.name:
            raise TypeError(f"{module.name}.py: needs DEVICE = Device(name={module.name!r}, ...)")
        found[device.name] = device
    return found


def recognise(line: Line, likely: Device | None = None) -> Device:
    """Whose line this is: by its syslog program, else by how its text looks, else the fallback's.

    likely is asked first (the device of the line before); no line looks like two devices, so it only saves time.
    """
    if line.program:
        program = line.program
        try:
            device = _by_program[program]
        except KeyError:
            device = _owner(program)
        if device is not None:
            return device
    text = line.text
    if likely is not None and likely.looks_like(text):
        return likely
    tests, fallback = _by_looks()
    for looks_like, device in tests:
        if looks_like(text):
            return device
    return fallback


@cache
def fills_by_dataset() -> dict[str, Dataset]:
    """Every dataset of every device by its event.dataset, the fields that all events carry included.

    ValueError if two devices make the same dataset.
    """
    merged: dict[str, Dataset] = {}
    for device in devices().values():
        if twice := sorted(merged.keys() & device.datasets.keys()):
            raise ValueError(f"{device.name}: {', '.join(twice)}: another device makes this dataset too")
        for name, dataset in device.datasets.items():
            merged[name] = replace(dataset, fills=dataset.fills | ALWAYS)
    return merged


@cache
def _by_looks() -> tuple[tuple[tuple[Callable[[str], bool], Device], ...], Device]:
    """The tests in a fixed order; each means "surely", so order decides about speed alone."""
    last = [device for device in devices().values() if device.fallback]
    if len(last) != 1:
        raise ValueError(f"exactly one device is the fallback, not {len(last)}")
    others = [device for device in devices().values() if not device.fallback]
    others.sort(key=lambda device: (device.name not in _FREQUENT, device.name))
    return tuple((device.looks_like, device) for device in others), last[0]


def _owner(program: str) -> Device | None:
    name = program.partition("/")[0].lower()
    owner = next((device for device in devices().values() if name in device.programs), None)
    if len(_by_program) >= _MEMO_SIZE:
        _by_program.clear()
    _by_program[program] = owner
    return owner
