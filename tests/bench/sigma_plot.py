"""The picture of cost against number of rules, as SVG: readable on a light page and on a dark one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil, log10
from xml.sax.saxutils import escape

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 800, 400, 36, 262, 56, 46
_COLOURS = [
    ("#2a78d6", "#6aa9f0"),
    ("#c2571a", "#f0954f"),
    ("#1b8f5a", "#4cc38a"),
    ("#a3369b", "#d77fd0"),
    ("#8a6d00", "#d3b53d"),
    ("#4b5563", "#a8b3c1"),
]
"""Light and dark, one a line."""
_LINE_HEIGHT = 17


def draw(curves: Mapping[str, Sequence[tuple[int, float]]]) -> str:
    """One line a workload; points are (number of rules, CPU µs an event)."""
    most = max(rules for points in curves.values() for rules, _ in points)
    top = max(cost for points in curves.values() for _, cost in points)
    step = next(step for step in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000) if top / step <= 7)
    highest = step * ceil(top / step)

    def across(rules: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * (log10(rules) - 1) / (log10(most) - 1)

    def down(cost: float) -> float:
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * cost / highest

    ends = _apart({name: down(points[-1][1]) for name, points in curves.items()})
    parts = [
        f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{down(cost):.1f}" y2="{down(cost):.1f}"/>'
        f'<text class="quiet" x="{LEFT - 8}" y="{down(cost) + 4:.1f}" text-anchor="end">{cost}</text>'
        for cost in range(0, highest + 1, step)
    ]
    parts += [
        f'<text class="quiet" x="{across(rules):.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{rules:,}</text>'
        for rules in (10, 100, 1000, most)
    ]
    for number, (name, points) in enumerate(curves.items()):
        places = [(across(rules), down(cost)) for rules, cost in points]
        line = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        dots = "".join(f'<circle class="dot{number}" cx="{x:.1f}" cy="{y:.1f}" r="3.5"/>' for x, y in places)
        end = WIDTH - RIGHT + 12
        label = f'{escape(name)} <tspan class="value">{points[-1][1]:.1f}</tspan>'
        parts += [
            f'<polyline class="line{number}" points="{line}"/>{dots}',
            f'<line class="lead" x1="{places[-1][0] + 4:.1f}" x2="{end + 8}" y1="{places[-1][1]:.1f}" '
            f'y2="{ends[name]:.1f}"/>',
            f'<text class="ink" x="{end + 12}" y="{ends[name] + 4:.1f}">{label}</text>',
        ]
    return _PAGE.format(
        width=WIDTH, height=HEIGHT, left=LEFT, middle=(LEFT + WIDTH - RIGHT) / 2, foot=HEIGHT - 8,
        light=_style(0), dark=_style(1), content="\n".join(parts),
    )  # fmt: skip


def _apart(wanted: Mapping[str, float]) -> dict[str, float]:
    """Heights of labels, none upon another, near the wanted ones."""
    placed: dict[str, float] = {}
    lowest = HEIGHT - BOTTOM + _LINE_HEIGHT / 2
    for name in sorted(wanted, key=wanted.__getitem__, reverse=True):
        lowest = placed[name] = min(wanted[name], lowest - _LINE_HEIGHT)
    return placed


def _style(theme: int) -> str:
    return "".join(
        f".line{number}{{stroke:{colours[theme]}}}.dot{number}{{fill:{colours[theme]}}}"
        for number, colours in enumerate(_COLOURS)
    )


_PAGE = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}"
 role="img" aria-label="CPU time an event by number of Sigma rules">
<style>
text{{font:13px system-ui,-apple-system,"Segoe UI",sans-serif}}
polyline{{fill:none;stroke-width:2;stroke-linejoin:round}}
.grid{{stroke:#d8dde3;stroke-width:1}}.lead{{stroke:#9aa4b0;stroke-width:1}}
.ink,.title{{fill:#1f2933}}.quiet{{fill:#5b6673}}.title,.value{{font-weight:600}}.title{{font-size:15px}}
{light}
@media (prefers-color-scheme:dark){{
.grid{{stroke:#343c46}}.lead{{stroke:#6b7683}}.ink,.title{{fill:#e6eaef}}.quiet{{fill:#a0aab5}}
{dark}
}}
</style>
<text class="title" x="{left}" y="20">What an event costs as rules are added</text>
<text class="quiet" x="{left}" y="38">
CPU µs an event on one core, from JSON to hits; what the rules were compiled to is kept</text>
{content}
<text class="quiet" x="{middle}" y="{foot}" text-anchor="middle">Sigma rules (logarithmic)</text>
</svg>
"""
