"""The report as one HTML file: no script, nothing loaded from elsewhere, fit to print. All text is escaped."""

from __future__ import annotations

from importlib.resources import files

from soc.posture.blocks import Block, Document, Figures, Heading, Paragraph, Plot, Table
from soc.posture.svg import clean

POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


def html(made: Document) -> bytes:
    """UTF-8; the same document gives the same bytes."""
    style = (files("soc.posture") / "report.css").read_text("utf-8")
    text = f"""<!DOCTYPE html>
<html lang="{made.language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{POLICY}">
<title>{clean(made.title)}</title>
<style>
{style}</style>
</head>
<body>
<header><h1>{clean(made.title)}</h1><p>{clean(made.subtitle)}</p></header>
<main>
{"".join(_block(block) for block in made.blocks)}</main>
</body>
</html>
"""
    return text.encode("utf-8")


def _block(block: Block) -> str:
    match block:
        case Heading():
            return f"<h2>{clean(block.text)}</h2>\n"
        case Paragraph():
            kind = ' class="note"' if block.note else ""
            return f"<p{kind}>{clean(block.text)}</p>\n"
        case Figures():
            pairs = ((clean(number), clean(word)) for number, word in block.figures)
            cards = "".join(f"<div><strong>{number}</strong><span>{word}</span></div>" for number, word in pairs)
            return f'<section class="figures">{cards}</section>\n'
        case Table():
            body = "".join(f"{_row(cells, 'td', block.numbers)}\n" for cells in block.rows)
            head = _row(block.head, "th", block.numbers)
            return f"<table>\n<thead>{head}</thead>\n<tbody>\n{body}</tbody>\n</table>\n"
        case Plot():
            return f"<figure>{block.svg}</figure>\n"


def _row(cells: tuple[str, ...], kind: str, numbers: int) -> str:
    classes = ("" if index < numbers else ' class="n"' for index in range(len(cells)))
    made = (f"<{kind}{one}>{clean(cell)}</{kind}>" for one, cell in zip(classes, cells, strict=True))
    return f"<tr>{''.join(made)}</tr>"
