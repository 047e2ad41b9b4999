"""A rule's samples: the cases beside it that must and must not fire, run through the real pipeline.

``ssh_brute_force.yml`` has ``ssh_brute_force.jsonl``: one case a line,
``{"fires": true, "device": "linux_auth", "lines": ["Oct  5 08:45:01 host sshd[1]: Failed ...", ...]}``,
or with ``"events": [{"source.ip": ...}, ...]`` in place of device and lines. Optional keys: ``name`` says what
the case is about, ``rule`` names the rule where the file holds several (else: the last document of the file),
``received`` is the ISO time at which the lines arrived (else noon of 2026-10-05, +07:00).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import msgspec

from soc.core.clock import END_OF_TIME
from soc.core.errors import Problem
from soc.core.event import Event, RawBatch, from_wire, micros
from soc.core.finding import Hit
from soc.correlation import Correlator
from soc.enrich import Enricher, Inventory
from soc.parsers import devices
from soc.pipeline.content import Content
from soc.pipeline.normalise import BAD_DATA, Normaliser
from soc.pipeline.scaffold import unfilled

NOON = "2026-10-05T12:00:00+07:00"
ZONE = 7 * 3600


class Case(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One line of a samples file."""

    fires: bool
    name: str = ""
    rule: str = ""
    device: str = "auto"
    received: str = NOON
    lines: tuple[str, ...] = ()
    events: tuple[dict[str, object], ...] = ()
    line_number: Annotated[int, msgspec.Meta(ge=0)] = 0


def check_samples(content: Content, inventory: Inventory) -> list[Problem]:
    """Runs the samples of every rule and correlation; each fault is one Problem, as is each thing yet to fill in."""
    tested: dict[str, list[str]] = {}
    for rule in content.rules:
        tested.setdefault(rule.info.path, []).append(rule.info.id)
    for correlation in content.correlations:
        tested.setdefault(correlation.info.path, []).append(correlation.info.id)
    problems: list[Problem] = []
    for path in sorted(tested.keys() | {problem.path for problem in content.problems}):
        samples = Path(path).with_suffix(".jsonl")
        if marks := unfilled(path):
            problems += marks
        elif path not in tested:
            continue
        elif samples.is_file():
            problems += _check_file(content, inventory, path, tested[path], samples)
        else:
            problems.append(Problem(path, 1, f"no samples: {samples.name} is missing"))
    folders = {Path(path).parent for path in tested}
    for folder in sorted(folders):
        for samples in sorted(folder.glob("*.jsonl")):
            if not samples.with_suffix(".yml").is_file():
                problems.append(Problem(str(samples), 1, "samples without a rule beside them"))
    return problems


def _check_file(content: Content, inventory: Inventory, path: str, ids: list[str], samples: Path) -> Iterator[Problem]:
    default = ids[-1]
    seen: set[tuple[str, bool]] = set()
    infos = [*(rule.info for rule in content.rules), *(found.info for found in content.correlations)]
    names = {info.name: info.id for info in infos if info.name}
    for case in _cases(samples):
        if isinstance(case, Problem):
            yield case
            continue
        wanted = names.get(case.rule, case.rule) or default
        if wanted not in ids:
            yield Problem(str(samples), case.line_number, f"rule {case.rule} is not in {Path(path).name}")
            continue
        fired = fired_rules(content, inventory, case)
        if isinstance(fired, str):
            yield Problem(str(samples), case.line_number, fired)
        elif (wanted in fired) != case.fires:
            verb = "does not fire" if case.fires else "fires"
            yield Problem(str(samples), case.line_number, f"{verb}, against the sample: {case.name or 'unnamed case'}")
        seen.add((wanted, case.fires))
    for id in ids:
        for kind, word in ((True, "positive"), (False, "negative")):
            if (id, kind) not in seen:
                of = f" of {id}" if len(ids) > 1 else ""
                yield Problem(path, 1, f"no {word} sample{of} in {samples.name}")


def _cases(samples: Path) -> Iterator[Case | Problem]:
    for number, text in enumerate(samples.read_bytes().split(b"\n"), 1):
        if not text.strip():
            continue
        try:
            case = msgspec.json.decode(text, type=Case)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            yield Problem(str(samples), number, str(error))
            continue
        if bool(case.lines) == bool(case.events):
            yield Problem(str(samples), number, "needs either lines or events")
        elif case.device != "auto" and case.device not in devices():
            yield Problem(str(samples), number, f"no device {case.device}")
        else:
            yield msgspec.structs.replace(case, line_number=number)


def fired_rules(content: Content, inventory: Inventory, case: Case) -> set[str] | str:
    """Ids of every rule and correlation that fires on a case; a text if its lines or events are unusable."""
    try:
        events = _events(case, Enricher(inventory))
    except BAD_DATA as error:
        return f"unusable: {error}"
    if isinstance(events, str):
        return events
    hits = [
        Hit(rule, event)
        for event, rules in zip(events, content.matcher.match_all(events), strict=True)
        for rule in rules
    ]
    correlator = Correlator(content.correlations, 0, field=content.field_of())
    correlator.feed([hit for hit in hits if hit.rule.id in correlator.wants])
    return {hit.rule.id for hit in hits} | {finding.rule.id for finding in correlator.advance(END_OF_TIME)}


def _events(case: Case, enrich: Enricher) -> list[Event] | str:
    if case.lines:
        normalise = Normaliser(enrich, ZONE)
        raw = tuple(line.encode() for line in case.lines)
        result = normalise(RawBatch("sample", case.device, micros(case.received), 1, raw))
        if result.rejected:
            first = result.rejected[0]
            return f"line {first.position} of the case is rejected: {first.reason}"
        return [*result.events, *normalise.expire(END_OF_TIME)]
    events = []
    for number, wire in enumerate(case.events):
        event = from_wire(
            {"@timestamp": NOON, "event.original": "", "soc.origin": "sample", "log.offset": number, **wire}
        )
        enrich(event)
        events.append(event)
    return events
