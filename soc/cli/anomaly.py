"""``soc anomaly``: models of what is usual: trained, promoted, measured, looked at."""

from __future__ import annotations

from contextlib import closing
from importlib.util import find_spec
from pathlib import Path

import click
from rich.table import Table
from rich.text import Text

from soc.anomaly.budget import USUAL_BUDGET
from soc.anomaly.content import NAMES, described
from soc.anomaly.evaluate import NORMAL, Figure, on_table, on_world, read_table
from soc.anomaly.generate import WORLD, World
from soc.anomaly.replay import replayed
from soc.anomaly.train import history, train
from soc.anomaly.versions import PROMOTED, SHADOW, About, Versions
from soc.cli.alerts import open_store, settings_asked, store_option
from soc.cli.command import TranslatedGroup, language_option, translate, verb
from soc.cli.installed import period
from soc.cli.show import console
from soc.core.clock import SystemClock
from soc.core.errors import SocError
from soc.core.hostile import plain
from soc.core.when import local


@click.group("anomaly", cls=TranslatedGroup)
@language_option
def command() -> None:
    """Train models of what is usual on the stored events, measure them, and see what they raise."""


data_option = click.option(
    "--data-dir", "data", type=click.Path(path_type=Path), help="The data folder; otherwise that of soc.yml."
)


def _data(given: Path | None) -> Path:
    return given or Path(settings_asked().data_dir)


def _needs_sklearn() -> None:
    if find_spec("sklearn") is None:
        raise SocError("scikit-learn is missing: pip install 'soc-pipeline[anomaly]'")


@verb("train")
@click.option("--since", default="30d", show_default=True, metavar="TIME", help="Events since: 2026-10-05, or 30d ago.")
@click.option("--until", metavar="TIME", help="Events before.")
@click.option(
    "--budget",
    type=click.FloatRange(0.1, 10_000),
    default=USUAL_BUDGET,
    show_default=True,
    help="Alerts a day of all models together.",
)
@data_option
@store_option
def train_(since: str, until: str | None, budget: float, data: Path | None, path: Path | None) -> None:
    """Learn from the stored events and make a new version, as the shadow.

    Two thirds of the time teach the models, the last third sets the thresholds, so that all models together keep to the
    budget there. A shadow raises no alert until it is promoted.
    """
    t = translate()
    _needs_sklearn()
    begin, end = period(since, until)
    with closing(open_store(path)) as store:
        parts = history(store.events(begin, end))
    content = described()
    about = Versions(_data(data)).write(train(content, parts, budget), content, SystemClock().now())
    _show(about)
    click.echo(t("version {version} is the shadow; soc anomaly promote makes its alerts count", version=about.version))


@verb("promote")
@click.argument("version", required=False)
@data_option
def promote(version: str | None, data: Path | None) -> None:
    """Make a version's alerts count; without VERSION the shadow's."""
    about = Versions(_data(data)).promote(version)
    click.echo(translate()("version {version} is promoted", version=about.version))


@verb("status")
@click.option("--since", metavar="TIME", help="Also run them over the stored events since then: the realised rate.")
@data_option
@store_option
def status(since: str | None, data: Path | None, path: Path | None) -> None:
    """Show the versions, their thresholds, and the rate of alerts against the budget.

    Exit status: 0 there is a promoted version, 1 there is none.
    """
    t = translate()
    versions = Versions(_data(data))
    promoted, shadow = versions.named(PROMOTED), versions.named(SHADOW)
    parts = None
    if since is not None:
        begin, end = period(since, None)
        with closing(open_store(path)) as store:
            parts = history(store.events(begin, end))
    for about in versions.all():
        role = PROMOTED if about.version == promoted else SHADOW if about.version == shadow else "kept"
        word = {PROMOTED: t("promoted"), SHADOW: t("shadow"), "kept": t("kept")}[role]
        click.echo(f"{about.version}  {word}  {local(about.trained)}")
        if role != "kept":
            _show(about)
            if parts:
                real = replayed(versions.alone(about.version, described()), parts)
                click.echo(t("realised: {rate} alerts a day over {days} days, of a budget of {budget}",
                             rate=f"{real.rate:.1f}", days=f"{real.days:.1f}", budget=f"{about.budget:g}"))  # fmt: skip
    if not promoted:
        click.echo(t("no version is promoted"))
    raise SystemExit(0 if promoted else 1)


def _show(about: About) -> None:
    t = translate()
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for heading in (t("model"), t("threshold"), t("candidates"), t("alerts")):
        table.add_column(heading, justify="left" if heading == t("model") else "right")
    for name, level in about.thresholds.items():
        table.add_row(name, f"{level:.3f}", str(about.candidates[name]), str(about.alerts[name]))
    console().print(table)
    click.echo(t("calibrated on {since} to {until}: {rate} alerts a day, of a budget of {budget}",
                 since=local(about.middle), until=local(about.until), rate=f"{about.rate:.1f}",
                 budget=f"{about.budget:g}"))  # fmt: skip


@verb("evaluate")
@click.option("--data", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="A labelled CSV file.")
@click.option("--label", metavar="COLUMN", help="The column that says which rows are anomalies.")
@click.option("--normal", metavar="VALUE", multiple=True, help="A label that means no anomaly; 0, normal, benign ...")
@click.option("--model", type=click.Choice(NAMES), help="This model only, beside the baselines.")
@click.option("--hosts", type=click.IntRange(2, 500), default=WORLD.hosts, show_default=True, help="Hosts to generate.")
@click.option("--days", type=click.IntRange(3, 60), default=WORLD.days, show_default=True, help="Days to generate.")
@click.option("--attacks", type=click.IntRange(1, 200), default=WORLD.attacks, show_default=True,
              help="Attacks of each kind to plant.")  # fmt: skip
@click.option("--seed", type=int, default=WORLD.seed, show_default=True, help="Of what is generated.")
def evaluate(
    data: Path | None,
    label: str | None,
    normal: tuple[str, ...],
    model: str | None,
    hosts: int,
    days: int,
    attacks: int,
    seed: int,
) -> None:
    """Print AUC and recall at 1 % false positives, beside simple baselines.

    Without --data on a generated history with planted attacks. A CSV file has rows of numbers, no hosts and times, so
    there it is the forest that is measured: on half of the rows, learned on the other half without labels.
    """
    t = translate()
    _needs_sklearn()
    if (data is None) != (label is None):
        raise click.UsageError(t("--data and --label go together"))
    if data is None or label is None:
        click.echo(t("generated: {hosts} hosts, {days} days, {attacks} attacks of each kind, seed {seed}",
                     hosts=hosts, days=days, attacks=attacks, seed=seed))  # fmt: skip
        figures = on_world(described(), World(hosts, days, attacks, seed))
    else:
        if model not in (None, "forest"):
            raise click.UsageError(t("a table of numbers has no hosts and times: only the forest can be measured"))
        table = read_table(data, label, tuple(value.strip().lower() for value in normal) or NORMAL)
        click.echo(t("{rows} rows, {anomalies} of them anomalies, {columns} numeric columns; left out: {skipped}",
                     rows=len(table.rows), anomalies=sum(table.labels), columns=len(table.columns),
                     skipped=plain(", ".join(table.skipped)) or "-"))  # fmt: skip
        figures = on_table(table)
    _print([one for one in figures if model in (None, one.method) or one.method not in (*NAMES, "all models")])


def _print(figures: list[Figure]) -> None:
    t = translate()
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for heading in (t("anomalies"), t("method"), "AUC", t("recall at 1 % FPR")):
        table.add_column(heading, overflow="fold")
    for one in figures:
        kind = t(one.kind) if one.kind else t("all")
        table.add_row(kind, Text(plain(one.method)), f"{one.auc:.3f}", f"{one.recall:.3f}")
    console().print(table)


command.add_command(train_)
command.add_command(promote)
command.add_command(evaluate)
command.add_command(status)
