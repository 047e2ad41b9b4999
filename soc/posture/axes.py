"""The grids and numbers of the pictures' axes."""

from __future__ import annotations

from typing import Final

from soc.posture.svg import INK, line, text
from soc.posture.voice import Voice

WIDTH: Final = 680
"""Of every picture, in its own units, a quarter of a millimetre on paper."""


def upright(scale: list[int], left: float, top: float, right: float, bottom: float, voice: Voice) -> list[str]:
    """Of a vertical axis."""
    parts = []
    for value in scale:
        y = bottom - value * (bottom - top) / scale[-1]
        parts += [line(left, y, right, y), text(left - 6, y + 4, voice.number(value), "end")]
    return parts


def across(scale: list[int], left: float, top: float, right: float, bottom: float, voice: Voice) -> list[str]:
    """Of a horizontal axis."""
    parts = []
    for value in scale:
        x = left + value * (right - left) / scale[-1]
        parts += [line(x, top, x, bottom), text(x, bottom + 14, voice.number(value), "middle")]
    return [*parts, line(left, top, left, bottom, INK)]
