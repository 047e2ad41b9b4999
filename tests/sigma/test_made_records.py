"""Every SigmaHQ rule for Windows can fire on an EVTX record: values where the record has them, and its own log source.

The events of test_generated.py are put into records as EVTX readers write them, read as `soc sigma match` reads them,
and offered to all rules by the log source that the record itself states.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from soc.core.event import Event
from soc.core.windows import logs
from soc.core.windows.record import event_of
from soc.sigma.matcher import Matcher
from soc.sigma.native import NativeRouter
from tests.sigma.corpus import SIGMA, compiled, covers, rules
from tests.sigma.plain import Plain, Tree
from tests.sigma.plain_verdict import holds
from tests.sigma.solve import firing

pytestmark = pytest.mark.skipif(not SIGMA.is_file(), reason="SigmaHQ's rules are not beside the checkout")

ATTRIBUTES = {"Provider_Name": ("Provider", "Name"), "UserID": ("Security", "UserID")}
SYSTEM = ("EventID", "Channel", "Level", "Keywords", "Computer")


def places(rule: dict[str, Any], event: Event) -> Iterator[tuple[str, object, str]]:
    """(channel, event id, provider) of records that the rule is for."""
    for log in logs():
        for number, categories in [*log.events.items(), (event.get("EventID", 9999), ())]:
            for service in log.services or (None,):
                stated = {"product": log.product, "service": service}
                if any(covers(rule, {**stated, "category": one}) for one in (None, *categories)):
                    yield log.channels[0], number, (log.providers or ("Microsoft-Windows-Other",))[0]


def record(event: Event, channel: str, number: object, provider: str, texts: bool) -> bytes:
    """The event as an EVTX reader's JSON; texts: numbers are written as text, as some do."""
    values = {"Channel": channel, "Provider_Name": provider, "Level": 4, "Computer": "pc1", **event, "EventID": number}
    system: dict[str, Any] = {"TimeCreated": {"#attributes": {"SystemTime": "2024-05-06T07:08:09Z"}}}
    system["Execution"] = {"#attributes": {"ProcessID": 4, "ThreadID": 8}}
    system |= {
        element: {"#attributes": {name: values[of]}} for of, (element, name) in ATTRIBUTES.items() if of in values
    }
    system |= {name: values.pop(name) for name in SYSTEM if name in values}
    data: dict[str, Any] = {name: value for name, value in values.items() if name not in ATTRIBUTES}
    if isinstance(data.get("Data"), str | tuple):
        data["Data"] = {"#text": data["Data"]}
    if texts:
        system["EventID"] = {"#attributes": {"Qualifiers": 0}, "#text": str(number)}
        data = {name: str(value) if type(value) is int else value for name, value in data.items()}
    return orjson.dumps({"Event": {"System": system, "EventData": data}})


def read(tree: Tree, rule: dict[str, Any]) -> Event | None:
    """A record, read back, on which the rule holds; None when there is none."""
    for seed in range(4):
        event = firing(tree, seed)
        for channel, number, provider in places(rule, event or {}):
            back = event_of(orjson.loads(record(event or {}, channel, number, provider, texts=bool(seed % 2))))
            if holds(tree, back):
                return back
    return None


def test_every_windows_rule_fires_on_a_record() -> None:
    documents = [one for one in rules() if "|expand" not in str(one["detection"])]
    windows = [one for one in documents if one["logsource"].get("product") == "windows"]
    matcher = Matcher(compiled(documents), NativeRouter())
    impossible, silent = [], []
    for rule in windows:
        event = read(Plain(rule).tree(), rule)
        if event is None:
            impossible.append(rule["title"])
        elif rule["id"] not in {info.id for info in matcher.match(event)}:
            silent.append((rule["title"], event))
    assert silent == []
    assert impossible == []
    assert len(windows) > 2000
