"""``soc new``: a rule or correlation to be filled in, with samples that fail until it is."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path
from uuid import uuid4

import click

from soc.cli.command import TranslatedGroup, language, language_option, today, translate, verb
from soc.core.errors import SocError
from soc.pipeline.scaffold import scaffold

_NAME = re.compile(r"[a-z0-9]+(_[a-z0-9]+)*")


@click.group("new", cls=TranslatedGroup)
@language_option
def command() -> None:
    """Begin a rule or a correlation: its file and its samples, which say what to fill in."""


dir_option = click.option(
    "--dir",
    "folder",
    default="my-rules",
    show_default=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="The folder for both files.",
)


@verb("rule")
@click.argument("name")
@dir_option
def rule(name: str, folder: Path) -> None:
    """Begin a rule. NAME is its file's name, such as ssh_login_at_night."""
    _begin("rule", name, folder, today())


@verb("correlation")
@click.argument("name")
@dir_option
def correlation(name: str, folder: Path) -> None:
    """Begin a correlation, such as "ten of these in five minutes". NAME is its file's name."""
    _begin("correlation", name, folder, today())


def _begin(kind: str, name: str, folder: Path, day: date) -> None:
    t = translate()
    if not _NAME.fullmatch(name) or len(name) > 100:
        raise SocError("{name}: a name is made of a-z, 0-9 and _, such as ssh_login_at_night", name=name)
    made = [folder / f"{name}{ending}" for ending in (".yml", ".jsonl")]
    for path in made:
        if path.exists():
            raise SocError("{path} is there already", path=path)
    texts = scaffold(kind, name, language(), str(uuid4()), day)
    folder.mkdir(parents=True, exist_ok=True)
    for path, text in zip(made, texts, strict=True):
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
        click.echo(t("written: {path}", path=path))
    click.echo(t("fill both in; this says what is still missing: {command}", command=f"soc rules check {folder}"))


command.add_command(rule)
command.add_command(correlation)
