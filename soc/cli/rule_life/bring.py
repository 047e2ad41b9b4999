"""``soc rules import``: brings in a pack of rules, and says what it changes."""

from __future__ import annotations

import shlex
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click
import orjson
from rich.text import Text

from soc.cli.alerts import open_store, store_option
from soc.cli.command import today, translate, verb
from soc.cli.installed import mutes_here, period, settings_here
from soc.cli.progress import looking_back
from soc.cli.rule_life.words import because, titled
from soc.cli.show import console
from soc.core.clock import SystemClock
from soc.core.event import iso
from soc.core.gist import gist
from soc.core.hostile import plain
from soc.core.settings import zone_seconds
from soc.core.when import local
from soc.engines.bring import Brought, bring, put
from soc.engines.hunt import Would, by_rule, hunt
from soc.pipeline.build import build_pipeline
from soc.pipeline.changes import Changes, changes, within
from soc.pipeline.choose import only
from soc.pipeline.content import Content, load_content
from soc.pipeline.mutes import read_mutes
from soc.pipeline.packs import PACKS, stage
from soc.pipeline.states import Row

SHOWN = 10


@verb("import")
@click.argument("source", metavar="PATH|ZIP|URL")
@click.option("--into", type=click.Path(path_type=Path), help="The pack's own folder, else packs/NAME in data_dir.")
@click.option("--checksum", default="", metavar="sha256:HEX", help="Refuse an archive with another checksum.")
@click.option("--preview", is_flag=True, help="Do not install; show what would have fired on the stored events.")
@click.option("--since", default="7d", show_default=True, metavar="TIME", help="With --preview: events since.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document instead of text.")
@store_option
def import_(
    source: str, into: Path | None, checksum: str, preview: bool, since: str, as_json: bool, path: Path | None
) -> None:
    """Bring in SigmaHQ's rules or any pack: a folder, a .zip, a .tar (gz, xz, zst), or an address of one.

    Only YAML files are taken. An earlier version is replaced as a whole; mutes, filters and lists of your own lie
    elsewhere and stay. Says which rules came, went or changed, and which are rejected or blind now.
    """
    t = translate()
    settings = settings_here()
    brought = bring(source, into, Path(settings.data_dir) / PACKS, checksum)
    content, found = _compare(brought)
    report: dict[str, Any] = _report(brought, found)
    if preview:
        would = _preview(content, found, since, path)
        report["preview"] = {id: _as_json(one) for id, one in would.items()}
    elif not brought.same:
        put(brought, iso(SystemClock().now()))
        report["installed"] = True
    if as_json:
        click.echo(orjson.dumps(report, option=orjson.OPT_INDENT_2))
        return
    _print(brought, found)
    if preview:
        _print_preview(would, {row.id: row for row in (*found.added, *found.changed)})
        digest = f"sha256:{brought.unpacked.sha256}"
        where = ["--into", str(into)] if into else []
        click.echo(t("nothing is installed; to do so: {command}",
                     command=shlex.join(["soc", "rules", "import", source, *where, "--checksum", digest])))  # fmt: skip
    elif not brought.same:
        click.echo(t("installed in {pack}", pack=brought.pack))
        if into:
            click.echo(t("soc.yml needs this line: {line}", line=f"rules: [{plain(into)}]"))
        else:
            click.echo(t("soc run loads it by itself; soc analyze with --rules {pack}", pack=brought.pack))


def _compare(brought: Brought) -> tuple[Content, Changes]:
    """The new version, loaded, and what is different from the one that is installed."""
    mutes = read_mutes(mutes_here())
    before: list[Row] = []
    if brought.before:
        before = within(brought.pack, load_content([brought.pack], shipped=False, mutes=mutes, today=today()))
    with TemporaryDirectory(prefix="soc-pack-") as folder:
        staged = stage(Path(folder), brought.unpacked.files)
        content = load_content([staged], shipped=False, mutes=mutes, today=today())
        return content, changes(before, within(staged, content))


def _preview(content: Content, found: Changes, since: str, path: Path | None) -> dict[str, Would]:
    """Rule id -> what it would have raised on the stored events."""
    t = translate()
    settings = settings_here()
    begin, end = period(since, None)
    silent = {rule.info.id for rule in content.rules if rule.info.silent}
    fresh = (*found.added, *found.changed)
    wanted = [row.id for row in fresh if row.state == "active" and row.id not in silent]
    inventory = Path(settings.inventory) if settings.inventory else None
    zone = zone_seconds(settings.timezone)
    pipeline = build_pipeline(
        only(content, wanted), inventory, zone=zone, lateness=settings.lateness, fold=settings.fold
    )
    with closing(open_store(path)) as store, looking_back(t, begin, end) as progress:
        hunted = hunt(store, pipeline, begin, end, progress)
    return by_rule(hunted)


def _report(brought: Brought, found: Changes) -> dict[str, Any]:
    lists = {name: [row._asdict() for row in getattr(found, name)] for name in _LISTS}
    return {
        "source": brought.source,
        "pack": str(brought.pack),
        "sha256": brought.unpacked.sha256,
        "files": len(brought.unpacked.files),
        "kept_out": dict(sorted(brought.unpacked.kept_out.items())),
        "same": brought.same,
        "installed": False,
        "states": found.states,
        **lists,
    }


_LISTS = ("added", "removed", "changed", "rejected", "blind")


def _as_json(one: Would) -> dict[str, Any]:
    times = {"first": iso(one.first), "last": iso(one.last)}
    return {**one._asdict(), **times, "examples": _examples(one)}


def _examples(one: Would) -> list[dict[str, object]]:
    """The first event of each of its examples, in wire form."""
    return [alert.events[0].event for alert in one.examples]


def _print(brought: Brought, found: Changes) -> None:
    t = translate()
    kept_out = ", ".join(f"{count} {reason}" for reason, count in sorted(brought.unpacked.kept_out.items()))
    click.echo(t("{n} rule files", n=len(brought.unpacked.files)))
    if kept_out:
        click.echo(t("left out: {why}", why=plain(kept_out)))
    click.echo(f"sha256:{brought.unpacked.sha256}")
    click.echo(", ".join(f"{count} {t(word)}" for word, count in found.states.items()))
    if brought.same:
        click.echo(t("nothing changed"))
        return
    for heading, listed, tell in (
        (t("new"), found.added, False),
        (t("gone"), found.removed, False),
        (t("changed"), found.changed, False),
        (t("newly rejected"), found.rejected, True),
        (t("newly blind"), found.blind, True),
    ):
        if listed:
            click.echo(f"{heading}: {len(listed)}")
        for row in listed[:SHOWN]:
            what = (
                f"{t(row.level)}  {titled(row.title, row.title_vi)}  {row.id}" if row.id else f"{row.path}:{row.line}"
            )
            why = f"  {because(row.reason)}" if tell else ""
            click.echo(plain(f"  {what}{why}"))
        if len(listed) > SHOWN:
            click.echo("  " + t("and {n} more; --json has all", n=len(listed) - SHOWN))


def _print_preview(would: dict[str, Would], known: dict[str, Row]) -> None:
    t = translate()
    if not would:
        click.echo(t("none of the new or changed rules would have fired"))
    for id, one in sorted(would.items(), key=lambda item: (-item[1].alerts_a_day, item[0])):
        row = known[id]
        click.echo(plain(f"{t(row.level)}  {titled(row.title, row.title_vi)}"))
        click.echo("  " + t("{hits} events, {first} – {last}, about {n} alerts a day", hits=f"{one.hits:,}",
                            first=local(one.first), last=local(one.last), n=f"{one.alerts_a_day:.1f}"))  # fmt: skip
        for event in _examples(one):
            console().print(Text(f"    {local(str(event['@timestamp']))}  ").append(gist(event)))
