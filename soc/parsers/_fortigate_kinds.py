"""The kinds of message that a FortiGate sends: one dataset each, with its Sigma log sources and last steps.

Types and subtypes: Fortinet, "FortiOS Log Message Reference", "List of log types and subtypes".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from soc.core.event import Event
from soc.core.logsource import LogSource
from soc.parsers._fortigate_fields import TABLES
from soc.parsers._fortigate_steps import (
    STEP_FIELDS,
    VERDICT_FIELDS,
    Step,
    administration,
    dns,
    flow,
    severity,
    tls,
    total_bytes,
    total_packets,
    url,
    verdict,
)


@dataclass(frozen=True, slots=True)
class Kind:
    """The constants of one dataset: its events' kind and category, Sigma log sources, and last steps."""

    kind: str
    category: tuple[str, ...]
    sources: tuple[LogSource, ...]
    steps: tuple[Step, ...]


def _service(*names: str) -> tuple[LogSource, ...]:
    return tuple(LogSource("firewall", "fortigate", name) for name in names)


_EVENT_SOURCE: Final = (LogSource(product="fortigate", service="event"),)
_PROXY: Final = LogSource("proxy", "fortigate")
_IDS: Final = LogSource("ids", "fortigate")
_CONNECTION: Final = verdict("connection")
_ACCESS: Final = verdict("access")
_INFO: Final = verdict("info")

KINDS: Final = {
    "fortinet.traffic": Kind(
        "event", ("network",), _service("traffic"), (flow, total_bytes, total_packets, url, _CONNECTION)
    ),
    "fortinet.webfilter": Kind(
        "event", ("network", "web"), (_PROXY, *_service("webfilter", "utm")), (flow, total_bytes, url, _ACCESS)
    ),
    "fortinet.app-ctrl": Kind("event", ("network",), _service("app-ctrl", "utm"), (flow, url, _CONNECTION)),
    "fortinet.ips": Kind(
        "alert",
        ("intrusion_detection", "network"),
        (_IDS, *_service("ips", "utm")),
        (flow, severity, url, _INFO),
    ),
    "fortinet.anomaly": Kind(
        "alert",
        ("intrusion_detection", "network"),
        (_IDS, *_service("anomaly", "utm")),
        (flow, severity, _INFO),
    ),
    "fortinet.virus": Kind(
        "alert",
        ("malware", "network"),
        (LogSource("antivirus", "fortigate"), *_service("virus", "utm")),
        (flow, url, _INFO),
    ),
    "fortinet.dns": Kind(
        "event",
        ("network",),
        (LogSource("dns", "fortigate"), *_service("dns", "utm")),
        (flow, dns, verdict("protocol")),
    ),
    "fortinet.ssl": Kind("event", ("network",), _service("ssl", "utm"), (flow, tls, _CONNECTION)),
    "fortinet.emailfilter": Kind("event", ("email", "network"), _service("emailfilter", "utm"), (flow, _INFO)),
    "fortinet.waf": Kind("alert", ("network", "web"), _service("waf", "utm"), (flow, severity, url, _ACCESS)),
    "fortinet.utm": Kind("event", ("network",), _service("utm"), (flow, severity, url, _INFO)),
    "fortinet.vpn": Kind("event", ("network",), _EVENT_SOURCE, (administration,)),
    "fortinet.user": Kind("event", ("authentication",), _EVENT_SOURCE, (administration,)),
    "fortinet.system": Kind("event", ("host",), _EVENT_SOURCE, (administration,)),
    "fortinet.event": Kind("event", ("host",), _EVENT_SOURCE, (administration,)),
}
BASES: Final[dict[str, Event]] = {
    name: {
        "event.kind": kind.kind,
        "event.module": "fortinet",
        "event.dataset": name,
        "event.category": kind.category,
        "event.type": ("info",),
        "observer.vendor": "Fortinet",
        "observer.product": "Fortigate",
        "observer.type": "firewall",
    }
    for name, kind in KINDS.items()
}


def dataset_of(kind: str, subtype: str) -> str:
    """The dataset of a message's type and subtype: "utm", "ips" -> "fortinet.ips".

    FortiOS 6.0 has DNS messages under a type of their own: "dns", "dns-query".
    """
    if kind == "traffic":
        return "fortinet.traffic"
    name = f"fortinet.{subtype}"
    if kind == "event":
        return name if name in {"fortinet.vpn", "fortinet.user", "fortinet.system"} else "fortinet.event"
    for engine in (name, f"fortinet.{kind}"):
        if engine in KINDS and KINDS[engine].steps[0] is flow:
            return engine
    return "fortinet.utm"


def fills(dataset: str) -> frozenset[str]:
    """Every field that an event of the dataset can carry."""
    fields = {target.field for target in TABLES[dataset].values()} | BASES[dataset].keys()
    derived = (STEP_FIELDS.get(step, VERDICT_FIELDS) for step in KINDS[dataset].steps)
    return frozenset(fields.union(*derived))
