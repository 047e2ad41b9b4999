"""``soc playbook``: what is done about an alert, step by step: checked, tried, run, watched, approved."""

from __future__ import annotations

import os
import pwd
from contextlib import closing
from pathlib import Path

import click
import msgspec
import orjson

from soc.cli.alerts import open_store, settings_asked, store_option
from soc.cli.command import TranslatedGroup, language, language_option, translate, verb
from soc.cli.playbook_show import planned_table, run_detail, runs_table
from soc.cli.show import console
from soc.core.clock import SystemClock
from soc.core.errors import SocError
from soc.core.hostile import plain
from soc.engines.desk import Desk
from soc.respond.cacao import cacao
from soc.respond.plan import Opened
from soc.respond.playbook import Playbook
from soc.respond.playbook_load import load_playbooks
from soc.respond.run import DECISIONS, Answered, Approved, Rejected
from soc.respond.variables import suits

by_option = click.option("--by", required=True, metavar="NAME", help="Who does it; it is kept.")


@click.group("playbook", cls=TranslatedGroup)
@language_option
def command() -> None:
    """Run playbooks for alerts: steps for people and for firewalls, with approval before what takes something away."""


@verb("check")
@click.argument("folders", nargs=-1, type=click.Path(exists=True, path_type=Path))
def check(folders: tuple[Path, ...]) -> None:
    """Check playbooks, and say by file and line what is wrong.

    Without folders: the shipped ones and those of soc.yml. Exit status: 0 all is well, 1 something is wrong.
    """
    t = translate()
    found, problems = load_playbooks(folders or _desk().folders())
    for playbook in found.values():
        click.echo(f"{playbook.id}  {plain(_title(playbook))}  ({t('{n} steps', n=len(playbook.steps))})")
    for problem in problems:
        click.echo(plain(problem), err=True)
    click.echo(t("{n} playbooks, {m} problems", n=len(found), m=len(problems)))
    raise SystemExit(1 if problems else 0)


@verb("export")
@click.argument("playbook")
@click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), help="The file to write; otherwise the terminal."
)
def export(playbook: str, out: Path | None) -> None:
    """Write a playbook as CACAO 2.0 JSON, in the language of --lang. The same playbook gives the same bytes."""
    document = cacao(_playbook(playbook), vietnamese=language() == "vi")
    raw = orjson.dumps(document, option=orjson.OPT_INDENT_2)
    if out:
        out.write_bytes(raw + b"\n")
    else:
        click.echo(raw)


@verb("run")
@click.argument("playbook")
@click.argument("alert")
@by_option
@click.option("--dry-run", is_flag=True, help="Do nothing, and show what would be done.")
@click.option("--again", is_flag=True, help="Once more for the same alert.")
@store_option
def run(playbook: str, alert: str, by: str, dry_run: bool, again: bool, path: Path | None) -> None:
    """Run a playbook for an alert (a beginning of its id will do), as far as it goes without a person.

    What takes something from somebody waits for approval: by another person, and by two where the system's level is 3
    or higher, or unknown. What is on the never-touch list is refused, whoever approved it.
    """
    t = translate()
    book, desk = _playbook(playbook), _desk()
    with closing(open_store(path)) as store:
        found = store.alert(alert)
    if found is None:
        raise SocError("no alert {id}, or more than one begins so", id=plain(alert))
    if not suits(book, found):
        click.echo(t("note: this playbook is not meant for alerts of this rule"), err=True)
    if dry_run:
        console().print(planned_table(desk.planned(book, found), t, language()))
        click.echo(t("a dry run: nothing was done"))
        return
    _show(desk.start(book, found, by, again=again).id)


@verb("status")
@click.argument("id", required=False)
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def status(id: str | None, as_json: bool) -> None:
    """List the runs, or tell one in full: what was done by whom, what it waits for, and what is still to come."""
    t = translate()
    if id is None:
        runs = [one for one, _ in _desk().runs()]
        if as_json:
            for one in runs:
                click.echo(msgspec.json.encode(one))
        elif runs:
            console().print(runs_table(runs, t))
        else:
            click.echo(t("no runs"), err=True)
    elif as_json:
        opened = _opened(id)
        audit = [line._asdict() for line in opened.audit]
        click.echo(orjson.dumps({"run": msgspec.to_builtins(opened.run), "audit": audit}, option=orjson.OPT_INDENT_2))
    else:
        _show(id)


@verb("approve")
@click.argument("id")
@click.argument("step")
@by_option
@click.option("--reject", metavar="REASON", help="Say no, and why; the run ends.")
def approve(id: str, step: str, by: str, reject: str | None) -> None:
    """Approve a run's step, or reject it. Who asked for the run cannot approve it alone."""
    now = SystemClock().now()
    said = Approved(step, by, now) if reject is None else Rejected(step, by, reject, now)
    _show(_desk().say(id, said).id)


@verb("done")
@click.argument("id")
@click.argument("step")
@by_option
@click.option("--answer", default="", metavar="CHOICE", help="The choice that the step asks for.")
def done(id: str, step: str, by: str, answer: str) -> None:
    """Say that a run's manual step is done, with its choice.

    Of an action that failed, or of which nobody knows whether it was done, say with --answer: done, again or stop.
    """
    _show(_desk().say(id, Answered(step, by, answer, SystemClock().now())).id)


@verb("resume")
def resume() -> None:
    """Go on with every open run after a crash, and pass on deadlines that were missed. Safe at any time, such as by
    cron.

    A step that is late is told to somebody else; one that is late again ends its run.
    """
    t = translate()
    runs = _desk().resume()
    if runs:
        console().print(runs_table(runs, t))
    click.echo(t("{n} open runs", n=sum(not one.over for one in runs)), err=True)


def _desk() -> Desk:
    return Desk(settings_asked(), account=_account())


def _account() -> str:
    """The user of this machine who types: kept in the audit beside the name that is given."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a container's user need not have a name
        return str(os.getuid())


def _playbook(id: str) -> Playbook:
    """By id, or a file. SocError says what is wrong with it, or that there is none."""
    named = Path(id)
    found, problems = load_playbooks([named]) if named.is_file() else _desk().playbooks()
    if named.is_file() and problems:
        raise SocError("; ".join(map(str, problems)))
    if named.is_file() and found:
        return next(iter(found.values()))
    if id not in found:
        raise SocError("no playbook {id}; there are: {ids}", id=plain(id), ids=", ".join(found))
    return found[id]


def _title(playbook: Playbook) -> str:
    return playbook.title_vi if language() == "vi" else playbook.title


def _opened(id: str) -> Opened:
    opened = _desk().run(id)
    if opened is None:
        raise SocError("no run {id}, or more than one begins so", id=plain(id))
    return opened


def _show(id: str) -> None:
    opened = _opened(id)
    console().print(run_detail(opened, translate(), language()))
    if opened.run.waits == "decision":
        click.echo(translate()("say with --answer: {choices}", choices=", ".join(DECISIONS)))


for one in (check, export, run, status, approve, done, resume):
    command.add_command(one)
