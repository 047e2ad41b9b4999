"""``soc rules check``: every rule file with its state, and every rule's samples run."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import click
import orjson
from rich.table import Table
from rich.text import Text

from soc.cli.command import TranslatedGroup, language_option, today, translate, verb
from soc.cli.show import console
from soc.core.errors import Problem
from soc.core.hostile import plain
from soc.enrich import read_inventory
from soc.pipeline.content import Content, load_content
from soc.pipeline.samples import check_samples
from soc.sigma import FilterState
from soc.story import INVENTORY

FILTER_STYLE = {"active": "green", "expired": "yellow", "unused": "yellow", "rejected": "bold red"}
STATE_STYLE = {"active": "green", "blind": "yellow", "rejected": "bold red"}


@click.group("rules", cls=TranslatedGroup)
@language_option
def command() -> None:
    """Check the detection rules."""


@verb("check")
@click.argument("folders", nargs=-1, type=click.Path(exists=True, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="One JSON document instead of a table.")
@click.option("--quiet", is_flag=True, help="Only what is wrong, and the totals.")
@click.option("--no-samples", is_flag=True, help="Do not run or ask for samples (for rule packs that have none).")
def check(folders: tuple[Path, ...], as_json: bool, quiet: bool, no_samples: bool) -> None:
    """Load rules and say of each whether it is active, rejected (why, where) or blind (which fields are missing).

    Without folders: the shipped rules. Each rule's samples run, in the bundled example ministry; a failing or
    missing one is an error.
    Exit status: 0 all is well, 1 something is wrong.
    """
    content = load_content(folders, shipped=not folders, today=today())
    wrong = [] if no_samples else check_samples(content, read_inventory(INVENTORY))
    report = _report(content, wrong)
    if as_json:
        click.echo(orjson.dumps(report, option=orjson.OPT_INDENT_2))
    else:
        _print(report, wrong, quiet=quiet)
    raise SystemExit(1 if wrong or content.problems else 0)


def _report(content: Content, samples: list[Problem]) -> dict[str, Any]:
    rows = []
    for rule in content.rules:
        state = content.states[rule.info.id]
        rows.append(_row(rule.info.path, rule.line, "rule", rule.info.id, rule.info.title, state.word, state.reason))
    for correlation in content.correlations:
        info = correlation.info
        rows.append(_row(info.path, content.lines.get(info.id, 1), "correlation", info.id, info.title, "active", ""))
    rows += [_row(problem.path, problem.line, "", "", "", "rejected", problem.reason) for problem in content.problems]
    rows.sort(key=lambda row: (row["path"], row["line"]))
    states = Counter(row["state"] for row in rows)
    return {
        "files": content.files,
        "documents": len(rows) + sum(one.word != "rejected" for one in content.filters) + content.lists,
        "filters": [_filter(one) for one in content.filters],
        "lists": content.lists,
        "states": {word: states[word] for word in STATE_STYLE},
        "rules": rows,
        "samples": [{"path": wrong.path, "line": wrong.line, "reason": wrong.reason} for wrong in samples],
    }


def _row(path: str, line: int, kind: str, id: str, title: str, state: str, reason: str) -> dict[str, Any]:
    return {"path": path, "line": line, "kind": kind, "id": id, "title": title, "state": state, "reason": reason}


def _filter(one: FilterState) -> dict[str, Any]:
    ours = {"owner": one.owner, "reason": one.reason, "expires": str(one.expires or ""), "rules": one.rules}
    return {**_row(one.path, one.line, "filter", one.id, one.title, one.word, one.why), **{"filter": ours}}


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
                Text(plain(row["title"])),
                Text(plain(row["reason"])),
            )
    for row in report["filters"]:
        if row["state"] in {"expired", "unused"} or (row["state"] == "active" and not quiet):
            ours = row["filter"]
            kept = t("by {owner} until {day}", owner=ours["owner"], day=ours["expires"]) if ours["owner"] else ""
            why = "; ".join(plain(part) for part in (kept, ours["reason"], row["reason"]) if part)
            table.add_row(
                Text(t(row["state"]), style=FILTER_STYLE[row["state"]]),
                Text(plain(f"{_short(row['path'])}:{row['line']}")),
                Text(plain(t("filter: {title}", title=row["title"]))),
                Text(why),
            )
    if table.row_count:
        console().print(table)
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
