"""``soc hunt``: a rule of today over the events of yesterday."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import click

from soc.cli.alerts import open_store, store_option
from soc.cli.analyze import ranked, write_json
from soc.cli.command import language, translate, verb
from soc.cli.installed import content_with, period, settings_here
from soc.cli.progress import looking_back
from soc.cli.show import alert_table, console
from soc.core.settings import zone_seconds
from soc.engines.hunt import hunt, record
from soc.pipeline.build import build_pipeline
from soc.pipeline.choose import chosen, only


@verb("hunt")
@click.argument("rule")
@click.option("--since", default="30d", show_default=True, metavar="TIME", help="Events since: 2026-10-05, or 30d ago.")
@click.option("--until", metavar="TIME", help="Events before.")
@click.option("--record", "keep", is_flag=True, help="Store what is found, marked as found late.")
@click.option("--inventory", type=click.Path(exists=True, path_type=Path), help="The inventory.yml of your networks.")
@click.option("--json", "as_json", is_flag=True, help="Alerts as NDJSON instead of a table.")
@store_option
def command(
    rule: str,
    since: str,
    until: str | None,
    keep: bool,
    inventory: Path | None,
    as_json: bool,
    path: Path | None,
) -> None:
    """Run a rule or correlation over the stored events and show what it would have found.

    RULE is an id, a name, a part of the title, or a file, also one that is not installed. With --record the alerts
    are stored, marked as found late; one that is there already stays as it is. Exit status: 0 nothing, 1 found.
    """
    t = translate()
    begin, end = period(since, until)
    settings = settings_here()
    loaded = content_with(rule)
    asked = chosen(loaded, rule)
    heard = [info for info in asked if not info.silent]  # of a file, not the rules that only feed its correlations
    content = only(loaded, {info.id for info in heard or asked})
    known = inventory or (Path(settings.inventory) if settings.inventory else None)
    zone = zone_seconds(settings.timezone)
    pipeline = build_pipeline(content, known, zone=zone, lateness=settings.lateness, fold=settings.fold)
    with closing(open_store(path)) as store, looking_back(t, begin, end) as progress:
        found = hunt(store, pipeline, begin, end, progress)
    alerts = ranked(found.alerts.values())
    if as_json:
        write_json(alerts, None)
    elif alerts:
        console().print(alert_table(alerts, t, language()))
    click.echo(t("{alerts} alerts in {events} events", alerts=len(alerts), events=f"{found.events:,}"), err=True)
    if keep:
        with closing(open_store(path, write=True)) as store:
            fresh = len(record(store, alerts))
        click.echo(t("{n} stored as found late; {m} were there already", n=fresh, m=len(alerts) - fresh), err=True)
    raise SystemExit(1 if alerts else 0)
