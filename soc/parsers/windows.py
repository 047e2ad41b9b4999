"""Windows event log records as JSON lines: from EVTX files, from shippers, or exported flat (soc.core.windows).

The record's fields keep their own names, which are those that Sigma's Windows rules use; what the pipeline needs to
say whom an alert is about is there as ECS too. Fields: Microsoft's event documentation; Sysmon's by its manual.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from soc.core.event import Event, Value, micros
from soc.core.fields import FIELDS
from soc.core.logsource import Dataset
from soc.core.windows import number_of, place, places
from soc.core.windows.read import read
from soc.parsers._address import ip
from soc.parsers._device import Device, Line, ParseError

_TIMES: Final = ("TimeCreated", "@timestamp", "UtcTime")
_NOBODY: Final = frozenset({"", "-", "N/A"})
# Sign-ins and tickets are about the account that signs in, other records about the one that acts.
_SIGN_INS: Final = frozenset({4624, 4625, 4634, 4647, 4768, 4769, 4770, 4771, 4776, 4778, 4779})
_ACTING: Final = (("User", ""), ("SubjectUserName", "SubjectDomainName"), ("TargetUserName", "TargetDomainName"))
_SIGNING_IN: Final = (("TargetUserName", "TargetDomainName"), ("User", ""))
_TEXTS: Final = {
    "Computer": "host.name",
    "Provider_Name": "event.provider",
    "Image": "process.executable",
    "CommandLine": "process.command_line",
    "CurrentDirectory": "process.working_directory",
    "ParentImage": "process.parent.executable",
    "ParentCommandLine": "process.parent.command_line",
    "TargetFilename": "file.path",
    "TargetObject": "registry.path",
    "QueryName": "dns.question.name",
}
_ADDRESSES: Final = {
    "IpAddress": "source.ip",
    "SourceIp": "source.ip",
    "SourceAddress": "source.ip",
    "ClientAddress": "source.ip",
    "DestinationIp": "destination.ip",
    "DestAddress": "destination.ip",
}
_FILLS: Final = frozenset({*_TEXTS.values(), *_ADDRESSES.values(), "event.code", "user.name", "user.domain"})


def looks_like(text: str) -> bool:
    """A record's JSON in one of the shapes that soc.core.windows.record reads."""
    if text[:9] == '{"Event":':
        return '"System"' in text
    if text[:1] != "{" or not ('"EventID"' in text or 'event_id"' in text or '"Event.System.EventID' in text):
        return False
    try:  # the words alone may be anywhere in somebody else's JSON
        return number_of(_native(text).get("EventID")) is not None
    except ParseError:
        return False


def parse(line: Line) -> Event:
    """A record as an event; ParseError when it is no JSON object, or states no event id."""
    native = _native(line.text)
    number = number_of(native.get("EventID"))
    if number is None:
        raise ParseError("no Windows record: it has no EventID")
    written = place(_text(native.get("Channel")), number, _text(native.get("Provider_Name")))
    event = native.copy()
    for name in FIELDS.keys() & native.keys():  # what a record calls like a field of ours is not ours
        del event[name]
    event["@timestamp"] = _time(native, line)
    event["event.kind"] = "event"
    event["event.module"] = "windows"
    event["event.dataset"] = written.dataset
    event["event.original"] = line.raw
    event["event.code"] = str(number)
    get = native.get
    for name, ours in _TEXTS.items():
        if (value := get(name)).__class__ is str and value:
            event[ours] = value
    for name, ours in _ADDRESSES.items():
        if (value := get(name)) and ours not in event and (address := ip(_text(value))):
            event[ours] = address
    _add_user(event, native, _SIGNING_IN if number in _SIGN_INS else _ACTING)
    return event


@lru_cache(1)
def _native(text: str) -> Event:
    """The record with its own names; whoever asks leaves it as it is. ParseError if it is no JSON object.

    The latest is kept: looks_like and parse ask for the same text one after the other.
    """
    try:
        return read(text.encode())
    except ValueError as error:
        raise ParseError(f"no JSON object: {error}") from error


def _time(native: Event, line: Line) -> int:
    """When it happened; a record that does not say so happened when it was shipped or arrived."""
    for name in _TIMES:
        if not (text := _text(native.get(name))):
            continue
        try:
            return micros(text)
        except ValueError:
            continue
    return line.received if line.time is None else line.time


def _add_user(event: Event, native: Event, places_of_it: Iterable[tuple[str, str]]) -> None:
    for name, domain in places_of_it:
        user = _text(native.get(name))
        if user in _NOBODY:
            continue
        within, _, alone = user.rpartition("\\")
        event["user.name"] = alone or user
        if (within := within or _text(native.get(domain))) not in _NOBODY:
            event["user.domain"] = within
        return


def _text(value: Value) -> str:
    return value if isinstance(value, str) else ""


DEVICE = Device(
    name="windows",
    title="Windows event logs (EVTX, or JSON): Security, Sysmon, PowerShell, Defender and all others",
    parse=parse,
    looks_like=looks_like,
    datasets={written.dataset: Dataset(written.sources, _FILLS, open=True) for written in places()},
)
