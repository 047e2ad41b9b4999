"""``--jobs N``: how many processes share the work of ``soc analyze`` and ``soc sigma match``."""

from __future__ import annotations

import click

from soc.cli.command import translate
from soc.engines.workers import MAX_JOBS, usable_processors


def _number(_ctx: click.Context, _param: click.Parameter, value: str) -> int:
    if value == "auto":
        return min(usable_processors(), MAX_JOBS)
    if not value.isascii() or not value.isdecimal() or not 1 <= int(value[:9]) <= MAX_JOBS:
        raise click.BadParameter(translate()("a number from 1 to {most}, or auto", most=MAX_JOBS))
    return int(value)


jobs_option = click.option(
    "--jobs", default="1", metavar="N", callback=_number, help="Processes that read and match, or auto."
)
