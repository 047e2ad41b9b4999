"""``soc demo``: the bundled morning at a ministry through the whole pipeline, then the console."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import click
from rich.rule import Rule as Line
from rich.text import Text

from soc.cli.alerts import USUAL_STORE
from soc.cli.analyze import ranked, summary
from soc.cli.command import language, translate, verb
from soc.cli.console import serve_console
from soc.cli.progress import reading
from soc.cli.show import alert_detail, alert_table, console
from soc.core.alert import Alert
from soc.core.errors import SocError
from soc.core.settings import Settings
from soc.core.store import STORE_FILE
from soc.engines.analyze import Totals, analyze
from soc.engines.desk import Desk
from soc.engines.month import write_month
from soc.engines.source import expand
from soc.enrich import read_inventory
from soc.pipeline.build import build_pipeline, models_of
from soc.pipeline.content import load_content
from soc.pipeline.pipeline import Outcome
from soc.stores.sqlite import SqliteStore
from soc.story import INVENTORY, MODELS, write
from soc.web.accounts import ACCOUNTS_FILE, Accounts

ZONE = 7 * 3600


@verb("demo")
@click.option("--exit", "leave", is_flag=True, help="Return at once instead of keeping the console open.")
@click.option(
    "--folder", default=USUAL_STORE.parent, show_default=True, type=click.Path(path_type=Path), help="Where to put it."
)
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8765, show_default=True, help="The console's port (0: any)."
)
@click.option("--write", "only", type=click.Path(path_type=Path), help="Only write the logs into this folder.")
@click.option("--month", is_flag=True, help="Two made-up months of alerts instead, to try soc report on; returns.")
def command(leave: bool, folder: Path, port: int, only: Path | None, month: bool) -> None:
    """Replay a morning of a ministry's firewall, IDS, mail and web logs and show what is found.

    The logs are made up, in the devices' real formats: 95 of 100 lines and more are ordinary traffic.
    """
    t = translate()
    if only is not None:
        only.mkdir(parents=True, exist_ok=True)
        click.echo(t("{lines} lines in {folder}", lines=f"{write(only).lines:,}", folder=only))
        return
    terminal = console()
    logs, store_file = folder / "logs", folder / STORE_FILE
    if (folder / "spool").exists():
        raise SocError("{folder} holds the data of soc run; choose another --folder", folder=folder)
    if month:
        _month(store_file)
        return
    try:
        logs.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SocError(folder, error.strerror) from error
    terminal.print(Text(t("Writing a morning's logs to {folder}", folder=logs)))
    story = write(logs)
    totals = _replay(story.files, store_file)
    terminal.print(Line(t("What came of it"), align="left"))
    terminal.print(summary(totals, t))
    alerts = ranked(totals.alerts.values())
    terminal.print(Line(t("Alerts"), align="left"))
    terminal.print(alert_table(alerts, t, language()))
    if alerts:
        terminal.print(Line(t("One of them in full"), align="left"))
        terminal.print(alert_detail(alerts[0], t, language()))
    terminal.print(Line(t("Next"), align="left"))
    for arguments in _next_commands(alerts, store_file):
        terminal.print(Text(f"  {_program()} {arguments}"))
    if leave:
        return
    serve_console(
        lambda: SqliteStore.read_only(store_file),
        lambda: SqliteStore(store_file),
        Accounts(store_file.parent / ACCOUNTS_FILE),
        Desk(Settings(), store_file.parent),
        "127.0.0.1",
        port,
        or_any_port=True,
    )


def _month(store_file: Path) -> None:
    """September and October 2026, in place of what the demo's store had."""
    t = translate()
    store = _fresh(store_file)
    try:
        alerts = write_month(store, load_content(), read_inventory(INVENTORY))
        events = store.counts()["events"]
    finally:
        store.close()
    click.echo(
        t(
            "{alerts} alerts and {events} events of two months in {file}",
            alerts=f"{alerts:,}",
            events=f"{events:,}",
            file=store_file,
        )
    )
    where = "" if store_file == USUAL_STORE else f"--store {shlex.quote(str(store_file))} "
    click.echo(f"  {_program()} report 2026-10 {where}--inventory {shlex.quote(str(INVENTORY))} --out 2026-10.pdf")


def _fresh(store_file: Path) -> SqliteStore:
    for old in store_file.parent.glob(store_file.name + "*"):
        old.unlink()
    return SqliteStore(store_file)


def _next_commands(alerts: list[Alert], store_file: Path) -> list[str]:
    where = "" if store_file == USUAL_STORE else f"--store {shlex.quote(str(store_file))} "
    shown = [f"alerts {where}show {alerts[-1].id[:8]}"] if alerts else []
    return [*shown, f"alerts {where}--severity high", f"analyze {translate()('YOUR-LOG-FILES')}"]


def _program() -> str:
    """The command as it was typed, from here: .venv/bin/soc."""
    typed = Path(sys.argv[0])
    if typed.is_absolute() and typed.is_relative_to(Path.cwd()):
        typed = typed.relative_to(Path.cwd())
    return str(typed) if typed.name == "soc" else "soc"


def _replay(files: tuple[Path, ...], store_file: Path) -> Totals:
    t = translate()
    store = _fresh(store_file)

    def keep(outcome: Outcome) -> None:
        store.put_events(outcome.events)
        store.put_rejected(outcome.rejected)
        store.put_alerts(outcome.alerts)

    pipeline = build_pipeline(load_content(), INVENTORY, zone=ZONE, lateness="10m", anomaly=models_of(MODELS))
    with reading(t) as progress:
        totals = analyze(pipeline, expand(files), "auto", zone=ZONE, carry_out=keep, progress=progress)
    store.commit()
    store.close()
    return totals
