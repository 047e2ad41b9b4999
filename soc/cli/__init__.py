"""The commands, one file per verb: ``soc VERB`` runs ``soc/cli/VERB.py``, found by its name and imported when used."""

from __future__ import annotations

import pkgutil
from importlib import import_module

import click

from soc import __version__
from soc.cli.command import TranslatedGroup, language_option


class Verbs(TranslatedGroup):
    """Every public module of this package that has a ``command`` is a verb."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        names = (module.name for module in pkgutil.iter_modules(__path__))
        return sorted(name.replace("_", "-") for name in names if name not in _NOT_VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.list_commands(ctx):
            return None
        command: click.Command = import_module(f"soc.cli.{cmd_name.replace('-', '_')}").command
        return command


_NOT_VERBS = frozenset(
    {
        "command",
        "elastic",
        "installed",
        "jobs",
        "playbook_show",
        "progress",
        "rejected_show",
        "rule_life",
        "share_status",
        "show",
        "windows",
    }
)


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, "--version", prog_name="soc", help="Show the version and exit.")
@language_option
def main() -> None:
    """Security logs in, few explained alerts out."""
