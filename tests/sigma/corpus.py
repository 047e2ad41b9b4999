"""SigmaHQ's rules and real Windows and Zeek events, as they are, with the log sources that each event belongs to."""

from __future__ import annotations

import gzip
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import yaml

from soc.core.batch import Batch
from soc.core.event import Event
from soc.core.logsource import LogSource
from soc.sigma import IDENTITY, Document, Rule
from soc.sigma.fixed import demanded
from soc.sigma.load import read_rule
from soc.sigma.matcher import Matcher
from soc.sigma.text import as_text, fold
from soc.sigma.tree import Node

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
SIGMA = DATA / "sigma" / "sigma-rules.tar.xz"
SYSMON = "Microsoft-Windows-Sysmon/Operational"
POWERSHELL = "Microsoft-Windows-PowerShell/Operational"

PARTS = ("category", "product", "service")
Source = Mapping[str, str]
"""A log source's stated parts: category, product, service."""


def rules() -> list[dict[str, Any]]:
    """Every rule's YAML, by name of file."""
    with tarfile.open(SIGMA) as archive:
        files = sorted((one for one in archive if one.name.endswith(".yml")), key=lambda one: one.name)
        read = (archive.extractfile(one) for one in files)
        return [yaml.load(one.read(), Loader=yaml.CSafeLoader) for one in read if one is not None]


def compiled(documents: Sequence[Mapping[str, Any]], placeholders: Mapping[str, list[str]] | None = None) -> list[Rule]:
    """The rules as the engine reads them; each has to be accepted."""
    made = [read_rule(Document(dict(one), "rule.yml", 1, "hash"), IDENTITY, placeholders or {}) for one in documents]
    assert all(isinstance(one, Rule) for one in made), [one for one in made if not isinstance(one, Rule)]
    return [one for one in made if isinstance(one, Rule)]


def by_source(documents: Sequence[dict[str, Any]]) -> list[tuple[Source, list[dict[str, Any]]]]:
    """Rules without placeholders by the log source that they state."""
    found: dict[tuple[tuple[str, str], ...], list[dict[str, Any]]] = {}
    for one in documents:
        if "|expand" not in str(one["detection"]):
            stated = one["logsource"]
            found.setdefault(tuple((part, stated[part]) for part in PARTS if part in stated), []).append(one)
    return [(dict(source), chosen) for source, chosen in found.items()]


def states(source: Source) -> LogSource:
    return LogSource(source.get("category"), source.get("product"), source.get("service"))


def covers(rule: Mapping[str, Any], source: Source) -> bool:
    """Whether a rule is offered events of a log source: what it states is the source's."""
    stated = rule["logsource"]
    return all(stated.get(part) in {None, source.get(part)} for part in PARTS)


@dataclass(frozen=True)
class OneRoute:
    """All events belong to the same log sources."""

    found: tuple[LogSource, ...]

    def routes(self, events: Batch) -> list[str]:
        return [""] * len(events)

    def sources(self, route: object) -> tuple[LogSource, ...]:
        return self.found

    def fixed(self, route: object) -> Event:
        return {}


def matcher(chosen: Sequence[Rule], sources: tuple[LogSource, ...]) -> Matcher:
    """The rules compiled for events that all belong to these log sources."""
    return Matcher(chosen, OneRoute(sources))


@dataclass(frozen=True)
class Routed:
    """Events of one kind and the log sources they belong to."""

    name: str
    sources: tuple[Source, ...]
    events: tuple[Event, ...]

    def offered(self, documents: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        return [one for one in documents if any(covers(one, source) for source in self.sources)]

    def matcher(self, chosen: Sequence[Rule]) -> Matcher:
        return matcher(chosen, tuple(map(states, self.sources)))


# --- Windows -----------------------------------------------------------------------------------------------------

SERVICES = {
    SYSMON: "sysmon", POWERSHELL: "powershell", "Windows PowerShell": "powershell-classic", "Security": "security",
    "System": "system", "Application": "application", "DNS Server": "dns-server", "OpenSSH/Operational": "openssh",
    "MSExchange Management": "msexchange-management", "Microsoft-Windows-CAPI2/Operational": "capi2",
    "Microsoft-Windows-Windows Defender/Operational": "windefend",
    "Microsoft-Windows-Bits-Client/Operational": "bits-client",
    "Microsoft-Windows-PrintService/Operational": "printservice-operational",
    "Microsoft-Windows-PrintService/Admin": "printservice-admin",
    "Microsoft-Windows-Windows Firewall With Advanced Security/Firewall": "firewall-as",
    "Microsoft-Windows-TaskScheduler/Operational": "taskscheduler",
    "Microsoft-Windows-AppXDeploymentServer/Operational": "appxdeployment-server",
}  # fmt: skip
CATEGORIES = {
    "Security": {4688: "process_creation"},
    POWERSHELL: {4103: "ps_module", 4104: "ps_script"},
    "Windows PowerShell": {400: "ps_classic_start", 600: "ps_classic_provider_start"},
    SYSMON: {
        1: "process_creation", 2: "file_change", 3: "network_connection", 6: "driver_load", 7: "image_load",
        8: "create_remote_thread", 9: "raw_access_thread", 10: "process_access", 11: "file_event",
        12: "registry_event registry_add registry_delete", 13: "registry_event registry_set", 14: "registry_event",
        15: "create_stream_hash", 17: "pipe_created", 18: "pipe_created", 19: "wmi_event", 20: "wmi_event",
        21: "wmi_event", 22: "dns_query", 23: "file_delete", 26: "file_delete",
    },
}  # fmt: skip


def windows() -> list[Routed]:
    """The EVTX records as flat events, by what decides their log sources."""
    found: dict[tuple[str, str], list[Event]] = {}
    for file in (DATA / "evtx_to_mitre" / "events.jsonl.gz", DATA / "sigma" / "regression_sample.jsonl.gz"):
        for line in _lines(file):
            event = flat(line["record"]["Event"])
            channel, number = str(event.get("Channel")), int(str(event["EventID"]))
            service = SERVICES.get(channel, "")
            categories = CATEGORIES.get(channel, {}).get(number, "")
            found.setdefault((service, categories), []).append(event)
    return [
        Routed(
            f"windows {service} {categories}".strip(),
            tuple({"product": "windows", "service": service, "category": one} for one in ["", *categories.split()]),
            tuple(events),
        )
        for (service, categories), events in sorted(found.items())
    ]


def flat(record: Mapping[str, Any]) -> Event:
    """System, EventData and UserData by their own names; an attribute is Element_Attribute."""
    event: Event = {}
    for name, value in record["System"].items():
        _put(event, name, value)
    for part in record.items():
        if part[0] not in {"System", "#attributes"} and isinstance(part[1], Mapping):
            for name, value in part[1].items():
                if part[0] != "EventData" and isinstance(value, Mapping) and name != "#attributes":
                    for inner, below in value.items():
                        _put(event, inner, below)
                else:
                    _put(event, name, value)
    return event


def _put(event: Event, name: str, value: Any) -> None:
    if isinstance(value, Mapping):
        for key, one in (value.get("#attributes") or {}).items():
            _put(event, f"{name}_{key}".lstrip("#"), one)
        if "#text" in value:
            _put(event, name, value["#text"])
    elif isinstance(value, list):
        event[name] = tuple(one if not isinstance(one, Mapping | list) else str(one) for one in value)
    else:
        event[name] = value


# --- Zeek --------------------------------------------------------------------------------------------------------


def zeek() -> list[Routed]:
    """Zeek's JSON logs; a log's name is the service."""
    found: dict[str, list[Event]] = {}
    for file in sorted((DATA / "zeek_logs" / "json").glob("*.json.gz")):
        found.setdefault(file.name.partition(".")[0], []).extend(_zeek(one) for one in _lines(file))
    for file in sorted((DATA / "zeek_apt29_day1").glob("*.log.gz")):
        for one in _lines(file):
            found.setdefault(str(one.get("@stream")), []).append(_zeek(one))
    return [
        Routed(f"zeek {name}", ({"product": "zeek", "service": name}, {"product": "zeek", "category": name}), tuple(of))
        for name, of in sorted(found.items())
    ]


def _zeek(record: Mapping[str, Any]) -> Event:
    """id_orig_h and its like, as some shippers write them, by Zeek's own name."""
    event: Event = {}
    for name, value in record.items():
        _put(event, name.replace("id_", "id.", 1) if name.startswith("id_") else name, value)
    return event


def _lines(file: Path) -> Iterator[dict[str, Any]]:
    with gzip.open(file) as lines:
        for line in lines:
            if line.startswith(b"{"):
                yield orjson.loads(line)


def excluded(condition: Node, values: Event) -> bool:
    """Whether the condition demands another value of one of these fields."""
    demands = demanded(condition)
    texts = {name: fold(as_text(value)) for name, value in values.items() if not isinstance(value, tuple | None)}
    return any(texts[name] not in demands[name] for name in texts.keys() & demands.keys())
