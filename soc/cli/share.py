"""``soc share``: alerts and their indicators to the national centre, through an exit gate and a durable outbox."""

from __future__ import annotations

import signal
import threading
from contextlib import closing
from pathlib import Path

import click

from soc.cli.alerts import open_store, settings_asked, settings_asked_option, store_option
from soc.cli.command import TranslatedGroup, language_option, translate, verb
from soc.cli.share_status import print_status, status_document
from soc.core.clock import Clock, SystemClock
from soc.core.errors import SocError
from soc.core.hostile import plain
from soc.core.settings import Settings, duration, moment
from soc.engines.share import outbox_of, queue, release, sending, since
from soc.sharing.outbox import Outbox
from soc.sharing.tlp import MARKINGS

QUEUE_EVERY = 15_000_000
"""µs between looks for alerts to queue."""
EVERY = 2.0
"""Seconds between rounds; the outbox itself says what is due."""


@click.group("share", cls=TranslatedGroup)
@language_option
def command() -> None:
    """Share alerts with the national centre: what may leave, each item exactly once."""


@verb("queue")
@click.argument("ids", nargs=-1, metavar="[ALERT_ID]...")
@store_option
@click.option("--since", "begin", metavar="TIME", help="All alerts seen since, from share.min_severity on.")
@click.option("--tlp", type=click.Choice(list(MARKINGS)), help="Who may be told, instead of share.tlp.")
def queue_alerts(ids: tuple[str, ...], path: Path | None, begin: str | None, tlp: str | None) -> None:
    """Put alerts through the exit gate into the outbox, by id or all since a time.

    Queueing the same state of an alert twice queues it once. Our own addresses, host names and mail addresses are taken
    out; what TLP keeps inside, or has nothing left, is held until somebody releases it.
    """
    t = translate()
    if bool(ids) == bool(begin):
        raise click.UsageError(t("give ids of alerts, or --since"))
    clock, settings = SystemClock(), settings_asked()
    try:
        start = moment(begin, clock.now()) if begin else 0
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    with closing(open_store(path)) as store, closing(outbox_of(settings)) as outbox:
        alerts = [alert for id in ids if (alert := store.alert(id))]
        if len(alerts) < len(ids):
            missing = next(id for id in ids if store.alert(id) is None)
            raise SocError("no alert {id}, or more than one begins so", id=missing)
        wanted = alerts if ids else since(store, start, settings.share.min_severity)
        done = queue(wanted, outbox, settings, clock, tlp or "")
    click.echo(t("{queued} queued, {held} of them held; {known} there already", **_counts(done)), err=True)


def _counts(done: object) -> dict[str, int]:
    return {name: getattr(done, name) for name in ("queued", "held", "known")}


@verb("send")
@settings_asked_option
@click.option("--follow", is_flag=True, help="Go on until Ctrl-C, at the pace that the centre bears.")
@click.option("--timeout", type=click.FloatRange(0.1, 600), default=30, show_default=True, help="Seconds to wait.")
@click.option(
    "--queue", "reach", metavar="TIME", help="Before each round, also queue the alerts seen so lately, such as 24h."
)
def send_items(follow: bool, timeout: float, reach: str | None) -> None:
    """Send what is due to the national centre, and look after what is pending there.

    Exit status: 0 everything is accepted or held, 1 something waits or was not taken, 2 wrong usage, or the centre
    refuses us altogether.
    """
    t = translate()
    stop = threading.Event()
    clock, settings = SystemClock(), settings_asked()
    span = _span(reach) if reach else 0
    if follow:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
    with closing(outbox_of(settings)) as outbox, sending(settings, outbox, clock, timeout) as courier:
        due = 0
        while True:
            if span and clock.now() >= due:
                due = clock.now() + QUEUE_EVERY
                _queue_latest(settings, outbox, clock, span)
            done = courier.round(lambda: not stop.is_set())
            if done.accepted or done.refused or not follow:
                said = t(
                    "{accepted} accepted, {pending} pending, {refused} not taken",
                    accepted=done.accepted,
                    pending=done.pending,
                    refused=done.refused,
                )
                click.echo(f"{said}  {done.stopped}".rstrip(), err=True)
            if not follow or stop.wait(EVERY):
                break
        counts = outbox.counts()
    raise SystemExit(1 if any(counts[state] for state in ("waiting", "sending", "pending", "refused")) else 0)


def _span(reach: str) -> int:
    try:
        return duration(reach)
    except ValueError as error:
        raise click.UsageError(str(error)) from error


def _queue_latest(settings: Settings, outbox: Outbox, clock: Clock, span: int) -> None:
    """A store that is away for a moment is asked again with the next round."""
    t = translate()
    try:
        with closing(open_store(None)) as store:
            done = queue(since(store, clock.now() - span, settings.share.min_severity), outbox, settings, clock)
    except SocError as error:
        click.echo(f"soc: {plain(error.told(t))}", err=True)
    else:
        if done.queued:
            click.echo(t("{queued} queued, {held} of them held; {known} there already", **_counts(done)), err=True)


@verb("status")
@settings_asked_option
@click.option("--json", "as_json", is_flag=True, help="One JSON document instead of a table.")
def show_status(as_json: bool) -> None:
    """Tell how sharing stands: connected or not, what waits, what is held and why, what was accepted this month.

    Exit status: 0 nothing needs a person, 1 something is held or was not taken, or the centre does not answer.
    """
    settings = settings_asked()
    with closing(outbox_of(settings)) as outbox:
        document = status_document(outbox, SystemClock().now())
    print_status(document, translate(), as_json=as_json)
    raise SystemExit(1 if document["attention"] else 0)


@verb("release")
@click.argument("id")
@settings_asked_option
@click.option("--by", required=True, metavar="NAME", help="Who decides; kept with the item.")
@click.option("--reason", required=True, metavar="TEXT", help="Why; kept with the item.")
@click.option("--whole", is_flag=True, help="With our own addresses and names as well, which are left out otherwise.")
def release_item(id: str, by: str, reason: str, whole: bool) -> None:
    """Let a held item go to the national centre. A beginning of its id will do."""
    t = translate()
    if not by.strip() or not reason.strip():
        raise click.UsageError(t("--by and --reason must not be empty"))
    settings = settings_asked()
    with closing(outbox_of(settings)) as outbox:
        item = outbox.find(id)
        release(outbox, item, settings, SystemClock(), by.strip(), reason.strip(), whole=whole)
    click.echo(t("released: {title}", title=item.title), err=True)


for each in (queue_alerts, send_items, show_status, release_item):
    command.add_command(each)
