"""``soc rules mute``, ``unmute`` and ``mutes``: who keeps which rule quiet, why, and until when."""

from __future__ import annotations

from datetime import date, datetime

import click
import msgspec
import orjson
from rich.table import Table
from rich.text import Text

from soc.cli.command import language, today, translate, verb
from soc.cli.installed import content_here, mutes_here
from soc.cli.rule_life.words import titled
from soc.cli.show import console, title_of
from soc.core.errors import SocError
from soc.core.hostile import plain
from soc.pipeline.choose import infos, named
from soc.pipeline.mutes import Mute, add_mute, read_mutes, remove_mute


@verb("mute")
@click.argument("rule")
@click.option(
    "--until",
    required=True,
    type=click.DateTime(["%Y-%m-%d"]),
    metavar="YYYY-MM-DD",
    help="The day on which it is heard again.",
)
@click.option("--by", required=True, metavar="NAME", help="Who answers for it.")
@click.option("--reason", required=True, metavar="TEXT", help="Why.")
def mute(rule: str, until: datetime, by: str, reason: str) -> None:
    """Keep a rule or correlation quiet until a day. It still feeds the correlations that refer to it.

    RULE is an id, a name or a part of the title. Muting it again replaces who, why and until when.
    """
    t = translate()
    day = until.date()
    if day <= today():
        raise SocError("--until {day} is not in the future", day=day)
    if not by.strip() or not reason.strip():
        raise SocError("--by and --reason must not be empty")
    info = named(content_here(), rule)
    add_mute(mutes_here(), Mute(id=info.id, until=day, by=by.strip(), reason=reason.strip(), title=info.title))
    click.echo(t("muted until {day}: {title} ({id})", day=day, title=title_of(info, language()), id=info.id))
    click.echo(t("written to {path}; soc run takes it over by itself", path=mutes_here()))


@verb("unmute")
@click.argument("rule")
def unmute(rule: str) -> None:
    """Let a muted rule raise alerts again. RULE is an id, a name or a part of the title."""
    t = translate()
    path = mutes_here()
    muted = [one for one in read_mutes(path) if rule == one.id or rule.casefold() in one.title.casefold()]
    id = muted[0].id if len(muted) == 1 else named(content_here(), rule).id
    gone = remove_mute(path, id)
    if gone is None:
        raise SocError("{rule} is not muted", rule=rule)
    click.echo(t("heard again: {title} ({id})", title=plain(gone.title), id=plain(gone.id)))


@verb("mutes")
@click.option("--json", "as_json", is_flag=True, help="The mutes as JSON.")
def mutes(as_json: bool) -> None:
    """List the muted rules: by whom, until when, and why."""
    t = translate()
    found = read_mutes(mutes_here())
    if as_json:
        listed = [{**msgspec.to_builtins(one), "holds": one.holds(today())} for one in found]
        click.echo(orjson.dumps(listed, option=orjson.OPT_INDENT_2))
        return
    if not found:
        click.echo(t("no rule is muted"), err=True)
        return
    known = {info.id: info for info in infos(content_here())}
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for heading in (t("rule"), t("until"), t("by"), t("why"), ""):
        table.add_column(heading, overflow="fold")
    for one in found:
        info = known.get(one.id)
        title = titled(info.title, info.title_vi) if info else one.title or one.id
        parts = (title, one.until, one.by, one.reason, _note(one, today(), info is not None))
        table.add_row(*(Text(plain(part)) for part in parts))
    console().print(table)


def _note(one: Mute, day: date, known: bool) -> str:
    t = translate()
    if not known:
        return t("there is no such rule")
    return "" if one.holds(day) else t("its day has come: heard again")
