"""``soc topics``: the topics of the distributed engine in Kafka, as soc.yml says."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click
import orjson
from rich.table import Table
from rich.text import Text

from soc.cli.command import TranslatedGroup, language_option, settings_option, translate, verb
from soc.cli.show import console
from soc.core.hostile import plain
from soc.core.i18n import Translate
from soc.core.settings import read_settings
from soc.engines.topics import Step, carry_out, look

STYLE = {"unchanged": "dim", "create": "green", "change": "yellow", "cannot": "bold red"}

SHOWN = ("cleanup.policy", "retention.ms")
"""Settings of a new topic that the table tells; --json has all."""


@click.group("topics", cls=TranslatedGroup)
@language_option
def command() -> None:
    """The topics of the distributed engine in Kafka."""


@verb("apply")
@settings_option
@click.option("--yes", is_flag=True, help="Do it; without this, only say what would be done.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document instead of a table.")
def apply(path: Path, yes: bool, as_json: bool) -> None:
    """Make the topics that soc.yml asks for, and change those that differ.

    Nothing is ever deleted. Doing it twice does it once. Exit status: 0 all is as it should be, 1 something is to do
    or cannot be done, 2 Kafka does not answer or refuses.
    """
    t = translate()
    settings = read_settings(path).kafka
    steps, found = asyncio.run(look(settings))
    todo = [step for step in steps if step.kind in {"create", "change"}]
    if not as_json:
        console().print(_table(steps, t))
    if yes and todo:
        asyncio.run(carry_out(settings, todo, found))
        said = t("{n} topics made or changed", n=len(todo))
    elif todo:
        said = t("nothing done yet; --yes does it")
    else:
        said = (
            t("there is nothing to do") if all(step.kind == "unchanged" for step in steps) else t("nothing can be done")
        )
    if as_json:
        document = {"applied": yes, "topics": [_document(step) for step in steps]}
        click.echo(orjson.dumps(document, option=orjson.OPT_INDENT_2).decode())
    click.echo(said, err=as_json)
    if any(step.kind == "cannot" for step in steps) or (todo and not yes):
        raise SystemExit(1)


def _table(steps: list[Step], t: Translate) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 2, 0, 0))
    for heading in (t("topic"), t("partitions"), t("replication"), ""):
        table.add_column(heading)
    for step in steps:
        word = {"unchanged": t("unchanged"), "create": t("create"), "change": t("change"), "cannot": t("cannot be")}
        notes = [f"{key} {plain(old)} -> {plain(new)}" for key, (old, new) in step.changes.items()]
        if step.why:
            notes.append(_because(step, t))
        if step.kind == "create":
            notes = [f"{key} {value}" for key, value in step.topic.configs.items() if key in SHOWN]
        table.add_row(
            step.topic.name,
            str(step.topic.partitions),
            str(step.topic.replication),
            Text(word[step.kind], style=STYLE[step.kind]).append(f"  {', '.join(notes)}" if notes else "", "default"),
        )
    return table


def _because(step: Step, t: Translate) -> str:
    return t(step.why, found=step.found, wanted=step.wanted)


def _document(step: Step) -> dict[str, object]:
    return {
        "topic": step.topic.name,
        "step": step.kind,
        "partitions": step.topic.partitions,
        "replication": step.topic.replication,
        "configs": step.topic.configs,
        "changes": {key: {"old": old, "new": new} for key, (old, new) in step.changes.items()},
        "why": step.why.format(found=step.found, wanted=step.wanted),
    }


command.add_command(apply)
