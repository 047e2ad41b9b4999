"""``soc rejected``: the lines that could not be read, as a list, one in full, or brought back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import click
import orjson

from soc.cli.alerts import open_store, settings_asked, store_option
from soc.cli.command import TranslatedGroup, language_option, translate, verb
from soc.cli.rejected_show import document, line_detail, lines_table
from soc.cli.show import console
from soc.core.clock import SystemClock
from soc.core.errors import SocError
from soc.core.event import Rejected
from soc.core.hostile import plain
from soc.core.i18n import Translate
from soc.core.settings import Settings, moment, zone_seconds
from soc.core.store import LineFilter, Store
from soc.engines.rejected import Replayed, Tried, attempt, bring_back, find, id_of_line, write_again
from soc.pipeline.build import build_normaliser, build_pipeline, content_of


def filter_options(function: click.decorators.FC) -> click.decorators.FC:
    """--reason, --origin, --since: which lines."""
    for option in (
        click.option("--since", metavar="TIME", help="Received since: 2026-10-05, 2026-10-05T08:00, or 24h ago."),
        click.option("--origin", metavar="TEXT", help="Whose origin has this text in it, such as udp:10.1.0.1."),
        click.option("--reason", metavar="TEXT", help="Whose reason has this text in it."),
    ):
        function = option(function)
    return function


@click.group("rejected", cls=TranslatedGroup)
@language_option
def command() -> None:
    """The lines that could not be read, with the reasons; and those brought back that can be read by now."""


@verb("list")
@filter_options
@click.option("--limit", type=click.IntRange(1, 1_000_000), default=50, show_default=True, help="How many at most.")
@click.option("--json", "as_json", is_flag=True, help="Lines as NDJSON instead of a table.")
@store_option
def list_(
    reason: str | None, origin: str | None, since: str | None, limit: int, as_json: bool, path: Path | None
) -> None:
    """List the rejected lines, the latest first."""
    t = translate()
    wanted = _wanted(reason, origin, since)
    with closing(open_store(path)) as store:
        lines = store.rejected(limit + 1, wanted)
    for line in lines[:limit] if as_json else ():
        click.echo(orjson.dumps(document(line)))
    if lines and not as_json:
        console().print(lines_table(lines[:limit], t))
    if len(lines) > limit:
        click.echo(t("there are more than {n}; --limit shows them", n=limit), err=True)
    if not lines:
        click.echo(t("no rejected lines"), err=True)


@verb("show")
@click.argument("id")
@click.option("--json", "as_json", is_flag=True, help="The line as JSON.")
@store_option
def show(id: str, as_json: bool, path: Path | None) -> None:
    """Tell one rejected line in full: where it came from, its bytes, and why it was rejected. A beginning of its id
    will do."""
    with closing(open_store(path)) as store:
        line = _found(store, id)
    if as_json:
        click.echo(orjson.dumps(document(line), option=orjson.OPT_INDENT_2))
    else:
        console().print(line_detail(line, translate()))


@verb("replay")
@click.argument("ids", nargs=-1)
@filter_options
@click.option(
    "--limit", type=click.IntRange(1, 1_000_000), default=100_000, show_default=True, help="How many at most."
)
@click.option("--dry-run", is_flag=True, help="Only say which of them can be read by now.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document instead of words.")
@store_option
def replay(
    ids: tuple[str, ...],
    reason: str | None,
    origin: str | None,
    since: str | None,
    limit: int,
    dry_run: bool,
    as_json: bool,
    path: Path | None,
) -> None:
    """Bring back the rejected lines that today's parsers can read; the others stay, with the reason.

    All of them, or those with these ids (a beginning will do), or those that the options say. Through Kafka where
    soc.yml has kafka.servers and elasticsearch.urls; otherwise the events are stored and the rules run over them, and
    new alerts are marked as found late. Doing it twice brings nothing back twice.
    Exit status: 0 none stays, 1 some stay, 2 wrong usage, or a server is away.
    """
    t = translate()
    if ids and (reason or origin or since):
        raise click.UsageError(t("ids and filters exclude each other"))
    settings = settings_asked()
    wanted = _wanted(reason, origin, since)
    zone = zone_seconds(settings.timezone)
    normaliser = build_normaliser(_inventory(settings), zone=zone)
    with closing(open_store(path, write=not dry_run)) as store:
        lines = [_found(store, id) for id in dict.fromkeys(ids)] if ids else store.rejected(limit + 1, wanted)
        more = not ids and len(lines) > limit
        tried = list(attempt(lines if ids else lines[:limit], normaliser))
        done = _dry(tried) if dry_run else _carry_out(settings, store, tried, embedded=path is not None)
    _tell(done, dry_run, as_json, t)
    if more:
        click.echo(t("there are more than {n}; --limit takes them too", n=limit), err=True)
    raise SystemExit(1 if done.stayed else 0)


def _carry_out(settings: Settings, store: Store, tried: list[Tried], *, embedded: bool) -> Replayed:
    if settings.kafka.servers and settings.elasticsearch.urls and not embedded:
        from soc.engines.resend import resend

        done = resend(settings.kafka, store, tried)
    elif any(one.fate == "parses" for one in tried):
        content = content_of(settings, SystemClock().now())
        zone = zone_seconds(settings.timezone)
        known = _inventory(settings)
        pipeline = build_pipeline(content, known, zone=zone, lateness=settings.lateness, fold=settings.fold)
        done = bring_back(store, pipeline, tried)
    else:
        done = Replayed(len(tried), stayed=[one for one in tried if one.fate == "stays"])
    t = translate()
    again: Callable[[Rejected], str] = getattr(
        store, "write_again", lambda line: t("refused by Elasticsearch, and this store is none")
    )
    write_again(store, tried, again, done)
    return done


def _dry(tried: list[Tried]) -> Replayed:
    """What would be done; whether Elasticsearch takes a document now is known only when it is written."""
    back = [one.line for one in tried if one.fate != "stays"]
    return Replayed(len(tried), back, [one for one in tried if one.fate == "stays"])


def _tell(done: Replayed, dry_run: bool, as_json: bool, t: Translate) -> None:
    if as_json:
        told = {
            "dry_run": dry_run,
            "tried": done.tried,
            "back": [id_of_line(line) for line in done.back],
            "stayed": [{"id": id_of_line(one.line), "reason": one.reason} for one in done.stayed],
            "alerts": done.alerts,
        }
        click.echo(orjson.dumps(told, option=orjson.OPT_INDENT_2))
        return
    said = t("{back} of {all} would come back") if dry_run else t("{back} of {all} came back")
    click.echo(said.format(back=f"{len(done.back):,}", all=f"{done.tried:,}"))
    if done.alerts:
        click.echo(t("{n} new alerts, marked as found late", n=len(done.alerts)))
    for reason, number in Counter(one.reason for one in done.stayed).most_common(10):
        click.echo(t("{n} stay: {reason}", n=f"{number:,}", reason=plain(reason, 200)))


def _wanted(reason: str | None, origin: str | None, since: str | None) -> LineFilter:
    try:
        return LineFilter(reason, origin, moment(since, SystemClock().now()) if since else None)
    except ValueError as error:
        raise click.UsageError(str(error)) from error


def _inventory(settings: Settings) -> Path | None:
    return Path(settings.inventory) if settings.inventory else None


def _found(store: Store, id: str) -> Rejected:
    line = find(store, id)
    if line is None:
        raise SocError("no rejected line {id}, or more than one begins so", id=plain(id))
    return line


command.add_command(list_)
command.add_command(show)
command.add_command(replay)
