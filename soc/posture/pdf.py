"""The report as PDF, by typst: its own fonts (which have every Vietnamese letter), a fixed date, so the same bytes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from importlib.resources import files
from typing import Any, Literal

import msgspec
import typst

from soc.core.errors import SocError
from soc.core.hostile import plain
from soc.posture.blocks import Document, Plot

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def pdf(made: Document) -> bytes:
    """The whole document. SocError if typst refuses it."""
    return b"".join(_compiled(made, "pdf"))


def pages(made: Document, ppi: float = 100) -> list[bytes]:
    """Each page as a PNG picture, to look at."""
    return _compiled(made, "png", ppi)


def _compiled(made: Document, form: Literal["pdf", "png"], ppi: float = 144) -> list[bytes]:
    end = _EPOCH + timedelta(microseconds=made.end)
    local = end + timedelta(seconds=made.zone)
    report = {
        **{name: plain(getattr(made, name)) for name in ("language", "title", "subtitle", "page")},
        "date": list(local.timetuple()[:6]),
        "blocks": [
            msgspec.to_builtins(block) if isinstance(block, Plot) else _plain(msgspec.to_builtins(block))
            for block in made.blocks
        ],
    }
    try:
        result = typst.compile(
            (files("soc.posture") / "report.typ").read_bytes(),
            format=form,
            ppi=ppi,
            ignore_system_fonts=True,
            font_paths=[],
            sys_inputs={"report": msgspec.json.encode(report).decode()},
            timestamp=end,
        )
    except typst.TypstError as error:
        raise SocError("typst", plain(error)) from error
    return [result] if isinstance(result, bytes) else list(result or ())


def _plain(value: Any) -> Any:
    """Every text with controls and reordering characters made visible; typst takes the rest for what it is."""
    if isinstance(value, str):
        return plain(value)
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value
