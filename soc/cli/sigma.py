"""``soc sigma``: Sigma rules by themselves, without the pipeline round them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from functools import cache, partial
from pathlib import Path

import click
import orjson

from soc.cli.command import TranslatedGroup, language_option, today, translate, verb
from soc.cli.jobs import jobs_option
from soc.cli.progress import reading
from soc.core.batch import Batch
from soc.core.errors import SocError
from soc.core.event import from_json
from soc.core.hostile import plain
from soc.core.logsource import LogSource
from soc.core.windows.read import read_all
from soc.engines.source import Source, expand
from soc.engines.sweep import Sweeper, Swept, sweep
from soc.sigma import IDENTITY, Loaded, Matcher, NativeRouter, load, scanner_name
from soc.sigma.cache import users_folder
from soc.sigma.route import DatasetRouter


@click.group("sigma", cls=TranslatedGroup)
@language_option
def command() -> None:
    """Sigma rules on any events."""


@verb("match")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--rules",
    multiple=True,
    required=True,
    type=click.Path(exists=True, path_type=Path),
    help="Rules, a file or folder.",
)
@jobs_option
@click.option(
    "--logsource", metavar="KEY=VALUE,...", default="", help="Log source of events that do not state one themselves."
)
@click.option("--all-rules", is_flag=True, help="Offer events that state no log source to every rule.")
@click.option("--own-names", is_flag=True, help="No Sysmon names in Windows records that call a field differently.")
@click.option("--ecs", is_flag=True, help="The events are those that soc parse writes.")
def match(
    files: tuple[Path, ...],
    rules: tuple[Path, ...],
    jobs: int,
    logsource: str,
    all_rules: bool,
    own_names: bool,
    ecs: bool,
) -> None:
    """Match rules against events as they are: JSON lines (plain, .gz, .zst, -) and Windows event logs (EVTX).

    Prints {"line": n, "rule": id} for each hit, with "file" when there are several and "record" for Windows event logs;
    in the order of files and lines, a line's rules by their id. A folder stands for all files below it.

    Exit status: 0 all was read, 1 something could not be read, 2 wrong usage.
    """
    loaded = load(rules, None if ecs else IDENTITY, today=today(), cache=users_folder())
    for problem in loaded.problems:
        click.echo(f"soc: {plain(problem)}", err=True)
    if not loaded.rules:
        raise SocError("{folder}: no rule in it", folder=", ".join(map(str, rules)))
    otherwise = _otherwise(logsource, loaded, all_rules=all_rules)
    sweeper = _ecs(loaded) if ecs else _native(loaded, otherwise, partial(read_all, synonyms=not own_names))
    sources = expand(files)
    if not sources:
        raise SocError("{folder}: no file in it", folder=", ".join(map(str, files)))
    several = len(sources) > 1
    out = sys.stdout.buffer
    text = cache(orjson.dumps)

    def hit(source: Source, line: int, record: object, rule: str) -> None:
        where = b'"file":%b,' % text(source.shown) if several else b""
        known = b"" if record is None else b'"record":%b,' % orjson.dumps(record)
        out.write(b'{%b"line":%d,%b"rule":%b}\n' % (where, line, known, text(rule)))

    if scanner_name() == "portable":
        click.echo(f"soc: {translate()('without Hyperscan: the same verdicts, but slower')}", err=True)
    with reading(translate()) as progress:
        swept = sweep(sweeper, sources, hit, jobs=jobs, progress=progress)
    out.flush()
    sweeper.matcher.keep()
    _report(swept, offered=bool(otherwise))
    raise SystemExit(1 if swept.problems or swept.unreadable else 0)


def _native(loaded: Loaded, otherwise: Sequence[LogSource], read: Callable[[Sequence[bytes]], Batch]) -> Sweeper:
    router = NativeRouter(otherwise)
    return Sweeper(Matcher(loaded.rules, router, users_folder()), read, lambda: router.unrouted)


def _ecs(loaded: Loaded) -> Sweeper:
    from soc.pipeline.content import available_datasets  # not above: who does without parsers need not load them

    matcher = Matcher(loaded.rules, DatasetRouter(available_datasets()), users_folder())
    return Sweeper(matcher, lambda lines: Batch(list(map(from_json, lines))), lambda: 0)


def _otherwise(logsource: str, loaded: Loaded, *, all_rules: bool) -> Sequence[LogSource]:
    """The log sources of events that state none."""
    if all_rules:
        return sorted({rule.logsource for rule in loaded.rules}, key=str)
    parts = dict(part.partition("=")[::2] for part in logsource.split(",") if part)
    try:
        return [LogSource(**parts)] if parts else []
    except TypeError as error:
        raise click.UsageError(
            translate()("{given}: write it as category=process_creation,product=linux", given=logsource)
        ) from error


def _report(swept: Swept, *, offered: bool) -> None:
    t = translate()
    for problem in swept.problems:
        click.echo(f"soc: {plain(problem)}", err=True)
    if swept.unreadable:
        click.echo(f"soc: {t('{n} lines are no JSON objects', n=f'{swept.unreadable:,}')}", err=True)
    if swept.unrouted and not offered:
        number = f"{swept.unrouted:,}"
        text = t("{n} of {all} events state no log source: see --logsource and --all-rules",
                 n=number, all=f"{swept.events:,}")  # fmt: skip
        click.echo(f"soc: {text}", err=True)


command.add_command(match)
