"""The report's tables."""

from __future__ import annotations

from collections.abc import Mapping

from soc.posture import plots
from soc.posture.blocks import Block, Paragraph, Plot, Table
from soc.posture.facts import Facts, Spread
from soc.posture.voice import Voice
from soc.posture.words import month_of


def incidents(facts: Facts, voice: Voice, units: Mapping[str, str]) -> list[Block]:
    """The suspected incidents, and what makes one."""
    t = voice.t
    said = t(
        "Alerts on a shared host within 24 hours of one another, at least one of them high or worse, with three "
        "tactics of ATT&CK or more between them."
    )
    if not facts.incidents:
        return [Paragraph(t("None.")), Paragraph(said, note=True)]
    rows = tuple(
        (
            f"{voice.moment(chain.first)} – {voice.moment(chain.last)}",
            voice.title(chain.title, chain.title_vi),
            " → ".join(chain.tactics),
            ", ".join(units.get(unit, unit) for unit in chain.units) or "–",
            voice.number(len(chain.alerts)),
        )
        for chain in facts.incidents
    )
    head = (t("when"), t("gravest alert"), t("tactics"), t("units"), t("alerts"))
    return [Table(head, rows, 4, (4, 6, 6, 4, 2)), Paragraph(said, note=True)]


def severities(facts: Facts, voice: Voice, previous: Facts | None) -> Table:
    """Alerts by severity with their share, beside the month before."""
    t, number = voice.t, voice.number
    head = [t("severity"), t("alerts"), t("share")]
    rows = [[t(word), number(n), voice.percent(n, facts.alerts)] for word, n in facts.severities]
    rows.append([t("all"), number(facts.alerts), voice.percent(facts.alerts, facts.alerts)])
    if previous is not None and previous.complete:
        head.append(voice.month(month_of(previous)))
        for row, n in zip(rows, [*(n for _, n in previous.severities), previous.alerts], strict=True):
            row.append(number(n))
    return Table(tuple(head), tuple(map(tuple, rows)), 1, (4, *(2 for _ in head[1:])))


def times(facts: Facts, voice: Voice) -> list[Block]:
    """How long things took, and from when to when."""
    t = voice.t
    kinds = ((t("to detect"), facts.detect), (t("to acknowledge"), facts.acknowledge), (t("to resolve"), facts.resolve))
    rows = tuple((word, *_spread(spread, voice)) for word, spread in kinds)
    said = t(
        "From an alert's first event; to detect: until its line was received, for rules on one event. n: alerts for "
        "which the store has both times."
    )
    blocks: list[Block] = [Table((t("time"), t("median"), t("90th percentile"), "n"), rows, 1, (4, 2, 2, 2))]
    if facts.detect.n:
        title = t("time to detect")
        blocks.append(Plot(plots.durations(facts.detect, voice, title), title))
    return [*blocks, Paragraph(said, note=True)]


def noise(facts: Facts, voice: Voice) -> Table:
    """The rules with the most alerts."""
    t, number = voice.t, voice.number
    rows = tuple(
        (
            voice.title(noisy.title, noisy.title_vi),
            number(noisy.alerts),
            voice.percent(noisy.alerts, facts.alerts),
            number(noisy.events),
            number(noisy.untouched),
        )
        for noisy in facts.noise
    )
    return Table((t("rule"), t("alerts"), t("share"), t("events"), t("still new")), rows, 1, (8, 2, 2, 2, 2))


def _spread(spread: Spread, voice: Voice) -> tuple[str, str, str]:
    if not spread.n:
        return "–", "–", "0"
    return voice.duration(spread.median), voice.duration(spread.p90), voice.number(spread.n)
