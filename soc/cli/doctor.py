"""``soc doctor``: what is installed, what is missing, and what to do about it."""

from __future__ import annotations

import platform
import shutil
import sqlite3
import sys
from importlib import metadata, util
from pathlib import Path

from rich.table import Table
from rich.text import Text

from soc import __version__
from soc.cli.command import translate, verb
from soc.cli.show import console
from soc.core.content import rule_folders
from soc.core.i18n import Translate

SLOWER = "no wheel for this processor: the portable scanner is used, with the same verdicts, but slower"
# what it is for -> (module, distribution, how to get it)
PARTS = {
    "fast pattern matching": ("hyperscan", "hyperscan", SLOWER),
    "portable pattern matching": ("ahocorasick_rs", "ahocorasick-rs", "pip install ahocorasick-rs"),
    "expressions that backtrack": ("regex", "regex", "pip install regex"),
    "Windows event logs": ("evtx", "evtx", "pip install evtx"),
    "bounded regexes": ("re2", "google-re2", "pip install google-re2"),
    "reading Sigma": ("sigma", "pysigma", "pip install soc-pipeline"),
    "console": ("starlette", "starlette", "pip install soc-pipeline"),
    "Kafka and Faust workers": ("faust", "faust-streaming", "pip install 'soc-pipeline[stream]'"),
    "Elasticsearch store": ("elasticsearch", "elasticsearch", "pip install 'soc-pipeline[elastic]'"),
    "reports as PDF": ("typst", "typst", "pip install 'soc-pipeline[report]'"),
}
OPTIONAL = frozenset({"fast pattern matching", "Kafka and Faust workers", "Elasticsearch store", "reports as PDF"})


@verb("doctor")
def command() -> None:
    """Say what is installed, what is missing, and what to do. Exit status 1 if something needed is missing."""
    t = translate()
    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 2, 0, 0))
    for heading in ("", "part", "found", "what to do"):
        table.add_column(t(heading) if heading else "")
    missing = 0
    _row(table, True, "soc", f"{__version__}, Python {platform.python_version()}, {platform.machine()}")
    _row(table, sys.version_info >= (3, 11), "Python", platform.python_version(), "Python 3.11 or later is needed")
    for part, (module, distribution, remedy) in PARTS.items():
        present = module in sys.modules or util.find_spec(module) is not None  # faust hides its own once it is loaded
        needed = part not in OPTIONAL
        missing += needed and not present
        state = metadata.version(distribution) if present else t("missing") if needed else t("not installed (optional)")
        _row(table, present if needed else present or None, t(part), state, "" if present else t(remedy))
    rules = sum(1 for folder in rule_folders() for _ in folder.rglob("*.yml"))
    _row(table, rules > 0, t("rules"), t("{n} files", n=rules), "" if rules else t("reinstall: the content is missing"))
    missing += rules == 0
    _row(table, True, "SQLite", sqlite3.sqlite_version)
    _row(table, *_disk(t))
    console().print(table)
    if missing:
        raise SystemExit(1)


def _disk(t: Translate) -> tuple[bool, str, str, str]:
    free = shutil.disk_usage(Path.cwd()).free
    enough = free > 2_000_000_000
    return (
        enough,
        t("free disk here"),
        f"{free / 1e9:,.1f} GB",
        "" if enough else t("make room, or set data_dir elsewhere"),
    )


def _row(table: Table, good: bool | None, part: str, found: str, remedy: str = "") -> None:
    mark, style = {True: ("✔", "green"), False: ("✘", "bold red"), None: ("–", "dim")}[good]
    table.add_row(Text(mark, style=style), Text(part), Text(found), Text("" if good else remedy, style="dim"))
