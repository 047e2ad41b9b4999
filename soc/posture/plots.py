"""Pictures of alerts, each from the facts alone: labelled axes, colours that survive grey print."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from itertools import pairwise

from soc.posture.axes import WIDTH, across, upright
from soc.posture.facts import SEVERITIES, Facts, Spread
from soc.posture.svg import INK, LEVEL, SEVERITY, SOFT, legend, line, picture, rect, text, ticks
from soc.posture.voice import Voice
from soc.posture.words import month_of

MOST_UNITS = 14
_LEVELS = (5, 4, 3, 2, 1, 0)


def by_day(facts: Facts, voice: Voice) -> str:
    """Alerts of each day, stacked by severity, the worst at the bottom; weekends are shaded."""
    t, month = voice.t, month_of(facts)
    left, top, right, bottom = 48, 34, WIDTH - 8, 212
    scale = ticks(max(map(sum, facts.days)))
    step = (right - left) / len(facts.days)
    parts = legend(left + 16, 14, zip(SEVERITY, (t(word) for word in SEVERITIES), strict=True))
    for index in range(len(facts.days)):
        if date(month.year, month.month, index + 1).weekday() >= 5:
            parts.append(rect(left + index * step, top, step, bottom - top, "#f4f4f4"))
    parts += upright(scale, left, top, right, bottom, voice)
    for index, numbers in enumerate(facts.days):
        y: float = bottom
        for colour, n in zip(SEVERITY, numbers, strict=True):
            height = n * (bottom - top) / scale[-1]
            y -= height
            if n:
                parts.append(rect(left + (index + 0.14) * step, y, 0.72 * step, height, colour))
        if index == 0 or index % 5 == 4:
            parts.append(text(left + (index + 0.5) * step, bottom + 14, index + 1, "middle"))
    under = t("day of {month} (weekends shaded)", month=voice.month(month))
    parts += [line(left, bottom, right, bottom, INK), text((left + right) / 2, bottom + 30, under, "middle", fill=SOFT)]
    parts.append(text(0, 14, t("alerts"), fill=SOFT))
    return picture(WIDTH, bottom + 38, parts, t("Alerts by day and severity"))


def by_unit(facts: Facts, voice: Voice, names: Mapping[str, str]) -> str:
    """Alerts of each unit, stacked by the security level of the system; the rest of many units is one bar."""
    t = voice.t
    shown = [(names.get(unit, unit) or t("unit unknown"), held) for unit, held in _units(facts)]
    if len(shown) > MOST_UNITS:
        rest = shown[MOST_UNITS:]
        added = {level: sum(held[level] for _, held in rest) for level in _LEVELS}
        shown = [*shown[:MOST_UNITS], (t("{n} other units", n=len(rest)), added)]
    left, top, right, row = 218, 34, WIDTH - 44, 20
    bottom = top + row * max(len(shown), 1)
    scale = ticks(max((sum(held.values()) for _, held in shown), default=0), 6)
    words = [t("level {n}", n=level) if level else t("level unknown") for level in _LEVELS]
    parts = [*legend(left, 14, zip(LEVEL, words, strict=True)), *across(scale, left, top, right, bottom, voice)]
    for index, (name, held) in enumerate(shown):
        x, y = float(left), top + index * row
        parts.append(text(left - 8, y + 14, name, "end", limit=38))
        for colour, level in zip(LEVEL, _LEVELS, strict=True):
            width = held[level] * (right - left) / scale[-1]
            if width:
                parts.append(rect(x, y + 4, width, row - 7, colour))
            x += width
        parts.append(text(x + 5, y + 14, voice.number(sum(held.values()))))
    parts.append(text((left + right) / 2, bottom + 30, t("alerts"), "middle", fill=SOFT))
    return picture(WIDTH, bottom + 38, parts, t("Alerts by unit and security level"))


def _units(facts: Facts) -> list[tuple[str, dict[int, int]]]:
    """(unit, alerts by level, all of _LEVELS), the most alerts first; a level that is none counts as unknown."""
    held: dict[str, dict[int, int]] = {}
    for unit, level, n in facts.units:
        levels = held.setdefault(unit, dict.fromkeys(_LEVELS, 0))
        levels[level if level in levels else 0] += n
    return sorted(held.items(), key=lambda item: (-sum(item[1].values()), item[0]))


def durations(spread: Spread, voice: Voice, title: str) -> str:
    """How many alerts took how long, in classes that grow tenfold or so."""
    t = voice.t
    edges = (0.0, 1.0, 10.0, 60.0, 600.0, 3600.0, 86400.0, float("inf"))
    seconds, minutes, hours = ("< 1", "1–10", "10–60"), ("1–10", "10–60"), ("1–24", "> 24")
    words = (
        *(t("{n} s", n=n) for n in seconds),
        *(t("{n} min", n=n) for n in minutes),
        *(t("{n} h", n=n) for n in hours),
    )
    numbers = [sum(low <= value < high for value in spread.values) for low, high in pairwise(edges)]
    left, top, right, bottom = 48, 30, WIDTH - 8, 150
    scale = ticks(max(numbers))
    step = (right - left) / len(words)
    parts = upright(scale, left, top, right, bottom, voice)
    for index, (word, n) in enumerate(zip(words, numbers, strict=True)):
        height = n * (bottom - top) / scale[-1]
        middle = left + (index + 0.5) * step
        parts += [rect(middle - 0.32 * step, bottom - height, 0.64 * step, height, LEVEL[1])] if n else []
        parts.append(text(middle, bottom - height - 4, voice.number(n), "middle"))
        parts.append(text(middle, bottom + 14, word, "middle"))
    parts += [line(left, bottom, right, bottom, INK), text(0, 12, t("alerts"), fill=SOFT)]
    parts.append(text((left + right) / 2, bottom + 30, title, "middle", fill=SOFT))
    return picture(WIDTH, bottom + 38, parts, title)


def coverage(facts: Facts, voice: Voice) -> str:
    """For each tactic, in the order of an attack: rules that look for it, and alerts that showed it."""
    t, row, top = voice.t, 19, 26
    bottom = top + row * max(len(facts.tactics), 1)
    panels = (
        (158, 390, t("rules"), [tactic.rules for tactic in facts.tactics], LEVEL[3]),
        (430, WIDTH - 34, t("alerts"), [tactic.alerts for tactic in facts.tactics], LEVEL[0]),
    )
    parts = [text(150, top + index * row + 13, one.name, "end") for index, one in enumerate(facts.tactics)]
    for left, right, word, numbers, colour in panels:
        scale = ticks(max(numbers, default=0))
        parts += across(scale, left, top, right, bottom, voice)
        parts.append(text(left, top - 10, word, fill=INK))
        for index, n in enumerate(numbers):
            width = n * (right - left) / scale[-1]
            if n:
                parts.append(rect(left, top + index * row + 3, width, row - 6, colour))
            parts.append(text(left + width + 4, top + index * row + 13, voice.number(n), fill=INK if n else SOFT))
        parts.append(text((left + right) / 2, bottom + 30, t("number of {what}", what=word), "middle", fill=SOFT))
    return picture(WIDTH, bottom + 36, parts, t("Tactics of ATT&CK: rules and alerts"))
