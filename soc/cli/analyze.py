"""``soc analyze``: log files in, explained alerts out."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from contextlib import nullcontext
from pathlib import Path

import click
import orjson
from rich.table import Table
from rich.text import Text

from soc.cli.command import language, translate, verb
from soc.cli.jobs import jobs_option
from soc.cli.progress import reading
from soc.cli.show import SEVERITY_STYLE, WIDE, alert_table, console
from soc.core.alert import Alert, encode
from soc.core.clock import SystemClock
from soc.core.errors import SocError
from soc.core.finding import Level
from soc.core.hostile import plain
from soc.core.i18n import Translate
from soc.core.settings import moment, zone_seconds
from soc.engines.analyze import Totals, analyze
from soc.engines.source import expand
from soc.engines.workers import Workers
from soc.parsers import devices
from soc.pipeline.build import build_digester, build_pipeline
from soc.pipeline.content import load_content
from soc.sigma.backtrack import overruns
from soc.sigma.cache import users_folder


@verb("analyze")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--source", "device", default="auto", metavar="NAME", help="The device that wrote the lines, or auto.")
@click.option(
    "--rules", multiple=True, type=click.Path(exists=True, path_type=Path), help="More rules (file or folder)."
)
@click.option("--only-rules", is_flag=True, help="Leave the shipped rules out; use with --rules.")
@click.option("--inventory", type=click.Path(exists=True, path_type=Path), help="The inventory.yml of your networks.")
@click.option("--timezone", default="+07:00", help="Zone of times that do not state one.")
@click.option("--at", metavar="TIME", help="When the files were written, for times without a year.")
@jobs_option
@click.option("--json", "as_json", is_flag=True, help="Alerts as NDJSON instead of a table.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Write the alerts there.")
def command(
    files: tuple[Path, ...],
    device: str,
    rules: tuple[Path, ...],
    only_rules: bool,
    inventory: Path | None,
    timezone: str,
    at: str | None,
    jobs: int,
    as_json: bool,
    out: Path | None,
) -> None:
    """Read log files or folders (plain, .gz, .zst, Windows .evtx, - for standard input) and show the alerts.

    Exit status: 0 no alerts, 1 alerts, 2 unusable input or content.
    """
    t = translate()
    sources = expand(files)
    if not sources:
        raise SocError("{folder}: no file in it", folder=", ".join(map(str, files)))
    if device != "auto" and device not in devices():
        raise click.UsageError(
            t("no device {name}; there are: {names}", name=device, names=", ".join(sorted(devices())))
        )
    try:
        zone = zone_seconds(timezone)
        reference = moment(at, SystemClock().now()) if at else 0
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    if out:
        _writable(out)
    content = load_content(rules, shipped=not only_rules, cache=users_folder())
    for problem in content.problems:
        click.echo(f"soc: {plain(problem)}", err=True)
    pipeline = build_pipeline(content, inventory, zone=zone, lateness="10m")
    work = build_digester(content, inventory, zone=zone)
    with Workers(jobs, work) if jobs > 1 else nullcontext() as workers, reading(t) as progress:
        totals = analyze(pipeline, sources, device, zone=zone, reference=reference, workers=workers, progress=progress)
    content.matcher.keep()
    alerts = ranked(totals.alerts.values())
    if as_json or (out and out.suffix in {".json", ".ndjson", ".jsonl"}):
        write_json(alerts, out)
    else:
        _write_table(alerts, out, t)
    if not as_json or out:
        console(stderr=as_json).print(summary(totals, t))
    for problem_text in totals.unusable:
        click.echo(f"soc: {plain(problem_text)}", err=True)
    if totals.unusable or content.problems:
        raise SystemExit(2)
    raise SystemExit(1 if alerts else 0)


def _writable(out: Path) -> None:
    """SocError now, not after hours of reading. What is in the file stays until there are alerts to write."""
    try:
        out.open("ab").close()
    except OSError as error:
        raise SocError(out, error.strerror) from error


def ranked(alerts: Iterable[Alert]) -> list[Alert]:
    """The worst first, then the latest; the order of every list of alerts."""
    return sorted(alerts, key=lambda alert: (-alert.score, -alert.last_seen, alert.id))


def write_json(alerts: list[Alert], out: Path | None) -> None:
    """Alerts as NDJSON to a file or, without one, to standard output."""
    with out.open("wb") if out else nullcontext(sys.stdout.buffer) as stream:
        for alert in alerts:
            stream.write(orjson.dumps(orjson.Fragment(encode(alert)), option=orjson.OPT_APPEND_NEWLINE))
        stream.flush()


def _write_table(alerts: list[Alert], out: Path | None, t: Translate) -> None:
    table = alert_table(alerts, t, language())
    if out is None:
        if alerts:
            console().print(table)
        return
    with out.open("w", encoding="utf-8") as stream:
        terminal = console()
        terminal.file, terminal.width = stream, WIDE
        terminal.print(table)


def summary(totals: Totals, t: Translate) -> Table:
    """What went in and what came out, with every rejected line's reason."""
    table = Table.grid(padding=(0, 2, 0, 0))
    table.title_justify = "left"

    def row(name: str, value: object, note: str = "") -> None:
        table.add_row(
            Text(t(name), style="dim"), Text(f"{value:,}" if isinstance(value, int) else str(value)), Text(note)
        )

    row("lines", totals.lines)
    row("events", totals.events, t("of them {n} joined mails", n=f"{totals.joined:,}") if totals.joined else "")
    row("rejected", sum(totals.rejected.values()))
    for reason, count in totals.rejected.most_common(5):
        table.add_row("", Text(f"{count:,}"), Text(plain(reason, 100), style="dim"))
    row("rule hits", totals.hits)
    severities = [alert.severity for alert in totals.alerts.values()]
    row("alerts", len(severities), t("{percent:.3f} % fewer to read", percent=_reduction(totals)))
    for level in reversed(Level):
        if level.word in severities:
            table.add_row(
                "", Text(f"{severities.count(level.word):,}"), Text(t(level.word), style=SEVERITY_STYLE[level.word])
            )
    if totals.suppressed:
        row("explained by the inventory", totals.suppressed)
    for correlation, groups in totals.forgotten.items():
        row("windows given up", groups, plain(correlation, 100))
    for expression, count in sorted(overruns().items()):
        row("Expressions that ran out of time", count, plain(expression, 100))
    if totals.late:
        row("too late for correlations", totals.late)
    return table


def _reduction(totals: Totals) -> float:
    return 100.0 * max(0.0, 1 - len(totals.alerts) / totals.lines) if totals.lines else 0.0
