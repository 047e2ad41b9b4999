"""FortiGate firewalls, FortiOS 6.4 to 7.6, in each syslog format: default, CEF, CSV, JSON, RFC 5424.

One dataset for each kind of message: fortinet.traffic; one for each security engine (webfilter, app-ctrl,
ips, anomaly, virus, dns, ssl, emailfilter, waf; fortinet.utm is the rest); fortinet.vpn, .user, .system, and
fortinet.event for the other events of the device itself. Field tables: _fortigate_fields.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import orjson

from soc.core.event import Event, Value
from soc.core.logsource import Dataset
from soc.parsers._device import Device, Line, ParseError
from soc.parsers._fortigate_cef import cef_fields
from soc.parsers._fortigate_fields import TABLES, Convert, Target, whole
from soc.parsers._fortigate_kinds import BASES, KINDS, dataset_of, fills
from soc.parsers._fortigate_steps import Step
from soc.parsers._kv import ANY, WHOLE, Layouts, Order, pairs
from soc.parsers._time import date_time, zone

_MILLION: Final = 1_000_000
# FortiOS writes what a message is before what it says.
_HEAD: Final = 512


@dataclass(frozen=True, slots=True)
class Plan:
    """How the captured values of one order of keys become an event; converts go by place among them."""

    base: Event
    fields: tuple[str, ...]
    converts: tuple[tuple[int, Convert], ...]
    steps: tuple[Step, ...]


def _order(line: dict[str, str]) -> Order[Plan] | None:
    if "eventtime" not in line or "type" not in line or "subtype" not in line:
        return None
    dataset = dataset_of(line["type"], line["subtype"])
    table = {**TABLES[dataset], "eventtime": _EVENT_TIME}
    constants: Event = {table.pop(key).field: line[key] for key in sorted(_CONSTANT)}
    # Of two keys for one field the later one counts, as in a dict.
    by_field = {table[key].field: key for key in line if key in table}
    wanted = [(key, table[key]) for key in line if key in table and by_field[table[key].field] == key]
    converts = [(place, target.convert) for place, (_, target) in enumerate(wanted)]
    plan = Plan(
        base=BASES[dataset] | constants,
        fields=tuple(target.field for _, target in wanted),
        converts=tuple((place, _FAST.get(convert, convert)) for place, convert in converts if convert),
        steps=KINDS[dataset].steps,
    )
    patterns = {key: _PATTERNS.get(target.convert, ANY) for key, target in wanted}
    return Order(patterns, _CONSTANT, plan)


def _micros(text: str) -> int:
    """eventtime in s (before 6.2), ms, µs or ns, told by its length -> µs."""
    number = int(text)
    if len(text) >= 18:
        return number // 1000
    if len(text) >= 15:
        return number
    return number * 1000 if len(text) >= 12 else number * 1_000_000


_CONSTANT: Final = frozenset({"type", "subtype"})
_EVENT_TIME: Final = Target("@timestamp", _micros)
# What a pattern has already made sure of needs no second look.
_PATTERNS: Final[dict[Convert | None, str]] = {whole: WHOLE, _micros: "[0-9]{9,19}+"}
_FAST: Final[dict[Convert, Convert]] = {whole: int}
_LAYOUTS: Final = Layouts(_order)
_LOGID: Final = ' logid="'


def parse(line: Line) -> Event:
    """An event of the dataset of the message's type and subtype; ParseError if it has no type or no time."""
    text = line.text
    start = text.find(_LOGID) + len(_LOGID)
    head = text[start : start + 10]
    known = _LAYOUTS.read(head, text)
    if known is None:
        if start < len(_LOGID):
            return _event(_other_format(text), line)
        fields = dict(pairs(text))
        event = _event(fields, line)
        _LAYOUTS.learn(head, text, tuple(fields))
        return event
    plan, texts = known
    values: list[Value] = [*texts]
    absent = False
    for place, convert in plan.converts:
        value = values[place] = convert(texts[place])
        if value is None:
            absent = True
    event = plan.base.copy()
    event.update(zip(plan.fields, values, strict=True))
    if absent:
        for name in [name for name, value in event.items() if value is None]:
            del event[name]
    return _finish(event, line, plan.steps)


def _other_format(text: str) -> dict[str, str]:
    """The fields of a line in CEF, JSON or CSV (``set format`` of log.syslogd.setting), or without quotes."""
    if text.startswith("CEF:"):
        return cef_fields(text)
    if text.startswith("{"):
        return {key: str(value) for key, value in orjson.loads(text).items() if value is not None}
    return dict(pairs(text, commas=",logid=" in text))


def _event(fields: dict[str, str], line: Line) -> Event:
    """The slow way, for any order of keys."""
    if "type" not in fields:
        raise ParseError("no FortiGate log: it has no type=")
    dataset = dataset_of(fields["type"], fields.get("subtype", ""))
    event = BASES[dataset].copy()
    table = TABLES[dataset]
    for key, text in fields.items():
        target = table.get(key)
        if target is not None and text:
            value = target.convert(text) if target.convert is not None else text
            if value is not None:
                event[target.field] = value
    event["@timestamp"] = _time(fields, line)
    return _finish(event, line, KINDS[dataset].steps)


def _finish(event: Event, line: Line, steps: tuple[Step, ...]) -> Event:
    event["event.original"] = line.raw
    if line.host and "observer.name" not in event:
        event["observer.name"] = line.host
    for step in steps:
        step(event)
    return event


def _time(fields: dict[str, str], line: Line) -> int:
    epoch = fields.get("eventtime", "")
    if 9 <= len(epoch) <= 19 and epoch.isascii() and epoch.isdigit():
        return _micros(epoch)
    if "date" in fields and "time" in fields:
        east = zone(fields["tz"]) // _MILLION if fields.get("tz") else line.zone
        return date_time(fields["date"], fields["time"], east)
    if line.time is None:
        raise ParseError("no FortiGate log: it has no time")
    return line.time


def looks_like(text: str) -> bool:
    if text.startswith("{"):
        return '"logid"' in text[:_HEAD] and '"subtype"' in text[:_HEAD]
    if text.startswith("CEF:"):
        return "|Fortinet|Fortigate|" in text[:_HEAD]
    return (" logid=" in text and " subtype=" in text) or (",logid=" in text and ",subtype=" in text)


DEVICE = Device(
    name="fortigate",
    title="Fortinet FortiGate, FortiOS 6.4 to 7.6 (default format, CEF, CSV, JSON, RFC 5424)",
    parse=parse,
    datasets={name: Dataset(kind.sources, fills(name)) for name, kind in KINDS.items()},
    looks_like=looks_like,
)
