"""The names that Sigma's rules use for what some Windows records call differently; both names are kept.

Security 4688 and 4657 are process creation and registry events, whose rules use Sysmon's names (Sigma's taxonomy).
Sources: Microsoft, "4688(S): A new process has been created", "4657(S): A registry value was modified", "Well-known
SIDs", and Sysmon's documentation.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Final

from soc.core.event import Event, Value

_ACCOUNTS: Final[dict[object, str]] = {
    "S-1-5-18": "NT AUTHORITY\\SYSTEM",
    "S-1-5-19": "NT AUTHORITY\\LOCAL SERVICE",
    "S-1-5-20": "NT AUTHORITY\\NETWORK SERVICE",
}
_INTEGRITY: Final[dict[object, str]] = {
    "S-1-16-4096": "Low",
    "S-1-16-8192": "Medium",
    "S-1-16-8448": "Medium",
    "S-1-16-12288": "High",
    "S-1-16-16384": "System",
}
_NOBODY: Final = frozenset({None, "", "-", "S-1-0-0", "0x0"})
_HIVES: Final = (("\\REGISTRY\\MACHINE\\", "HKLM\\"), ("\\REGISTRY\\USER\\", "HKU\\"))
_CONTROL_SET: Final = re.compile(r"^(HKLM\\SYSTEM\\)ControlSet\d{3}", re.IGNORECASE | re.ASCII)
_MOST_NAMES: Final = 128
_DWORD, _QWORD, _BINARY, _DELETED = "%%1876", "%%1883", "%%1875", "%%1906"


def add_synonyms(event: Event) -> None:
    """Adds the further names, if it is an event that has any."""
    add = SYNONYMS.get(event.get("EventID"))
    if add is not None:
        add(event)
    elif event.get("Channel") == DEFENDER:
        _without_spaces(event)


def _process(event: Event) -> None:
    """4688 in Sysmon's words: the process, its parent, and the account that it runs as."""
    if "NewProcessName" not in event:
        return
    put, get = event.setdefault, event.get
    put("Image", event["NewProcessName"])
    if "ParentProcessName" in event:
        put("ParentImage", event["ParentProcessName"])
    if get("TargetUserSid") in _NOBODY:
        put("User", _account(get("SubjectUserSid"), get("SubjectUserName"), get("SubjectDomainName")))
        put("LogonId", get("SubjectLogonId"))
    else:
        put("User", _account(get("TargetUserSid"), get("TargetUserName"), get("TargetDomainName")))
        put("LogonId", get("TargetLogonId"))
    if (label := get("MandatoryLabel")) in _INTEGRITY:
        put("IntegrityLevel", _INTEGRITY[label])


def _account(sid: Value, name: Value, domain: Value) -> Value:
    if sid in _ACCOUNTS:
        return _ACCOUNTS[sid]
    return name if domain in _NOBODY else f"{domain}\\{name}"


def _registry(event: Event) -> None:
    """4657 in Sysmon's words; a deleted value is no "value set", so it gets no target."""
    key, value = event.get("ObjectName"), event.get("ObjectValueName")
    if not isinstance(key, str) or event.get("OperationType") == _DELETED:
        return
    for native, short in _HIVES:
        if key.upper().startswith(native):
            key = _CONTROL_SET.sub(r"\1CurrentControlSet", short + key[len(native) :])
    event.setdefault("TargetObject", f"{key}\\{value}")
    event.setdefault("EventType", "SetValue")
    event.setdefault("Details", _details(event.get("NewValueType"), event.get("NewValue")))
    event.setdefault("Image", event.get("ProcessName"))


def _details(kind: Value, value: Value) -> Value:
    text = str(value)
    if kind in (_DWORD, _QWORD) and text.isascii() and text.isdigit() and len(text) < 21:
        return f"DWORD (0x{int(text):08x})" if kind == _DWORD else f"QWORD (0x{int(text):016x})"
    return "Binary Data" if kind == _BINARY else value


def _without_spaces(event: Event) -> None:
    """Defender's "Threat Name" is ThreatName or Threat_Name in rules."""
    names = tuple(event)
    for ours, name in (_remembered(names) if len(names) <= _MOST_NAMES else _respelled(names)).items():
        event[ours] = event[name]


def _respelled(names: tuple[str, ...]) -> dict[str, str]:
    """Name without spaces -> the event's own name. A name that is there already is kept."""
    found: dict[str, str] = {}
    for name in names:
        if " " in name:
            found.setdefault(name.replace(" ", ""), name)
            found.setdefault(name.replace(" ", "_"), name)
    for name in names:
        found.pop(name, None)
    return found


_remembered: Final = lru_cache(maxsize=32)(_respelled)

COMPOSED: Final = ("User", "IntegrityLevel", "TargetObject", "EventType", "Details")
"""The added names whose texts may be nowhere in the record; the others have a copy of what is there."""

DEFENDER: Final = "Microsoft-Windows-Windows Defender/Operational"
SYNONYMS: Final[dict[object, Callable[[Event], None]]] = {
    4688: _process,
    "4688": _process,
    4657: _registry,
    "4657": _registry,
}
