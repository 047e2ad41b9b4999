"""``soc alerts``: the stored alerts, as a list or one in full."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import click

from soc.cli.analyze import write_json
from soc.cli.command import TranslatedGroup, language, language_option, translate, verb
from soc.cli.show import alert_detail, alert_table, console
from soc.core.clock import SystemClock
from soc.core.errors import SocError
from soc.core.finding import Level
from soc.core.settings import moment, read_settings
from soc.core.store import STORE_FILE, AlertFilter
from soc.stores.sqlite import SqliteStore

USUAL_STORE = Path("soc-data") / "demo" / STORE_FILE
"""Where the demo puts its store."""


def store_option(function: click.decorators.FC) -> click.decorators.FC:
    """--store FILE, for every verb that reads the store."""
    return click.option(
        "--store",
        "path",
        type=click.Path(path_type=Path),
        help="The store's file; otherwise the one that ./soc.yml names, or the demo's.",
    )(function)


def open_store(path: Path | None) -> SqliteStore:
    """The store that was asked for, read-only; StoreError or SettingsError says why not."""
    if path is None:
        path = _usual_store()
    if not path.is_file():
        raise SocError(translate()("{path}: no store there yet; run soc demo or soc run first", path=path))
    return SqliteStore.read_only(path)


def _usual_store() -> Path:
    settings = Path("soc.yml")
    if settings.is_file():
        return Path(read_settings(settings).data_dir) / STORE_FILE
    return USUAL_STORE


@click.group("alerts", cls=TranslatedGroup, invoke_without_command=True)
@language_option
@store_option
@click.option("--severity", type=click.Choice([level.word for level in Level]), help="This severity and worse.")
@click.option("--rule", help="Rule id, name, or part of its title.")
@click.option("--host", help="A host name or address that the alert concerns.")
@click.option("--since", metavar="TIME", help="Seen since: 2026-10-05, 2026-10-05T08:00, or 24h ago.")
@click.option("--until", metavar="TIME", help="First seen before.")
@click.option("--limit", type=click.IntRange(1, 1_000_000), default=50, show_default=True, help="How many at most.")
@click.option("--json", "as_json", is_flag=True, help="Alerts as NDJSON instead of a table.")
@click.pass_context
def command(
    ctx: click.Context,
    path: Path | None,
    severity: str | None,
    rule: str | None,
    host: str | None,
    since: str | None,
    until: str | None,
    limit: int,
    as_json: bool,
) -> None:
    """List the stored alerts, the worst first; "soc alerts show ID" tells one in full."""
    ctx.obj = path
    if ctx.invoked_subcommand:
        return
    t = translate()
    now = SystemClock().now()
    try:
        begin = moment(since, now) if since else None
        end = moment(until, now) if until else None
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    wanted = AlertFilter(min_severity=severity, rule=rule, host=host, since=begin, until=end, limit=limit)
    with closing(open_store(path)) as store:
        alerts = store.alerts(wanted)
        total = sum(store.count_alerts(wanted).values())
    if as_json:
        write_json(alerts, None)
    elif alerts:
        console().print(alert_table(alerts, t, language()))
    if len(alerts) < total:
        click.echo(t("{n} of {all}; --limit shows more", n=len(alerts), all=total), err=True)
    if not alerts:
        click.echo(t("no alerts"), err=True)


@verb("show")
@click.argument("id")
@click.option("--json", "as_json", is_flag=True, help="The alert as JSON.")
@click.pass_obj
def show(path: Path | None, id: str, as_json: bool) -> None:
    """Tell one alert in full: why it fired, on which events, and what to do next. A beginning of its id will do."""
    with closing(open_store(path)) as store:
        alert = store.alert(id)
    if alert is None:
        raise SocError(translate()("no alert {id}, or more than one begins so", id=id))
    if as_json:
        write_json([alert], None)
    else:
        console().print(alert_detail(alert, translate(), language()))


command.add_command(show)
