"""``soc ship``: log files to Kafka, for the workers of the distributed engine."""

from __future__ import annotations

from pathlib import Path

import click

from soc.cli.command import settings_option, translate, verb
from soc.cli.progress import reading
from soc.core.clock import SystemClock
from soc.core.errors import SocError
from soc.core.hostile import plain
from soc.core.settings import moment, read_settings, zone_seconds
from soc.engines.ship import ship
from soc.engines.source import expand
from soc.parsers import devices


@verb("ship")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@settings_option
@click.option("--source", "device", default="auto", metavar="NAME", help="The device that wrote the lines, or auto.")
@click.option("--at", metavar="TIME", help="When the files were written, for times without a year.")
@click.option("--key", metavar="TEXT", default="", help="Key of the records; without it, the name in the settings.")
@click.option("--by-file", is_flag=True, help="Key each file by its own name, so that partitions share the work.")
def command(files: tuple[Path, ...], path: Path, device: str, at: str | None, key: str, by_file: bool) -> None:
    """Send log files or folders (as soc analyze reads them) to Kafka, where workers take them up.

    Records of one key stay in order. Sending a file twice does no harm: its events have the same ids.
    Exit status: 0 all was sent, 1 something could not be read (the rest was sent), 2 wrong usage, or Kafka is away.
    """
    t = translate()
    settings = read_settings(path)
    sources = expand(files)
    if not sources:
        raise SocError("{folder}: no file in it", folder=", ".join(map(str, files)))
    if device != "auto" and device not in devices():
        raise click.UsageError(
            t("no device {name}; there are: {names}", name=device, names=", ".join(sorted(devices())))
        )
    if key and by_file:
        raise click.UsageError(t("--key and --by-file exclude each other"))
    try:
        zone = zone_seconds(settings.timezone)
        reference = moment(at, SystemClock().now()) if at else 0
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    named = "" if by_file else key or settings.name
    with reading(t) as progress:
        shipped = ship(settings.kafka, sources, device, zone=zone, reference=reference, key=named, progress=progress)
    click.echo(
        t("{lines} lines sent in {records} records", lines=f"{shipped.lines:,}", records=f"{shipped.records:,}"),
        err=True,
    )
    for problem in shipped.unusable:
        click.echo(f"soc: {plain(problem)}", err=True)
    raise SystemExit(1 if shipped.unusable else 0)
