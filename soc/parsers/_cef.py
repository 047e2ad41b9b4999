"""ArcSight Common Event Format: ``CEF:0|vendor|product|version|id|name|severity|key=value key=value``.

Micro Focus, "ArcSight Common Event Format", version 0.1 of the format. Values hold spaces without quotes; a value
ends where `` key=`` begins. Some devices write a space behind ``CEF:``.
"""

from __future__ import annotations

import re

from soc.parsers._device import ParseError

_HEADER = re.compile(r"CEF: ?\d{1,2}(?:\|(?:[^|\\]|\\.){0,1024}+){6}\|")
_NEXT_KEY = re.compile(r" (?=[A-Za-z0-9_.-]{1,64}=)")
_ESCAPE = re.compile(r"\\([\\=|rn])")
_LINE_ENDS = {"r": "\r", "n": "\n"}


def extension(text: str) -> dict[str, str]:
    """The key=value part of a CEF line, unescaped; ParseError if it has no CEF header."""
    header = _HEADER.match(text)
    if not header:
        raise ParseError("no CEF header of seven parts")
    parts = (part.partition("=") for part in _NEXT_KEY.split(text[header.end() :]))
    return {key: _unescape(value) for key, equals, value in parts if equals}


def _unescape(value: str) -> str:
    if "\\" not in value:
        return value
    return _ESCAPE.sub(lambda found: _LINE_ENDS.get(found[1], found[1]), value)
