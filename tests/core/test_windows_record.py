"""Windows records in the shapes that tools write come out with the same names; other JSON gets dotted ones."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from soc.core.flat import flat
from soc.core.windows import number_of, place
from soc.core.windows.record import as_recorded, event_of
from soc.core.windows.synonyms import COMPOSED

SYSMON = "Microsoft-Windows-Sysmon"
CHANNEL = "Microsoft-Windows-Sysmon/Operational"
TIME = "2026-10-05T01:14:03.896770Z"
WANTED = {
    "Provider_Name": SYSMON, "EventID": 1, "Level": 4, "TimeCreated": TIME, "EventRecordID": 7, "ProcessID": 4,
    "ThreadID": 8, "Channel": CHANNEL, "Computer": "pc1", "UserID": "S-1-5-18", "Image": "C:\\a.exe",
}  # fmt: skip


WHOLE: dict[str, Any] = {"Version": 5, "Task": 1, "Opcode": 0, "Keywords": "0x8000000000000000"}
"""What a record has in System besides what record() puts there."""


def record(**changes: Any) -> dict[str, Any]:
    """As EVTX readers write it; changes are to System."""
    system = {
        "Provider": {"#attributes": {"Name": SYSMON, "Guid": "5770385F"}},
        "EventID": 1,
        "Level": 4,
        "TimeCreated": {"#attributes": {"SystemTime": TIME}},
        "EventRecordID": 7,
        "Correlation": None,
        "Execution": {"#attributes": {"ProcessID": 4, "ThreadID": 8}},
        "Channel": CHANNEL,
        "Computer": "pc1",
        "Security": {"#attributes": {"UserID": "S-1-5-18"}},
    }
    return {"Event": {"#attributes": {"xmlns": "x"}, "System": system | changes, "EventData": {"Image": "C:\\a.exe"}}}


def shapes() -> dict[str, dict[str, Any]]:
    beside = record(Provider=None, TimeCreated=None, Execution=None, Security=None)
    for name in ("Provider", "TimeCreated", "Execution", "Security"):
        beside["Event"]["System"][f"{name}_attributes"] = record()["Event"]["System"][name]["#attributes"]
        del beside["Event"]["System"][name]
    named = record(Provider={"@Name": SYSMON}, TimeCreated={"@SystemTime": TIME}, Security={"@UserID": "S-1-5-18"},
                   Execution={"@ProcessID": 4, "@ThreadID": 8})  # fmt: skip
    named["Event"]["EventData"] = {"Data": [{"@Name": "Image", "#text": "C:\\a.exe"}]}
    shipped = {
        "@timestamp": TIME,
        "log": {"level": "information"},
        "winlog": {
            "channel": CHANNEL, "event_id": 1, "provider_name": SYSMON, "computer_name": "pc1", "record_id": 7,
            "process": {"pid": 4, "thread": {"id": 8}}, "user": {"identifier": "S-1-5-18"},
            "event_data": {"Image": "C:\\a.exe"},
        },
    }  # fmt: skip
    dotted = flat({"Event": {key: value for key, value in record()["Event"].items() if key != "#attributes"}})
    return {
        "nested": record(),
        "qualifiers": record(EventID={"#attributes": {"Qualifiers": 0}, "#text": 1}),
        "no wrapper": record()["Event"],
        "attributes beside": beside,
        "xml names": named,
        "shipped": shipped,
        "shipped, dotted": flat(dict(shipped)),
        "dotted": dotted,
        "flat": dict(WANTED),
    }


@pytest.mark.parametrize("shape", shapes())
def test_shapes_agree(shape: str) -> None:
    event = event_of(shapes()[shape])
    assert {name: event.get(name) for name in WANTED} == WANTED
    assert not [name for name, value in event.items() if isinstance(value, dict | list)]


def test_exported_names_of_system() -> None:
    event = event_of({"EventID": 1, "SourceName": SYSMON, "Hostname": "pc1", "RecordNumber": 7, "Channel": CHANNEL})
    assert (event["Provider_Name"], event["Computer"], event["EventRecordID"]) == (SYSMON, "pc1", 7)


def test_the_records_own_fields_win_over_those_of_system() -> None:
    raw = record()
    raw["Event"]["EventData"] |= {"Level": "own", "ProcessID": "own"}
    assert {name: event_of(raw)[name] for name in ("Level", "ProcessID", "ThreadID")} == {
        "Level": "own", "ProcessID": "own", "ThreadID": 8,
    }  # fmt: skip


def test_classic_records_have_their_texts_in_data() -> None:
    raw = record(Execution=None, Security=None)
    raw["Event"]["EventData"] = {"Data": {"#text": ["one", "two"]}, "Binary": None, "#attributes": {"Name": "x"}}
    event = event_of(raw)
    assert event["Data"] == ("one", "two")
    assert "#attributes.Name" not in event


def test_user_data_is_below_an_element_of_its_own() -> None:
    raw = record(Channel="System", EventID=104)
    del raw["Event"]["EventData"]
    raw["Event"]["UserData"] = {"LogFileCleared": {"#attributes": {"xmlns": "x"}, "Channel": CHANNEL}}
    event = event_of(raw)
    assert event["Channel"] == CHANNEL
    assert place(CHANNEL, 104, "Microsoft-Windows-Eventlog").dataset == "windows.system"
    assert "#attributes.xmlns" not in event


@pytest.mark.parametrize(
    ("fields", "wanted"),
    [
        ({"TargetUserSid": "S-1-0-0", "SubjectUserSid": "S-1-5-18", "SubjectUserName": "PC1$"}, "NT AUTHORITY\\SYSTEM"),
        ({"SubjectUserName": "an", "SubjectDomainName": "BO"}, "BO\\an"),
        ({"TargetUserSid": "S-1-5-21-7", "TargetUserName": "lan", "TargetDomainName": "BO"}, "BO\\lan"),
        ({"SubjectUserName": "an", "SubjectDomainName": "-"}, "an"),
    ],
)
def test_4688_says_what_sysmon_says(fields: dict[str, str], wanted: str) -> None:
    raw = record(EventID=4688, Channel="Security")
    raw["Event"]["EventData"] = {
        "NewProcessName": "C:\\b.exe", "ParentProcessName": "C:\\a.exe", "MandatoryLabel": "S-1-16-12288", **fields,
    }  # fmt: skip
    event = event_of(raw)
    assert (event["Image"], event["ParentImage"], event["NewProcessName"]) == ("C:\\b.exe", "C:\\a.exe", "C:\\b.exe")
    assert (event["User"], event["IntegrityLevel"]) == (wanted, "High")


@pytest.mark.parametrize(
    ("operation", "kind", "value", "wanted"),
    [
        ("%%1905", "%%1876", "1", ("HKLM\\SYSTEM\\CurrentControlSet\\Lsa\\RunAsPPL", "DWORD (0x00000001)")),
        ("%%1904", "%%1873", "text", ("HKLM\\SYSTEM\\CurrentControlSet\\Lsa\\RunAsPPL", "text")),
        ("%%1906", "-", "-", (None, None)),
    ],
)
def test_4657_says_what_sysmon_says(operation: str, kind: str, value: str, wanted: tuple[str, str]) -> None:
    raw = record(EventID="4657", Channel="Security")
    raw["Event"]["EventData"] = {
        "ObjectName": "\\REGISTRY\\MACHINE\\SYSTEM\\ControlSet001\\Lsa", "ObjectValueName": "RunAsPPL",
        "OperationType": operation, "NewValueType": kind, "NewValue": value,
    }  # fmt: skip
    event = event_of(raw)
    assert (event.get("TargetObject"), event.get("Details")) == wanted


PROCESS = {
    "NewProcessName": "C:\\b.exe", "ParentProcessName": "C:\\a.exe", "MandatoryLabel": "S-1-16-12288",
    "SubjectUserName": "an", "SubjectDomainName": "BO", "SubjectLogonId": "0x7",
}  # fmt: skip
REGISTRY = {
    "ObjectName": "\\REGISTRY\\MACHINE\\SYSTEM\\Lsa", "ObjectValueName": "x", "OperationType": "%%1905",
    "NewValueType": "%%1876", "NewValue": "1", "ProcessName": "C:\\a.exe",
}  # fmt: skip


@pytest.mark.parametrize(("number", "fields"), [(4688, PROCESS), (4657, REGISTRY)])
def test_texts_that_are_nowhere_in_the_record_have_names_that_are_known(number: int, fields: dict[str, str]) -> None:
    """Who searches the record's line for keywords searches those besides."""
    as_written, as_read = (record(EventID=number, Channel="Security") for _ in range(2))
    as_written["Event"]["EventData"] = as_read["Event"]["EventData"] = fields
    known = set(as_recorded(as_written).values())
    new = {name for name, value in event_of(as_read).items() if value not in known}
    assert new
    assert new <= set(COMPOSED)


@pytest.mark.parametrize("more", [0, 500])
def test_defenders_names_with_spaces(more: int) -> None:
    raw = record(Channel="Microsoft-Windows-Windows Defender/Operational")
    others = {f"Other {number}": number for number in range(more)}
    raw["Event"]["EventData"] = {"Threat Name": "x", "Source Name": "y", "SourceName": "own"} | others
    event = event_of(raw)
    assert event["Threat Name"] == event["ThreatName"] == event["Threat_Name"] == "x"
    assert (event["SourceName"], event["Source_Name"], event["Source Name"]) == ("own", "y", "y")
    assert [event[f"Other{number}"] for number in range(more)] == list(range(more))


@pytest.mark.parametrize("odd", [[], {"a": {"b": [1, {"c": 2}]}}, "x", None, 1.5, True])
@pytest.mark.parametrize(
    "name", ["Provider", "EventID", "TimeCreated", "Execution", "Security", "Correlation", "Channel"]
)
def test_odd_values_leave_a_flat_event(name: str, odd: object) -> None:
    flat_ones = {name: odd, "EventID": odd}, {"winlog": {name: odd, "event_data": odd}}
    for made in (record(**{name: odd}), record(**WHOLE | {name: odd}), *flat_ones):
        event = event_of(orjson.loads(orjson.dumps(made)))
        assert not [key for key, value in event.items() if isinstance(value, dict | list)]
    raw = record(**WHOLE)
    raw["Event"]["EventData"], raw["Event"]["UserData"], raw["Event"]["RenderingInfo"] = odd, odd, odd
    assert not [key for key, value in event_of(raw).items() if isinstance(value, dict | list)]


def test_whole_records_and_those_with_more_or_less_in_system_are_read_alike() -> None:
    some = {name: WHOLE[name] for name in ("Task", "Keywords")}
    fields = {"Image": "C:\\a.exe", "Level": "own", "Words": ["a", "b"], "Inner": {"b": {"c": 1}}}
    made = [record(**WHOLE), record(**WHOLE, More=1), record(**some)]
    events = [event_of(orjson.loads(orjson.dumps({"Event": raw["Event"] | {"EventData": fields}}))) for raw in made]
    wanted = WANTED | {"Level": "own", "Words": ("a", "b"), "Inner.b.c": 1}
    assert events == [wanted | WHOLE, wanted | WHOLE | {"More": 1}, wanted | some]


def test_other_json_gets_dotted_names() -> None:
    raw = {"a": {"b": {"c": 1}}, "list": [1, "x"], "rows": [{"n": 1}, {"n": 2, "m": [3]}], "none": None, "empty": []}
    assert flat(raw) == {"a.b.c": 1, "list": (1, "x"), "rows.n": (1, 2), "rows.m": (3,), "none": None, "empty": ()}


def test_depth_is_bounded() -> None:
    deep: dict[str, Any] = {"x": 1}
    for _ in range(900):
        deep = {"d": deep}
    assert flat({"a": 1, **deep}) == {"a": 1}
    nested: Any = 1
    for _ in range(900):
        nested = [nested]
    assert flat({"a": nested}) == {"a": ()}


@pytest.mark.parametrize(
    ("stated", "number"), [(4624, 4624), ("4624", 4624), ("04624", None), (True, None), (70000, None), ("²", None)]
)
def test_event_ids(stated: object, number: int | None) -> None:
    assert number_of(stated) == number
