"""Log text is hostile: what a terminal or a spreadsheet must never be made to obey.

HTML is escaped by the templates; this is for terminals and CSV.
"""

from __future__ import annotations

import re

# C0 and C1 controls (escape sequences begin there), and the characters that reorder or hide text.
_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff\ufff9-\ufffb]"
)


def plain(text: object, limit: int = 0) -> str:
    """Text that is safe to print: controls, bidi overrides and lone surrogates shown as \\x1b or \\u202e."""
    shown = _UNSAFE.sub(lambda found: _visible(found[0]), str(text))
    return shown if not limit or len(shown) <= limit else shown[: limit - 1] + "…"


def prose(text: object) -> str:
    """A description as one safe paragraph: its author's line ends become spaces."""
    return plain(" ".join(str(text).split()))


def _visible(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"


def cell(text: object) -> str:
    """A CSV cell that no spreadsheet takes for a formula: a leading = + - @ or tab gets an apostrophe."""
    shown = plain(text)
    return "'" + shown if shown[:1] in {"=", "+", "-", "@"} else shown
