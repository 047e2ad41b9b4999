"""``soc reconcile``: was any line lost between the collectors and Elasticsearch?"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click
import orjson
from rich.table import Table
from rich.text import Text

from soc.cli.command import settings_option, translate, verb
from soc.cli.elastic import need_client
from soc.cli.show import console
from soc.core.clock import SystemClock
from soc.core.event import iso
from soc.core.hostile import plain
from soc.core.i18n import Translate
from soc.core.settings import duration, moment, read_settings
from soc.core.when import local
from soc.engines.reconcile import Ledger, Row


@verb("reconcile")
@settings_option
@click.option("--since", default="15m", show_default=True, metavar="TIME", help="Lines received since: a time, or 24h.")
@click.option(
    "--grace", default="60s", show_default=True, metavar="TIME", help="How old a minute must be to be judged."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON document instead of a table.")
def command(path: Path, since: str, grace: str, as_json: bool) -> None:
    """Compare what collectors received with what is in Kafka, what was detected, and what Elasticsearch has.

    By source and minute of receipt. What a collector has taken and not yet sent is still on its disk, and counted by
    its own status; nothing here counts what it refused. A stage that is behind has a gap until it has caught up.
    Exit status: 0 no gap, 1 gaps, 2 wrong usage, or a server does not answer.
    """
    t = translate()
    settings = read_settings(path)
    now = SystemClock().now()
    try:
        begin, wait = moment(since, now), now - moment(grace, now)
        duration(grace)
    except (ValueError, KeyError) as error:
        raise click.UsageError(str(error)) from error
    if not settings.kafka.servers or not settings.elasticsearch.urls:
        raise click.UsageError(t("soc.yml needs kafka.servers and elasticsearch.urls: {path}", path=path))
    need_client()
    from soc.engines.reconcile_servers import reconciled

    ledger = Ledger(begin, now)
    rows = reconciled(settings, ledger, wait)
    if as_json:
        click.echo(orjson.dumps(_document(rows, ledger), option=orjson.OPT_INDENT_2))
    else:
        _show(rows, t)
        if ledger.unreadable:
            click.echo(t("{n} records could not be read", n=ledger.unreadable), err=True)
    raise SystemExit(1 if any(row.gaps for row in rows) else 0)


def _show(rows: Sequence[Row], t: Translate) -> None:
    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(t("minute"), no_wrap=True)
    table.add_column(t("origin"), overflow="fold")
    headings = (t("received"), t("in Kafka"), t("detected"), t("joined"), t("stored"), t("rejected"), t("refused"))
    for heading in headings:
        table.add_column(heading, justify="right")
    table.add_column("")
    for row in rows:
        numbers = (row.received, row.kafka, row.detected, row.joined, row.stored, row.rejected, row.refused)
        note = Text(t("under way"), style="dim") if row.pending else Text("")
        for gap in row.gaps:
            note.append(f"{' ' if note else ''}{gap.stage} -{gap.lines:,}", style="bold red")
        shown = ["?" if number is None else f"{number:,}" for number in numbers]
        table.add_row(local(row.minute * 1_000_000, "%d/%m %H:%M"), Text(plain(row.origin, 60)), *shown, note)
    if rows:
        console().print(table)
    gaps = [(row, gap) for row in rows for gap in row.gaps]
    for row, gap in gaps:
        when = local(row.minute * 1_000_000, "%d/%m %H:%M")
        said = t("{origin}, minute {minute}: {n} lines missing at {stage}")
        click.echo(said.format(origin=plain(row.origin), minute=when, n=f"{gap.lines:,}", stage=gap.stage))
    pending = sum(row.pending for row in rows)
    if not gaps:
        click.echo(t("no gap in {n} minutes of sources; {pending} under way", n=len(rows) - pending, pending=pending))


def _document(rows: Sequence[Row], ledger: Ledger) -> dict[str, object]:
    told = [
        row._asdict()
        | {
            "origin": plain(row.origin),
            "minute": iso(row.minute * 1_000_000),
            "gaps": [gap._asdict() for gap in row.gaps],
        }
        for row in rows
    ]
    return {
        "since": iso(ledger.since),
        "until": iso(ledger.until),
        "rows": told,
        "gaps": sum(gap.lines for row in rows for gap in row.gaps),
        "pending": sum(row.pending for row in rows),
        "unreadable": ledger.unreadable,
    }
