"""``soc index``: what Elasticsearch needs before events come: templates, lifecycles, indices and keys."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import click
import orjson
from rich.table import Table
from rich.text import Text

from soc.cli.command import TranslatedGroup, language_option, settings_option, translate, verb
from soc.cli.elastic import need_client
from soc.cli.show import console
from soc.core.clock import SystemClock
from soc.core.settings import read_settings
from soc.stores.elasticsearch_plan import LIFECYCLE, VERDICTS, Step, to_do
from soc.stores.elasticsearch_roles import ROLES, key_request
from soc.stores.elasticsearch_schema import DAYS

_STYLE = dict(zip(VERDICTS, ("green", "yellow", "dim", "magenta"), strict=True))


@click.group("index", cls=TranslatedGroup)
@language_option
def command() -> None:
    """Prepare Elasticsearch: templates, lifecycles, indices, and API keys with the least rights."""


@verb("apply")
@settings_option
@click.option("--yes", is_flag=True, help="Change the server; without it, only the plan is shown.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document instead of text.")
@click.pass_context
def apply_(ctx: click.Context, path: Path, yes: bool, as_json: bool) -> None:
    """Compare the server with what this version needs, show the plan, and carry it out with --yes.

    Done twice, the second time finds nothing to do. Exit status: 0 nothing is left to do, 1 something is.
    """
    need_client()
    from soc.stores.elasticsearch_apply import apply, plan
    from soc.stores.elasticsearch_client import connect

    t = translate()
    settings = read_settings(path).elasticsearch
    with closing(connect(settings)) as client:
        steps = plan(client, settings.namespace)
        changes = to_do(steps)
        if not as_json:
            _show(steps)
        if yes:
            for step in apply(client, steps):
                if not as_json:
                    click.echo(t("done: {kind} {name}", kind=step.kind, name=step.name))
    if as_json:
        click.echo(orjson.dumps({"steps": steps, "applied": yes}, option=orjson.OPT_INDENT_2))
    elif not changes:
        click.echo(t("nothing to do"))
    elif not yes:
        click.echo(t("{n} to do; --yes does it", n=len(changes)))
    ctx.exit(1 if changes and not yes else 0)


@verb("key")
@settings_option
@click.option("--role", type=click.Choice(ROLES), default=ROLES[0], show_default=True, help="What the key is for.")
@click.option("--days", type=click.IntRange(1, 3650), default=365, show_default=True, help="Days that it is valid.")
@click.option("--create", "file", type=click.Path(path_type=Path), help="Make the key and write it into this new file.")
def key(path: Path, role: str, days: int, file: Path | None) -> None:
    """Show the request for an API key with the least rights, or make it with --create.

    writer adds events, alerts and states; reader only reads; analyst also sets the status of alerts; retention deletes
    old events; replayer removes rejected lines that it brings back. None can delete an index or see users.
    """
    settings = read_settings(path).elasticsearch
    request = key_request(settings.namespace, role, days)
    if file is None:
        click.echo(b"POST /_security/api_key\n" + orjson.dumps(request, option=orjson.OPT_INDENT_2))
        return
    need_client()
    from soc.stores.elasticsearch_client import connect, create_key

    with closing(connect(settings)) as client:
        id = create_key(client, request, file)
    click.echo(translate()("key {id} is in {path}; name it as elasticsearch.api_key_file", id=id, path=file))


@verb("purge")
@settings_option
def purge(path: Path) -> None:
    """Delete events older than their system's level is kept, on a server without lifecycles (ILM).

    To be run each day, with a key of the role retention. Alerts and their evidence stay.
    """
    need_client()
    from soc.stores.elasticsearch_client import connect, telling
    from soc.stores.elasticsearch_retention import purge_levels

    settings = read_settings(path).elasticsearch
    with closing(connect(settings)) as client, telling():
        gone = purge_levels(client, settings.namespace, SystemClock().now())
    click.echo(translate()("{n} events and rejected lines deleted", n=f"{sum(gone.values()):,}"))


def _show(steps: list[Step]) -> None:
    """The plan as a table; what the server lacks, and what that means, below it."""
    t = translate()
    table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2, 0, 0))
    for step in steps:
        table.add_row(Text(t(step.verdict), style=_STYLE[step.verdict]), Text(t(step.kind)), Text(step.name))
    console().print(table)
    lacking = {step.kind for step in steps if step.verdict == "unavailable"}
    if LIFECYCLE in lacking:
        days = ", ".join(str(DAYS[level]) for level in sorted(DAYS))
        click.echo(t("This server has no lifecycles (ILM): soc index purge deletes old events."))
        click.echo(t("Days that levels 1 to 5 are meant to be kept: {days}", days=days))
    for step in steps:
        if "instead" in step.body:
            click.echo(t("No type {name} here: {instead} instead", name=step.name, instead=step.body["instead"]))


command.add_command(apply_)
command.add_command(key)
command.add_command(purge)
