"""Playbooks: the shipped ones, what is wrong with others by file and line, and the CACAO that they are exported as."""

import json
import re
import tarfile
from pathlib import Path

import msgspec
import pytest
import yaml

from soc.core.alert import Alert, EventRef
from soc.core.content import content_root
from soc.respond.actions import Unusable, checked, filled
from soc.respond.cacao import cacao
from soc.respond.playbook import END
from soc.respond.playbook_load import load_playbook, load_playbooks
from soc.respond.variables import suits, variables

SHIPPED, PROBLEMS = load_playbooks([content_root() / "playbooks"])

GOOD = """\
id: block
title: Block it
title_vi: Chặn
description: d
description_vi: d
created: "2026-11-27"
modified: "2026-11-27"
triggers: {rules: [beacon]}
variables:
  c2: {fields: [destination.ip], kind: address, required: true}
  what: {fields: [alert.title]}
steps:
  - id: tell
    title: Tell
    title_vi: Báo
    action: smtp
    parameters: {to: a@example.org, subject: "{what}", text: "{c2} {what}"}
  - id: block
    title: Block
    title_vi: Chặn
    action: fortigate
    disruptive: true
    undo: u
    undo_vi: u
    parameters: {address: "{c2}", group: G}
"""


def an_alert(title="T", **event):
    ref = EventRef("e1", 0, event)
    return Alert("a1", "r1", "beacon", "", "rule", title, title, "", "", "high", 70, "", (), 0, 0, 1, events=(ref,))


def test_the_shipped_ones_are_sound():
    assert PROBLEMS == []
    assert set(SHIPPED) == {"phishing", "malware_on_a_host", "c2_beacon"}
    assert all(path.stem in SHIPPED for path in (content_root() / "playbooks").iterdir())


@pytest.mark.parametrize("playbook", SHIPPED.values(), ids=list(SHIPPED))
def test_their_rules_exist_and_their_texts_are_vietnamese(playbook):
    names = set()
    for folder in ("rules", "correlations"):
        for path in (content_root() / folder).rglob("*.yml"):
            names |= {one.get("name", path.stem) for one in yaml.safe_load_all(path.read_text("utf-8")) if one}
    assert set(playbook.triggers.rules) <= names
    for step in playbook.steps:
        assert not step.title_vi.isascii(), step.id
        assert not step.manual or not step.manual.instructions_vi.isascii(), step.id


def problem_of(tmp_path, old, new):
    path = tmp_path / "p.yml"
    assert old in GOOD
    path.write_text(GOOD.replace(old, new, 1), "utf-8")
    found, problems = load_playbook(path)
    assert found is None
    return [(problem.line, problem.reason) for problem in problems]


WRONG = [
    ("title: Tell", "titel: Tell", 13, "titel"),
    ("    disruptive: true\n", "", 21, "say disruptive"),
    ("    undo: u\n", "", 22, "undo"),
    ("action: smtp", "action: ssh", 16, "no connector ssh"),
    ("group: G", 'group: "{what}"', 25, "no variable"),
    ("to: a@example.org", 'to: "{what}"', 17, "no variable"),
    ("text:", "body:", 17, "no such parameter"),
    ("text:", "body:", 16, "needs the parameter text"),
    ('address: "{c2}"', "address: 300.1.1.1", 25, "no address"),
    ('address: "{c2}"', 'address: "{c3}"', 25, "no variable c3"),
    ("    action: smtp", "    next: tell\n    action: smtp", 13, "loop: tell -> tell"),
    ("    action: smtp", "    next: end\n    action: smtp", 19, "no way leads here"),
    ("    action: smtp", "    on_failure: nowhere\n    action: smtp", 16, "no step nowhere"),
    ("  - id: block", "  - id: tell", 18, "tell is taken"),
    ("id: block\ntitle", "id: block\nid: x\ntitle", 2, "twice"),
]


@pytest.mark.parametrize(("old", "new", "line", "reason"), WRONG)
def test_what_is_wrong_is_told_by_line(tmp_path, old, new, line, reason):
    found = problem_of(tmp_path, old, new)
    assert any(at == line and reason in why for at, why in found), found


def test_two_of_one_name(tmp_path):
    for name in ("a.yml", "b.yml"):
        (tmp_path / name).write_text(GOOD, "utf-8")
    found, problems = load_playbooks([tmp_path])
    assert list(found) == ["block"]
    assert [(Path(one.path).name, one.line) for one in problems] == [("b.yml", 1)]


@pytest.fixture
def good(tmp_path):
    (tmp_path / "good.yml").write_text(GOOD, "utf-8")
    playbook, problems = load_playbook(tmp_path / "good.yml")
    assert problems == []
    return playbook


def test_variables_are_of_their_kind(good):
    values = variables(good, an_alert(**{"destination.ip": ["no address; reboot", "::ffff:203.0.113.9"]}))
    assert values == {"c2": "203.0.113.9", "what": "T"}
    with pytest.raises(Unusable, match="c2"):
        variables(good, an_alert(**{"destination.ip": "203.0.113.9/8"}))


def test_text_of_an_alert_stays_text(good):
    hostile = "{c2}\r\nBcc: x@evil.example\x1b[2J"
    values = variables(good, an_alert(title=hostile, **{"destination.ip": "203.0.113.9"}))
    found = filled(good.step("tell"), values)
    assert found["subject"] == "{c2}\\x0d\\x0aBcc: x@evil.example\\x1b[2J"
    assert found["to"] == "a@example.org"


@pytest.mark.parametrize("text", ["", "a b", "x;y", "-rf", "fe80::1%eth0", "$(id)", "a" * 300])
def test_what_is_no_target(text):
    with pytest.raises(Unusable):
        checked("address" if ":" in text else "host", text)


@pytest.mark.parametrize(
    ("ips", "server"),
    [
        (("10.1.50.23", "198.51.100.66"), "198.51.100.66"),
        (("198.51.100.66", "10.1.50.23"), "198.51.100.66"),
        (("10.1.50.23", "172.31.0.1"), ""),
        (("fd00::1", "::ffff:192.168.1.1"), ""),
        (("0.0.0.0", "255.255.255.255"), ""),
        (("2001:db8::1", "::1"), "2001:db8::1"),
    ],
)
def test_only_what_is_outside_is_blocked(ips, server):
    """Whichever way round a device names the two ends of a connection."""
    alert = an_alert(**dict(zip(("source.ip", "destination.ip"), ips, strict=True)))
    assert variables(SHIPPED["malware_on_a_host"], alert).get("origin", "") == server
    assert variables(SHIPPED["c2_beacon"], alert).get("server", "") == server


@pytest.mark.parametrize("about", [(), (("destination.ip", "198.51.100.66"),)])
def test_what_an_anomaly_model_happens_to_show_is_not_blocked(about):
    """Its events are the first that the host did, with whomever, unless the alert names the peer."""
    unusual = msgspec.structs.replace(an_alert(**{"destination.ip": "203.0.113.9"}), kind="anomaly")
    alert = msgspec.structs.replace(unusual, group=(("source.ip", "10.1.50.23"), *about))
    assert variables(SHIPPED["c2_beacon"], alert).get("server", "") == dict(about).get("destination.ip", "")


def test_suits_by_rule_and_by_technique(good):
    assert suits(good, an_alert())
    other = msgspec.structs.replace(an_alert(), rule_name="x", techniques=(("T1566.001", ""),))
    assert not suits(good, other)
    assert suits(SHIPPED["phishing"], other)
    assert not suits(SHIPPED["phishing"], msgspec.structs.replace(other, techniques=(("T15660", ""),)))


# --- CACAO -------------------------------------------------------------------------------------------------------


class Schema:
    """As much of JSON Schema draft 7 as the schemas of CACAO use; an unknown keyword is an error, not ignored."""

    IGNORED = frozenset(
        {"$id", "$schema", "$defs", "title", "description", "default", "examples", "contentEncoding", "format"}
    )

    def __init__(self, files):
        self.files = files

    def wrong(self, value, schema, file, where="$"):
        if schema is True or schema is False:
            return [] if schema else [f"{where}: not allowed"]
        found = []
        for key, wanted in schema.items():
            if key not in self.IGNORED and key not in {"then", "else"}:
                found += getattr(self, f"_{key.lstrip('$')}")(value, wanted, schema, file, where)
        return found

    def _ref(self, value, wanted, schema, file, where):
        name, _, inner = wanted.partition("#")
        parts = [*file.split("/")[:-1], *name.split("/")] if name else file.split("/")
        path = []
        for part in parts:
            if part == "..":
                path.pop()
            elif part != ".":
                path.append(part)
        target = self.files["/".join(path)]
        for step in inner.strip("/").split("/") if inner else ():
            target = target[step]
        return self.wrong(value, target, "/".join(path), where)

    def _type(self, value, wanted, schema, file, where):
        kinds = {"object": dict, "array": list, "string": str, "boolean": bool, "null": type(None), "integer": int}
        wanted = [wanted] if isinstance(wanted, str) else wanted
        fits = any(isinstance(value, kinds[one]) and (one != "integer" or value is not True) for one in wanted)
        return [] if fits else [f"{where}: no {wanted}"]

    def _enum(self, value, wanted, schema, file, where):
        return [] if value in wanted else [f"{where}: {value!r} is none of {wanted}"]

    def _const(self, value, wanted, schema, file, where):
        return self._enum(value, [wanted], schema, file, where)

    def _pattern(self, value, wanted, schema, file, where):
        return [] if not isinstance(value, str) or re.search(wanted, value) else [f"{where}: {value!r} !~ {wanted}"]

    def _minimum(self, value, wanted, schema, file, where):
        return [] if value >= wanted else [f"{where}: < {wanted}"]

    def _maximum(self, value, wanted, schema, file, where):
        return [] if value <= wanted else [f"{where}: > {wanted}"]

    def _minItems(self, value, wanted, schema, file, where):
        return [] if len(value) >= wanted else [f"{where}: too few"]

    def _minProperties(self, value, wanted, schema, file, where):
        return self._minItems(value, wanted, schema, file, where)

    def _required(self, value, wanted, schema, file, where):
        return [f"{where}: lacks {one}" for one in wanted if isinstance(value, dict) and one not in value]

    def _properties(self, value, wanted, schema, file, where):
        items = value.items() if isinstance(value, dict) else ()
        return [w for k, v in items if k in wanted for w in self.wrong(v, wanted[k], file, f"{where}.{k}")]

    def _patternProperties(self, value, wanted, schema, file, where):
        found = []
        for name, item in value.items():
            fitting = [inner for pattern, inner in wanted.items() if re.search(pattern, name)]
            found += [] if fitting else [f"{where}: the key {name} fits nothing"]
            found += [wrong for inner in fitting for wrong in self.wrong(item, inner, file, f"{where}.{name}")]
        return found

    def _additionalProperties(self, value, wanted, schema, file, where):
        own = schema.get("properties", {})
        return [w for k, v in value.items() if k not in own for w in self.wrong(v, wanted, file, f"{where}.{k}")]

    def _items(self, value, wanted, schema, file, where):
        return [w for n, item in enumerate(value) for w in self.wrong(item, wanted, file, f"{where}[{n}]")]

    def _allOf(self, value, wanted, schema, file, where):
        return [wrong for one in wanted for wrong in self.wrong(value, one, file, where)]

    def _anyOf(self, value, wanted, schema, file, where):
        tried = [self.wrong(value, one, file, where) for one in wanted]
        return [] if [] in tried else [wrong for one in tried for wrong in one]

    def _oneOf(self, value, wanted, schema, file, where):
        fits = sum(not self.wrong(value, one, file, where) for one in wanted)
        return [] if fits == 1 else [f"{where}: fits {fits} of oneOf"]

    def _not(self, value, wanted, schema, file, where):
        return [] if self.wrong(value, wanted, file, where) else [f"{where}: fits what it must not"]

    def _if(self, value, wanted, schema, file, where):
        branch = "else" if self.wrong(value, wanted, file, where) else "then"
        return self.wrong(value, schema.get(branch, True), file, where)


@pytest.fixture(scope="module")
def schema(data):
    with tarfile.open(data / "playbooks" / "cacao-json-schemas.tar.xz") as archive:
        files = {
            one.name.partition("/schemas/")[2]: json.load(archive.extractfile(one))
            for one in archive
            if one.name.endswith(".json")
        }
    return Schema(files)


def wrong_in(schema, document):
    """Against the schema, also of each command by its type, which the schema of a step leaves open."""
    found = schema.wrong(document, schema.files["playbook.json"], "playbook.json")
    for step in document["workflow"].values():
        for command in step.get("commands", ()):
            file = f"commands/{command['type']}.json"
            found += schema.wrong(command, schema.files[file], file) if file in schema.files else []
    return found


@pytest.mark.parametrize("name", SHIPPED)
@pytest.mark.parametrize("vietnamese", [False, True])
def test_exported_cacao_fits_its_schema(schema, name, vietnamese):
    assert wrong_in(schema, json.loads(json.dumps(cacao(SHIPPED[name], vietnamese=vietnamese)))) == []


def test_the_schema_refuses_what_is_wrong(schema):
    document = cacao(SHIPPED["phishing"])
    assert wrong_in(schema, document | {"created": "yesterday"})
    assert wrong_in(schema, document | {"id": "playbook--1"})
    step = next(iter(document["workflow"]))
    assert wrong_in(schema, document | {"workflow": {step: {"type": "start", "on_success": step}}})


@pytest.mark.parametrize("name", SHIPPED)
def test_exported_cacao_hangs_together(name):
    """Every reference leads somewhere, every step is reached, and an approval comes before what is disruptive."""
    document = cacao(SHIPPED[name])
    workflow = document["workflow"]
    to_come, reached = [document["workflow_start"]], set()
    while to_come:
        id = to_come.pop()
        if id not in reached:
            reached.add(id)
            step = workflow[id]
            assert step.get("agent", "") in {"", *document["agent_definitions"]}
            assert set(step.get("in_args", ())) <= document["playbook_variables"].keys()
            ways = ("on_completion", "on_success", "on_failure", "on_true", "on_false")
            to_come += [step[key] for key in ways if key in step]
    assert reached == workflow.keys()
    disruptive = sum(step.disruptive for step in SHIPPED[name].steps)
    assert disruptive == sum(step.get("name", "").startswith("Approve: ") for step in workflow.values()) > 0
    assert json.dumps(cacao(SHIPPED[name])) == json.dumps(document)
    assert END not in workflow
