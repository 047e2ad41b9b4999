"""The streams that Sigma matching is measured with: NDJSON made from the shared data, the same at every run.

Real records come again and again with fresh times, process ids and GUIDs, as on a machine that runs for weeks.
"""

from __future__ import annotations

import gzip
import random
import re
from collections.abc import Iterable, Iterator
from itertools import cycle, islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import orjson

from soc.core.event import RawBatch, to_wire
from soc.core.windows.record import event_of
from soc.enrich import Enricher, read_inventory
from soc.pipeline.normalise import Normaliser
from soc.story import INVENTORY
from soc.story import write as tell
from tests.sigma.test_regression import RULES

Record = dict[str, Any]
DATA = RULES.parent.parent
SYSMON = "Microsoft-Windows-Sysmon/Operational"
_FRESH = frozenset({
    "UtcTime", "CreationUtcTime", "ProcessGuid", "ParentProcessGuid", "SourceProcessGUID", "TargetProcessGUID",
    "ProcessId", "ParentProcessId", "NewProcessId", "SourceProcessId", "TargetProcessId", "SourceThreadId",
    "LogonId", "LogonGuid", "TargetLogonId", "SubjectLogonId", "HandleId", "TransactionId", "ScriptBlockId",
    "IpPort", "SourcePort",
})  # fmt: skip
_CHANGED = 0.03
"""Share of a record's longer values that differ from those of the round before."""
_DIGITS = re.compile(r"(?=[a-fA-F]*[0-9])[0-9a-fA-F]{2,}")
_KEPT = frozenset({"Channel", "Provider_Name"})
MARK = " #"
"""Begins the end of each value of distinct(), so that a later round can change it in the text."""

_SYSTEM, _PROGRAMS, _HOME = "C:\\Windows\\System32\\", "C:\\Program Files\\", "C:\\Users\\{user}\\"
_EVERYDAY = [
    (_SYSTEM + "svchost.exe", _SYSTEM + "svchost.exe -k netsvcs -p -s {service}", _SYSTEM + "services.exe"),
    (_SYSTEM + "conhost.exe", "\\??\\" + _SYSTEM + "conhost.exe 0xffffffff -ForceV1", _SYSTEM + "cmd.exe"),
    (_SYSTEM + "cmd.exe", 'cmd.exe /c "{user}_{large}.bat" -x', _SYSTEM + "services.exe"),
    (_SYSTEM + "cmd.exe", 'cmd.exe /d /s /c "git.exe rev-parse HEAD~{large}"', _PROGRAMS + "nodejs\\node.exe"),
    (_PROGRAMS + "Google\\Chrome\\Application\\chrome.exe",
     '"' + _PROGRAMS + 'Google\\Chrome\\Application\\chrome.exe" --type=renderer --field-trial-handle={large},262144 '
     "--lang=vi --device-scale-factor=1 --num-raster-threads=4 --renderer-client-id={large} /prefetch:1",
     _PROGRAMS + "Google\\Chrome\\Application\\chrome.exe"),
    (_PROGRAMS + "Microsoft Office\\root\\Office16\\WINWORD.EXE",
     '"' + _PROGRAMS + 'Microsoft Office\\Root\\Office16\\WINWORD.EXE" /n "' + _HOME + 'Documents\\CV_{large}.docx"',
     "C:\\Windows\\explorer.exe"),
    (_SYSTEM + "WindowsPowerShell\\v1.0\\powershell.exe",
     "powershell.exe -NoProfile -ExecutionPolicy Bypass -File C:\\Scripts\\inventory_{large}.ps1",
     _SYSTEM + "svchost.exe"),
    (_SYSTEM + "WindowsPowerShell\\v1.0\\powershell.exe",
     '"powershell.exe" -NonInteractive -Command "Get-Service {service} | Select Status"',
     _PROGRAMS + "Agent\\agent.exe"),
    (_SYSTEM + "dllhost.exe", _SYSTEM + "DllHost.exe /Processid:{{{guid}}}", _SYSTEM + "svchost.exe"),
    (_SYSTEM + "RuntimeBroker.exe", _SYSTEM + "RuntimeBroker.exe -Embedding", _SYSTEM + "svchost.exe"),
    (_SYSTEM + "SearchProtocolHost.exe",
     '"' + _SYSTEM + 'SearchProtocolHost.exe" Global\\UsGthrFltPipeMssGthrPipe{large}_ 1 -2147483646 '
     '"Software\\Microsoft\\Windows Search" "C:\\ProgramData\\Microsoft\\Search\\Data\\Temp\\usgthrsvc"',
     _SYSTEM + "SearchIndexer.exe"),
    (_SYSTEM + "wbem\\WmiPrvSE.exe", _SYSTEM + "wbem\\wmiprvse.exe -secured -Embedding", _SYSTEM + "svchost.exe"),
    (_SYSTEM + "msiexec.exe", _SYSTEM + "msiexec.exe /V", _SYSTEM + "services.exe"),
    (_SYSTEM + "reg.exe", "reg query HKLM\\Software\\Vendor\\{user} /v Version{large}", _SYSTEM + "cmd.exe"),
    (_SYSTEM + "net.exe", "net use", _SYSTEM + "cmd.exe"),
    (_SYSTEM + "schtasks.exe", "schtasks /query /tn Backup{large}", _SYSTEM + "cmd.exe"),
    (_SYSTEM + "PING.EXE", "ping -n {small} 10.1.2.{small}", _SYSTEM + "cmd.exe"),
    (_PROGRAMS + "Git\\cmd\\git.exe", "git.exe -C C:\\src\\repo{small} fetch --all", _PROGRAMS + "Git\\bin\\bash.exe"),
    (_PROGRAMS + "Java\\bin\\java.exe", "java -Xmx512m -cp C:\\app\\* vn.example.Job{large}", _SYSTEM + "cmd.exe"),
    ("C:\\Windows\\explorer.exe", "explorer.exe", _SYSTEM + "userinit.exe"),
    (_SYSTEM + "rundll32.exe", "rundll32.exe " + _SYSTEM + "shell32.dll,Control_RunDLL {service}.cpl",
     _SYSTEM + "control.exe"),
    (_SYSTEM + "notepad.exe", '"' + _SYSTEM + 'notepad.exe" ' + _HOME + "Desktop\\ghi chú {large}.txt",
     "C:\\Windows\\explorer.exe"),
]  # fmt: skip
_SERVICES = ["Dnscache", "wuauserv", "BITS", "Schedule", "Winmgmt", "LanmanServer", "EventLog", "WinDefend", "Netlogon"]


def windows(count: int) -> Iterator[Record]:
    """Nested records of every kind: all of evtx_to_mitre, over and over."""
    dice = random.Random(1)
    records = list(_records("evtx_to_mitre/events.jsonl.gz"))
    for number, record in enumerate(islice(cycle(records), count)):
        yield _again(record, dice, _CHANGED if number >= len(records) else 0)


def repetitive(count: int) -> Iterator[Record]:
    """Process creations, flat: the malicious ones of the shared data among 1,500 everyday ones, over and over."""
    dice = random.Random(2)
    some = [_everyday(dice) for _ in range(1500)] + _malicious()
    dice.shuffle(some)
    for number, event in enumerate(islice(cycle(some), count)):
        yield {**event, "UtcTime": f"2026-11-01 {number}", "ProcessId": number % 65536}


def distinct(count: int) -> Iterator[Record]:
    """Process creations, no two the same: most values were there before, command lines, ids and times seldom."""
    dice, malicious = random.Random(3), _malicious()
    for number in range(count):
        if number % 50:
            yield _everyday(dice)
        else:
            yield {**dice.choice(malicious), "UtcTime": f"2026-11-01 {number}"}


def worst(count: int) -> Iterator[Record]:
    """Process creations with no value that was there before, but for what routes them."""
    for number, event in enumerate(distinct(count)):
        yield {
            name: f"{value}{MARK}{number}" if isinstance(value, str) and name not in _KEPT else value
            for name, value in event.items()
        }


def zeek(count: int) -> Iterator[Record]:
    """Zeek's own records, at most 4,000 of a log and all of the APT29 emulation's, over and over."""
    dice = random.Random(4)
    records = []
    for path in sorted((DATA / "zeek_logs" / "json").glob("*.json.gz")):
        with gzip.open(path) as lines:
            kind = {"_path": path.name.partition(".")[0]}
            records += [kind | orjson.loads(line) for line in islice(lines, 4000)]
    with gzip.open(DATA / "zeek_apt29_day1" / "combined_zeek.log.gz") as lines:
        for record in map(orjson.loads, lines):
            records.append({"_path": record["@stream"], **{_dotted(name): value for name, value in record.items()}})
    dice.shuffle(records)
    for number, record in enumerate(islice(cycle(records), count)):
        yield {**record, "ts": 1_588_205_199.8 + number, "uid": f"C{dice.randrange(10**15):x}"}


def network(count: int) -> Iterator[Record]:
    """Firewall, proxy, web server, DNS and sign-in events as the parsers make them, much repeated as in life."""
    dice = random.Random(20261005)
    hosts = [f"host{number}.example.vn" for number in range(800)]
    agents = [
        f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/{number}.0.0.0 Safari/537.36" for number in range(100, 130)
    ]
    for number in range(count):
        source, destination = f"10.1.{dice.randrange(8)}.{dice.randrange(250)}", f"203.0.113.{dice.randrange(250)}"
        ends: Record = {"source.ip": source, "source.port": dice.randrange(1024, 65536), "destination.ip": destination}
        path = f"/{dice.choice(['index', 'news', 'van-ban', 'tra-cuu'])}/{dice.randrange(3000)}"
        web: Record = {
            "url.original": path + "?id=1", "url.path": path, "url.query": "id=1", "url.domain": dice.choice(hosts),
            "http.request.method": dice.choice(["GET", "GET", "POST"]), "http.response.status_code": 200,
            "user_agent.original": dice.choice(agents), "http.response.body.bytes": dice.randrange(9000),
        }  # fmt: skip
        kind = number % 10
        if kind < 5:
            port = dice.choice([443, 80, 53])
            event: Record = {"event.dataset": "fortinet.traffic", **ends, "destination.port": port,
                             "event.action": "accept", "network.transport": "tcp", "rule.id": "12"}  # fmt: skip
        elif kind < 7:
            full = f"https://{web['url.domain']}{path}"
            event = {"event.dataset": "fortinet.webfilter", **ends, **web, "url.full": full}
        elif kind == 7:
            event = {"event.dataset": "nginx.access", "source.ip": source, **web}
        elif kind == 8:
            event = {"event.dataset": "suricata.dns", **ends, "dns.question.name": dice.choice(hosts),
                     "dns.question.type": "A", "dns.resolved_ip": (destination,)}  # fmt: skip
        else:
            event = {"event.dataset": "linux.sshd", "source.ip": source, "user.name": "an", "event.outcome": "success",
                     "message": "Accepted publickey for an"}  # fmt: skip
        event["event.original"] = f"<134>{number} " + " ".join(f"{name}={value}" for name, value in event.items())
        yield event


def story(count: int) -> Iterator[Record]:
    """What the parsers make of the demo's morning, whole as soc parse writes it, over and over."""
    noon = 1_791_176_400_000_000  # 2026-10-05T12:00+07:00, when its files were collected
    read = Normaliser(Enricher(read_inventory(INVENTORY)), 7 * 3600).read
    events: list[Record] = []
    with TemporaryDirectory() as folder:
        for file in tell(Path(folder)).files:
            batch = RawBatch(f"file:{file.name}", "auto", noon, 0, tuple(file.read_bytes().splitlines()))
            events += map(to_wire, read(batch).events)
    events.sort(key=lambda event: str(event["@timestamp"]))
    yield from islice(cycle(events), count)


def write(path: Path, events: Iterable[Record]) -> None:
    """NDJSON."""
    with path.open("wb") as file:
        file.writelines(orjson.dumps(event) + b"\n" for event in events)


def _records(*names: str) -> Iterator[Record]:
    for name in names:
        with gzip.open(DATA / name) as lines:
            yield from (orjson.loads(line)["record"] for line in lines)


def _malicious() -> list[Record]:
    events = map(event_of, _records("evtx_to_mitre/events.jsonl.gz", "sigma/regression_sample.jsonl.gz"))
    return [dict(event) for event in events if event.get("Channel") == SYSMON and str(event.get("EventID")) == "1"]


def _again(record: Record, dice: random.Random, changed: float) -> Record:
    """The record as if it came anew."""
    system, data = record["Event"]["System"], record["Event"].get("EventData")
    moment = "2026-11-{:02}T{:02}:{:02}:{:02}.{:06}Z".format(*map(dice.randrange, (29, 24, 60, 60, 10**6)))
    event = {
        **record["Event"],
        "System": {
            **system,
            "EventRecordID": str(dice.randrange(10**8)),
            "TimeCreated": {"#attributes": {"SystemTime": moment}},
        },
    }
    if isinstance(data, dict):
        event["EventData"] = {name: _value(name, value, dice, changed) for name, value in data.items()}
    return {**record, "Event": event}


def _value(name: str, value: object, dice: random.Random, changed: float) -> object:
    if not isinstance(value, str):
        return value
    if name in _FRESH or (changed and len(value) > 12 and dice.random() < changed):
        return _DIGITS.sub(lambda found: f"{dice.getrandbits(4 * len(found[0])):0{len(found[0])}x}", value)
    return value


def _everyday(dice: random.Random) -> Record:
    """A process creation as Sysmon writes it, of which a machine has thousands a day."""
    image, command, parent = dice.choice(_EVERYDAY)
    user = dice.choice(["an", "binh", "chi", "dung", "admin", "svc_backup"]) + str(dice.randrange(30))
    values = {"user": user, "large": dice.randrange(10**6), "small": dice.randrange(1, 29), "guid": _guid(dice)}
    name = image.rpartition("\\")[2]
    digest = random.Random(name).randbytes(88).hex().upper()
    return {
        "EventID": 1, "Channel": SYSMON, "Provider_Name": "Microsoft-Windows-Sysmon",
        "Computer": f"WS{dice.randrange(300):03}.bo.example.vn", "RuleName": "-",
        "UtcTime": "2026-11-{:02} {:02}:{:02}:{:02}.{:03}".format(*map(dice.randrange, (29, 24, 60, 60, 1000))),
        "ProcessGuid": f"{{{_guid(dice)}}}", "ProcessId": dice.randrange(20000), "Image": image,
        "FileVersion": f"10.0.19041.{int(digest[:3], 16)} (WinBuild.160101.0800)", "Description": name + " host",
        "Product": "Microsoft® Windows® Operating System", "Company": "Microsoft Corporation",
        "OriginalFileName": name.upper(), "CommandLine": command.format(service=dice.choice(_SERVICES), **values),
        "CurrentDirectory": dice.choice([_SYSTEM, _HOME.format(user=user), _SYSTEM, _SYSTEM]),
        "User": dice.choice(["NT AUTHORITY\\SYSTEM", "BO\\" + user]), "LogonGuid": f"{{{_guid(dice)}}}",
        "LogonId": f"0x{dice.randrange(2**24):x}", "TerminalSessionId": dice.randrange(3),
        "IntegrityLevel": dice.choice(["System", "Medium", "High"]),
        "Hashes": f"SHA1={digest[:40]},MD5={digest[40:72]},SHA256={digest[72:136]},IMPHASH={digest[136:168]}",
        "ParentProcessGuid": f"{{{_guid(dice)}}}", "ParentProcessId": dice.randrange(20000), "ParentImage": parent,
        "ParentCommandLine": dice.choice([parent, f'"{parent}" -x', f'"{parent}" -Embedding']),
    }  # fmt: skip


def _guid(dice: random.Random) -> str:
    text = f"{dice.getrandbits(128):032X}"
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


def _dotted(name: str) -> str:
    return name.replace("id_", "id.", 1) if name.startswith(("id_orig_", "id_resp_")) else name
