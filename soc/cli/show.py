"""How alerts look in a terminal. Log text is made harmless here, and never read as markup."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from soc.core.alert import Alert, EventRef
from soc.core.finding import Kind, RuleInfo
from soc.core.gist import gist
from soc.core.hostile import plain, prose
from soc.core.i18n import Translate
from soc.core.when import local

SEVERITY_STYLE = {
    "critical": "bold white on red",
    "high": "bold red",
    "medium": "yellow",
    "low": "cyan",
    "informational": "dim",
}
SHOWN = 5
WIDE = 160

# Labels that tables keep as data; the catalogue's test reads them here.
COLUMNS = ("severity", "score", "last seen", "count", "alert", "about", "id")
LABELS = (*COLUMNS, "seen", "system", "rule", "part", "found", "what to do", "state", "file", "why",
          "lines", "events", "rejected", "rule hits", "alerts", "explained by the inventory",
          "too late for correlations", "ATT&CK")  # fmt: skip


def console(*, stderr: bool = False) -> Console:
    """A terminal that neither interprets markup nor guesses at highlights; a pipe or file is WIDE columns wide."""
    made = Console(markup=False, highlight=False, emoji=False, stderr=stderr, soft_wrap=False)
    if not made.is_terminal:
        made.width = WIDE
    return made


def title_of(titled: Alert | RuleInfo, language: str) -> str:
    """The title in the reader's language, where the rule has one."""
    return plain(titled.title_vi if language == "vi" and titled.title_vi else titled.title)


def about(alert: Alert) -> str:
    """Whom it concerns, on one line: "source.ip 10.1.50.23"."""
    return ", ".join(f"{name} {plain(value, 60)}" for name, value in alert.group)


def alert_table(alerts: Iterable[Alert], t: Translate, language: str) -> Table:
    """A row an alert, the worst first."""
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for heading in COLUMNS:
        table.add_column(
            t(heading),
            justify="right" if heading in {"score", "count"} else "left",
            no_wrap=heading not in {"alert", "about"},
            overflow="fold",
        )
    for alert in alerts:
        table.add_row(
            Text(t(alert.severity), style=SEVERITY_STYLE[alert.severity]),
            str(alert.score),
            local(alert.last_seen, "%d/%m %H:%M"),
            f"{alert.count:,}",
            Text.assemble(title_of(alert, language), (f" ({t('found late')})" if alert.late else "", "magenta")),
            Text(about(alert)),
            alert.id[:8],
        )
    return table


def alert_detail(alert: Alert, t: Translate, language: str) -> RenderableType:
    """One alert in full: what, why, on what evidence, and what to do next."""
    vietnamese = language == "vi"
    parts: list[RenderableType] = [
        Text.assemble(
            (f" {t(alert.severity).upper()} ", SEVERITY_STYLE[alert.severity]),
            "  ",
            (title_of(alert, language), "bold"),
        ),
        Text(prose(alert.description_vi if vietnamese and alert.description_vi else alert.description)),
        Text(""),
        _facts(alert, t),
        _heading(t("Why")),
        _reasons(alert, t),
        _heading(t("Events ({shown} of {all})", shown=min(SHOWN, len(alert.events)), all=f"{alert.count:,}")),
        *(_event(ref.time, ref.event) for ref in _first_and_last(alert.events)),
    ]
    steps = alert.next_steps.get(language) or alert.next_steps.get("en", ())
    if steps:
        parts.append(_heading(t("What to do next")))
        parts += [Padding(Text(f"{number}. {prose(step)}"), (0, 0, 0, 2)) for number, step in enumerate(steps, 1)]
    harmless = (vietnamese and alert.false_positives_vi) or alert.false_positives
    if harmless:
        parts.append(_heading(t("It may be harmless when")))
        parts += [Padding(Text(f"- {prose(text)}"), (0, 0, 0, 2)) for text in harmless]
    return Group(*parts)


def _facts(alert: Alert, t: Translate) -> Table:
    facts = Table.grid(padding=(0, 2, 0, 0))
    rows = (
        ("id", alert.id),
        ("about", about(alert)),
        ("seen", f"{local(alert.first_seen)} – {local(alert.last_seen)}, {alert.count:,}×"),
        ("", t("found late, by soc hunt in stored events") if alert.late else ""),
        ("system", " · ".join(part for part in (alert.system, alert.unit) if part)),
        ("score", alert.formula),
        ("ATT&CK", ", ".join(f"{id} {name}" for id, name in alert.techniques)),
        ("rule", f"{alert.rule_name} ({alert.kind}) {alert.rule_id} {alert.rule_hash[:8]}".lstrip()),
    )
    for name, value in rows:
        if value:
            facts.add_row(Text(name and t(name), style="dim"), Text(plain(value)))
    return facts


def _heading(text: str) -> Text:
    return Text(f"\n{text}", style="bold")


def _reasons(alert: Alert, t: Translate) -> Table:
    table = Table.grid(padding=(0, 1, 0, 0))
    unusual = alert.kind == Kind.ANOMALY  # whose words are ours (soc.anomaly.words), and no field's name
    for reason in alert.reasons:
        table.add_row(
            Text("  ✔" if reason.matched else "  ✘", style="green" if reason.matched else "red"),
            Text(t(reason.field) if unusual else plain(reason.field)),
            Text(t(reason.operator) if unusual else plain(reason.operator), style="dim"),
            Text(plain(reason.pattern, 80), style="bold"),
            Text(f"{t('was')} {plain(reason.value, 160)}"),
        )
    return table


def _first_and_last(events: Sequence[EventRef]) -> Sequence[EventRef]:
    """Enough to see what it is; the console and --json have the others."""
    return events if len(events) <= SHOWN else (*events[: SHOWN - 2], *events[-2:])


def _event(time: int, event: dict[str, object]) -> Padding:
    line = Text.assemble((local(time), "cyan"), "  ", gist(event))
    original = Text(plain(str(event.get("event.original", "")).partition("\n")[0], 240), style="dim")
    return Padding(Group(line, original), (0, 0, 0, 2))
