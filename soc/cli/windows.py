"""``soc explain`` of a correlation: how far its windows are, after some events or in the state of ``soc run``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import click
import msgspec
import orjson
from rich.text import Text
from rich.tree import Tree

from soc.cli.command import language
from soc.cli.show import console, title_of
from soc.core.errors import SocError
from soc.core.event import Event, RawBatch, from_wire
from soc.core.finding import RuleInfo
from soc.core.hostile import plain
from soc.core.i18n import Translate
from soc.core.store import STORE_FILE
from soc.core.when import local
from soc.correlation import Progress
from soc.engines.embedded import SNAPSHOT, Snapshot
from soc.engines.source import LogFile, expand
from soc.pipeline.build import build_pipeline
from soc.pipeline.content import Content
from soc.pipeline.pipeline import Pipeline
from soc.stores.sqlite import SqliteStore

VIETNAM = 25_200


def after_events(content: Content, rule: RuleInfo, files: Path) -> tuple[list[Progress], bool]:
    """The windows when the latest of the events or lines has just happened, and whether an alert was raised."""
    pipeline = build_pipeline(content, None, zone=VIETNAM)
    latest = 0
    raised = False
    for batch in read(files):
        outcome = pipeline.replay(batch) if isinstance(batch, list) else pipeline.feed(batch)
        events = batch if isinstance(batch, list) else outcome.events
        latest = max([latest, *(int(str(event["@timestamp"])) for event in events)])
        raised |= any(alert.rule_id == rule.id for alert in outcome.alerts)
    outcome = pipeline.advance(latest + 1)
    raised |= any(alert.rule_id == rule.id for alert in outcome.alerts)
    return pipeline.concluder.progress(rule.id), raised


def of_running(content: Content, rule: RuleInfo, data_dir: Path) -> list[Progress]:
    """The windows as ``soc run`` last stored them, some seconds ago; nothing is changed there."""
    store = SqliteStore.read_only(data_dir / STORE_FILE)
    try:
        saved = store.state(SNAPSHOT)
    finally:
        store.close()
    pipeline = build_pipeline(content, None, zone=VIETNAM)
    if saved:
        _restore(pipeline, saved, data_dir)
    return pipeline.concluder.progress(rule.id)


def _restore(pipeline: Pipeline, saved: bytes, data_dir: Path) -> None:
    try:
        _, _, state = msgspec.msgpack.decode(saved, type=Snapshot)
        pipeline.restore(state)
    except (msgspec.MsgspecError, LookupError, ValueError) as error:
        raise SocError(data_dir, error) from error


def read(path: Path) -> Iterator[list[Event] | RawBatch]:
    """A file (or - for standard input) as events, where its lines are those that "soc parse" writes, else as lines."""
    for source in expand([path]):
        file = LogFile(source.path)
        position = 1
        try:
            for lines in file.batches():
                yield events_of(lines) or RawBatch(f"file:{source.name}", "auto", file.modified, position, lines)
                position += len(lines)
        finally:
            file.close()


def events_of(lines: Sequence[bytes]) -> list[Event]:
    """The events that all of these lines are, as JSON; [] when any of them is something else."""
    found = []
    for line in lines:
        try:
            data = orjson.loads(line)
            if not isinstance(data, dict) or "@timestamp" not in data:
                return []
            event = from_wire(data)
        except ValueError:
            return []
        if type(event["@timestamp"]) is not int:
            return []
        found.append(event)
    return found


def show(rule: RuleInfo, windows: Sequence[Progress], raised: bool, as_json: bool, t: Translate) -> None:
    """The windows, furthest first; ends the program: exit status 0 when it fires, 1 when it does not."""
    fires = raised or any(window.holds and window.judged == "hit" for window in windows)
    if as_json:
        click.echo(orjson.dumps({"rule": rule.id, "fires": fires, "windows": windows}, option=orjson.OPT_INDENT_2))
    else:
        verdict = t("fires") if fires else t("does not fire")
        root = Tree(f"{'✔' if fires else '✘'} {title_of(rule, language())}: {verdict}")
        for window in windows:
            _grow(root, window, t)
        if not windows:
            root.add(t("no window is open"))
        console().print(root)
    raise SystemExit(0 if fires else 1)


def _grow(root: Tree, window: Progress, t: Translate) -> None:
    who = ", ".join(f"{plain(name)} {plain(value, 60)}" for name, value in window.group) or t("everything")
    line = Text.assemble(("✔" if window.holds else "✘", "green" if window.holds else "dim"), f" {who}: ")
    line.append(_far(window, t), style="bold")
    line.append(f"   {_until(window, t)}", style="dim")
    branch = root.add(line)
    for step in window.steps:
        seen = step.at is not None
        good = seen == step.wanted
        when = t("seen {when}", when=local(step.at)) if step.at is not None else t("not seen")
        missing = "" if good else f" ({t('still missing') if step.wanted else t('must be absent')})"
        mark = ("✔", "green") if good else ("✘", "red")
        branch.add(Text.assemble(mark, f" {plain(step.title)}: {when}{missing}"))


def _far(window: Progress, t: Translate) -> str:
    if not window.need:
        wanted = [step for step in window.steps if step.wanted]
        seen = sum(step.at is not None for step in wanted)
        return t("{have} of {need} rules in {within}", have=seen, need=len(wanted), within=window.within)
    have = f"{window.have:g}" if isinstance(window.have, float) else str(window.have)
    if window.need.startswith(">= "):
        return t("{have} of {need} in {within}", have=have, need=window.need[3:], within=window.within)
    return t("{have} ({need} is needed) in {within}", have=have, need=window.need, within=window.within)


def _until(window: Progress, t: Translate) -> str:
    if window.judged == "hit":
        return t("since {since}; the oldest counts until {until}", since=local(window.since), until=local(window.until))
    return t("since {since}; decided at {until}", since=local(window.since), until=local(window.until))
