"""SVG by small functions: text in, the same bytes out; no date, no random id, no script."""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import escape

from soc.core.hostile import plain

FONT = "'Libertinus Serif', 'Source Serif 4', Georgia, serif"
INK, SOFT, FAINT = "#1a1a1a", "#5c5c5c", "#dedede"

# Darker is worse, so that the order survives grey print.
SEVERITY = ("#4a0f1c", "#a3352f", "#dd7a4d", "#f0b183", "#f3ded0")
# The same for security levels 5 ... 1 and unknown.
LEVEL = ("#0b2545", "#1f4e86", "#4f83b6", "#8fb4d6", "#c5d9ea", "#ededed")


def clean(text: object, limit: int = 0) -> str:
    """Hostile text for XML: controls made visible, characters that XML cannot have left out, escaped."""
    return escape(re.sub("[\ufffe\uffff]", "", plain(text, limit)))


def rect(x: float, y: float, width: float, height: float, fill: str) -> str:
    return f'<rect x="{_n(x)}" y="{_n(y)}" width="{_n(width)}" height="{_n(height)}" fill="{fill}"/>'


def line(x1: float, y1: float, x2: float, y2: float, stroke: str = FAINT, width: float = 0.7) -> str:
    ends = f'x1="{_n(x1)}" y1="{_n(y1)}" x2="{_n(x2)}" y2="{_n(y2)}"'
    return f'<line {ends} stroke="{stroke}" stroke-width="{_n(width)}"/>'


def text(
    x: float, y: float, said: object, anchor: str = "start", size: float = 11, fill: str = INK, limit: int = 0
) -> str:
    """anchor: "start", "middle" or "end"; y is the base line; limit: characters at most."""
    style = f'font-size="{_n(size)}" text-anchor="{anchor}" fill="{fill}"'
    return f'<text x="{_n(x)}" y="{_n(y)}" {style}>{clean(said, limit)}</text>'


def picture(width: float, height: float, parts: Iterable[str], title: str) -> str:
    """The whole; title is what a reader hears who cannot see it."""
    size = f'viewBox="0 0 {_n(width)} {_n(height)}" width="{_n(width)}" height="{_n(height)}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" font-family="{FONT}">'
    return f"{head}<title>{clean(title)}</title>{''.join(parts)}</svg>"


def legend(x: float, y: float, entries: Iterable[tuple[str, str]]) -> list[str]:
    """Boxes with words in a row, from x; (colour, word)."""
    parts = []
    for colour, word in entries:
        box = f'<rect x="{_n(x)}" y="{_n(y - 9)}" width="10" height="10" fill="{colour}" stroke="{SOFT}" '
        parts += [box + 'stroke-width="0.4"/>', text(x + 14, y, word)]
        x += 30 + 5.6 * len(word)
    return parts


def ticks(most: float, wanted: int = 4) -> list[int]:
    """Round whole numbers from 0 to at least ``most``, 1, 2 or 5 times a power of ten apart."""
    scale = 1
    while True:
        for step in (scale, 2 * scale, 5 * scale):
            if step * wanted >= most:
                return list(range(0, step * max(1, -(-int(most) // step)) + 1, step))
        scale *= 10


def _n(value: float) -> str:
    """At most two digits behind the point, so that no platform's rounding shows."""
    return f"{value:.2f}".rstrip("0").rstrip(".")
