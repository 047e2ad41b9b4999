"""``soc stream``: a worker of the distributed engine."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import threading
from pathlib import Path
from typing import Final

import click

from soc.cli.command import settings_option, translate, verb
from soc.core.clock import SystemClock
from soc.core.errors import SocError
from soc.core.hostile import plain
from soc.core.settings import Settings, read_settings
from soc.pipeline.build import content_of
from soc.pipeline.content import Content

ENDING: Final = 45.0
"""Seconds in which the process ends, from when it begins to."""
CUT_OFF: Final = 70
"""Exit status when it does not."""


@verb("stream")
@settings_option
def command(path: Path) -> None:
    """Work on the lines in Kafka until stopped: detect, correlate, and write to Elasticsearch.

    As many workers as there are partitions can share the work; one that dies is replaced by the others. SIGTERM or
    Ctrl-C hands its partitions over. Needs the extras "stream" and "elastic".
    """
    t = translate()
    settings = read_settings(path)
    content = content_of(settings, SystemClock().now())
    for problem in content.problems:
        click.echo(f"{t('rejected')}: {plain(problem)}", err=True)
    active = sum(1 for state in content.states.values() if state.word == "active")
    rules, correlations = len(content.rules), len(content.correlations)
    told = t("detect with {active} active rules of {all}, {n} correlations", active=active, all=rules, n=correlations)
    click.echo(told)
    asyncio.run(_work(settings, content))


async def _work(settings: Settings, content: Content) -> None:
    t = translate()
    try:
        from soc.engines.stream.service import work
    except ImportError as error:
        raise SocError("{module} is missing: pip install 'soc-pipeline[stream,elastic]'", module=error.name) from error
    for name in ("faust", "mode", "aiokafka"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)

    def started(port: int) -> None:
        click.echo(t("working; health and metrics on port {port}", port=port))

    def report(text: str) -> None:
        click.echo(f"soc: {plain(text)}", err=True)

    def ends() -> None:
        """Left running when the work has ended: threads of the clients may keep the process itself from ending."""
        cut = threading.Timer(ENDING, cut_off)
        cut.daemon = True
        cut.start()

    def cut_off() -> None:
        report("it does not end by itself, and is cut off")
        os._exit(CUT_OFF)

    await work(settings, content, SystemClock(), stop, started, ends, report)
    click.echo(t("stopped"))
