"""What every verb shares: the language switch, translated help, and errors as one line with exit status 2."""

from __future__ import annotations

import errno
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Any, TypeVar

import click

from soc.core.errors import SocError
from soc.core.hostile import prose
from soc.core.i18n import LANGUAGES, Translate, chosen_language, translator
from soc.core.when import LOCAL

Function = TypeVar("Function", bound=Callable[..., Any])

_LANGUAGE = "soc.language"


def _set_language(ctx: click.Context, _param: click.Parameter, value: str | None) -> None:
    if value:
        ctx.find_root().meta[_LANGUAGE] = value


language_option = click.option(
    "--lang",
    type=click.Choice(LANGUAGES),
    callback=_set_language,
    expose_value=False,
    is_eager=True,
    help="Language of everything outside the logs (or set SOC_LANG).",
)

settings_option = click.option(
    "--settings",
    "path",
    type=click.Path(path_type=Path),
    default="soc.yml",
    show_default=True,
    help="The settings file.",
)


def language() -> str:
    """The language of this call: --lang, before or after the verb, else SOC_LANG, else English."""
    ctx = click.get_current_context(silent=True)
    return chosen_language(ctx.find_root().meta.get(_LANGUAGE) if ctx else None)


def translate() -> Translate:
    """The translator of this call's language."""
    return translator(language())


class Translated(click.Command):
    """A command whose help is in the chosen language, and whose SocError or OSError is one line, exit status 2."""

    def get_short_help_str(self, limit: int = 90) -> str:
        return translate()((self.help or "").split("\n", 1)[0])

    def format_usage(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        pieces = " ".join(self.collect_usage_pieces(ctx))
        formatter.write_usage(ctx.command_path, pieces, prefix=f"{translate()('Usage')}: ")

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        t = translate()
        paragraphs = (" ".join(part.split()) for part in (self.help or "").split("\n\n"))
        formatter.write_paragraph()
        with formatter.indentation():
            formatter.write_text("\n\n".join(t(paragraph) for paragraph in paragraphs))

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        t = translate()
        options = (param for param in self.get_params(ctx) if isinstance(param, click.Option))
        records = [record for option in options if (record := option.get_help_record(ctx))]
        with formatter.section(t("Options")):
            formatter.write_dl([(names, _translated(text, t)) for names, text in records])
        if isinstance(self, click.Group):
            self.format_commands(ctx, formatter)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except SocError as error:
            self._fail(ctx, error.told(translate()))
        except OSError as error:
            if error.errno == errno.EPIPE:  # the reader, such as head, has enough
                raise
            self._fail(ctx, f"{error.filename}: {error.strerror}" if error.filename else error.strerror or error)

    def _fail(self, ctx: click.Context, why: object) -> None:
        click.echo(f"soc: {prose(why)}", err=True)
        ctx.exit(2)


def _translated(text: str, t: Translate) -> str:
    """An option's help; click puts "required" and the default behind it, in brackets."""
    said, bracket, more = text.partition("  [")
    return t(said) + bracket + more.replace("required]", t("required") + "]").replace("default: ", t("default") + ": ")


class TranslatedGroup(Translated, click.Group):
    """A verb with verbs of its own, such as ``soc rules check``."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        found = ((name, self.get_command(ctx, name)) for name in self.list_commands(ctx))
        with formatter.section(translate()("Commands")):
            formatter.write_dl([(name, command.get_short_help_str()) for name, command in found if command])


def verb(name: str | None = None) -> Callable[[Callable[..., Any]], click.Command]:
    """Makes a function a verb: its docstring is the help, and --lang is understood."""

    def decorate(function: Callable[..., Any]) -> click.Command:
        made = click.command(name, cls=Translated)(function)
        return language_option(made)

    return decorate


def today() -> date:
    """The local date: filters and mutes end with a day."""
    return datetime.now(LOCAL).date()
