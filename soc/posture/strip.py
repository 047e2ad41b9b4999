"""The heat strip of sources: a line of hours for each, dark where it was silent."""

from __future__ import annotations

from soc.posture.axes import WIDTH
from soc.posture.facts import Facts
from soc.posture.sources import Source
from soc.posture.svg import FAINT, INK, SOFT, legend, line, picture, rect, text
from soc.posture.voice import Voice
from soc.posture.words import month_of

MOST_SOURCES = 24
RARE = "#9a9a9a"


def silence(facts: Facts, voice: Voice) -> str:
    """The MOST_SOURCES that were silent most, steady ones first; white where nothing was expected (yet)."""
    t, row, top, left, right = voice.t, 16, 40, 218, WIDTH - 44
    shown, days = facts.sources[:MOST_SOURCES], len(facts.days)
    bottom = top + row * max(len(shown), 1)
    entries = (
        (FAINT, t("heard")),
        (INK, t("silent")),
        (RARE, t("silent, rare source")),
        ("#ffffff", t("not expected")),
    )
    parts = [*legend(left, 12, entries), text(WIDTH - 4, top - 6, t("silent hours"), "end", fill=SOFT)]
    for index, source in enumerate(shown):
        y, ink = top + index * row, INK if source.steady else SOFT
        parts.append(text(left - 8, y + 12, source.name, "end", 10, ink, 42))
        parts += _strip(source, left, y + 2, right - left, row - 4)
        parts.append(text(WIDTH - 4, y + 12, voice.number(source.blind), "end", 10, ink))
    for day in (0, *range(4, days, 5)):
        x = left + day * (right - left) / days
        parts += [line(x, top, x, bottom + 4, SOFT, 0.4), text(x + 2, bottom + 14, day + 1)]
    under = t("day of {month}, by the hour", month=voice.month(month_of(facts)))
    parts.append(text((left + right) / 2, bottom + 30, under, "middle", fill=SOFT))
    return picture(WIDTH, bottom + 38, parts, t("Hours without events, by source"))


def _strip(source: Source, left: float, y: float, width: float, height: float) -> list[str]:
    """Neighbouring hours of one kind are one rectangle."""
    colours = (INK if source.steady else RARE, FAINT)
    step = width / len(source.hours)
    kinds = [min(n, 1) for n in source.hours]
    parts, begin = [], 0
    for index in range(1, len(kinds) + 1):
        if index == len(kinds) or kinds[index] != kinds[begin]:
            if kinds[begin] >= 0:
                parts.append(rect(left + begin * step, y, (index - begin) * step, height, colours[kinds[begin]]))
            begin = index
    return parts
