"""Vietnamese and English for everything a person reads. The English text is the key; vi.json has the other.

A test finds every ``t("...")`` and ``{{ t("...") }}`` in the project and fails when vi.json lacks one.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from functools import cache
from importlib.resources import files

LANGUAGES = ("vi", "en")
DEFAULT = "en"

Translate = Callable[..., str]


@cache
def _vietnamese() -> dict[str, str]:
    catalogue: dict[str, str] = json.loads((files("soc.core") / "vi.json").read_text("utf-8"))
    return catalogue


def translator(language: str) -> Translate:
    """t("{n} alerts", n=3) in the language; a text without a translation stays English."""

    def translate(text: str, **values: object) -> str:
        shown = _vietnamese().get(text, text) if language == "vi" else text
        return shown.format(**values) if values else shown

    return translate


def chosen_language(option: str | None = None) -> str:
    """The --lang option, else SOC_LANG, else English."""
    language = option or os.environ.get("SOC_LANG", DEFAULT)
    return language if language in LANGUAGES else DEFAULT
