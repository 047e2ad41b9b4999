"""``soc alerts``: the stored alerts, as a list or one in full."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import click

from soc.cli.analyze import write_json
from soc.cli.command import TranslatedGroup, language, language_option, translate, verb
from soc.cli.elastic import elasticsearch_store
from soc.cli.show import alert_detail, alert_table, console
from soc.core.clock import SystemClock
from soc.core.errors import SocError
from soc.core.finding import Level
from soc.core.settings import Settings, moment, read_settings
from soc.core.store import STORE_FILE, AlertFilter, Store, filled
from soc.stores.sqlite import SqliteStore

USUAL_STORE = Path("soc-data") / "demo" / STORE_FILE
"""Where the demo puts its store."""


_SETTINGS = "soc.settings"


def _set_settings(ctx: click.Context, _param: click.Parameter, value: Path | None) -> None:
    if value is not None:
        ctx.find_root().meta[_SETTINGS] = value


settings_asked_option = click.option(
    "--settings",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    callback=_set_settings,
    expose_value=False,
    help="The settings file; otherwise ./soc.yml. The store is Elasticsearch where it has elasticsearch.urls.",
)
"""For what ``settings_asked`` gives."""


def store_option(function: click.decorators.FC) -> click.decorators.FC:
    """--store FILE or --settings FILE, for every verb that reads the store."""
    store = click.option(
        "--store",
        "path",
        type=click.Path(path_type=Path),
        help="The store's file; otherwise the one that ./soc.yml names, or the demo's.",
    )
    return store(settings_asked_option(function))


def settings_asked() -> Settings:
    """The soc.yml of --settings, else ./soc.yml, else the defaults."""
    file = click.get_current_context().find_root().meta.get(_SETTINGS, Path("soc.yml"))
    return read_settings(file) if file.is_file() else Settings()


def data_folder(path: Path | None) -> Path:
    """Where what belongs to the store asked for lies: its file's folder, or soc.yml's data_dir."""
    settings: Path = click.get_current_context().find_root().meta.get(_SETTINGS, Path("soc.yml"))
    if path is None and settings.is_file():
        return Path(read_settings(settings).data_dir)
    return (path or USUAL_STORE).parent


def store_opener(path: Path | None, *, write: bool = False) -> Callable[[], Store]:
    """What opens the store that was asked for, read-only unless told; SocError says why there is none."""
    settings = click.get_current_context().find_root().meta.get(_SETTINGS, Path("soc.yml"))
    file = path or USUAL_STORE
    if path is None and settings.is_file():
        read = read_settings(settings)
        if read.elasticsearch.urls:
            return elasticsearch_store(read.elasticsearch)
        file = Path(read.data_dir) / STORE_FILE
    if not file.is_file():
        raise SocError("{path}: no store there yet; run soc demo or soc run first", path=file)
    return lambda: SqliteStore(file) if write else SqliteStore.read_only(file)


def open_store(path: Path | None, *, write: bool = False) -> Store:
    """The store that was asked for; StoreError or SettingsError says why not."""
    return store_opener(path, write=write)()


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
        if alert is not None and not as_json:
            alert = filled(store, alert)
    if alert is None:
        raise SocError("no alert {id}, or more than one begins so", id=id)
    if as_json:
        write_json([alert], None)
    else:
        console().print(alert_detail(alert, translate(), language()))


command.add_command(show)
