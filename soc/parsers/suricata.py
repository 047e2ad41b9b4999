"""Suricata 5 to 8: EVE JSON of every event type, bare, behind a syslog header or a CEE cookie; and fast.log.

Source: Suricata user guide, "EVE JSON Format". Objects of protocols are in ``_eve_layers`` and ``_eve_dns``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson

from soc.core.event import Event, Value
from soc.core.logsource import Dataset, LogSource
from soc.parsers._address import ip
from soc.parsers._device import Device, Line, ParseError
from soc.parsers._eve import (
    Put,
    Record,
    Table,
    address,
    layout,
    nested,
    number,
    special,
    strings,
    text,
    texts,
)
from soc.parsers._eve_dns import DNS
from soc.parsers._eve_layers import FILE, FILES, FLOW, HTTP, MAIL, NETFLOW, SSH, STATS, TCP, TLS
from soc.parsers._eve_protocols import OTHERS, PROTOCOLS
from soc.parsers._suricata_fast import is_fast, put_fast
from soc.parsers._time import rfc3339

_TRANSPORTS: Final = {"TCP": "tcp", "UDP": "udp", "ICMP": "icmp", "IPv6-ICMP": "ipv6-icmp", "SCTP": "sctp"}
_UNKNOWN_PROTOCOLS: Final = frozenset({"failed", "unknown", ""})
_BACKSLASH = re.compile(r"\\(.)", re.DOTALL)
_CONSTANT: Final[Event] = {
    "event.kind": "event",
    "event.module": "suricata",
    "event.type": ("info",),
    "event.category": ("network",),
    "observer.vendor": "OISF",
    "observer.product": "Suricata",
    "observer.type": "ids",
}


def parse(line: Line) -> Event:
    """An event of dataset "suricata.<event_type>", "suricata.other" for a type not listed here.

    ParseError for anything that is neither EVE nor fast.log.
    """
    body = line.text
    if body[:1] != "{":
        if is_fast(body):
            return _from_fast(line)
        body = body.removeprefix("@cee:").lstrip()
    record = _record(body)
    if "event_type" not in record:
        record = _unwrapped(record)
    kind, time = record.get("event_type"), record.get("timestamp")
    if type(kind) is not str or type(time) is not str:
        raise ParseError("JSON without Suricata's event_type and timestamp")
    shape = _SHAPES.get(kind, _OTHER)
    event: Event = {
        "@timestamp": rfc3339(time),
        "event.original": line.raw,
        "suricata.eve.event_type": kind,
        **shape.constant,
    }
    if line.host:
        event["observer.hostname"] = line.host
    shape.fill(event, record)
    if shape.finish is not None:
        shape.finish(event, record)
    return event


def _unwrapped(record: dict[str, Any]) -> dict[str, Any]:
    """Relays put the whole EVE record under a key of their own; the record itself otherwise."""
    inner = record.get("event", record.get("message"))
    if type(inner) is str and inner[:1] == "{":
        inner = _record(inner)
    return inner if type(inner) is dict else record


def looks_like(text: str) -> bool:
    """EVE's own keys, which Zeek's and other JSON logs do not have together; or the frame of a fast.log line."""
    if text[:1] != "{" and text[:5] != "@cee:":
        return is_fast(text)
    return (
        '"event_type"' in text
        and '"timestamp"' in text
        and ('"dest_ip"' in text or '"anomaly"' in text or '"stats"' in text or '"engine"' in text)
    )


def _record(body: str) -> Record:
    try:
        record = orjson.loads(body)
    except orjson.JSONDecodeError:
        # Broken UTF-8 was turned into \xNN when the line was read, which is no JSON escape.
        mended = _BACKSLASH.sub(lambda found: "\\\\x" if found[1] == "x" else found[0], body)
        try:
            record = orjson.loads(mended)
        except orjson.JSONDecodeError as error:
            raise ParseError("not valid JSON") from error
    if type(record) is not dict:
        raise ParseError("not a JSON object")
    return record


def _from_fast(line: Line) -> Event:
    event: Event = {"@timestamp": line.received, "event.original": line.raw, "suricata.eve.event_type": "alert"}
    event.update(_SHAPES["alert"].constant)
    if line.host:
        event["observer.hostname"] = line.host
    put_fast(event, line)
    return event


def _put_source(event: Event, value: Any) -> None:
    if type(value) is str and (known := ip(value)):
        event["source.ip"] = known
        event["network.type"] = "ipv6" if ":" in known else "ipv4"


def _put_transport(event: Event, value: Any) -> None:
    if type(value) is str:
        event["network.transport"] = _TRANSPORTS.get(value) or value.lower()


def _put_protocol(event: Event, value: Any) -> None:
    if type(value) is str and value not in _UNKNOWN_PROTOCOLS:
        event["network.protocol"] = value


def _put_vlan(event: Event, value: Any) -> None:
    tags = value if type(value) is list else [value]
    for name, tag in zip(("network.vlan.id", "network.inner.vlan.id"), tags, strict=False):
        if type(tag) is int:
            event[name] = str(tag)


def _put_flowbits(event: Event, value: Any) -> None:
    """A list since version 5; before, an object of true values."""
    if found := strings(list(value) if type(value) is dict else value):
        event["suricata.eve.metadata.flowbits"] = found


def _put_first(event: Event, value: Any) -> None:
    if found := strings(value):
        event["rule.reference"] = found[0]


def _put_techniques(event: Event, value: Any) -> None:
    """Rule writers put T1110_001 where ATT&CK says T1110.001."""
    if found := strings(value):
        event["threat.framework"] = "MITRE ATT&CK"
        event["threat.technique.id"] = tuple(technique.replace("_", ".") for technique in found)


def _put_words(name: str) -> Put:
    def put(event: Event, value: Any) -> None:
        if found := strings(value):
            event[name] = tuple(words.replace("_", " ") for words in found)

    return put


_FLOWBITS: Final = nested({"flowbits": special(_put_flowbits, "suricata.eve.metadata.flowbits")})
_COMMON: Final[Table] = {
    "flow_id": text("suricata.eve.flow_id"),
    "tx_id": number("suricata.eve.tx_id"),
    "in_iface": text("observer.ingress.interface.name"),
    "host": text("observer.hostname"),
    "src_ip": special(_put_source, "source.ip", "network.type"),
    "src_port": number("source.port"),
    "dest_ip": address("destination.ip"),
    "dest_port": number("destination.port"),
    "proto": special(_put_transport, "network.transport"),
    "app_proto": special(_put_protocol, "network.protocol"),
    "community_id": text("network.community_id"),
    "vlan": special(_put_vlan, "network.vlan.id", "network.inner.vlan.id"),
}
_PACKET: Final[Table] = {
    **_COMMON,
    "icmp_type": number("suricata.eve.icmp_type"),
    "icmp_code": number("suricata.eve.icmp_code"),
}
_ALERT: Final = nested(
    {
        "action": text("event.action"),
        "gid": number("suricata.eve.alert.gid"),
        "signature_id": text("rule.id"),
        "signature": text("rule.name"),
        "rev": text("rule.version"),
        "category": text("rule.category"),
        "severity": number("event.severity"),
        "references": special(_put_first, "rule.reference"),
        "source": nested({"ip": address("suricata.eve.alert.source.ip")}),
        "target": nested({"ip": address("suricata.eve.alert.target.ip")}),
        "metadata": nested(
            {
                "mitre_technique_id": special(_put_techniques, "threat.framework", "threat.technique.id"),
                "mitre_technique_name": special(_put_words("threat.technique.name"), "threat.technique.name"),
                "mitre_tactic_id": texts("threat.tactic.id"),
                "mitre_tactic_name": special(_put_words("threat.tactic.name"), "threat.tactic.name"),
                "signature_severity": texts("suricata.eve.alert.metadata.signature_severity"),
                "confidence": texts("suricata.eve.alert.metadata.confidence"),
                "malware_family": texts("suricata.eve.alert.metadata.malware_family"),
                "attack_target": texts("suricata.eve.alert.metadata.attack_target"),
                "tag": texts("suricata.eve.alert.metadata.tag"),
            }
        ),
    }
)


def _finish_alert(event: Event, record: Record) -> None:
    event["event.type"] = ("denied",) if event.get("event.action") == "blocked" else ("allowed",)
    flow = record.get("flow")
    if type(flow) is not dict:
        return
    # The alert's packet may be an answer, and then its source is the flow's destination.
    began = flow.get("src_ip")
    if record.get("direction") == "to_client" or (type(began) is str and began != record.get("src_ip")):
        for name in ("bytes", "packets"):
            sent, received = event.pop(f"source.{name}", None), event.pop(f"destination.{name}", None)
            if sent is not None:
                event[f"destination.{name}"] = sent
            if received is not None:
                event[f"source.{name}"] = received


def _finish_flow(event: Event, record: Record) -> None:
    start, end = event.get("event.start"), event.get("event.end")
    if isinstance(start, int) and isinstance(end, int) and start <= end:
        event["event.duration"] = (end - start) * 1000
    for name in ("bytes", "packets"):
        sent, received = event.get(f"source.{name}"), event.get(f"destination.{name}", 0)
        if isinstance(sent, int) and isinstance(received, int):
            event[f"network.{name}"] = sent + received


def _finish_http(event: Event, record: Record) -> None:
    status = event.get("http.response.status_code")
    if isinstance(status, int):
        event["event.outcome"] = "success" if status < 400 else "failure"


def _finish_dns(event: Event, record: Record) -> None:
    if event.get("dns.type") == "answer" and "dns.response_code" in event:
        event["event.outcome"] = "success" if event["dns.response_code"] == "NOERROR" else "failure"


def _finish_other(event: Event, record: Record) -> None:
    kind = event["suricata.eve.event_type"]
    if kind in OTHERS:
        event["network.protocol"] = kind


def _finish_drop(event: Event, record: Record) -> None:
    event["event.action"] = "blocked"


@dataclass(frozen=True, slots=True)
class _Shape:
    """What an event type becomes: what is always so, what its table fills, and what follows from that."""

    constant: Event
    fill: Put
    finish: Callable[[Event, Record], None] | None
    dataset: Dataset


def _shape(
    name: str,
    common: Table,
    table: Table,
    constant: Mapping[str, Value] | None = None,
    finish: Callable[[Event, Record], None] | None = None,
    finishes: frozenset[str] = frozenset(),
    categories: tuple[str | None, ...] = (None,),
) -> _Shape:
    fill, fields = layout({**common, **table})
    always = {**_CONSTANT, **(constant or {}), "event.dataset": f"suricata.{name}"}
    fills = fields | finishes | always.keys() | {"@timestamp", "event.original", "suricata.eve.event_type"}
    sources = tuple(LogSource(category, "suricata", name) for category in categories)
    return _Shape(always, fill, finish, Dataset(sources, fills))


_TOTALS: Final = frozenset({"event.duration", "network.bytes", "network.packets"})
_CONNECTION: Final = {"event.type": ("connection", "end")}
_ANOMALY: Final[Table] = {
    **{name: text(f"suricata.eve.anomaly.{name}") for name in ("type", "event", "layer", "code")},
    "app_proto": _COMMON["app_proto"],
}
_OTHER: Final = _shape("other", _PACKET, {"engine": nested({"message": text("message")})}, finish=_finish_other)
_SHAPES: Final = {
    "alert": _shape(
        "alert",
        _PACKET,
        {
            "alert": _ALERT,
            "verdict": nested({"action": text("suricata.eve.verdict.action")}),
            "xff": address("network.forwarded_ip"),
            "metadata": _FLOWBITS,
            "vars": _FLOWBITS,
            "flow": nested({name: FLOW[name] for name in FLOW if name not in {"end", "state", "reason", "alerted"}}),
            "dns": DNS,
            "http": HTTP,
            "tls": TLS,
            "ssh": SSH,
            "files": FILES,
            "fileinfo": FILE,
            **MAIL,
        },
        {"event.kind": "alert", "event.category": ("network", "intrusion_detection")},
        _finish_alert,
        categories=("ids",),
    ),
    "anomaly": _shape("anomaly", _PACKET, {"anomaly": nested(_ANOMALY)}),
    "dns": _shape(
        "dns",
        _COMMON,
        {"dns": DNS},
        {"event.type": ("protocol", "info"), "network.protocol": "dns"},
        _finish_dns,
        frozenset({"event.outcome"}),
        categories=("dns",),
    ),
    # The sensor sees requests of the ministry's clients and requests to its servers, so rules of both kinds apply.
    "http": _shape(
        "http",
        _COMMON,
        {"http": HTTP},
        {"event.category": ("network", "web"), "event.type": ("access", "protocol"), "network.protocol": "http"},
        _finish_http,
        frozenset({"event.outcome"}),
        categories=("proxy", "webserver"),
    ),
    "tls": _shape("tls", _COMMON, {"tls": TLS}, {"event.type": ("connection", "protocol"), "network.protocol": "tls"}),
    "flow": _shape("flow", _PACKET, {"flow": nested(FLOW), "tcp": TCP}, _CONNECTION, _finish_flow, _TOTALS),
    "netflow": _shape("netflow", _PACKET, {"netflow": nested(NETFLOW), "tcp": TCP}, _CONNECTION, _finish_flow, _TOTALS),
    "fileinfo": _shape(
        "fileinfo", _COMMON, {"fileinfo": FILE, "http": HTTP, **MAIL}, {"event.category": ("network", "file")}
    ),
    "smtp": _shape("smtp", _COMMON, dict(MAIL), {"event.category": ("network", "email"), "network.protocol": "smtp"}),
    "ssh": _shape("ssh", _COMMON, {"ssh": SSH}, {"event.type": ("connection", "protocol"), "network.protocol": "ssh"}),
    "stats": _shape("stats", {"host": text("observer.hostname")}, {"stats": nested(STATS)}, {"event.kind": "metric"}),
    "drop": _shape(
        "drop",
        _PACKET,
        {"drop": nested({"len": number("network.bytes"), "reason": text("event.reason")}), "alert": _ALERT},
        {"event.type": ("connection", "denied")},
        _finish_drop,
        frozenset({"event.action"}),
        categories=("firewall",),
    ),
    **{
        name: _shape(
            name,
            _COMMON,
            protocol.table,
            {"event.type": ("protocol",), "network.protocol": name},
            protocol.finish,
            protocol.finishes,
        )
        for name, protocol in PROTOCOLS.items()
    },
}
# Version 8 has HTTP/2 under a type of its own.
_SHAPES["http2"] = _SHAPES["http"]

DEVICE = Device(
    name="suricata",
    title="Suricata 5 to 8, EVE JSON and fast.log",
    parse=parse,
    looks_like=looks_like,
    programs=frozenset({"suricata"}),
    datasets={str(shape.constant["event.dataset"]): shape.dataset for shape in (*_SHAPES.values(), _OTHER)},
)
