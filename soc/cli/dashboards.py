"""``soc dashboards``: the dashboards for Grafana, looked at and sent."""

from __future__ import annotations

from pathlib import Path

import click
import orjson

from soc.cli.command import TranslatedGroup, language_option, translate, verb
from soc.core.errors import SocError
from soc.core.hostile import plain
from soc.engines.dashboards import check, connect, push, read, sources

files_option = click.option(
    "--files",
    "files",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default="dashboards",
    show_default=True,
    help="The folder of the dashboards (*.json).",
)


@click.group("dashboards", cls=TranslatedGroup)
@language_option
def command() -> None:
    """The dashboards for Grafana."""


@verb("check")
@files_option
@click.pass_context
def check_(ctx: click.Context, files: Path) -> None:
    """Say what Grafana would leave out without a word. Exit status: 0 nothing, 1 something, 2 no dashboards."""
    t = translate()
    found = read(files)
    problems = check(found)
    for problem in problems:
        click.echo(plain(str(problem)))
    if not problems:
        said = t("{n} dashboards, nothing wrong; they read {sources}", n=len(found),
                 sources=", ".join(sorted(sources(found.values()))))  # fmt: skip
        click.echo(plain(said))
    ctx.exit(1 if problems else 0)


@verb("push")
@click.option("--url", required=True, help="Grafana's address.")
@click.option(
    "--token-file",
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A file with the token of a service account that may edit dashboards.",
)
@click.option("--folder", default="SOC", show_default=True, help="Title of the folder that they are put in.")
@click.option("--console", help="The console's address, where links lead.")
@files_option
@click.option("--json", "as_json", is_flag=True, help="One JSON document instead of text.")
def push_(url: str, token_file: Path, folder: str, console: str | None, files: Path, as_json: bool) -> None:
    """Send the dashboards to a Grafana, into a folder of their own. Done twice, the second time changes nothing.

    Its data sources must be there; their uids are in dashboards/provisioning.
    """
    t = translate()
    found = read(files)
    if problems := check(found):
        raise SocError(f"{problems[0]}")
    token = token_file.read_text("utf-8").strip()
    if not token:
        raise SocError(token_file, "is empty")
    if console is not None and not console.startswith(("http://", "https://")):
        raise SocError("--console must begin with http:// or https://")
    words = {"created": t("created"), "changed": t("changed"), "unchanged": t("unchanged")}
    done = []
    for pushed in push(connect(url, token), found.values(), folder, console):
        done.append(pushed)
        if not as_json:
            click.echo(f"{words[pushed.outcome]}: {plain(pushed.title)}")
    if as_json:
        click.echo(orjson.dumps({"dashboards": done}, option=orjson.OPT_INDENT_2))


command.add_command(check_)
command.add_command(push_)
