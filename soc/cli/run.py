"""``soc run``: the embedded pipeline for good, as soc.yml says."""

from __future__ import annotations

import asyncio
import secrets
import signal
from pathlib import Path

import click

from collectors.agent import Agent, describe
from collectors.agent import check as check_inputs
from soc.cli.command import settings_option, translate, verb
from soc.cli.rule_life.words import because
from soc.core.clock import SystemClock
from soc.core.errors import SettingsError
from soc.core.hostile import plain
from soc.core.settings import Settings, read_settings, zone_seconds
from soc.engines.service import serve
from soc.enrich import read_inventory
from soc.parsers import devices
from soc.pipeline.build import content_of
from soc.pipeline.content import Content
from soc.pipeline.packs import in_pack
from soc.sigma import scanner_name
from soc.web import Access
from soc.web.accounts import ACCOUNTS_FILE, Accounts


@verb("run")
@settings_option
@click.option("--check", is_flag=True, help="Check the settings, say what it would do, and exit.")
def command(path: Path, check: bool) -> None:
    """Collect, detect and alert until stopped: syslog ports and files in, alerts in the store and the console.

    SIGTERM or Ctrl-C stops it within 10 seconds with everything received on disk. Rules that change are loaded
    while it runs; SIGHUP loads them at once.
    """
    t = translate()
    settings = read_settings(path)
    _check(path, settings)
    content = content_of(settings, SystemClock().now())
    for line in plan(settings, content):
        click.echo(line)
    if check:
        if any(not in_pack(problem.path) for problem in content.problems):
            raise SystemExit(2)
        click.echo(t("{path} is right", path=path))
        return
    accounts = Accounts(Path(settings.data_dir) / ACCOUNTS_FILE)
    asyncio.run(_serve(settings, content, Access(secrets.token_urlsafe(9), settings.language, accounts)))


def _check(path: Path, settings: Settings) -> None:
    if not settings.inputs:
        raise SettingsError(path, "inputs", "none given, so there is nothing to do")
    try:
        zone_seconds(settings.timezone)
    except ValueError as error:
        raise SettingsError(path, "timezone", error) from error
    try:
        check_inputs(settings)
    except SettingsError as error:
        raise SettingsError(path, error) from error
    known = devices()
    for number, item in enumerate(settings.inputs):
        if item.device != "auto" and item.device not in known:
            where, ids = f"inputs[{number}].device", ", ".join(sorted(known))
            raise SettingsError(path, where, "no device {name}; there are: {ids}", name=item.device, ids=ids)
    if settings.inventory:
        read_inventory(Path(settings.inventory))


def plan(settings: Settings, content: Content) -> list[str]:
    """What the service would do, one line each."""
    t = translate()
    inputs = [(describe(item), item.device) for item in settings.inputs]
    lines = [t("collect from {input} ({device})", input=name, device=device) for name, device in inputs]
    active = sum(1 for state in content.states.values() if state.word == "active")
    lines.append(t("detect with {active} active rules of {all}, {n} correlations",
                   active=active, all=len(content.rules), n=len(content.correlations)))  # fmt: skip
    if scanner_name() == "portable":
        lines.append(t("without Hyperscan: the same verdicts, but slower"))
    lines += [f"  {t('rejected')}: {plain(problem)}" for problem in content.problems]
    idle = [one for one in content.filters if one.word in {"expired", "unused"}]
    lines += [
        f"  {t('filter: {title}', title=plain(one.title))}: {t(one.word)}: {plain(because(one.why))}" for one in idle
    ]
    lines.append(t("store in {folder}, events for {age} and up to {size}",
                   folder=settings.data_dir, age=settings.retention.age, size=settings.retention.size))  # fmt: skip
    if settings.console.enabled:
        host = f"[{settings.console.host}]" if ":" in settings.console.host else settings.console.host
        lines.append(t("console on http://{host}:{port}", host=host, port=settings.console.port))
    return lines


async def _serve(settings: Settings, content: Content, access: Access) -> None:
    t = translate()
    stop, asked = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGHUP, asked.set)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)

    def started(agent: Agent) -> None:
        for name in agent.counters():
            click.echo(t("collecting: {name}", name=name))
        if settings.console.enabled and access.with_accounts():
            click.echo(t("sign in with your account"))
        elif settings.console.enabled:
            click.echo(t("sign in once with the password {password}", password=access.password))
        click.echo(t("running; Ctrl-C stops"))

    await serve(settings, content, SystemClock(), access, stop, asked, started, _report)
    click.echo(t("stopped"))


def _report(text: str) -> None:
    click.echo(f"soc: {plain(text)}", err=True)
