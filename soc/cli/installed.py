"""What is set up here: ./soc.yml with its rules, packs and mutes, or the shipped rules and ./soc-data without one."""

from __future__ import annotations

from pathlib import Path

import click

from soc.core.clock import SystemClock
from soc.core.settings import Settings, moment, read_settings
from soc.pipeline.build import content_of
from soc.pipeline.content import Content, load_content
from soc.pipeline.mutes import MUTES_FILE
from soc.sigma.cache import users_folder

SETTINGS = Path("soc.yml")


def settings_here() -> Settings:
    """./soc.yml, or the defaults where there is none."""
    return read_settings(SETTINGS) if SETTINGS.is_file() else Settings()


def mutes_here() -> Path:
    """The file of muted rules."""
    return Path(settings_here().data_dir) / MUTES_FILE


def content_here() -> Content:
    """The rules that soc run would run with here, mutes included."""
    return content_of(settings_here(), SystemClock().now())


def content_with(rule: str) -> Content:
    """The same; if rule is a file, that file alone, or with the others beside it where it refers to them."""
    path = Path(rule)
    if not path.is_file():
        return content_here()
    alone = load_content([path], shipped=False)
    if not alone.problems:
        return alone
    settings = settings_here()
    return load_content([*map(Path, settings.rules), path], shipped=settings.shipped_rules, cache=users_folder())


def period(since: str, until: str | None) -> tuple[int, int]:
    """--since and --until as µs; UsageError if one of them is no time."""
    now = SystemClock().now()
    try:
        return moment(since, now), moment(until, now) if until else now
    except ValueError as error:
        raise click.UsageError(str(error)) from error
