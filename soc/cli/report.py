"""``soc report``: a month in words, figures and pictures, as PDF or HTML."""

from __future__ import annotations

from contextlib import closing
from importlib.util import find_spec
from pathlib import Path

import click
import msgspec
import orjson

from soc.cli.alerts import open_store, settings_asked, store_option
from soc.cli.command import language, translate, verb
from soc.core.clock import SystemClock
from soc.core.errors import SocError
from soc.core.hostile import plain
from soc.core.settings import zone_seconds
from soc.engines.report import month_facts
from soc.enrich import read_inventory
from soc.pipeline.build import content_of
from soc.posture.document import document
from soc.posture.facts import Facts
from soc.posture.html import html
from soc.posture.month import Month
from soc.posture.voice import Voice
from soc.posture.words import figures, summary
from soc.sharing.outbox import OUTBOX_FILE


@verb("report")
@click.argument("month", metavar="YYYY-MM")
@click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), help="Where to write it: FILE.pdf or FILE.html."
)
@click.option("--inventory", type=click.Path(exists=True, path_type=Path), help="The inventory.yml of your networks.")
@click.option("--json", "as_json", is_flag=True, help="The facts as JSON.")
@store_option
def command(month: str, out: Path | None, inventory: Path | None, as_json: bool, path: Path | None) -> None:
    """Tell a month for those who answer for it: alerts, suspected incidents, times, silent sources, coverage, noise.

    Without --out the summary is printed. The same store, rules and month give the same bytes. Exit status: 0 written,
    1 the store has nothing of that month, 2 wrong usage.
    """
    t = translate()
    settings = settings_asked()
    try:
        asked = Month.parse(month, zone_seconds(settings.timezone))
    except ValueError as error:
        raise click.UsageError(t("{month} is no month such as 2026-10", month=plain(month))) from error
    if out is not None and out.suffix not in (".pdf", ".html"):
        raise click.UsageError(t("--out: the name must end in .pdf or .html"))
    if out is not None and out.suffix == ".pdf" and find_spec("typst") is None:
        raise SocError("PDF needs typst: install soc-pipeline[report], or write .html")
    content = content_of(settings, SystemClock().now())
    outbox = (path.parent if path else Path(settings.data_dir)) / OUTBOX_FILE
    with closing(open_store(path)) as store:
        found = month_facts(store, asked, content, outbox)
        previous = month_facts(store, asked.before, content, outbox)
    if as_json:
        click.echo(orjson.dumps(_plain(found), option=orjson.OPT_INDENT_2).decode())
    if out is not None:
        known = inventory or (Path(settings.inventory) if settings.inventory else None)
        out.write_bytes(_written(found, previous, known, out.suffix))
        click.echo(t("Written: {file}", file=out), err=True)
    elif not as_json:
        voice = Voice(language(), found.zone)
        click.echo(" · ".join(f"{number} {word}" for number, word in figures(found, voice)) + "\n")
        for paragraph in summary(found, voice, previous):
            click.echo(plain(paragraph))
    raise SystemExit(0 if found.alerts or found.events else 1)


def _written(found: Facts, previous: Facts, inventory: Path | None, suffix: str) -> bytes:
    known = read_inventory(inventory).file if inventory else None
    vietnamese = language() == "vi"
    names, organisation = {}, ""
    if known is not None:
        names = {unit.id: (unit.name if vietnamese else unit.name_en) or unit.name or unit.id for unit in known.units}
        whose = known.organisation
        organisation = (whose.name if vietnamese else whose.name_en) or whose.name
    made = document(found, language(), previous=previous, names=names, organisation=organisation)
    if suffix == ".html":
        return html(made)
    from soc.posture.pdf import pdf  # typst is an extra

    return pdf(made)


def _plain(found: Facts) -> object:
    """As JSON has it; the hours of each source are left out, their sums are there."""
    shown = msgspec.to_builtins(found)
    for source in shown["sources"]:
        del source["hours"]
    for name in ("detect", "acknowledge", "resolve"):
        del shown[name]["values"]
    return shown
