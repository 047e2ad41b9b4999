"""``soc rules check``: every rule file with its state, and every rule's samples run."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import click
import msgspec
import orjson
from rich.table import Table
from rich.text import Text

from soc.cli.command import TranslatedGroup, language_option, today, translate, verb
from soc.cli.installed import mutes_here
from soc.cli.rule_life.bring import import_
from soc.cli.rule_life.convert import convert
from soc.cli.rule_life.mute import mute, mutes, unmute
from soc.cli.rule_life.words import because, titled
from soc.cli.show import console
from soc.core.errors import Problem
from soc.core.hostile import plain
from soc.enrich import read_inventory
from soc.pipeline.choose import unmuted
from soc.pipeline.content import Content, load_content
from soc.pipeline.mutes import read_mutes
from soc.pipeline.samples import check_samples
from soc.pipeline.states import STATES, Row, rows
from soc.sigma import FilterState
from soc.sigma.cache import users_folder
from soc.story import INVENTORY

FILTER_STYLE = {"active": "green", "expired": "yellow", "unused": "yellow", "rejected": "bold red"}
STATE_STYLE = {"active": "green", "blind": "yellow", "rejected": "bold red", "muted": "magenta"}


@click.group("rules", cls=TranslatedGroup)
@language_option
def command() -> None:
    """Check the detection rules, mute them, bring in others' and turn them into queries."""


@verb("check")
@click.argument("folders", nargs=-1, type=click.Path(exists=True, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="One JSON document instead of a table.")
@click.option("--quiet", is_flag=True, help="Only what is wrong, and the totals.")
@click.option("--no-samples", is_flag=True, help="Do not run or ask for samples (for rule packs that have none).")
def check(folders: tuple[Path, ...], as_json: bool, quiet: bool, no_samples: bool) -> None:
    """Load rules and say of each whether it is active, rejected (why, where), blind (which fields) or muted (by whom).

    Without folders: the shipped rules. Each rule's samples run, in the bundled example ministry; a failing or
    missing one is an error.
    Exit status: 0 all is well, 1 something is wrong.
    """
    content = load_content(
        folders, shipped=not folders, mutes=read_mutes(mutes_here()), today=today(), cache=users_folder()
    )
    wrong = [] if no_samples else check_samples(unmuted(content), read_inventory(INVENTORY))
    report = _report(content, wrong)
    if as_json:
        click.echo(orjson.dumps(report, option=orjson.OPT_INDENT_2))
    else:
        _print(report, wrong, quiet=quiet)
    raise SystemExit(1 if wrong or content.problems else 0)


def _report(content: Content, samples: list[Problem]) -> dict[str, Any]:
    found = rows(content)
    states = Counter(row.state for row in found)
    return {
        "files": content.files,
        "documents": len(found) + sum(one.word != "rejected" for one in content.filters) + content.lists,
        "filters": [_filter(one) for one in content.filters],
        "lists": content.lists,
        "states": {word: states[word] for word in STATES},
        "rules": [row._asdict() for row in found],
        "idle_mutes": [msgspec.to_builtins(idle) for idle in content.idle_mutes],
        "samples": [{"path": wrong.path, "line": wrong.line, "reason": wrong.reason} for wrong in samples],
    }


def _filter(one: FilterState) -> dict[str, Any]:
    ours = {"owner": one.owner, "reason": one.reason, "expires": str(one.expires or ""), "rules": one.rules}
    row = Row(one.path, one.line, one.word, one.why, "filter", one.id, one.title)
    return {**row._asdict(), "filter": ours}


def _print(report: dict[str, Any], samples: list[Problem], *, quiet: bool) -> None:
    t = translate()
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for heading in ("state", "file", "rule", "why"):
        table.add_column(t(heading), overflow="fold")
    for row in report["rules"]:
        if not quiet or row["state"] == "rejected":
            table.add_row(
                Text(t(row["state"]), style=STATE_STYLE[row["state"]]),
                Text(plain(f"{_short(row['path'])}:{row['line']}")),
                Text(plain(titled(row["title"], row["title_vi"]))),
                Text(plain(because(row["reason"]))),
            )
    for row in report["filters"]:
        if row["state"] in {"expired", "unused"} or (row["state"] == "active" and not quiet):
            ours = row["filter"]
            kept = t("by {owner} until {day}", owner=ours["owner"], day=ours["expires"]) if ours["owner"] else ""
            why = "; ".join(plain(part) for part in (kept, ours["reason"], because(row["reason"])) if part)
            table.add_row(
                Text(t(row["state"]), style=FILTER_STYLE[row["state"]]),
                Text(plain(f"{_short(row['path'])}:{row['line']}")),
                Text(plain(t("filter: {title}", title=row["title"]))),
                Text(why),
            )
    if table.row_count:
        console().print(table)
    for idle in report["idle_mutes"]:
        click.echo(t("the mute of {id} by {by} until {until} does nothing: its day has come, or there is no such rule",
                     **{name: plain(idle[name]) for name in ("id", "by", "until")}))  # fmt: skip
    for problem in samples:
        click.echo(f"{t('sample')}: {plain(problem)}")
    states = ", ".join(f"{count} {t(word)}" for word, count in report["states"].items())
    click.echo(t("{files} files, {documents} documents: {states}; {n} sample errors",
                 files=report["files"], documents=report["documents"], states=states, n=len(samples)))  # fmt: skip


def _short(path: str) -> str:
    try:
        return str(Path(path).relative_to(Path.cwd()))
    except ValueError:
        return path


command.add_command(check)
command.add_command(mute)
command.add_command(unmute)
command.add_command(mutes)
command.add_command(import_)
command.add_command(convert)
