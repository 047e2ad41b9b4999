"""SigmaHQ's own regression tests: every event fires its rule. Read from the shared data, skipped where it is absent."""

from __future__ import annotations

import gzip
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from soc.core.event import Event
from soc.core.logsource import LogSource
from soc.sigma import IDENTITY, Loaded, load
from soc.sigma.evaluate import holds
from soc.sigma.matcher import Matcher

DATA = Path(__file__).resolve().parents[3] / "shared" / "data" / "sigma"
SAMPLE = DATA / "regression_sample.jsonl.gz"
RULES = DATA / "sigma-rules.tar.xz"

SYSMON = "Microsoft-Windows-Sysmon/Operational"
CATEGORIES = {
    (SYSMON, 1): "process_creation",
    (SYSMON, 2): "file_change",
    (SYSMON, 3): "network_connection",
    (SYSMON, 6): "driver_load",
    (SYSMON, 7): "image_load",
    (SYSMON, 8): "create_remote_thread",
    (SYSMON, 10): "process_access",
    (SYSMON, 11): "file_event",
    (SYSMON, 12): "registry_event registry_add registry_delete",
    (SYSMON, 13): "registry_event registry_set",
    (SYSMON, 15): "create_stream_hash",
    (SYSMON, 17): "pipe_created",
    (SYSMON, 18): "pipe_created",
    (SYSMON, 22): "dns_query",
    (SYSMON, 23): "file_delete",
    (SYSMON, 26): "file_delete",
    ("Security", 4688): "process_creation",
    ("Microsoft-Windows-PowerShell/Operational", 4103): "ps_module",
    ("Microsoft-Windows-PowerShell/Operational", 4104): "ps_script",
}
SERVICES = {
    SYSMON: "sysmon",
    "Security": "security",
    "System": "system",
    "Application": "application",
    "Windows PowerShell": "powershell-classic",
    "Microsoft-Windows-PowerShell/Operational": "powershell",
    "Microsoft-Windows-Windows Defender/Operational": "windefend",
    "Microsoft-Windows-TaskScheduler/Operational": "taskscheduler",
    "Microsoft-Windows-AppXDeploymentServer/Operational": "appxdeployment-server",
    "Microsoft-Windows-Bits-Client/Operational": "bits-client",
}

pytestmark = pytest.mark.skipif(not SAMPLE.is_file(), reason="SigmaHQ's regression sample is not here")


def flat(record: dict[str, Any]) -> Event:
    """An EVTX record as its fields: System and EventData by their own names."""
    event: Event = {}
    for name, value in record["Event"]["System"].items():
        if isinstance(value, dict):
            event.update({f"{name}_{key}": one for key, one in value.get("#attributes", {}).items()})
            if "#text" in value:
                event[name] = value["#text"]
        elif value is not None:
            event[name] = value
    for name, value in _data(record["Event"]):
        event[name] = value if not isinstance(value, list) else tuple(map(str, value))
    return event


def _data(body: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for part in ("EventData", "UserData"):
        found = body.get(part) or {}
        for name, value in found.items():
            if isinstance(value, dict):
                yield from ((key, one) for key, one in value.items() if not isinstance(one, dict))
            else:
                yield name, value


def route(event: Event) -> str:
    return f"{event.get('Channel')}|{event.get('EventID')}"


def sources(name: str) -> tuple[LogSource, ...]:
    channel, _, number = name.partition("|")
    service = SERVICES.get(channel)
    categories = CATEGORIES.get((channel, int(number) if number.isdigit() else 0), "").split()
    return tuple(LogSource(category, "windows", service) for category in (None, *categories))


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    folder = tmp_path_factory.mktemp("sigmahq")
    with tarfile.open(RULES) as archive:
        archive.extractall(folder, filter="data")
    return load([folder], IDENTITY)


@pytest.fixture(scope="module")
def sample() -> list[tuple[str, list[str], Event]]:
    """(test, rules that have to fire on one of its events, event)."""
    with gzip.open(SAMPLE) as lines:
        read = [orjson.loads(line) for line in lines]
    return [(one["test"], one["rule_ids"], flat(one["record"])) for one in read]


def test_every_document_is_accounted_for(loaded: Loaded) -> None:
    assert loaded.files == 3777
    assert len(loaded.rules) + len(loaded.problems) == 3777
    assert {
        problem.reason.partition("%")[0] for problem in loaded.problems if "placeholder" not in problem.reason
    } == set()


@pytest.fixture(scope="module")
def matcher(loaded: Loaded, sample: list[tuple[str, list[str], Event]]) -> Matcher:
    events = {route(event): event for _, _, event in sample}
    fixed: dict[str, Event] = {name: {"EventID": event["EventID"]} for name, event in events.items()}
    return Matcher(loaded.rules, {name: sources(name) for name in events}, route, fixed)


def test_every_test_fires_its_rule(matcher: Matcher, sample: list[tuple[str, list[str], Event]]) -> None:
    wanted = {(test, one) for test, rules, _ in sample for one in rules}
    assert wanted - {(test, info.id) for test, _, event in sample for info in matcher.match(event)} == set()


def test_the_engine_finds_what_the_plain_evaluation_finds(
    loaded: Loaded, matcher: Matcher, sample: list[tuple[str, list[str], Event]]
) -> None:
    for _, _, event in sample:
        offered = [rule for rule in loaded.rules if any(rule.logsource.covers(one) for one in sources(route(event)))]
        wanted = {rule.info.id for rule in offered if holds(rule.condition, event)}
        assert {info.id for info in matcher.match(event)} == wanted
