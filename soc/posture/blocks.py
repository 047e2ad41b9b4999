"""What a report is made of: plain values that html.py and pdf.py dress. Texts are hostile until they escape them."""

from __future__ import annotations

import msgspec


class Heading(msgspec.Struct, frozen=True, tag="heading"):
    """A section begins."""

    text: str


class Paragraph(msgspec.Struct, frozen=True, tag="paragraph"):
    """note: small print, such as how a figure is defined."""

    text: str
    note: bool = False


class Figures(msgspec.Struct, frozen=True, tag="figures"):
    """A row of large figures: (number, what it counts)."""

    figures: tuple[tuple[str, str], ...]


class Table(msgspec.Struct, frozen=True, tag="table"):
    """numbers: the columns from that index on are numbers, aligned to the right. wide: relative widths of columns."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numbers: int
    wide: tuple[int, ...]


class Plot(msgspec.Struct, frozen=True, tag="plot"):
    """svg: a whole picture, escaped already; alt: what it shows."""

    svg: str
    alt: str


Block = Heading | Paragraph | Figures | Table | Plot


class Document(msgspec.Struct, frozen=True):
    """language: "vi" or "en"; end: µs, the end of the month, which is the document's date; zone: seconds east of UTC.

    page: the word before a page's number.
    """

    language: str
    title: str
    subtitle: str
    page: str
    end: int
    zone: int
    blocks: tuple[Block, ...]
