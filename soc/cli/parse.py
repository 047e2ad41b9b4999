"""``soc parse``: one JSON line out for each line in, for trying a parser."""

from __future__ import annotations

import sys
from pathlib import Path

import click
import orjson

from soc.cli.command import translate, verb
from soc.core.event import RawBatch, to_wire
from soc.core.settings import zone_seconds
from soc.engines.source import LogFile
from soc.parsers import devices
from soc.pipeline.normalise import Normaliser


@verb("parse")
@click.option("--device", default="auto", metavar="NAME", help="The parser to use; auto recognises each line.")
@click.option("--timezone", default="+07:00", help="Zone of times that do not state one.")
@click.option("--list", "show_list", is_flag=True, help="Name the devices and exit.")
@click.argument("file", default="-", type=click.Path(path_type=Path))
def command(device: str, timezone: str, show_list: bool, file: Path) -> None:
    """Parse lines: exactly one JSON line out for each line in.

    Each is the ECS event, or {"error": reason} for a line that the parser cannot read.
    """
    t = translate()
    known = devices()
    if show_list:
        for name in sorted(known):
            click.echo(f"{name:16} {known[name].title}")
        return
    if device != "auto" and device not in known:
        raise click.UsageError(t("no device {name}; there are: {names}", name=device, names=", ".join(sorted(known))))
    try:
        zone = zone_seconds(timezone)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    normalise = Normaliser(lambda event: None, zone)
    source = LogFile(None if str(file) == "-" else file)
    out = sys.stdout.buffer
    received = source.modified
    for lines in source.batches(500):
        for line in lines:
            result = normalise(RawBatch("parse", device, received, 0, (line,)))
            if result.rejected:
                out.write(orjson.dumps({"error": result.rejected[0].reason}) + b"\n")
            else:
                event = to_wire(result.events[0])
                del event["soc.origin"], event["log.offset"]
                out.write(orjson.dumps(event) + b"\n")
        out.flush()
