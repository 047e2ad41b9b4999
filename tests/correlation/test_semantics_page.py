"""SEMANTICS.md and the cases that it names belong together."""

from __future__ import annotations

import re
from pathlib import Path

import soc.correlation


def test_every_case_that_the_page_names_exists() -> None:
    page = (Path(soc.correlation.__file__).parent / "SEMANTICS.md").read_text("utf-8")
    named = set(re.findall(r"`(test_\w+)`", page))
    here = Path(__file__).parent
    defined = {
        name for file in here.glob("test_*.py") for name in re.findall(r"^def (test_\w+)", file.read_text(), re.M)
    }
    assert named - defined == set()
    assert {name for name in defined if f"def {name}" in (here / "test_semantics.py").read_text()} <= named
