"""The monthly report: its sections in order, from the facts."""

from __future__ import annotations

from collections.abc import Mapping

from soc.posture import plots
from soc.posture.blocks import Block, Document, Figures, Heading, Paragraph, Plot
from soc.posture.facts import Facts
from soc.posture.strip import MOST_SOURCES, silence
from soc.posture.tables import incidents, noise, severities, times
from soc.posture.voice import Voice
from soc.posture.words import figures, month_of, summary


def document(
    facts: Facts,
    language: str,
    *,
    previous: Facts | None = None,
    names: Mapping[str, str] | None = None,
    organisation: str = "",
) -> Document:
    """previous: the month before, to compare with. names: unit id -> its name in the language."""
    voice, units = Voice(language, facts.zone), names or {}
    t = voice.t
    blocks: tuple[Block, ...] = (
        Figures(figures(facts, voice)),
        *(Paragraph(said) for said in summary(facts, voice, previous)),
        Heading(t("Suspected incidents")),
        *incidents(facts, voice, units),
        Heading(t("Alerts by day and severity")),
        severities(facts, voice, previous),
        Plot(plots.by_day(facts, voice), t("Alerts by day and severity")),
        Heading(t("Alerts by unit and security level")),
        Plot(plots.by_unit(facts, voice, units), t("Alerts by unit and security level")),
        Heading(t("Times to detect, acknowledge and resolve")),
        *times(facts, voice),
        Heading(t("Sources and the hours they were silent")),
        *_sources(facts, voice),
        Heading(t("Coverage of ATT&CK")),
        Plot(plots.coverage(facts, voice), t("Tactics of ATT&CK: rules and alerts")),
        Heading(t("Rules with the most alerts")),
        noise(facts, voice),
        Heading(t("Sharing")),
        Paragraph(_sharing(facts, voice)),
    )
    days = t("from {first} to {last}", first=voice.day(facts.start), last=voice.day(facts.end - 1))
    return Document(
        language,
        t("Security monitoring, {month}", month=voice.month(month_of(facts))),
        f"{organisation} · {days}" if organisation else days,
        t("page"),
        facts.end,
        facts.zone,
        blocks,
    )


def _sources(facts: Facts, voice: Voice) -> list[Block]:
    t = voice.t
    blocks: list[Block] = [Plot(silence(facts, voice), t("Hours without events, by source"))]
    more = facts.sources[MOST_SOURCES:]
    if more:  # what the strip has no room for is said
        hours = voice.number(sum(source.blind for source in more if source.steady))
        blocks.append(Paragraph(t("Sources not shown: {n}, with {hours} blind hours.", n=len(more), hours=hours)))
    said = t(
        "By the events' own time. Rare sources have events in less than 80% of their hours; their silence counts in "
        "no sum."
    )
    return [*blocks, Paragraph(said, note=True)]


def _sharing(facts: Facts, voice: Voice) -> str:
    t = voice.t
    if facts.shared is None:
        return t("There is no record of anything that was handed on to the national centre.")
    return t("Reports of alerts that the national centre accepted: {n}.", n=voice.number(facts.shared.items))
